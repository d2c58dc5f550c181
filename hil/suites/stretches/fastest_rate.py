"""The highest rate on offer: what it loses, and how slow a processor keeps up with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from eegrig.hil.measure.processor import Margin, find_margin
from eegrig.hil.suites.stretches.slower import Slower, SlowerBoard, slower_board
from eegrig.hil.suites.stretches.streams import fastest, fastest_conditions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from eegrig.hil.bench import Bench
    from eegrig.hil.figures.figure import Scalar

__all__ = ["FastestRate", "fastest_rate_of"]

_SECONDS = 5.0
_SLOWER_SECONDS = 2.0  # a processor that falls behind does so from the first packets on


@dataclass(frozen=True)
class FastestRate:
    """What streaming at the highest rate on offer gave.

    Attributes
    ----------
    loss : float
        Part of the frames that were lost.
    n : int
        Frames.
    margin : Margin or None
        How slow a processor keeps up; None on a bench of hardware.
    conditions : dict
        Rate and connection interval.
    """

    loss: float
    n: int
    margin: Margin | None
    conditions: dict[str, Scalar]


async def fastest_rate_of(rig: Bench, slower: Slower[float] | None) -> FastestRate:
    """Stream at the highest rate on offer, and find how slow a processor keeps up with it.

    Parameters
    ----------
    rig : Bench
    slower : Slower of float or None
        What is lost with one that is known; None on a bench without ``processor``.
    """
    received = await fastest(rig, _SECONDS)
    loss = float(1 - received.mean())
    margin = None
    if slower is not None:
        known = {1.0: loss == 0.0, slower.factor: slower.result == 0.0}
        async with slower_board(rig) as start:
            margin = await find_margin(partial(_keeps_up, rig, start), known)
    return FastestRate(loss, received.size, margin, {**fastest_conditions(rig)})


async def _keeps_up(
    rig: Bench, start: Callable[[float], Awaitable[SlowerBoard]], factor: float
) -> bool:
    """Say whether all frames arrive, and each was read while it was there to be read."""
    board = await start(factor)
    received = await board.take(lambda: fastest(rig, _SLOWER_SECONDS))
    late = rig.processor is not None and rig.processor.rules().broken
    return received.result is not None and bool(received.result.all()) and not late
