"""The verdict of the gate for machines."""

from __future__ import annotations

import json
import math

from eegrig.hil.gate.changes import Change
from eegrig.hil.gate.data import gate_data
from eegrig.hil.gate.judge import judge
from eegrig.hil.gate.observations import Observation

from .runs import CATALOGUE, POWER, noisy, taken


def test_it_is_json_whatever_is_infinite_or_unknown() -> None:
    new = taken({POWER: noisy(0.01, 1, seed=2)})
    verdict = judge(taken({POWER: noisy(0.01, 20, seed=1)}), new, CATALOGUE)
    run = Observation(1.0, None, "W", 0, "a")
    steps = {POWER: [Change(1, 0.0, 1.0, run, run._replace(commit="b"))]}
    data = json.loads(json.dumps(gate_data(verdict, new, ["b.toml"], steps), allow_nan=False))
    assert data["exit_code"] == 4
    assert data["wants_new"] == 4
    assert data["design"]["n_baseline"] == 20
    (figure,) = data["figures"]
    assert math.isinf(verdict.figures[0].least_visible)
    assert figure["least_visible"] is None
    assert set(figure["shift"]) == {"low", "estimate", "high"}
    assert data["changes"][POWER][0]["relative"] is None
    assert data["changes"][POWER][0]["commits"] == "a..b"
