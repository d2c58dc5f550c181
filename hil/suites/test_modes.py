"""Modes: at every rate, in every profile and with every test signal, after each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.boards import load_part
from eegrig.hil.measure.quality.square import square_amplitude
from eegrig.hil.measure.stream.rate import rate_error
from eegrig.host.wire.constants import Pattern, TestSignal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eegrig.boards import Board
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.modes import Walk

_SHOWN = 6  # of what is wrong, in a note
_TOLD = 0.01  # as finely a rate has to be known to be judged
_EDGES = 4  # samples of a square wave that its filter takes to settle, at the start


def _listed(wrong: Iterable[str]) -> str:
    """Return what is wrong, each once, in one line."""
    each = list(dict.fromkeys(wrong))
    more = len(each) - _SHOWN
    return "; ".join([*each[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])


@pytest.mark.quick
@pytest.mark.needs("link_control")
@pytest.mark.figures("modes.protocol_errors", "modes.unasked", "modes.frame_loss")
def test_packets_are_what_the_protocol_says_in_every_mode(
    every_mode: Walk, rig_record: RigRecorder
) -> None:
    stretches = every_mode.stretches
    wrong = [each for stretch in stretches for each in stretch.said()]
    n = sum(stretch.counters.packets for stretch in stretches)
    ended = every_mode.ended
    rig_record(
        "modes.protocol_errors",
        sum(sum(stretch.wrong.values()) for stretch in stretches) + bool(ended),
        "1",
        uncertainty=0.0,
        n=n,
        conditions={"modes": len({str(stretch.asked) for stretch in stretches})},
        note=_listed([*([ended] if ended else []), *wrong]),
    )
    rig_record(
        "modes.unasked",
        every_mode.unasked,
        "1",
        uncertainty=0.0,
        n=n,
        note=f"{every_mode.unasked} packets came while no stream was asked for"
        if every_mode.unasked
        else "",
    )
    lost = [stretch for stretch in stretches if stretch.loss]
    rig_record(
        "modes.frame_loss",
        max((stretch.loss for stretch in stretches), default=None),
        "1",
        uncertainty=0.0,
        n=sum(stretch.counters.frames for stretch in stretches),
        note=_listed(
            f"{stretch.counters.frames_lost} frames lost ({stretch.asked})" for stretch in lost
        ),
    )


@pytest.mark.quick
@pytest.mark.needs("link_control")
@pytest.mark.figures("modes.rate_error")
def test_frames_come_at_the_rate_that_was_set(every_mode: Walk, rig_record: RigRecorder) -> None:
    rates = []
    for stretch in every_mode.stretches:
        first = np.array([block.first_frame for block in stretch.blocks])
        at_ns = np.array([block.arrival_ns for block in stretch.blocks])
        if np.unique(first).size > 1:
            rate = rate_error(first, at_ns, stretch.asked.rate_sps)
            if rate.uncertainty <= _TOLD:  # few large packets do not tell
                rates.append((rate, stretch))
    worst = max(rates, key=lambda each: abs(each[0].error), default=None)
    rig_record(
        "modes.rate_error",
        None if worst is None else worst[0].error,
        "1",
        uncertainty=None if worst is None else worst[0].uncertainty,
        n=len(rates),
        note="" if worst is None else f"largest at {worst[1].asked}",
    )


@pytest.mark.quick
@pytest.mark.needs("link_control")
@pytest.mark.figures("modes.test_signal_error", "modes.stuck_channels")
def test_the_front_ends_own_signal_has_its_amplitude_at_every_rate(
    rig_board: Board, every_mode: Walk, rig_record: RigRecorder
) -> None:
    afe = rig_board.afe
    part = load_part(afe.part)
    amplitude_v = afe.vref_v / part["test_divider"].value
    errors: list[tuple[float, float, str]] = []
    stuck: list[str] = []
    for stretch in every_mode.stretches:
        if stretch.asked.pattern is not Pattern.EEG:
            continue
        volts = stretch.codes * (2 * afe.vref_v / afe.gain / 2**24)
        still = np.ptp(volts, axis=1) == 0
        stuck += [
            f"{name} does not move at all ({stretch.asked})"
            for name, dead in zip(afe.channels, still, strict=True)
            if dead
        ]
        if stretch.asked.signal is not TestSignal.SQUARE_WAVE:
            continue
        square = square_amplitude(volts[~still][:, _EDGES:])
        moving = [name for name, dead in zip(afe.channels, still, strict=True) if not dead]
        errors += [
            (float(told) / amplitude_v - 1, float(sigma) / amplitude_v, f"{name}, {stretch.asked}")
            for told, sigma, name in zip(*square, moving, strict=True)
        ]
    error, sigma, where = max(errors, key=lambda each: abs(each[0]), default=(None, None, ""))
    rig_record(
        "modes.test_signal_error",
        error,
        "1",
        uncertainty=sigma,
        n=len(errors),
        conditions={"amplitude_mv": amplitude_v * 1e3},
        note=f"largest on {where}" if where else "no stretch showed the square wave",
    )
    rig_record(
        "modes.stuck_channels",
        len(stuck),
        "1",
        uncertainty=0.0,
        n=sum(stretch.codes.shape[0] for stretch in every_mode.stretches),
        note=_listed(stuck),
    )
