from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from eegrig.boards.schema import Target
from eegrig.hil.figures.account import RunTest
from eegrig.hil.figures.results import Results
from eegrig.hil.report.table import print_table
from eegrig.hil.report.vocabulary import word
from eegrig.host.commands.output import degrading_streams

from .sample import write_sample


def printed(results: Results, width: int = 100) -> str:
    out = io.StringIO()
    print_table(results, Console(file=out, width=width, highlight=False))
    return out.getvalue().replace("\u00a0", " ")


def test_the_verdict_comes_first_and_every_figure_follows(passing_run):
    results = Results.load(passing_run)
    said = printed(results)
    assert said.lstrip().startswith("PASS")
    for figure in results.figures:
        assert word(figure.name).label in said
    assert "44.5 ± 0.9 mW" in said
    assert "≤ 48 mW" in said
    assert "7.3 %" in said


def test_nothing_is_cut_off_in_a_terminal_of_eighty_columns(passing_run):
    results = Results.load(passing_run)
    assert "…" not in printed(results, width=80)
    assert "✓" in printed(results, width=80)


def test_a_long_name_goes_on_in_the_next_line_and_cuts_no_mark_and_no_number():
    results = Results(board="headband8", bench="virtual")
    name = "ifcn.noise_line"
    limit = Target(limit=1.5e-6, kind="max", unit="V", reason="so")
    results.record(
        name, 49e-9, "V", uncertainty=14e-9, n=9, provenance="simulated", everywhere=limit
    )
    results.record("power.sleep", 1e-3, "W", uncertainty=1e-5, n=9, provenance="simulated")
    said = printed(results, width=60)
    assert max(map(len, said.splitlines())) <= 60
    assert "…" not in said
    assert "✓" in said
    for whole in ("0.049 ± 0.014 µV", "≤ 1.5 µV", "97 %"):
        assert whole in said
    assert all(part in said for part in word(name).label.split())


@pytest.mark.parametrize(
    ("kind", "said"),
    [("fail", "−6.6 %"), ("inconclusive", "computed over 14 lost samples")],
)
def test_what_is_wrong_is_said(tmp_path, kind, said):
    text = printed(write_sample(tmp_path, kind))
    assert text.lstrip().startswith(kind.upper())
    assert said in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
@pytest.mark.parametrize("kind", ["pass", "marginal", "fail", "inconclusive"])
def test_a_terminal_that_lacks_characters_shows_others(tmp_path, monkeypatch, encoding, kind):
    out = io.BytesIO()
    stream = io.TextIOWrapper(out, encoding=encoding)
    monkeypatch.setattr("sys.stdout", stream)
    with degrading_streams():
        print_table(write_sample(tmp_path, kind), Console(file=stream, width=100, highlight=False))
        stream.flush()
    said = out.getvalue().decode(encoding)
    assert ("?" in said) == (kind == "inconclusive")
    assert "<=" in said or "≤" in said
    assert (kind == "fail") == bool(re.search(r"^\W*[x✕] \W", said, re.MULTILINE))


def test_a_run_of_a_part_says_how_large_a_part(passing_run):
    results = Results.load(passing_run)
    results.part_of = 99
    said = printed(results)
    assert said.lstrip().startswith(f"PART: {results.met} of 99 figures met")
    assert "PASS" not in said
    assert "All " not in said


def test_a_run_without_figures_is_no_pass():
    assert "INCONCLUSIVE" in printed(Results(board="toy", bench="virtual"))


def test_brackets_in_names_are_no_markup():
    results = Results(board="[bold]toy[/bold]", bench="virtual")
    assert "[bold]toy[/bold]" in printed(results)


def test_tests_that_failed_are_printed_with_the_reason(tmp_path):
    results = write_sample(tmp_path, "pass")
    reason = "the board has no name"
    test = RunTest(
        id="test_a.py::test_b", suite="a", outcome="failed", reason=reason, verdict="fail"
    )
    results.tests = [test]
    said = printed(results)
    assert said.lstrip().startswith("FAIL")
    assert "test a: b: the board has no name" in said
