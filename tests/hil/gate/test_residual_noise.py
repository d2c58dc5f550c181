"""Bounds on how far figures of a virtual bench move by themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eegrig.boards.errors import ConfigError
from eegrig.hil.gate.residual_noise import bound_of, measured_bound, read_bounds

from .runs import CATALOGUE, LOSS, POWER


def test_every_figure_has_a_bound_that_says_how_it_is_known() -> None:
    for figure in CATALOGUE:
        bound = bound_of(figure.name)
        assert bool(bound.measured) != bool(bound.assumed)


def test_the_first_pattern_that_fits_counts() -> None:
    assert bound_of("latency.p99").relative > bound_of("latency.mean").relative
    assert bound_of(POWER).in_unit(0.01) == pytest.approx(5e-6)
    assert bound_of(LOSS).in_unit(0.0) == pytest.approx(0.002)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ('figures = "*"', "say how it is known"),
        ('figures = "*"\nassumed = "a"\nmeasured = "b"', "say how it is known"),
        ('figures = "*"\nassumed = "a"\nrelative = inf', "not a finite number"),
        ('figures = "*"\nassumed = "a"\nrelative = -1.0', "bounds"),
    ],
)
def test_a_bound_that_nobody_can_rely_on_is_refused(tmp_path: Path, entry: str, says: str) -> None:
    path = tmp_path / "n.toml"
    path.write_text(f"[[bounds]]\n{entry}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        read_bounds(path)


def test_a_measured_bound_holds_nearly_all_changes_of_its_kind() -> None:
    rng = np.random.default_rng(1)
    moves = rng.standard_normal((400, 20))
    # A bound that holds 0.999 of normal moves is 3.29 or more; with confidence 0.95.
    enough = np.mean([measured_bound(each) >= 3.29 for each in moves])
    assert enough == pytest.approx(0.95, abs=0.03)


def test_a_measured_bound_is_never_less_than_what_was_seen() -> None:
    assert measured_bound([0.0] * 20) == 0.0
    assert measured_bound([0.0] * 99 + [7.0]) >= 7.0


@pytest.mark.parametrize("moves", [[0.1] * 19, [0.1] * 19 + [float("nan")]])
def test_too_few_changes_measure_nothing(moves: list[float]) -> None:
    with pytest.raises(ValueError, match="20 changes or more, all finite"):
        measured_bound(moves)
