"""Boards side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from boards import load_board
from hil.report.compare import columns, print_comparison, row_names, write_comparison
from hil.results import Results


def results(board: str, milliwatts: float, *, goodput_bps: float | None = None) -> Results:
    described = load_board("headband8")
    made = Results(board=board, bench="virtual")
    for name, value, unit in (
        ("power.streaming", milliwatts * 1e-3, "W"),
        ("power.streaming.afe", milliwatts * 0.8e-3, "W"),
        ("power.streaming.radio", milliwatts * 0.2e-3, "W"),
        ("battery.life", 36000.0, "s"),
        ("latency.mean", 0.0125, "s"),
    ):
        made.record(described, name, value, unit, uncertainty=0.0, n=1, provenance="simulated")
    if goodput_bps is not None:
        made.record(
            described,
            "bandwidth.goodput",
            goodput_bps,
            "bit/s",
            uncertainty=0.0,
            n=1,
            provenance="simulated",
        )
    return made


@pytest.fixture
def two() -> list[tuple[Results, float]]:
    return [(results("one", 40.0, goodput_bps=1.2e6), 48e3), (results("other", 4.0), 6e3)]


def test_values_are_shown_in_the_units_people_compare(two: list[tuple[Results, float]]) -> None:
    one, other = columns(two)
    assert one.text("Streaming power") == "40\u00a0mW"
    assert other.text("Streaming power") == "4\u00a0mW"
    assert one.text("Battery life") == "10\u00a0h"
    assert one.text("Latency, mean") == "12.5\u00a0ms"


def test_head_room_is_goodput_over_what_the_board_streams(
    two: list[tuple[Results, float]],
) -> None:
    one, other = columns(two)
    assert one.text("Bandwidth head-room") == "25.0 x"
    assert other.text("Bandwidth head-room") == "-"


def test_rows_nobody_has_a_value_for_are_left_out(two: list[tuple[Results, float]]) -> None:
    names = row_names(columns(two))
    assert "Goodput" in names
    assert "Input noise" not in names


def test_the_terminal_shows_every_board(
    two: list[tuple[Results, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    print_comparison(columns(two))
    text = capsys.readouterr().out
    assert "one" in text
    assert "other" in text
    assert "40\u00a0mW" in text


def test_the_page_is_self_contained(two: list[tuple[Results, float]], tmp_path: Path) -> None:
    html = write_comparison(columns(two), tmp_path).read_text()
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    assert html.count("<th>") == 3
    assert "40\u00a0mW" in html
    assert "k-g-afe" in html
