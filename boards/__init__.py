"""What a board is, as data: boards, their parts, and a loader that checks them.

>>> from boards import load_board, load_part
>>> load_board("headband8").afe.gain
24
>>> load_part("ads1299")["vref"].si
4.5
"""

from __future__ import annotations

from boards.errors import BoardFault, ConfigError, EegrigError, InfrastructureError
from boards.loader import list_boards, list_parts, load_board, load_part
from boards.part import Curve, Figure, Part, Table
from boards.schema import Board, Target

__all__ = [
    "Board",
    "BoardFault",
    "ConfigError",
    "Curve",
    "EegrigError",
    "Figure",
    "InfrastructureError",
    "Part",
    "Table",
    "Target",
    "list_boards",
    "list_parts",
    "load_board",
    "load_part",
]
