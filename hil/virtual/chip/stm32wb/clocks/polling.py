"""Notices a core that polls a register, and lets the time pass that it would spend so.

Each access to a register costs this computer far more than the core, so a byte on the wire that is
awaited by reading a flag would take several times as long as on a chip. Nothing else comes of such
a loop, so nothing is lost: the core is where the next thing happens at once.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Polls"]

_NEAR_CYCLES = 200
"""A loop that only waits reads again within so many cycles: assumed."""
_SAME = 2


class Polls:
    """Watches one core's accesses to registers.

    Parameters
    ----------
    cycles : callable
        Returns the core's count of cycles.
    skip : callable
        Lets time pass until something happens.
    """

    def __init__(self, cycles: Callable[[], int], skip: Callable[[], None]) -> None:
        self._cycles = cycles
        self._skip = skip
        self._last = (0, 0)
        self._cycle = self._same = 0

    def other(self) -> None:
        """Take note of an access that is no poll."""
        self._same = 0

    def read(self, address: int, value: int) -> None:
        """Take note of a register that is polled, and of what was read."""
        cycle = self._cycles()
        same = self._last == (address, value) and cycle - self._cycle < _NEAR_CYCLES
        self._last, self._cycle = (address, value), cycle
        self._same = self._same + 1 if same else 0
        if self._same >= _SAME:
            self._skip()
            self._cycle = self._cycles()
