"""A board's power: taken away and given back, by hand or while a word of flash is programmed."""

from __future__ import annotations

from typing import Protocol

from eegrig.hil.virtual.chip.faults import Faults
from eegrig.hil.virtual.clock import VirtualLoop

__all__ = ["Powered", "Supply"]

_BROWN_OUT_NS = 100_000_000  # long enough for every supply to fall: assumed


class Powered(Protocol):
    """What starts when power comes and stops when it goes."""

    def halt(self) -> None:
        """Stop the firmware, and any start that is under way."""
        ...

    def power_cycle(self) -> None:
        """Start as power does that comes."""
        ...


class Supply:
    """The supply of one board.

    Parameters
    ----------
    loop : VirtualLoop
    faults : Faults
        Of the board's chip: while its power is lost nothing answers.
    boot : Powered
    """

    def __init__(self, loop: VirtualLoop, faults: Faults, boot: Powered) -> None:
        self._loop = loop
        self._faults = faults
        self._boot = boot
        self._returns = False

    @property
    def is_on(self) -> bool:
        """Whether the board has a supply."""
        return not self._faults.power_lost

    def off(self) -> None:
        """Take the supply away: everything stops, only flash memory stays as it is."""
        self._faults.lose_power()
        self._boot.halt()

    def on(self) -> None:
        """Give the supply back: the board starts as from a new battery."""
        self._faults.restore_power()
        self._boot.power_cycle()

    def brown_out(self, *, after_words: int | None = None) -> None:
        """Take the supply away for a tenth of a second.

        Parameters
        ----------
        after_words : int or None
            Not now, but in the middle of the word of flash memory that is programmed after that
            many more.
        """
        if after_words is not None:
            self._returns = True
            self._faults.lose_power_after(after_words)
            return
        self.off()
        self._loop.call_at_ns(self._loop.now_ns() + _BROWN_OUT_NS, self.on)

    def went(self) -> None:
        """Take note that it went away in the middle of a word."""
        # In a callback of its own: the memory is in the middle of that word.
        returns, self._returns = self._returns, False
        self._loop.call_next(self._stop, returns)

    def _stop(self, returns: bool) -> None:
        if self.is_on:  # a probe that was opened again has given it back
            return
        self.off()
        if returns:
            self._loop.call_at_ns(self._loop.now_ns() + _BROWN_OUT_NS, self.on)
