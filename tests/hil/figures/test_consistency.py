"""A results file whose verdicts do not follow from the rest of it is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eegrig.boards.schema import Target
from eegrig.hil.figures.account import RunTest
from eegrig.hil.figures.results import Results, ResultsError
from eegrig.host.commands.cli import main

EARLIER = Path(__file__).parent / "earlier"
TARGETS = {
    "power.sleep": Target(limit=3e-4, kind="max", unit="W", reason="a month in a drawer"),
    "power.connected": Target(limit=2e-3, kind="max", unit="W", reason="a day"),
    "bandwidth.goodput": Target(limit=1e5, kind="min", unit="bit/s", reason="all channels"),
    "latency.mean": Target(limit=0.02, kind="max", unit="s", reason="a closed loop"),
}
LOST = "test_latency.py::test_it"


def a_run() -> Results:
    """Return a run with one of each: met, missed, flawed and left out."""
    results = Results(board="toy", bench="virtual", targets=dict(TARGETS))
    for name, value, unit, flaws in (
        ("power.sleep", 1e-4, "W", {}),
        ("power.connected", 5e-3, "W", {}),
        ("latency.mean", 0.01, "s", {"failed_test": "it hums"}),
    ):
        results.record(name, value, unit, uncertainty=0.0, n=9, provenance="simulated", **flaws)
    results.tests = [
        RunTest(id="a.py::test_a", suite="a", outcome="passed", figures=["power.sleep"]),
        RunTest(
            id="a.py::test_b",
            suite="a",
            outcome="failed",
            reason="power.connected = 5 mW",
            figures=["power.connected"],
        ),
        RunTest(
            id=LOST,
            suite="latency",
            outcome="failed",
            reason="it hums",
            verdict="inconclusive",
            figures=["latency.mean"],
        ),
    ]
    results.close(provenance="simulated", partial=True)
    return results


def edited(folder: Path, edit: Callable[[dict[str, Any]], object]) -> str:
    """Edit a results file; return why it is refused."""
    path = a_run().save(folder)
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ResultsError) as caught:
        Results.load(folder)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in message
    assert message.endswith("it was changed since it was written: run again")
    return message


def of(content: dict[str, Any], name: str) -> dict[str, Any]:
    figure: dict[str, Any] = next(f for f in content["figures"] if f["name"] == name)
    return figure


def drop(content: dict[str, Any], field: str, index: int) -> None:
    del content[field][index]


EDITS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a verdict": (
        lambda c: of(c, "power.connected").update(verdict="pass"),
        "figure power.connected is called pass, and fail follows from its value, limit and flags",
    ),
    "a value": (
        lambda c: of(c, "power.sleep").update(value=1.0),
        "figure power.sleep is called pass, and fail follows",
    ),
    "an uncertainty": (
        lambda c: of(c, "power.sleep").update(uncertainty=1.0),
        "power.sleep is called pass, and marginal follows",
    ),
    "how many samples": (lambda c: of(c, "power.sleep").update(n=0), "inconclusive follows"),
    "a limit": (
        lambda c: of(c, "power.connected").update(limit=1.0, verdict="pass"),
        "power.connected is held against max 1.0 W, and the run's target is max 0.002 W",
    ),
    "a target": (
        lambda c: c["targets"]["power.connected"].update(limit=1.0),
        "held against max 0.002 W, and the run's target is max 1.0 W",
    ),
    "a limit that is none": (
        lambda c: c["targets"].pop("power.connected"),
        "power.connected has a limit, and is no target of the run",
    ),
    "a flag": (
        lambda c: of(c, "latency.mean").update(flags={}),
        "latency.mean is called inconclusive, and pass follows",
    ),
    "a figure that is gone": (
        lambda c: drop(c, "figures", 1),
        "target power.connected is neither a figure nor listed under not_measured with a reason",
    ),
    "a target that is not accounted for": (
        lambda c: drop(c, "not_measured", 0),
        "target bandwidth.goodput is neither",
    ),
    "a reason that is gone": (
        lambda c: c["not_measured"][0].update(because=""),
        "target bandwidth.goodput is neither",
    ),
    "a stop that was none": (
        lambda c: c["not_measured"][0].update(because="stopped"),
        "bandwidth.goodput is listed as stopped, and the run was not",
    ),
    "a part that is no part": (
        lambda c: c.update(part_of=None),
        "bandwidth.goodput is listed as not selected, and the run as one of all targets",
    ),
    "a part of less than there is": (lambda c: c.update(part_of=2), "part of 2 targets, and has 4"),
    "a figure twice": (lambda c: c["figures"].append(c["figures"][0]), "power.sleep is there 2"),
    "a figure that was left out": (
        lambda c: c["not_measured"].append({"what": "power.sleep", "why": "no meter"}),
        "power.sleep is a figure, and listed as not measured",
    ),
    "a test that failed": (
        lambda c: c["tests"][2].update(verdict=None, outcome="passed"),
        "figure latency.mean is of a test that failed, and no test of it did",
    ),
    "what a test adds": (
        lambda c: c["tests"][0].update(outcome="failed"),
        "test a.py::test_a failed, and adds nothing to the verdict",
    ),
    "what a skip adds": (
        lambda c: c["tests"][1].update(outcome="skipped", verdict="fail"),
        "test a.py::test_b was skipped, and adds fail",
    ),
    "a stop with exit code 0": (
        lambda c: c.update(stopped={"reason": "enough", "exit_code": 0}),
        "it was stopped, with exit code 0",
    ),
    "the verdict of all": (
        lambda c: c.update(verdict="part", exit_code=0),
        "it says part with exit code 0, and fail with 1 follows from its figures and tests",
    ),
    "the exit code": (lambda c: c.update(exit_code=0), "it says fail with exit code 0"),
    "no verdict at all": (lambda c: c.pop("verdict"), "it says None with exit code 1"),
    "a test of its own": (
        lambda c: c["tests"].append(
            {"id": "x", "suite": "x", "outcome": "error", "verdict": "pass"}
        ),
        "test x ended in an error, and adds pass",
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_file_is_refused_in_one_line_that_names_what_contradicts(
    tmp_path: Path, what: str
) -> None:
    edit, said = EDITS[what]
    assert said in edited(tmp_path, edit)


def test_what_was_not_edited_is_read(tmp_path: Path) -> None:
    results = a_run()
    results.save(tmp_path)
    assert Results.load(tmp_path) == results
    assert (results.verdict, results.exit_code, results.met) == ("fail", 1, 1)


def test_verdicts_follow_from_the_limits_in_the_file_and_not_from_the_board_of_today(
    tmp_path: Path,
) -> None:
    loose = Target(limit=9.0, kind="max", unit="W", reason="before somebody sharpened it")
    results = Results(board="headband8", bench="virtual", targets={"power.sleep": loose})
    results.record("power.sleep", 8.0, "W", uncertainty=0.0, n=1, provenance="simulated")
    results.save(tmp_path)
    assert Results.load(tmp_path).verdict == "pass"


def test_the_command_refuses_an_edited_file_and_leaves_the_report_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited(tmp_path, EDITS["a verdict"][0])
    with pytest.raises(SystemExit) as caught:
        main(["report", str(tmp_path)])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "contradicts itself: figure power.connected" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


# ---- files of earlier schemas


def earlier(schema: int, folder: Path) -> Path:
    shutil.copy(EARLIER / f"schema-{schema}.json", folder / "results.json")
    return folder


@pytest.mark.parametrize("schema", [1, 2])
def test_a_run_of_an_earlier_schema_is_read(tmp_path: Path, schema: int) -> None:
    results = Results.load(earlier(schema, tmp_path))
    assert (results.verdict, results.exit_code) == ("part", 0)
    assert (results.met, results.part_of) == (5, 21)
    assert len(results.targets) == 5, "the limits of what it did not take are not in it"
    assert results.targets["latency.mean"].limit == 0.015
    results.save(tmp_path)
    assert Results.load(tmp_path) == results


@pytest.mark.parametrize("schema", [1, 2])
def test_a_report_of_an_earlier_schema_says_what_it_said(tmp_path: Path, schema: int) -> None:
    main_ok(["report", str(earlier(schema, tmp_path))])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "PART: 5 of 21 figures met" in page
    assert "bluetooth.acl_packets = 3" in page
    assert "% of a mode’s energy" in page


def main_ok(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert not caught.value.code


@pytest.mark.parametrize("schema", [1, 2])
def test_an_edited_file_of_an_earlier_schema_is_refused(tmp_path: Path, schema: int) -> None:
    path = earlier(schema, tmp_path) / "results.json"
    content = json.loads(path.read_text())
    of(content, "latency.mean")["value"] = 0.5
    path.write_text(json.dumps(content))
    with pytest.raises(ResultsError, match=r"latency\.mean is called pass, and fail follows"):
        Results.load(tmp_path)


@pytest.mark.parametrize(
    ("note", "value", "flag"),
    [
        ("computed over 14 lost samples", 0.01, ("lost", 14)),
        ("out of range during the measurement; warm", 0.01, ("saturated", True)),
        ("the window was too short", 0.01, ("short_window", True)),
        (
            "the board does not run the firmware that was asked for",
            0.01,
            ("other_firmware", True),
        ),
        ("the test failed: it hums", 0.01, ("failed_test", "it hums")),
        ("the signal cannot show it: O2 is constant", 0.01, ("signal_fault", None)),
        ("no value was obtained", None, None),
    ],
)
def test_why_an_earlier_figure_was_inconclusive_is_told_from_its_note(
    tmp_path: Path, note: str, value: float | None, flag: tuple[str, Any] | None
) -> None:
    path = earlier(2, tmp_path) / "results.json"
    content = json.loads(path.read_text())
    of(content, "latency.mean").update(verdict="inconclusive", note=note, value=value)
    content.update(verdict="inconclusive", exit_code=1)
    path.write_text(json.dumps(content))
    figure = Results.load(tmp_path).figure("latency.mean")
    assert figure is not None
    if flag is not None:
        name, expected = flag
        assert getattr(figure.flags, name) == (note if expected is None else expected)
