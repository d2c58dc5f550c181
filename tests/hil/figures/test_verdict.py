from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards.schema import Target
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.verdict import Flags, judge

MOST = Target(limit=48e-3, kind="max", unit="W", reason="because")
LEAST = Target(limit=0.95, kind="min", unit="1", reason="because")
WITHIN = Target(limit=0.005, kind="within", unit="1", reason="because")


@pytest.mark.parametrize(
    ("value", "uncertainty", "verdict"),
    [
        (40e-3, 1e-3, "pass"),
        (47e-3, 1e-3, "pass"),  # exactly at the limit with its uncertainty
        (47.5e-3, 1e-3, "marginal"),
        (48e-3, 1e-3, "marginal"),
        (48e-3, 0.0, "pass"),
        (48.1e-3, 1e-3, "fail"),  # a missed limit is not excused by a large uncertainty
        (48.1e-3, 1.0, "fail"),
        (40e-3, None, "marginal"),
        (None, 1e-3, "inconclusive"),
        (float("nan"), 1e-3, "inconclusive"),
    ],
)
def test_a_maximum_is_judged_with_the_uncertainty_on_the_bad_side(value, uncertainty, verdict):
    assert judge(MOST, value, uncertainty, 5).verdict == verdict


@pytest.mark.parametrize(
    ("value", "uncertainty", "verdict"),
    [(0.99, 0.01, "pass"), (0.955, 0.01, "marginal"), (0.949, 0.01, "fail")],
)
def test_a_minimum_is_judged_the_other_way_round(value, uncertainty, verdict):
    assert judge(LEAST, value, uncertainty, 5).verdict == verdict


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("value", "uncertainty", "verdict"),
    [(0.0, 1e-3, "pass"), (4e-3, 1e-3, "pass"), (4.5e-3, 1e-3, "marginal"), (6e-3, 1e-3, "fail")],
)
def test_an_error_is_judged_by_its_magnitude_and_keeps_its_sign(sign, value, uncertainty, verdict):
    assert judge(WITHIN, sign * value, uncertainty, 5).verdict == verdict
    figure = Figure(
        name="a.b", value=sign * value, unit="1", uncertainty=0.0, n=1, provenance="simulated",
        limit=0.005, kind="within",
    )  # fmt: skip
    assert figure.value == sign * value
    assert figure.margin == pytest.approx((0.005 - value) / 0.005)


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ({"lost": 3}, "3 lost samples"),
        ({"saturated": True}, "out of range"),
        ({"other_firmware": True}, "firmware"),
        ({"short_window": True}, "too short"),
    ],
)
@pytest.mark.parametrize("value", [1e-3, 1.0])
def test_a_figure_that_could_not_be_taken_properly_is_inconclusive(flaw, said, value):
    judgement = judge(MOST, value, 0.0, 5, Flags(**flaw))
    assert judgement.verdict == "inconclusive"
    assert said in judgement.note


def test_a_figure_of_no_sample_is_inconclusive():
    assert judge(MOST, 1e-3, 0.0, 0) == ("inconclusive", "no value was obtained")


@pytest.mark.parametrize("doubt", ["signal_fault", "failed_test"])
def test_a_doubt_takes_a_pass_away_and_excuses_no_miss(doubt):
    flags = Flags(**{doubt: "for a reason"})
    assert judge(MOST, 1e-3, 0.0, 5, flags).verdict == "inconclusive"
    assert judge(MOST, 1.0, 0.0, 5, flags).verdict == "fail"
    nothing = judge(MOST, None, None, 0, flags)
    assert nothing.verdict == "inconclusive"
    assert nothing.note.endswith("for a reason"), "which is why there is no value"


@given(
    value=st.floats(-1, 1),
    uncertainty=st.floats(0, 1),
    flaw=st.sampled_from(["saturated", "other_firmware", "short_window"]),
)
def test_no_flawed_figure_ever_passes(value, uncertainty, flaw):
    flags = Flags(**{flaw: True})
    assert judge(MOST, value, uncertainty, 5, flags).verdict == "inconclusive"


@given(value=st.floats(-1, 1), uncertainty=st.floats(0, 1), more=st.floats(0, 1))
def test_more_uncertainty_never_makes_a_verdict_better(value, uncertainty, more):
    order = ["pass", "marginal", "fail"]
    sharp = judge(MOST, value, uncertainty, 5).verdict
    blunt = judge(MOST, value, uncertainty + more, 5).verdict
    assert order.index(blunt) >= order.index(sharp)


def test_a_figure_without_target_has_no_verdict_but_tells_its_flaws():
    assert judge(None, 1.0, 0.0, 5) == (None, "")
    assert judge(None, 1.0, 0.0, 5, Flags(lost=2)).note == "computed over 2 lost samples"
