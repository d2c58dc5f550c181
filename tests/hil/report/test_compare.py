"""Boards side by side."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from eegrig.boards import load_board, load_part
from eegrig.boards.loader import board_path
from eegrig.boards.schema import Board
from eegrig.hil.figures.results import Results
from eegrig.hil.report.compare import (
    Run,
    columns,
    folder_names,
    plain_data,
    print_comparison,
    row_names,
    write_comparison,
)
from eegrig.hil.run import RunRequest
from eegrig.host.commands.cli import main


def named(name: str, channels: int = 8) -> Board:
    board = load_board("headband8")
    afe = msgspec.structs.replace(board.afe, channels=board.afe.channels[:channels])
    return msgspec.structs.replace(board, name=name, afe=afe)


def run(
    board: str, milliwatts: float, *, goodput_bps: float | None = None, channels: int = 8
) -> Run:
    made = results(board, milliwatts, goodput_bps=goodput_bps)
    return Run(made, named(board, channels), board)


def results(board: str, milliwatts: float, *, goodput_bps: float | None = None) -> Results:
    made = Results(board=board, bench="virtual", targets=dict(load_board("headband8").targets))
    for name, value, unit in (
        ("power.streaming", milliwatts * 1e-3, "W"),
        ("power.streaming.afe", milliwatts * 0.8e-3, "W"),
        ("power.streaming.radio", milliwatts * 0.2e-3, "W"),
        ("battery.life", 36000.0, "s"),
        ("latency.mean", 0.0125, "s"),
    ):
        made.record(name, value, unit, uncertainty=0.0, n=1, provenance="simulated")
    if goodput_bps is not None:
        made.record(
            "bandwidth.goodput",
            goodput_bps,
            "bit/s",
            uncertainty=0.0,
            n=1,
            provenance="simulated",
        )
    return made


@pytest.fixture
def two() -> list[Run]:
    return [run("one", 40.0, goodput_bps=1.2e6), run("other", 4.0, channels=2)]


def test_values_are_shown_in_the_units_people_compare(two: list[Run]) -> None:
    one, other = columns(two)
    assert one.text("Streaming power") == "40\u00a0mW"
    assert other.text("Streaming power") == "4\u00a0mW"
    assert one.text("Battery life") == "10\u00a0h"
    assert one.text("Latency, mean") == "12.5\u00a0ms"


def test_head_room_is_goodput_over_what_the_board_streams(
    two: list[Run],
) -> None:
    one, other = columns(two)
    assert one.text("Bandwidth head-room") == "25.0 x"
    assert other.text("Bandwidth head-room") == "-"


def test_rows_nobody_has_a_value_for_are_left_out(two: list[Run]) -> None:
    names = row_names(columns(two))
    assert "Goodput" in names
    assert "Input noise" not in names


def test_the_terminal_shows_every_board(two: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(columns(two))
    text = capsys.readouterr().out
    assert "one" in text
    assert "other" in text
    assert "40\u00a0mW" in text


def test_the_page_is_self_contained(two: list[Run], tmp_path: Path) -> None:
    html = write_comparison(columns(two), tmp_path).read_text()
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    assert html.count("<th>") == 3
    assert "40\u00a0mW" in html
    assert "k-g-afe" in html


# ---- how far the figures can be relied on


@pytest.fixture
def close() -> Run:
    """A board whose power meets its limit, though not with its uncertainty."""
    board = named("close")
    limit = board.targets["power.streaming"].limit
    made = Results(board="close", bench="virtual", targets=dict(board.targets))
    made.record(
        "power.streaming",
        limit - 1e-3,
        "W",
        uncertainty=3e-3,
        n=9,
        provenance="simulated",
        note="rests on the converter's curve",
    )
    made.record("battery.life", 9e5, "s", uncertainty=9e4, n=1, provenance="modelled")
    return Run(made, board, "close")


def test_a_value_has_its_uncertainty_and_the_boards_limit_beside_it(close: Run) -> None:
    (column,) = columns([close])
    limit = close.board.targets["power.streaming"].limit * 1e3
    assert column.text("Streaming power") == f"{limit - 1:.1f}\u00a0±\u00a03.0\u00a0mW"
    assert column.limit("Streaming power") == f"≤\u00a0{limit:g}\u00a0mW"
    assert column.judged("Streaming power") == "marginal"
    assert column.judged("Battery life") == ""


def test_head_room_is_as_uncertain_as_the_goodput() -> None:
    made = results("one", 40.0)
    board = named("one")
    made.record("bandwidth.goodput", 4.8e5, "bit/s", uncertainty=4.8e4, n=1, provenance="simulated")
    (column,) = columns([Run(made, board, "one")])
    assert column.text("Bandwidth head-room") == "10.0\u00a0±\u00a01.0 x"


def capacity_mah(run: Run) -> float:
    return load_part(run.board.battery.part)["capacity"].value


def test_capacity_and_channels_are_said(two: list[Run]) -> None:
    one, other = columns(two)
    assert one.text("Battery") == f"{capacity_mah(two[0]):g}\u00a0mAh"
    assert other.text("Channels") == "2 at\u00a0250\u00a0SPS"
    assert row_names([one, other])[:2] == ["Channels", "Battery"]


def test_the_build_and_what_a_board_needs_beyond_it_are_said(
    two: list[Run], tmp_path: Path
) -> None:
    stock = Run(two[0].results, load_board("earpatch2"), "earpatch2")
    one, other = columns([two[0], stock])
    assert one.text("MicroPython, stock build") == "nrf52840dk_nrf52840 (zephyr)"
    assert one.text("Beyond stock") == "SPI, ADC, FLASH_MAP"
    assert other.text("MicroPython, stock build") == "NUCLEO_WB55 (stm32)"
    assert other.text("Beyond stock") == "nothing"
    assert "SPI, ADC, FLASH_MAP" in write_comparison([one, other], tmp_path).read_text()
    assert plain_data([one])[0]["runtime"]["options"] == {
        "SPI": True,
        "ADC": True,
        "FLASH_MAP": True,
    }


def test_page_and_terminal_say_why_it_is_marginal_and_where_figures_come_from(
    close: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = columns([close, close])
    html = write_comparison(made, tmp_path).read_text()
    print_comparison(made)
    for text in (html, capsys.readouterr().out):
        assert "meets the limit, but not with its uncertainty" in text
        assert "rests on the converter&#39;s curve" in text or "converter's curve" in text
        assert "no hardware was involved" in text
        assert "Calculated from formulas. Here: battery life." in text
        assert "marginal" in text


def test_the_page_links_to_the_runs(two: list[Run], tmp_path: Path) -> None:
    html = write_comparison(columns(two), tmp_path).read_text()
    assert 'href="one/report.html"' in html
    assert 'href="other/report.html"' in html


def test_plain_data_has_the_whole_figures(close: Run) -> None:
    (data,) = plain_data(columns([close]))
    figure = data["values"]["Streaming power"]
    assert figure["uncertainty"] == 3e-3
    assert figure["provenance"] == "simulated"
    assert figure["verdict"] == "marginal"
    assert figure["limit"] == close.board.targets["power.streaming"].limit
    assert data["report"] == "close/report.html"
    assert data["capacity_mah"] == capacity_mah(close)


def test_on_a_narrow_screen_every_value_says_whose_it_is(two: list[Run], tmp_path: Path) -> None:
    # There a table's rows are blocks below each other, and its head is not shown.
    html = write_comparison(columns(two), tmp_path).read_text()
    assert ".compare td::before { content: attr(data-board);" in html
    rows = html.split("<tbody>")[1].split("</tbody>")[0]
    assert rows.count("<td ") == rows.count('data-board="one"') + rows.count('data-board="other"')
    assert rows.count("<td>") == 0


def test_boards_of_one_name_have_folders_of_their_own() -> None:
    boards = [named("a"), named("b"), named("a"), named("a")]
    assert folder_names(boards) == ["a", "b", "a-2", "a-3"]


def test_the_command_takes_a_path_to_a_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine" / "board.toml"
    mine.parent.mkdir()
    text = board_path("headband8").read_text(encoding="utf-8")
    mine.write_text(text.replace('name = "headband8"', 'name = "mine"'), encoding="utf-8")
    asked: list[RunRequest] = []

    def run_suites(request: RunRequest, **_options: bool) -> int:
        asked.append(request)
        request.out.mkdir(parents=True)
        made = results(load_board(request.board).name, 40.0)
        made.close(provenance="simulated")
        made.save(request.out)
        return 0

    monkeypatch.setattr("eegrig.hil.run.run_suites", run_suites)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["compare", "mine/board.toml", "mine", "headband8", "--out", "o"])
    assert ended.value.code in (0, 1)
    assert [Path(request.board) for request in asked[:2]] == [mine, mine]
    assert [request.out.name for request in asked] == ["mine", "mine-2", "headband8"]
    assert "mine-2" in capsys.readouterr().out
    assert "<title>mine, mine-2, headband8" in (tmp_path / "o" / "compare.html").read_text()
