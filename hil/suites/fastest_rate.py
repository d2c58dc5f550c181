"""The highest rate on offer: what it loses, and how slow a processor keeps up with it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eegrig.hil.measure.processor import Margin, find_margin
from eegrig.hil.suites.slower import Slower, SlowerBoard, slower_board
from eegrig.hil.suites.streams import fastest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from eegrig.hil.bench import Bench

__all__ = ["FastestRate"]

_SECONDS = 5.0
_SLOWER_SECONDS = 2.0  # a processor that falls behind does so from the first packets on


class FastestRate:
    """Streams at the highest rate on offer; tests that ask for the same share it.

    Parameters
    ----------
    rig : Bench
    """

    def __init__(self, rig: Bench) -> None:
        self._rig = rig
        self._loss: tuple[float, int] | None = None
        self._margin: Margin | None = None

    async def loss(self) -> tuple[float, int]:
        """Return which part of the frames is lost, and how many there were."""
        if self._loss is None:
            received = await fastest(self._rig, _SECONDS)
            self._loss = float(1 - received.mean()), received.size
        return self._loss

    async def margin(self, slower: Slower[float]) -> Margin:
        """Find how slow a processor keeps up (bench with ``processor``).

        Parameters
        ----------
        slower : Slower of float
            What is lost with one that is known.
        """
        if self._margin is None:
            loss, _ = await self.loss()
            known = {1.0: loss == 0.0, slower.factor: slower.result == 0.0}
            async with slower_board(self._rig) as start:
                self._margin = await find_margin(partial(self._keeps_up, start), known)
        return self._margin

    async def _keeps_up(self, start: Callable[[float], Awaitable[SlowerBoard]], by: float) -> bool:
        """Say whether all frames arrive, and each was read while it was there to be read."""
        board = await start(by)
        received = await board.take(lambda: fastest(self._rig, _SLOWER_SECONDS))
        processor = self._rig.processor
        late = processor is not None and processor.rules().broken
        return received.result is not None and bool(received.result.all()) and not late
