"""Days on end: whether counters still add up, and the heap is what it was; with ``-m soak``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eegrig.boards.errors import EegrigError
from eegrig.hil.suites.stretches.robustness.days import DAYS_S, streamed_days
from eegrig.hil.suites.stretches.robustness.heap import heap_after, heap_in_use

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder

_FEW = 16  # rounds, after which a board's heap has settled nearly
_SETTLES_B = 1024.0


@pytest.mark.soak
@pytest.mark.lasts(DAYS_S)
@pytest.mark.needs("reset", "source")
@pytest.mark.figures(
    "robustness.days.unaccounted", "robustness.days.loss", "robustness.days.heap_growth"
)
async def test_three_days_of_streaming(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    few_bytes = await heap_after(rig, _FEW)
    days = await streamed_days(rig)
    counters = days.counters
    sent = counters.frames + counters.frames_lost
    rig_record(
        "robustness.days.unaccounted",
        days.unaccounted,
        "1",
        uncertainty=0.0,
        n=sent,
        conditions={"days": days.lasted_s / 86_400},
        note="; ".join(days.told),
    )
    rig_record("robustness.days.loss", counters.frames_lost / sent, "1", uncertainty=0.0, n=sent)
    hours = days.lasted_s / 3600
    try:
        growth_b: float | None = (await heap_in_use(rig) - few_bytes) / hours
    except EegrigError:
        growth_b = None
    rig_record(
        "robustness.days.heap_growth",
        growth_b,
        "B",
        uncertainty=_SETTLES_B / hours,
        n=round(hours),
    )
