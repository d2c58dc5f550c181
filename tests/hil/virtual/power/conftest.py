"""A ledger on a clock that is moved by hand, for headband8 and for a board without losses."""

from __future__ import annotations

import msgspec
import pytest

from eegrig.boards import Board, Curve, Part, PartValue, load_board, load_part
from eegrig.hil.pages.runs.ledger_bench import LedgerBench


def ideal_part(name: str) -> Part:
    """Return the part with every loss and every other consumer taken out."""
    part = load_part(name)
    figures: dict[str, PartValue] = {}
    for key, figure in part.figures.items():
        silent = figure.unit in ("nA", "uA", "mA") or key == "ground_slope"
        figures[key] = msgspec.structs.replace(figure, value=0.0) if silent else figure
    curves: dict[str, Curve] = {
        key: msgspec.structs.replace(curve, y=[100.0] * len(curve.y))
        if key == "efficiency"
        else curve
        for key, curve in part.curves.items()
    }
    return msgspec.structs.replace(part, figures=figures, curves=curves)


@pytest.fixture
def headband8() -> Board:
    return load_board("headband8")


@pytest.fixture
def bench(headband8: Board) -> LedgerBench:
    return LedgerBench(headband8)


@pytest.fixture
def make_bench() -> type[LedgerBench]:
    return LedgerBench


@pytest.fixture
def ideal_bench(headband8: Board) -> LedgerBench:
    """A board whose converters lose nothing, at 3 V, with nothing on it but what a test adds."""
    return LedgerBench(headband8, find_part=ideal_part, battery_v=3.0)
