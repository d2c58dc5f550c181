"""A power ledger on a clock that is moved by hand: what a board draws when told what is on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from eegrig.boards import Board, Part, load_part
from eegrig.hil.bench import PowerCapture
from eegrig.hil.virtual.power.ledger import PowerLedger
from eegrig.hil.virtual.power.meter import VirtualPowerMeter

__all__ = ["HandClock", "LedgerBench"]


class HandClock:
    """A clock that stands still until it is moved.

    Attributes
    ----------
    time_ns : int
    """

    def __init__(self) -> None:
        self.time_ns = 0

    def now_ns(self) -> int:
        """Return the time."""
        return self.time_ns

    def call_at_ns(self, when_ns: int, callback: Any, *args: Any) -> Any:
        """Refuse: nothing happens by itself here."""
        raise NotImplementedError


class LedgerBench:
    """Ledger, meter and clock of a board.

    Parameters
    ----------
    board : Board
    find_part : callable
        Returns the part of a name.
    **options
        For the ledger.

    Attributes
    ----------
    clock : HandClock
    ledger : PowerLedger
    meter : VirtualPowerMeter
    """

    def __init__(
        self, board: Board, *, find_part: Callable[[str], Part] = load_part, **options: Any
    ) -> None:
        self.clock = HandClock()
        self.ledger = PowerLedger(board, self.clock, find_part=find_part, **options)
        self.meter = VirtualPowerMeter(self.ledger, find_part=find_part)

    def capture(self, report: Callable[[PowerLedger], None], stop_ns: int) -> PowerCapture:
        """Return what is drawn from 0 to a time, if components report so."""

        async def taken() -> PowerCapture:
            await self.meter.start()
            report(self.ledger)
            self.clock.time_ns = stop_ns
            return await self.meter.stop()

        return asyncio.run(taken())
