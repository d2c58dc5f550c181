"""Channels: whether each shows what is applied to it, the right way up, and nothing of the others.

Each channel is driven with sines of its own frequencies, all at once: what a channel shows of
another's is found by frequency, as if each had been driven alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.boards import load_part
from eegrig.hil.measure.quality.wander import largest_residual
from eegrig.hil.suites.stretches.every_rate import AMPLITUDE_V

if TYPE_CHECKING:
    from eegrig.boards import Board
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.every_rate import Driven

_COLOURED = 1.2  # how much less well an rms is known behind a sinc3 filter
_EXTREME = 0.3  # scatter of the largest of many normal values, in their standard deviations
_BEYOND = 5.0  # standard uncertainties from which an error is another one
_MOST_DEVIATIONS = 1e6  # what is shown of an outlier among values that are all the same


@pytest.mark.quick
@pytest.mark.needs("source")
@pytest.mark.figures(
    "channels.out_of_order", "channels.inverted", "channels.crosstalk", "channels.skew"
)
def test_each_channel_shows_what_is_applied_to_it_alone(
    channels_at_rates: list[Driven], rig_record: RigRecorder
) -> None:
    worst, doubt, where = 0.0, 0.0, ""
    late_s, late_doubt_s, late = 0.0, 0.0, ""
    order: dict[str, None] = {}
    n_order = n_inverted = 0
    for driven in channels_at_rates:
        taken, check = driven.taken, driven.check
        n_order = max(n_order, len(check.out_of_order))
        n_inverted = max(n_inverted, len(check.upside_down))
        if told := check.told(taken.channels):
            order.setdefault(f"{told} (at {taken.told})")
        row = int(np.argmax(np.abs(check.skew_s)))
        if abs(check.skew_s[row]) >= late_s:
            late_s, late_doubt_s = abs(check.skew_s[row]), check.skew_uncertainty_s[row]
            sense = "late" if check.skew_s[row] > 0 else "early"
            late = f"{taken.channels[row]} is {sense} at {taken.told}"
        row, column = check.worst_crosstalk
        ratio = float(np.abs(check.crosstalk[row, column]))
        if ratio >= worst:
            worst, doubt = ratio, float(check.crosstalk_uncertainty[row, column])
            where = f"{taken.channels[row]} shows it of {taken.channels[column]}"
    lost = sum(each.taken.lost for each in channels_at_rates)
    n = sum(each.taken.n for each in channels_at_rates)
    n_channels = len(channels_at_rates[0].taken.channels)
    conditions = {"stimulus_mv": AMPLITUDE_V * 1e3, "channels": n_channels}
    told = "; ".join(order)
    for name, count in (
        ("channels.out_of_order", n_order),
        ("channels.inverted", n_inverted),
    ):
        note = told if count else ""
        rig_record(
            name, count, "1", uncertainty=0.0, n=n, lost=lost, note=note, conditions=conditions
        )
    if n_channels > 1:
        rig_record(
            "channels.crosstalk",
            worst,
            "1",
            uncertainty=doubt,
            n=n,
            lost=lost,
            note=where,
            conditions=conditions,
        )
        rig_record(
            "channels.skew",
            float(late_s),
            "s",
            uncertainty=float(late_doubt_s),
            n=n,
            lost=lost,
            note=late,
            conditions=conditions,
        )


@pytest.mark.needs("source")
@pytest.mark.figures("signal.gain_at_rates")
def test_the_scale_is_right_at_every_rate(
    channels_at_rates: list[Driven], rig_record: RigRecorder
) -> None:
    worst, doubt, note = 0.0, 0.0, ""
    clipped = False
    for step, driven in enumerate(channels_at_rates):
        taken, check = driven.taken, driven.check
        clipped |= bool(taken.clipped.any())
        channel = int(np.argmax(np.abs(check.gain - 1)))
        error = float(check.gain[channel] - 1)
        if not note or abs(error) > abs(worst) + _BEYOND * doubt:  # else the first one leads to it
            worst, doubt = error, float(check.gain_uncertainty[channel])
            after = channels_at_rates[step - 1].taken.rate_sps if step else 0
            since = f", after {after:g}" if step else ""
            note = f"{taken.channels[channel]} at {taken.told}{since}"
    rig_record(
        "signal.gain_at_rates",
        worst,
        "1",
        uncertainty=doubt,
        n=sum(each.taken.n for each in channels_at_rates),
        lost=sum(each.taken.lost for each in channels_at_rates),
        saturated=clipped,
        note=note,
        conditions={"rates": " ".join(f"{each.taken.rate_sps:g}" for each in channels_at_rates)},
    )


@pytest.mark.needs("source")
@pytest.mark.figures("signal.residual_at_rates", "signal.largest_residual")
def test_a_sine_leaves_nothing_but_the_front_ends_noise(
    rig_board: Board, channels_at_rates: list[Driven], rig_record: RigRecorder
) -> None:
    table = load_part(rig_board.afe.part).table("noise_rms")
    worst, doubt, note = 0.0, 0.0, ""
    most, outlier = 0.0, ""
    for driven in channels_at_rates:
        taken, fit = driven.taken, driven.fit
        ratio = fit.residual_rms_v / table.si(taken.rate_sps, taken.gain) - 1
        channel = int(np.argmax(np.abs(ratio)))
        if abs(ratio[channel]) >= abs(worst):
            worst = float(ratio[channel])
            doubt = (1 + worst) * _COLOURED / np.sqrt(2 * taken.n)
            note = f"{taken.channels[channel]} at {taken.told}"
        deviations, channel, index = largest_residual(fit.residual_v)
        if deviations >= most:
            most = min(deviations, _MOST_DEVIATIONS)
            outlier = (
                f"{taken.channels[channel]} at {taken.told}, "
                f"{fit.residual_v[channel, index] * 1e6:.3g} uV"
            )
    n = sum(each.taken.samples_v.size for each in channels_at_rates)
    lost = sum(each.taken.lost for each in channels_at_rates)
    rig_record("signal.residual_at_rates", worst, "1", uncertainty=doubt, n=n, lost=lost, note=note)
    rig_record(
        "signal.largest_residual", most, "1", uncertainty=_EXTREME, n=n, lost=lost, note=outlier
    )
