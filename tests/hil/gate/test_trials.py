"""The search for a commit, with runs that are made up (`docs/how-to` has real ones)."""

from __future__ import annotations

from pathlib import Path

import pytest

from eegrig.boards.errors import BoardFault, ConfigError
from eegrig.hil.figures.results import Results
from eegrig.hil.gate import trials
from eegrig.hil.gate.trials import Trials
from eegrig.hil.run import RunRequest

from .runs import CATALOGUE, GOODPUT, POWER, run


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Results | Exception]:
    """Give each commit the results that the dictionary says; nothing is built or run."""
    by_commit: dict[str, Results | Exception] = {}

    def take_out(repository: Path, commit: str, folder: str, into: Path) -> Path:
        return into / commit

    def run_suites(request: RunRequest, **how: bool) -> int:
        assert request.firmware_dir is not None
        results = by_commit[request.firmware_dir.name]
        if isinstance(results, Exception):
            raise results
        results.save(request.out)
        return 0

    monkeypatch.setattr(trials, "take_out", take_out)
    monkeypatch.setattr(trials, "run_suites", run_suites)
    return by_commit


def started(made_up: dict[str, Results | Exception]) -> Trials:
    made_up["good"] = run({POWER: 0.01})
    request = RunRequest(board="headband8", out=Path())
    found = Trials(Path(), "firmware", request, POWER, CATALOGUE)
    found.start_from("good")
    return found


def test_a_commit_is_worse_better_or_cannot_be_measured(
    made_up: dict[str, Results | Exception],
) -> None:
    told: list[str] = []
    made_up["worse"] = run({POWER: 0.0103}, image="b" * 64)
    made_up["better"] = run({POWER: 0.009}, image="c" * 64)
    made_up["broken"] = BoardFault("it does not boot")
    made_up["lossy"] = run({POWER: 0.01}, image="d" * 64, lost=3)
    made_up["other"] = run({GOODPUT: 1.0}, image="e" * 64)
    with started(made_up) as found:
        answers = [
            found.is_worse(name, lambda _, what: told.append(what))
            for name in ("worse", "better", "broken", "lossy", "other")
        ]
    assert answers == [True, False, None, None, None]
    assert told[2] == "cannot be measured: it does not boot"
    assert "3 samples were lost" in told[3]
    assert "cannot be judged: these runs did not take it" in told[4]


def test_a_good_commit_without_the_figure_is_refused(
    made_up: dict[str, Results | Exception],
) -> None:
    made_up["start"] = run({GOODPUT: 1.0})
    with started(made_up) as found, pytest.raises(ConfigError, match="mend -k"):
        found.start_from("start")


def test_a_figure_that_nobody_declared_is_refused() -> None:
    request = RunRequest(board="headband8", out=Path())
    with pytest.raises(ConfigError, match="no such figure"):
        Trials(Path(), "firmware", request, "power.coffee", CATALOGUE)
