"""The verdict of the gate in words and bars, 80 columns wide."""

from __future__ import annotations

import math

import pytest

from eegrig.hil.gate.changes import Change
from eegrig.hil.gate.judge import FigureVerdict, GateVerdict, judge
from eegrig.hil.gate.observations import Observation
from eegrig.hil.gate.statistics import Interval
from eegrig.hil.gate.text import WIDTH, bar, changes_text, gate_text

from .runs import CATALOGUE, GAIN, LOSS, POWER, noisy, taken

MW = 0.01
HEADS = ["headband8 on rig desk: runs of image " + "f" * 60, "b.toml: accepted"]


def told(verdict: GateVerdict, **more: bool) -> str:
    text = gate_text(verdict, HEADS, **more)
    assert max(map(len, text.splitlines())) <= WIDTH
    return text.replace("\u00a0", " ")


def desk(factor: float, n_new: int) -> GateVerdict:
    old = taken({POWER: noisy(MW, 20, seed=1), GAIN: noisy(0.002, 20, seed=2)})
    new = taken({POWER: noisy(factor * MW, n_new, seed=3), GAIN: noisy(0.002, n_new, seed=4)})
    return judge(old, new, CATALOGUE)


def test_what_is_worse_is_named_with_its_size_and_how_it_was_told() -> None:
    text = told(desk(1.05, 15))
    assert "✕ power.streaming" in text
    assert "p " in text
    assert "exact Mann-Whitney" in text
    assert "WORSE: power.streaming by " in text
    assert "1 others as they were" in text


def test_what_is_fine_says_what_it_could_not_have_seen() -> None:
    text = told(desk(1.0, 5))
    assert "✓ 2 figures as they were" in text
    assert "FINE: no figure is worse. " in text
    assert "is seen with a chance of 0.9 in half of them" in text
    assert "✓ signal.gain_error" in told(desk(1.0, 5), every=True)


def test_what_is_undecided_says_how_many_runs_it_wants() -> None:
    text = told(desk(1.05, 5))
    assert "◔ power.streaming" in text
    assert "UNDECIDED in 1 of 2 figures: take 10 more new runs, and give all of them." in text


def test_nothing_to_judge_is_said() -> None:
    verdict = judge(taken({POWER: [MW]}), taken({GAIN: [0.1]}), CATALOGUE)
    text = told(verdict)
    assert "there is nothing to judge" in text
    assert "Not judged, it has no baseline: accept one: signal.gain_error" in text


def test_pairs_of_a_virtual_bench_say_so() -> None:
    old = taken({POWER: [MW], LOSS: [0.0]}, virtual=True)
    new = taken({POWER: [1.03 * MW], LOSS: [0.5]}, virtual=True)
    text = told(judge(old, new, CATALOGUE))
    assert "pairs of runs with one seed" in text
    assert "+3 %, one pair" in text
    assert "moves by itself up to 0.05 % (measured)" in text
    assert "bandwidth.frame_loss by 0.5" in text


def shifted(low: float, estimate: float, high: float) -> FigureVerdict:
    return FigureVerdict(
        POWER, "W", "accepted", "worse", shift=Interval(low, estimate, high), threshold=1.0
    )


@pytest.mark.parametrize(
    ("interval", "picture"),
    [
        ((0.5, 1.5, 1.9), "···│·━┆━●━·"),
        ((-1.0, 0.0, 0.5), "·━━●━┆·····"),
        ((0.0, 0.0, 0.0), "···●···┆···"),
        ((-50.0, -40.0, -30.0), "·●━┆·······"),
    ],
)
def test_a_bar_shows_the_interval_between_nothing_and_what_matters(
    interval: tuple[float, float, float], picture: str
) -> None:
    assert bar(shifted(*interval), 11) == picture


def test_a_figure_without_a_shift_has_an_empty_bar() -> None:
    assert bar(FigureVerdict(POWER, "W", "accepted", "undecided"), 9) == " " * 9


def test_a_change_says_what_it_happened_between() -> None:
    first, last = (Observation(1.0, None, "W", 0, commit) for commit in ("a", "b"))
    change = Change(3, 0.010, 0.0103, first, last)
    said = changes_text(POWER, [change]).replace("\u00a0", " ")
    assert said == "power.streaming: +3 %, 10 mW to 10.3 mW, between a..b"
    from_zero = Change(3, 0.0, 0.5, first, last)
    assert math.isinf(from_zero.relative)
    assert "%" not in changes_text(POWER, [from_zero])
