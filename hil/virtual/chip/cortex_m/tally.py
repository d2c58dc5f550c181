"""What is counted before every basic block of a core, and what stops it there.

The numbers lie in one buffer, so that a compiled hook and Python see the same ones.
"""

from __future__ import annotations

from array import array
from enum import IntEnum

__all__ = ["NONE", "N_WORDS", "TICKS", "Field", "Reason", "Tally"]

TICKS = 256
"""Parts of a cycle: an instruction's mean price is no whole number of cycles."""
NONE = 1 << 62
"""No exception is urgent; a time that never comes."""


class Field(IntEnum):
    """Where a number is in the buffer, in words of 64 bits."""

    NOW = 0
    """Time of the core, in ticks."""
    ALARM = 1
    """When to stop, in ticks."""
    PRICE = 2
    """Ticks of one instruction."""
    INSTRUCTIONS = 3
    BLOCKS_LEFT = 4
    URGENCY = 5
    """Group priority of the pending exception that outranks the active ones."""
    BASEPRI_MASK = 6
    """Bits of BASEPRI that count."""
    OVERLOOK = 7
    """Execute one block whatever is urgent: that was looked at, and masks keep it off."""
    REASON = 8
    LAST_START = 9
    """The block that was executed last, and its end."""
    LAST_END = 10
    SCRATCH = 11
    BUSY = 12
    """Until when the memory of the program is busy, in ticks: no code comes out of it."""
    BUSY_END = 13
    """Where that memory ends; it begins at 0, and no other lies below."""
    N_MEMORIES = 14
    MEMORIES = 15
    """Base, end, address of the contents, and of the map of code, for each memory."""


N_WORDS = Field.MEMORIES + 4 * 12
"""Length of the buffer: a chip has no more than twelve memories."""


class Reason(IntEnum):
    """Why the core was stopped before a block."""

    NOT = 0
    SLICE = 1
    ATTENTION = 2


class Tally:
    """The buffer, and what Python asks of it.

    Attributes
    ----------
    words : array of int64
        Indexed by `Field`.
    """

    def __init__(self) -> None:
        self.words = array("q", [0] * N_WORDS)
        self.words[Field.PRICE] = TICKS
        self.words[Field.ALARM] = self.words[Field.URGENCY] = NONE
        self.words[Field.BASEPRI_MASK] = 0xFF

    @property
    def address(self) -> int:
        """Where the buffer is in this process."""
        return self.words.buffer_info()[0]

    @property
    def cycles(self) -> int:
        """Whole cycles that the core has executed or slept."""
        return self.words[Field.NOW] // TICKS

    @cycles.setter
    def cycles(self, cycles: int) -> None:
        self.words[Field.NOW] = cycles * TICKS

    def stop_at(self, cycles: int) -> None:
        """Stop before the first block at or after that count."""
        self.words[Field.ALARM] = min(cycles * TICKS, NONE)

    def add_memory(self, base: int, end: int, contents: int, code_map: int) -> None:
        """Tell the hook where code can be: addresses, of this process for the last two."""
        n = self.words[Field.N_MEMORIES]
        at = Field.MEMORIES + 4 * n
        self.words[at : at + 4] = array("q", [base, end, contents, code_map])
        self.words[Field.N_MEMORIES] = n + 1
