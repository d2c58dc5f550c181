"""What a run accounts for besides figures."""

from __future__ import annotations

import pytest

from eegrig.hil.figures.account import words


@pytest.mark.parametrize(
    ("test_id", "said"),
    [
        ("test_power.py::test_advertising", ("power", "advertising")),
        ("mine/test_two_words.py::test_it[a_b-3]", ("two words", "it[a_b-3]")),
    ],
)
def test_names_of_tests_are_words(test_id: str, said: tuple[str, str]) -> None:
    assert words(test_id) == said
