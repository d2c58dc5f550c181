"""Series of figures, their pictures, and what can be had of a history as a file."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eegrig.boards.errors import OutputError
from eegrig.hil.history.database import open_history
from eegrig.hil.history.errors import HistoryError
from eegrig.hil.history.export import export
from eegrig.hil.history.place import Place
from eegrig.hil.history.query import Point, figure_names, list_runs, series
from eegrig.hil.history.record import add_run
from eegrig.hil.history.trend import Trend, picture
from eegrig.hil.history.trend_page import chart, render, write_page

from .runs import BEGIN, HASH, add, folder, read, results

POWER = "power.streaming"


def point(night: int, value: float, **fields: Any) -> Point:
    made = Point(
        run_id=night + 1, started_at=BEGIN + timedelta(days=night), value=value, uncertainty=1e-4,
        unit="W", verdict="pass", flags={}, limit=48e-3, kind="max", conditions={},
        provenance="simulated", seed=0, signal="", rig="virtual", firmware_version="0.1.0",
        image_hash=HASH, commit=None,
    )  # fmt: skip
    return replace(made, **fields)


def trend(values: list[float], figure: str = POWER, **fields: Any) -> Trend:
    points = [point(night, value, **fields) for night, value in enumerate(values)]
    return Trend("headband8", figure, points)


# ---- series


def test_a_series_is_one_figure_of_one_board_the_oldest_first(place: Place, tmp_path: Path) -> None:
    with open_history(place, create=True) as history:
        for night in (2, 0, 1):
            add(history, tmp_path, night, power_w=0.04 + night * 1e-3)
        add_run(history, read(folder(tmp_path / "other", results(board="hairclip1"))))
        with history.reading() as session:
            found = series(session, "headband8", POWER)
    assert [p.value for p in found] == [0.04, 0.041, 0.042]
    assert [p.run_id for p in found] == [2, 3, 1]
    newest = found[-1]
    assert newest.started_at == BEGIN + timedelta(days=2)
    assert (newest.unit, newest.uncertainty, newest.verdict) == ("W", 1e-3, "pass")
    assert (newest.limit, newest.kind, newest.flags) == (48e-3, "max", {})
    assert (newest.seed, newest.image_hash, newest.rig) == (2, HASH, "virtual")
    assert newest.conditions == {"profile": "efficient", "seconds": 15.0}


def test_a_series_can_be_of_one_rig_and_of_the_newest_runs(place: Place, tmp_path: Path) -> None:
    with open_history(place, create=True) as history:
        for night in range(6):
            out = folder(tmp_path / str(night), results(night))
            add_run(history, read(out, rig=("left", "right")[night % 2]))
        with history.reading() as session:
            found = series(session, "headband8", POWER, rig="right", limit=2)
            assert [p.seed for p in found] == [3, 5]
            assert len(list_runs(session, rig="left")) == 3


def test_runs_that_could_not_determine_a_figure_are_left_out(place: Place, tmp_path: Path) -> None:
    with open_history(place, create=True) as history:
        add(history, tmp_path)
        with history.reading() as session:
            assert series(session, "headband8", "latency.max") == []
            assert figure_names(session, "headband8") == [POWER, "latency.mean", "latency.max"]


# ---- the picture in the terminal


@pytest.mark.parametrize("n_runs", [1, 2, 7, 68, 69, 500])
def test_a_picture_fits_80_columns_and_shows_the_newest_run(n_runs: int) -> None:
    lines = picture(trend([44e-3 + 1e-6 * (night % 7) for night in range(n_runs)]))
    assert max(map(len, lines)) <= 80
    assert sum("✓" in line for line in lines) == min(n_runs, 7)
    end = (BEGIN + timedelta(days=n_runs - 1)).strftime("%Y-%m-%d")
    assert end in lines[-2] or end in lines[-3]


def test_one_run_has_one_date() -> None:
    assert sum(line.count("2026-11-01") for line in picture(trend([44e-3]))) == 1


def test_a_step_is_seen_in_the_picture() -> None:
    lines = picture(trend([44e-3] * 10 + [45e-3] * 10))
    rows = [line for line in lines if "✓" in line]
    assert [row.count("✓") for row in rows] == [10, 10]
    assert rows[0].index("✓") > rows[1].rindex("✓")  # the higher values are later
    assert "+2.27 %" in " ".join(lines)


def test_values_that_are_all_alike_have_a_picture() -> None:
    assert any(line.count("✓") == 5 for line in picture(trend([44e-3] * 5)))
    assert any(line.count("✓") == 5 for line in picture(trend([0.0] * 5)))


def test_a_limit_is_drawn_where_it_is_near_and_said_where_it_is_not() -> None:
    near = picture(trend([46e-3, 47.5e-3]))
    far = picture(trend([10e-3, 10.1e-3]))
    assert any("–" * 20 in line for line in near)
    assert not any("–" * 20 in line for line in far)
    assert "limit ≤ 48 mW, off the picture" in " ".join(far)


def test_uncertainties_are_drawn_unless_they_hide_what_differs() -> None:
    assert any("·" in line.partition("|")[2] for line in picture(trend([44e-3, 45e-3])))
    wide = picture(trend([44e-3, 45e-3], uncertainty=5e-3))
    assert not any("·" in line.partition("|")[2] for line in wide)
    assert "uncertainties are larger than the picture" in " ".join(wide)


def test_verdicts_have_marks_of_their_own() -> None:
    points = [
        point(n, 1e-3 * (n + 1), verdict=verdict)
        for n, verdict in enumerate(("pass", "marginal", "fail", "inconclusive", None))
    ]
    drawn = "".join(picture(Trend("headband8", POWER, points))[1:-3])
    assert [mark for mark in "✓≈✕?o" if mark in drawn] == list("✓≈✕?o")


def test_an_error_that_keeps_its_sign_has_its_limit_on_its_side() -> None:
    below = trend([-0.004, -0.003], "signal.gain_error", unit="1", limit=0.005, kind="within")
    assert below.unit == "%"
    assert below.limit == pytest.approx(-0.5)


# ---- the page


def test_the_page_has_a_chart_of_each_figure_and_its_runs(tmp_path: Path) -> None:
    path = tmp_path / "trend.html"
    write_page(path, [trend([44e-3, 45e-3], commit="abc<123>"), trend([0.01, 0.02], "boot.time")])
    page = path.read_text(encoding="utf-8")
    assert page.count("<figure>") == 2
    assert page.count("<svg") == 4  # a wide one and a narrow one of each
    assert "abc&lt;123&gt;" in page
    assert "abc<123>" not in page
    assert not re.search(r"""(src|href)=["']?http""", page)
    assert page == render(
        [trend([44e-3, 45e-3], commit="abc<123>"), trend([0.01, 0.02], "boot.time")]
    )


def test_the_chart_has_a_mark_for_each_run_and_a_limit_where_it_is_near() -> None:
    drawn = chart(trend([46e-3, 47e-3, 47.5e-3]))
    assert drawn.count('class="load-span"') == 2 * 3
    assert drawn.count('class="limit"') == 2
    assert 'class="limit"' not in chart(trend([10e-3, 10.1e-3]))
    assert chart(trend([1e-3])).count('class="load-span"') == 2


# ---- the history as a file


@pytest.fixture
def two_runs(place: Place, tmp_path: Path) -> Place:
    with open_history(place, create=True) as history:
        add(history, tmp_path, 0, power_w=0.1 + 0.2)
        add_run(history, read(folder(tmp_path / "o", results(1, board="hairclip1")), commit="abc"))
    return place


def test_json_lines_have_everything(two_runs: Place, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    with open_history(two_runs) as history, history.reading() as session:
        assert export(session, path) == 2
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first["figures"][0]["value"] == 0.1 + 0.2
    assert first["conditions"] == {"phy": 2, "interval_ms": 50.0}
    assert first["started_at"] == "2026-11-01T09:00:00+00:00"
    assert [file["path"] for file in first["files"]] == ["image.bin", "results.json"]
    assert second["commit"] == "abc"
    assert {"id", "board", "rig", "image_hash", "who", "digest"} <= first.keys()


def test_a_table_has_a_row_for_each_figure(two_runs: Place, tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    with open_history(two_runs) as history, history.reading() as session:
        assert export(session, path, board="headband8") == 1
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [POWER, "latency.mean", "latency.max"]
    assert float(rows[0]["value"]) == 0.1 + 0.2
    assert rows[2]["value"] == ""
    assert (rows[0]["run_id"], rows[0]["run_board"], rows[0]["run_seed"]) == ("1", "headband8", "0")


def test_an_export_is_whole_or_not_there(two_runs: Place, tmp_path: Path) -> None:
    with open_history(two_runs) as history, history.reading() as session:
        with pytest.raises(HistoryError, match=r"end in \.csv or \.jsonl"):
            export(session, tmp_path / "runs.txt")
        with pytest.raises(OutputError):
            export(session, tmp_path / "nowhere" / "runs.csv")
    assert not (tmp_path / "nowhere").exists()
