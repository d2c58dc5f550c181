"""Folders of runs, as the suites leave them, made in no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from eegrig.boards.catalogue import own_catalogue
from eegrig.boards.schema import Target
from eegrig.hil.figures.results import FirmwareCheck, Results
from eegrig.hil.history.database import History
from eegrig.hil.history.record import Added, NewRun, add_run, read_run
from eegrig.hil.run.run_folder import open_run_folder

HASH = "9f2c4e71ab03d5586c1b7790e2fd4410" * 2
TARGETS = {"power.streaming": Target(limit=48e-3, kind="max", unit="W", reason="30 h on 400 mAh")}
BEGIN = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


def results(night: int = 0, *, power_w: float = 44e-3, **fields: Any) -> Results:
    """Return what the run of a night found out."""
    run = Results(
        **{
            "board": "headband8",
            "board_title": "EEG headband",
            "bench": "virtual",
            "firmware": FirmwareCheck(version="0.1.0", image_hash=HASH, expected_hash=HASH),
            "seed": night,
            "started_at": (BEGIN + timedelta(days=night)).isoformat(),
            "signal": "scene resting",
            "link": {"phy": 2, "interval_ms": 50.0},
            "targets": dict(TARGETS),
            **fields,
        }
    )
    simulated: dict[str, Any] = {"provenance": "simulated"}
    conditions = {"profile": "efficient", "seconds": 15.0}
    run.record(
        "power.streaming", power_w, "W", uncertainty=1e-3, n=1, conditions=conditions, **simulated
    )
    run.record("latency.mean", 13.35e-3 + 1e-6 * night, "s", uncertainty=8e-5, n=1750, **simulated)
    run.record("latency.max", None, "s", uncertainty=None, n=0, **simulated)
    run.close(provenance="simulated")
    return run


def folder(out: Path, run: Results, **files: bytes) -> Path:
    """Write a run's folder; `files` by their stem."""
    with open_run_folder(out, ()) as whole:
        run.save(whole.work)
        for name, content in {"image": b"firmware", **files}.items():
            (whole.work / f"{name}.bin").write_bytes(content)
        whole.publish()
    return out


def read(out: Path, **said: Any) -> NewRun:
    return read_run(out, own_catalogue(), **{"who": "ada@bench", **said})


def add(history: History, out: Path, night: int = 0, **fields: Any) -> Added:
    return add_run(history, read(folder(out / str(night), results(night, **fields))))
