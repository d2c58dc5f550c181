"""A virtual board: the models of its parts, and what is wired to what.

`VirtualBoard`'s constructor is the list of wires. `boot` starts and stops the firmware, `supply` is
the power that comes and goes.
"""

from eegrig.hil.virtual.board.virtual_board import VirtualBoard

__all__ = ["VirtualBoard"]
