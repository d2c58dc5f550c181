from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards.schema import Target
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.verdict import judge


def a_board(**targets: tuple[float, str, str]) -> Any:
    return SimpleNamespace(
        name="toy",
        targets={
            name.replace("__", "."): Target(limit=limit, kind=kind, unit=unit, reason="because")  # type: ignore[arg-type]
            for name, (limit, kind, unit) in targets.items()
        },
    )


BOARD = a_board(
    power__total=(48e-3, "max", "W"),
    bandwidth__link=(0.95, "min", "1"),
    signal__gain=(0.005, "within", "1"),
)


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
    assert judge(BOARD, "power.total", value, uncertainty, 5).verdict == verdict


@pytest.mark.parametrize(
    ("value", "uncertainty", "verdict"),
    [(0.99, 0.01, "pass"), (0.955, 0.01, "marginal"), (0.949, 0.01, "fail")],
)
def test_a_minimum_is_judged_the_other_way_round(value, uncertainty, verdict):
    assert judge(BOARD, "bandwidth.link", value, uncertainty, 5).verdict == verdict


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("value", "uncertainty", "verdict"),
    [(0.0, 1e-3, "pass"), (4e-3, 1e-3, "pass"), (4.5e-3, 1e-3, "marginal"), (6e-3, 1e-3, "fail")],
)
def test_an_error_is_judged_by_its_magnitude_and_keeps_its_sign(sign, value, uncertainty, verdict):
    assert judge(BOARD, "signal.gain", sign * value, uncertainty, 5).verdict == verdict
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
        ({"identity_ok": False}, "firmware"),
        ({"window_ok": False}, "too short"),
        ({"n": 0}, "no value"),
    ],
)
@pytest.mark.parametrize("value", [1e-3, 1.0])
def test_a_figure_that_could_not_be_taken_properly_is_inconclusive(flaw, said, value):
    arguments = {"n": 5, **flaw}
    judgement = judge(BOARD, "power.total", value, 0.0, **arguments)
    assert judgement.verdict == "inconclusive"
    assert said in judgement.note


@given(
    value=st.floats(-1, 1),
    uncertainty=st.floats(0, 1),
    flaw=st.sampled_from(["lost", "saturated", "identity_ok", "window_ok"]),
)
def test_no_flawed_figure_ever_passes(value, uncertainty, flaw):
    flaws: dict[str, Any] = {flaw: flaw in ("lost", "saturated")}
    assert judge(BOARD, "power.total", value, uncertainty, 5, **flaws).verdict == "inconclusive"


@given(value=st.floats(-1, 1), uncertainty=st.floats(0, 1), more=st.floats(0, 1))
def test_more_uncertainty_never_makes_a_verdict_better(value, uncertainty, more):
    order = ["pass", "marginal", "fail"]
    sharp = judge(BOARD, "power.total", value, uncertainty, 5).verdict
    blunt = judge(BOARD, "power.total", value, uncertainty + more, 5).verdict
    assert order.index(blunt) >= order.index(sharp)


def test_a_figure_without_target_has_no_verdict_but_tells_its_flaws():
    assert judge(BOARD, "latency.mean", 1.0, 0.0, 5) == (None, "", None)
    assert judge(BOARD, "latency.mean", 1.0, 0.0, 5, lost=2).note == "computed over 2 lost samples"
