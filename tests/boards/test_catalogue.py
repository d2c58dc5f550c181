"""The figures there are: eegrig's own, and those that other packages declare."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from eegrig.boards import list_boards, load_board
from eegrig.boards.catalogue import catalogue, catalogue_with, own_catalogue, with_others
from eegrig.boards.errors import ConfigError
from eegrig.boards.figures import DeclaredFigure
from eegrig.host.wire.constants import StreamKind

THEIRS = DeclaredFigure(name="decode.accuracy", unit="1", better="higher", label="Accuracy")


class Point(EntryPoint):
    """An entry point that stands for a function, or for an error."""

    def load(self) -> Any:
        found = FUNCTIONS[self.name]
        if isinstance(found, Exception):
            raise found
        return found


FUNCTIONS: dict[str, Callable[[], Iterable[DeclaredFigure]] | Exception] = {
    "theirs": lambda: [THEIRS],
    "again": lambda: [DeclaredFigure(name="power.sleep", unit="W", label="Sleep")],
    "broken": ImportError("No module named 'acme'"),
}


def point(name: str) -> EntryPoint:
    return Point(name, f"acme:{name}", "eegrig.figures")


def test_every_figure_says_what_it_is_and_how_it_is_taken() -> None:
    for figure in own_catalogue():
        assert all((figure.label, figure.what, figure.statistic, figure.taken)), figure.name
        assert "{" not in figure.label
        assert "<" not in figure.name


def test_units_are_si_and_of_no_prefix() -> None:
    units = {figure.unit for figure in own_catalogue()}
    logarithms = {"dB", "bit"}  # of ratios
    assert units - logarithms == {"W", "J", "s", "bit/s", "V", "V/s", "A", "B", "Ohm", "1"}


def test_every_board_promises_declared_figures_only() -> None:
    for name in list_boards():
        assert all(target in own_catalogue() for target in load_board(name).targets)


def test_a_stream_is_of_any_kind_but_the_electrodes() -> None:
    kinds = {kind.name.lower() for kind in StreamKind} - {"eeg"}
    assert set(own_catalogue().words["kind"]) == kinds


def test_other_packages_declare_figures_of_their_own() -> None:
    found = with_others(own_catalogue(), [point("theirs")])
    assert found.find("decode.accuracy") == THEIRS
    assert set(own_catalogue()) < set(found)


@pytest.mark.parametrize(
    ("name", "why"),
    [("broken", "No module named 'acme'"), ("again", "power.sleep is declared twice")],
)
def test_a_package_that_cannot_declare_takes_nothing_along_and_is_named_where_one_is_missed(
    name: str, why: str
) -> None:
    found = with_others(own_catalogue(), [point(name), point("theirs")])
    assert "decode.accuracy" in found
    assert "power.sleep" in found
    assert f"acme:{name} declares figures, but could not: " in found.unknown("decode.recall")
    assert why in found.unknown("decode.recall")


def test_what_is_installed_is_read_once() -> None:
    assert catalogue() is catalogue()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("unit", "3", "Expected `str`"),
        ("better", '"more"', "Invalid enum value 'more'"),
        ("color", '"red"', "Object contains unknown field"),
    ],
)
def test_a_broken_declaration_is_named(tmp_path: Path, key: str, value: str, said: str) -> None:
    fields = {"unit": '"W"', "label": '"Sleep"', key: value}
    lines = ["[words]", '[topics.Power."power.sleep"]', *(f"{k} = {v}" for k, v in fields.items())]
    path = tmp_path / "figures.toml"
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError) as caught:
        catalogue_with([path])
    assert str(caught.value).startswith(f"{path}: power.sleep: {said}")
