"""The verdict of the gate as plain data, for machines."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from eegrig.hil.gate.changes import Change
from eegrig.hil.gate.judge import FigureVerdict, GateVerdict
from eegrig.hil.gate.observations import Taken
from eegrig.hil.gate.stages import POWER

__all__ = ["gate_data"]


def gate_data(
    verdict: GateVerdict,
    new: Taken,
    baselines: Sequence[str],
    steps: Mapping[str, Sequence[Change]],
) -> dict[str, Any]:
    """Return what ``eegrig gate --json`` prints; null is what is unknown or infinite.

    Parameters
    ----------
    verdict : GateVerdict
    new : Taken
        The runs that were judged.
    baselines : sequence of str
        What they were held against, a line each.
    steps : mapping of str to sequence of Change
        Change points of the recent runs, by figure.
    """
    return {
        "outcome": verdict.outcome,
        "exit_code": verdict.exit_code,
        "test": "pairs by seed" if verdict.paired else "exact Mann-Whitney",
        "power": 1.0 if verdict.paired else POWER,
        "design": None if verdict.paired else dataclasses.asdict(verdict.design),
        "wants_new": verdict.wants_new,
        "wants_baseline": verdict.wants_baseline,
        "board": new.setting.board,
        "bench": new.setting.bench,
        "n_runs": new.n_runs,
        "images": list(new.images),
        "baselines": list(baselines),
        "figures": [_figure(figure) for figure in verdict.figures],
        "left_out": dict(verdict.left_out),
        "changes": {name: [_change(each) for each in found] for name, found in steps.items()},
    }


def _figure(figure: FigureVerdict) -> dict[str, Any]:
    fields = dataclasses.asdict(figure)
    fields["shift"] = None if figure.shift is None else figure.shift._asdict()
    return {key: _finite(value) for key, value in fields.items()}


def _change(change: Change) -> dict[str, Any]:
    return {
        "at": change.at,
        "before": change.before,
        "after": change.after,
        "relative": _finite(change.relative),
        "between": change.between,
        "commits": change.commits,
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
