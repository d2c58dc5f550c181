"""Signal quality: noise, offset, response, distortion and inputs, by stimuli of the suite's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.boards import load_part
from eegrig.hil.measure.noise import shorted_noise
from eegrig.hil.measure.quality.distortion import distortion
from eegrig.hil.measure.quality.recovery import recovery_s
from eegrig.hil.measure.quality.wander import drift
from eegrig.hil.suites.stretches.electrodes import (
    COMMON_MODE_HZ,
    IMBALANCE_F,
    IMBALANCE_OHM,
    OFFSET_V,
    SERIES_OHM,
    Rejection,
    input_impedances,
    lead_off_times_s,
    overloaded,
    rejection,
)
from eegrig.hil.suites.stretches.every_rate import passed
from eegrig.hil.suites.stretches.stimuli import on_all, range_v, stimulated, take, whole_cycles_hz
from eegrig.signal_sim.calibration import Tone

if TYPE_CHECKING:
    from eegrig.boards import Board
    from eegrig.hil.bench import Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.measure.quality.tones import ToneFit
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.every_rate import Driven
    from eegrig.hil.suites.stretches.stimuli import Taken

_LARGE = 0.9
_LARGE_HZ, _LARGE_S = 10.0, 8.0
_TOLERANCE_V = 10e-6
_AT_LIMIT = 0.999
_OF_MODEL = 3e-4  # what the theory of the filter is good to between the tones that are compared


@pytest.mark.figures("signal.noise_against_table")
def test_noise_is_that_of_the_front_end_at_every_rate(
    rig_board: Board, shorted_at_rates: list[Taken], rig_record: RigRecorder
) -> None:
    table = load_part(rig_board.afe.part).table("noise_rms")
    worst, doubt, note = 0.0, 0.0, ""
    for taken in shorted_at_rates:
        noise = shorted_noise(taken.samples_v)
        table_v = table.si(taken.rate_sps, taken.gain)
        ratio = noise.rms_v / table_v - 1
        channel = int(np.argmax(np.abs(ratio)))
        if abs(ratio[channel]) >= abs(worst):
            worst, doubt = float(ratio[channel]), float(noise.rms_uncertainty_v[channel] / table_v)
            note = (
                f"{taken.channels[channel]} at {taken.rate_sps:g} SPS: "
                f"{noise.rms_v[channel] * 1e6:.3g} uV, table {table_v * 1e6:.3g} uV"
            )
    rig_record(
        "signal.noise_against_table",
        worst,
        "1",
        uncertainty=doubt,
        n=sum(taken.n for taken in shorted_at_rates),
        lost=sum(taken.lost for taken in shorted_at_rates),
        saturated=any(taken.clipped.any() for taken in shorted_at_rates),
        note=note,
        conditions={"rates": " ".join(f"{taken.rate_sps:g}" for taken in shorted_at_rates)},
    )


@pytest.mark.figures("signal.dc_drift")
def test_the_level_stays_where_it_is(
    shorted_at_rates: list[Taken], rig_record: RigRecorder
) -> None:
    taken = shorted_at_rates[0]
    slope, uncertainty = drift(taken.samples_v, taken.rate_sps)
    channel = int(np.argmax(np.abs(slope)))
    rig_record(
        "signal.dc_drift",
        float(slope[channel]),
        "V/s",
        uncertainty=float(uncertainty[channel]),
        n=taken.n,
        lost=taken.lost,
        conditions={"channel": taken.channels[channel]},
    )


@pytest.mark.needs("source")
@pytest.mark.figures("signal.offset")
def test_the_level_is_that_of_the_electrodes(
    channels_at_rates: list[Driven], rig_record: RigRecorder
) -> None:
    worst, doubt, note = 0.0, 0.0, ""
    for driven in channels_at_rates:
        taken, fit = driven.taken, driven.fit
        channel = int(np.argmax(np.abs(fit.offset_v)))
        if abs(fit.offset_v[channel]) >= abs(worst):
            worst = float(fit.offset_v[channel])
            doubt = float(fit.uncertainty_v[channel].max())
            note = f"{taken.channels[channel]} at {taken.told}"
    rig_record(
        "signal.offset",
        worst,
        "V",
        uncertainty=doubt,
        n=sum(each.taken.n for each in channels_at_rates),
        lost=sum(each.taken.lost for each in channels_at_rates),
        note=note,
    )


@pytest.mark.needs("source")
@pytest.mark.figures("signal.response_error")
def test_the_response_is_that_of_the_filter_at_every_rate(
    response_at_rates: list[tuple[Taken, ToneFit]], rig_record: RigRecorder
) -> None:
    """A channel's gain is taken out by its mean: what is left is the shape over frequency."""
    worst, doubt, note = 0.0, 0.0, ""
    for taken, fit in response_at_rates:
        theory = passed(fit, taken.rate_sps)
        ratio = fit.amplitudes_v / theory
        weight = theory / theory.sum()
        error = ratio / (ratio @ weight)[:, None] - 1
        channel, tone = np.unravel_index(np.argmax(np.abs(error)), error.shape)
        if abs(error[channel, tone]) >= abs(worst):
            worst = float(error[channel, tone])
            doubt = float(
                fit.uncertainty_v[channel, tone] / theory[tone] / (ratio[channel] @ weight)
            )
            note = (
                f"{taken.channels[channel]} at {fit.frequencies_hz[tone]:.3g} Hz and "
                f"{taken.rate_sps:g} SPS"
            )
    rig_record(
        "signal.response_error",
        worst,
        "1",
        uncertainty=float(np.hypot(doubt, _OF_MODEL)),
        n=sum(taken.n for taken, _ in response_at_rates),
        lost=sum(taken.lost for taken, _ in response_at_rates),
        saturated=any(taken.clipped.any() for taken, _ in response_at_rates),
        note=note,
    )


@pytest.mark.lasts(14)
@pytest.mark.needs("source")
@pytest.mark.figures("signal.thd", "signal.sinad", "signal.enob")
async def test_a_large_sine(rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder) -> None:
    amplitude_v = _LARGE * range_v(rig.board)
    frequency_hz = whole_cycles_hz(_LARGE_HZ, _LARGE_S)
    async with stimulated(rig) as link:
        taken = await take(
            rig, link, on_all(rig.board, [Tone(amplitude_v, frequency_hz)]), _LARGE_S
        )
    full_scale_v = 2 * range_v(rig.board)
    each = [distortion(row, taken.rate_sps, full_scale_v) for row in taken.samples_v]
    clipped = bool(taken.clipped.any())
    conditions = {
        "frequency_hz": frequency_hz,
        "amplitude_mv": amplitude_v * 1e3,
        "rate_sps": taken.rate_sps,
    }
    most = max(range(len(each)), key=lambda row: each[row].thd_db)
    least = min(range(len(each)), key=lambda row: each[row].sinad_db)
    for name, value, unit, uncertainty, row in (
        ("signal.thd", each[most].thd_db, "dB", each[most].thd_uncertainty_db, most),
        ("signal.sinad", each[least].sinad_db, "dB", each[least].sinad_uncertainty_db, least),
        ("signal.enob", each[least].enob, "bit", each[least].enob_uncertainty, least),
    ):
        rig_record(
            name,
            value,
            unit,
            uncertainty=uncertainty,
            n=taken.n,
            lost=taken.lost,
            saturated=clipped,
            conditions=conditions | {"channel": taken.channels[row]},
        )


@pytest.mark.lasts(12)
@pytest.mark.needs("source", "common_mode")
@pytest.mark.figures("signal.cmrr")
async def test_common_mode_is_rejected(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    _record_least(rig_record, "signal.cmrr", await rejection(rig), {})


@pytest.mark.needs("source", "common_mode", "series_network")
@pytest.mark.figures("signal.cmrr_imbalanced")
def test_common_mode_is_rejected_with_an_electrode_that_differs(
    rejections_imbalanced: list[Rejection], rig_record: RigRecorder
) -> None:
    conditions = {
        "imbalance": f"{IMBALANCE_OHM / 1e3:g} kohm // {IMBALANCE_F * 1e9:g} nF, lead by lead",
        "offset_mv": f"+-{OFFSET_V * 1e3:g}",
    }
    _record_least(rig_record, "signal.cmrr_imbalanced", rejections_imbalanced, conditions)


def _record_least(
    rig_record: RigRecorder, name: str, found: list[Rejection], conditions: dict[str, str]
) -> None:
    least = min(found, key=lambda each: each.cmrr_db)
    rig_record(
        name,
        least.cmrr_db,
        "dB",
        uncertainty=least.uncertainty_db,
        n=least.n,
        lost=sum(each.lost for each in found),
        note=f"{least.channel} shows {least.shown_v * 1e6:.3g} uV peak of 1 Vrms",
        conditions={"frequency_hz": COMMON_MODE_HZ, "channel": least.channel} | conditions,
    )


@pytest.mark.lasts(18)
@pytest.mark.needs("source", "series_network")
@pytest.mark.figures("signal.input_impedance")
async def test_inputs_take_no_current(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    found, taken = await input_impedances(rig)
    least = min(range(len(found)), key=lambda row: found[row].ohm)
    rig_record(
        "signal.input_impedance",
        found[least].ohm,
        "Ohm",
        uncertainty=found[least].uncertainty_ohm,
        n=taken.n,
        lost=taken.lost,
        saturated=bool(taken.clipped.any()),
        note=(
            f"{taken.channels[least]}: {1e-6 / max(found[least].conductance_s, 1e-18):.3g} MOhm // "
            f"{found[least].capacitance_f * 1e12:.3g} pF"
        ),
        conditions={"frequency_hz": found[least].at_hz, "series_mohm": SERIES_OHM / 1e6},
    )


@pytest.mark.lasts(9)
@pytest.mark.needs("source")
@pytest.mark.figures("signal.overload_recovery")
async def test_an_overload_is_soon_over(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    taken = await overloaded(rig)
    limit_v = _AT_LIMIT * range_v(rig.board)
    times = []
    for row, channel in enumerate(taken.channels):
        try:
            at_limit = np.abs(taken.samples_v[row]) >= limit_v
            times.append(recovery_s(taken.samples_v[row], at_limit, taken.rate_sps, _TOLERANCE_V))
        except ValueError as error:
            pytest.fail(
                f"{channel} was driven to twice its range of {range_v(rig.board) * 1e3:.4g} mV, "
                f"and {error}"
            )
    slowest = max(range(len(times)), key=lambda row: times[row][0])
    rig_record(
        "signal.overload_recovery",
        times[slowest][0],
        "s",
        uncertainty=times[slowest][1],
        n=taken.n,
        lost=taken.lost,
        conditions={
            "channel": taken.channels[slowest],
            "tolerance_uv": _TOLERANCE_V * 1e6,
            "rate_sps": taken.rate_sps,
        },
    )


@pytest.mark.lasts(11)
@pytest.mark.needs("source", "faults")
@pytest.mark.figures("impedance.lead_off_time")
async def test_an_electrode_that_comes_off_is_noticed(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    times = await lead_off_times_s(rig)
    rig_record(
        "impedance.lead_off_time",
        max(times),
        "s",
        uncertainty=float(np.std(times, ddof=1)),
        n=len(times),
        note="by the lead-off current, which drives an open input to the ends of its range",
    )
