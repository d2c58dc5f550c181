"""A virtual board: the models of its parts, and what is wired to what.

`FastBoard` and `ExactBoard` run the firmware, each in its own way; their constructors are the lists
of wires. `supply` is the power that comes and goes.
"""

from eegrig.hil.virtual.board.fast_board import FastBoard
from eegrig.hil.virtual.board.virtual_board import VirtualBoard

__all__ = ["FastBoard", "VirtualBoard"]
