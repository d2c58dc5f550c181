"""Telling: what a board says about itself, held against what it is and does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.boards import load_part
from eegrig.boards.errors import BoardFault
from eegrig.hil.measure.telling import information_errors
from eegrig.hil.suites.stretches.answers import ask_everything
from eegrig.hil.suites.stretches.streams import linked

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.modes import Walk

_CHARGES = (0.9, 0.5, 0.15)
_LOOK_S = 70.0  # the firmware looks at its battery once a minute (docs/protocol.md)
_LEVEL_STEP = 0.01 / 12**0.5  # a level is a whole percentage


@pytest.mark.quick
@pytest.mark.needs("link_control")
@pytest.mark.lasts(4)
@pytest.mark.figures("told.wrong")
async def test_what_the_board_tells_about_itself_is_so(
    rig: Bench, rig_flashed: FlashedBoard, every_mode: Walk, rig_record: RigRecorder
) -> None:
    version = rig_flashed.image.version
    async with linked(rig, rig.board.radio.efficient_interval_ms) as link:
        information = await link.device_information()
    wrong = [*every_mode.told, *information_errors(information, rig.board, version=version)]
    each = list(dict.fromkeys(wrong))
    rig_record(
        "told.wrong",
        len(wrong),
        "1",
        uncertainty=0.0,
        n=every_mode.looks + 1,
        note="; ".join(each[:6]) + (f"; and {len(each) - 6} more" if len(each) > 6 else ""),
    )


@pytest.mark.quick
@pytest.mark.lasts(8)
@pytest.mark.figures("control.wrong_answers", "control.round_trip")
async def test_every_command_is_answered_as_the_protocol_says(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    async with linked(rig, rig.board.radio.low_latency_interval_ms) as link:
        answers = await ask_everything(rig, link)
    rig_record(
        "control.wrong_answers",
        len(answers.wrong),
        "1",
        uncertainty=0.0,
        n=answers.n,
        note="; ".join(answers.wrong[:6]),
    )
    trips_s = np.array(answers.round_trips_s)
    rig_record(
        "control.round_trip",
        float(trips_s.mean()) if trips_s.size > 1 else None,
        "s",
        uncertainty=float(trips_s.std(ddof=1)) / trips_s.size**0.5 if trips_s.size > 1 else None,
        n=trips_s.size,
        conditions={"interval_ms": rig.board.radio.low_latency_interval_ms},
    )


@pytest.mark.needs("faults")
@pytest.mark.lasts(220)
@pytest.mark.figures("battery.level_error", "battery.low_events")
async def test_the_battery_level_follows_the_cell(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    assert rig.faults is not None
    curve = load_part(rig.board.battery.part).curve("open_circuit")
    charges = (*_CHARGES, 0.03)  # the last of them is low: 5 % or less (docs/protocol.md)
    errors = []
    async with linked(rig, rig.board.radio.efficient_interval_ms) as link:
        for charge in charges:
            rig.faults.battery(float(np.interp(charge, curve.x_si, curve.y_si)))
            await asyncio.sleep(_LOOK_S)
            level = await link.battery_level() / 100
            errors.append(level - charge)
        lows = [event for event in link.events if event.code.name == "BATTERY_LOW"]
    if len(link.events) > len(lows):
        raise BoardFault(f"{link.name} told what nobody asked for: {link.events}")
    worst = int(np.argmax(np.abs(errors)))
    rig_record(
        "battery.level_error",
        errors[worst],
        "1",
        uncertainty=_LEVEL_STEP,
        n=len(errors),
        conditions={"charge": charges[worst]},
        note=f"at {charges[worst]:.0%} it tells {errors[worst] + charges[worst]:.0%}",
    )
    rig_record(
        "battery.low_events",
        len(lows) - 1,
        "1",
        uncertainty=0.0,
        n=len(errors),
        note="" if len(lows) == 1 else f"an empty battery was told {len(lows)} times",
    )
