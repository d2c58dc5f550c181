"""What a board is, as data: boards, their parts, and a loader that checks them.

>>> from eegrig.boards import load_board, load_part
>>> load_board("headband8").afe.gain
24
>>> load_part("ads1299")["vref"].si
4.5

Errors, and what else is said of the ground, are in modules of their own, which load nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eegrig.boards.loader import list_boards, load_board
    from eegrig.boards.part import Curve, Part, PartValue, Table
    from eegrig.boards.part_library import list_parts, load_part
    from eegrig.boards.schema import Board, Target

__all__ = [
    "Board",
    "Curve",
    "Part",
    "PartValue",
    "Table",
    "Target",
    "list_boards",
    "list_parts",
    "load_board",
    "load_part",
]

_HOMES = {
    "eegrig.boards.loader": ("list_boards", "load_board"),
    "eegrig.boards.part": ("Curve", "PartValue", "Part", "Table"),
    "eegrig.boards.part_library": ("list_parts", "load_part"),
    "eegrig.boards.schema": ("Board", "Target"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
