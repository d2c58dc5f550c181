"""What a signal cannot show is said of the signal."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from scipy.interpolate import BSpline

from eegrig.boards import load_board, load_part
from eegrig.hil.figures.verdict import Flags, judge
from eegrig.hil.measure.showing import DOUBT, doubtful, explained, unfit


@pytest.mark.parametrize(
    ("scale_v", "offset_v", "why"),
    [
        (20e-6, 0.0, None),
        (20e-6, 0.18, None),
        (2e-6, 0.0, None),
        (0.0, 0.0, "is constant"),
        (0.0, 0.01, "is constant"),
        (0.1e-6, 0.0, "has 0.1 uV rms, too little beside the front end's noise"),
        (20e-6, 0.2, "reaches 200.1 mV, beyond the front end's +-187.5 mV at gain 24"),
        (20e-6, -0.2, "reaches 200.1 mV, beyond"),
    ],
)
def test_channels_that_show_nothing(scale_v, offset_v, why):
    rng = np.random.default_rng(1)
    volts = np.stack([rng.normal(size=5000) * 20e-6, rng.normal(size=5000) * scale_v + offset_v])
    found = unfit(volts, ["Fp1", "O2"], load_board("headband8"))
    assert list(found) == ([] if why is None else ["O2"])
    assert why is None or why in found["O2"]


HEADBAND = load_board("headband8")
NOISE_V = 0.14e-6
"""ADS1299 at gain 24 and 250 SPS, input-referred rms (SBAS499C, table 1)."""


def square(rms_v, offset_v=0.0):
    """A channel whose rms about its mean is known to the last digit."""
    return np.tile([rms_v + offset_v, -rms_v + offset_v], 50)


def why(volts, **options):
    return unfit(volts[None], ["Cz"], HEADBAND, **options).get("Cz")


def test_a_signal_below_twice_the_front_ends_noise_is_no_measure():
    assert load_part("ads1299").table("noise_rms").si(250, 24) == NOISE_V
    assert why(square(1.99 * NOISE_V)) == (
        "has 0.28 uV rms, too little beside the front end's noise of 0.14 uV rms"
    )
    assert why(square(2.01 * NOISE_V)) is None


def test_a_nanovolt_is_where_a_signal_begins():
    assert why(square(0.9e-9)) == "is constant"
    assert why(square(1.1e-9)).startswith("has 0.0011 uV rms, too little")


def test_full_scale_is_the_reference_over_the_gain_and_reaching_it_is_too_much():
    full_scale_v = 4.5 / 24
    assert why(square(20e-6, 0.999 * full_scale_v - 20e-6)) is None
    for sign in (1, -1):
        at = np.append(square(20e-6), sign * full_scale_v)
        assert why(at) == "reaches 187.5 mV, beyond the front end's +-187.5 mV at gain 24"


def test_gain_and_rate_are_the_boards_unless_they_are_given():
    """At gain 6 four times the range, and at 1000 SPS and gain 24 twice the noise."""
    assert why(square(20e-6, 0.7), gain=6) is None
    assert why(square(20e-6, 0.76), gain=6) == (
        "reaches 760 mV, beyond the front end's +-750 mV at gain 6"
    )
    quiet = square(2.1 * NOISE_V)
    assert why(quiet) is None
    fast_v = load_part("ads1299").table("noise_rms").si(1000, 24)
    assert fast_v > 1.1 * NOISE_V
    assert f"noise of {fast_v * 1e6:.2g} uV rms" in why(quiet, rate_sps=1000)
    coarse_v = load_part("ads1299").table("noise_rms").si(250, 6)
    assert coarse_v > 1.1 * NOISE_V
    assert f"noise of {coarse_v * 1e6:.2g} uV rms" in why(quiet, gain=6)


def told_coarsely(rms_v, seconds, board=HEADBAND):
    """Return what of a channel of this rms cannot be told finely enough."""
    found = doubtful(square(rms_v)[None], ["Cz"], board, seconds)
    if not found:
        return []
    begin, end = f"has {rms_v * 1e6:.2g} uV rms, too quiet to tell its ", " as finely as the limit"
    assert found["Cz"].startswith(begin)
    what, where = found["Cz"].removeprefix(begin).split(end)
    assert where == f" in {seconds:g} s"
    return what.split(" and ")


def quietest_v(seconds):
    """Return the rms that tells gain and correlation of headband8 just finely enough.

    A gain is known to noise / (rms sqrt(n)), a correlation to (noise / rms)^2 / sqrt(n); both may
    take a third of what the board's limits leave: 0.5 % of gain, 0.001 of correlation. The noise is
    a sinc3 filter's, whose correlations are a quintic spline: far below the rate there is as much
    of it as they sum to, and of its power less is known by the sum of their squares.
    """
    n = 250 * seconds
    quintic = BSpline.basis_element(np.arange(7.0))([1, 2, 3, 4, 5])
    below, of_power = quintic.sum() / quintic.max(), np.sum((quintic / quintic.max()) ** 2)
    gain_v = NOISE_V * np.sqrt(below / n) / (0.005 / 3)
    return gain_v, NOISE_V * np.sqrt(np.sqrt(of_power / n) / (0.001 / 3))


LESS, MORE = 1 - 1e-7, 1 + 1e-7


@pytest.mark.parametrize("seconds", [2.0, 10.0, 600.0])
def test_a_channel_too_quiet_for_a_third_of_the_limit_is_not_held_against_it(seconds):
    gain_v, correlation_v = quietest_v(seconds)
    order = sorted([(gain_v, "gain"), (correlation_v, "correlation")])
    (lower_v, lower), (upper_v, upper) = order
    assert told_coarsely(LESS * lower_v, seconds) == ["gain", "correlation"]
    assert told_coarsely(MORE * lower_v, seconds) == [upper]
    assert told_coarsely(LESS * upper_v, seconds) == [upper]
    assert told_coarsely(MORE * upper_v, seconds) == []
    # In ten minutes the correlation is what takes longest, in seconds the gain.
    assert lower == ("gain" if seconds > 100 else "correlation")
    assert pytest.approx(1 / 3) == DOUBT


@pytest.mark.parametrize("seconds", [0.0, 0.001, 1 / 250])
def test_less_than_a_sample_tells_no_more_than_one(seconds):
    gain_v, _ = quietest_v(1 / 250)
    assert told_coarsely(LESS * gain_v, seconds) == ["gain"]
    assert told_coarsely(MORE * gain_v, seconds) == []


def test_a_silent_channel_tells_nothing_and_a_board_without_limits_has_none_to_miss():
    assert told_coarsely(0.0, 10.0) == ["gain", "correlation"]
    for kept in ("signal.gain_error", "signal.correlation", None):
        targets = {name: limit for name, limit in HEADBAND.targets.items() if name == kept}
        board = msgspec.structs.replace(HEADBAND, targets=targets)
        expected = [] if kept is None else [{"signal.gain_error": "gain"}.get(kept, "correlation")]
        assert told_coarsely(0.1e-6, 10.0, board) == expected


def test_each_channel_is_doubted_for_itself():
    volts = np.stack([square(20e-6), square(0.1e-6, 5e-3), square(20e-6)])
    assert list(doubtful(volts, ["A", "B", "C"], HEADBAND, 10.0)) == ["B"]


def test_a_figure_that_the_signal_cannot_show_is_undecided():
    target = HEADBAND.targets["signal.correlation"]
    flags = Flags(signal_fault=explained({"O2": "is constant"}))
    # Channels that do show it and miss the limit are the board's fault.
    for value, verdict in ((0.9999, "inconclusive"), (None, "inconclusive"), (0.5, "fail")):
        judged = judge(target, value, 1e-6, 100, flags)
        assert judged.verdict == verdict
        assert judged.note == "the signal cannot show it: O2 is constant"
    assert explained({}) == ""


def test_channels_of_one_fault_are_told_together():
    faults = {"Fp1": "reaches 200 mV", "O1": "is constant", "O2": "reaches 200.1 mV"}
    assert explained(faults, "a: ") == "a: Fp1, O2 reaches 200 mV; O1 is constant"


def test_what_the_amplifier_cuts_off_counts_though_the_filter_damps_it():
    damped = square(0.1)
    assert why(damped) is None
    assert why(damped, peaks_v=np.array([0.19])).startswith("reaches 190 mV, beyond")
