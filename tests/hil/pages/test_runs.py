"""What is quick to run for the pages: again, it gives what is stored."""

from __future__ import annotations

import pytest

from eegrig.boards import list_boards, load_board
from eegrig.hil.pages.runs.converter import converter, has_converter
from eegrig.hil.pages.runs.memory import memory
from eegrig.hil.pages.stored import load

WITH_CONVERTER = [name for name in list_boards() if has_converter(load_board(name))]


@pytest.mark.parametrize("name", list_boards())
def test_the_memory_of_a_board_is_what_is_stored(name: str) -> None:
    stored = load(name).figures
    assert memory(name) == {key: stored[key] for key in stored if key.startswith("memory.")}


@pytest.mark.parametrize("name", WITH_CONVERTER)
def test_what_a_converter_saves_is_what_is_stored(name: str) -> None:
    stored = load(name).figures
    frame_time_s = stored[f"rates.{load_board(name).afe.default_rate_sps}.frame_time"].value
    assert frame_time_s is not None
    found = converter(name, frame_time_s)
    assert found.keys() == {key for key in stored if key.startswith("converter.")}
    for key, figure in found.items():
        # The stored time of a frame is rounded.
        assert figure.value == pytest.approx(stored[key].value, rel=1e-4)
        assert figure.unit == stored[key].unit
    for waiting in ("waiting", "light_sleep"):
        assert found[f"converter.on.{waiting}"].value < found[f"converter.off.{waiting}"].value
