"""Tables of pages: made of stored figures and of what boards promise."""

from __future__ import annotations

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.hil.pages.runs.rates import OWN, Link, links, tried_rates
from eegrig.hil.pages.stored import Stored, StoredFigure
from eegrig.hil.pages.tables import _LARGER_ROWS, TABLES
from eegrig.host.wire.constants import Profile

BOARD = "earpatch2"


def stored(**figures: StoredFigure) -> dict[str, Stored]:
    named = {name.replace("__", "."): figure for name, figure in figures.items()}
    return {BOARD: Stored(identity={}, figures=named)}


def rows(table: str) -> list[list[str]]:
    lines = table.splitlines()
    assert set(lines[1]) == {"|", "-"}
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (StoredFigure(value=0.0035, unit="W", uncertainty=0.0001), "met"),
        (
            StoredFigure(value=0.0038, unit="W", uncertainty=0.0013),
            "met, but not with its uncertainty",
        ),
        (StoredFigure(value=0.0041, unit="W", uncertainty=0.0), "**missed**"),
        (StoredFigure(value=0.0035, unit="W", uncertainty=0.0, sound=False), "not determined"),
        (StoredFigure(unit="W"), "not determined"),
    ],
)
def test_a_figure_is_held_against_the_present_target(figure: StoredFigure, verdict: str) -> None:
    assert load_board(BOARD).targets["power.streaming"].limit == 4e-3
    table = rows(TABLES["targets"](stored(power__streaming=figure), [BOARD]))
    assert table[2][0] == "Streaming power"
    assert table[2][2:] == ["≤ 4 mW", verdict]


def test_streaming_power_is_split_below_it() -> None:
    table = TABLES["targets"](
        stored(
            power__streaming=StoredFigure(value=0.0038364, unit="W", uncertainty=0.0013),
            power__streaming__mcu=StoredFigure(value=0.0026, unit="W", uncertainty=0.0013),
            power__streaming__afe_supply=StoredFigure(value=0.0, unit="W", uncertainty=0.0),
        ),
        [BOARD],
    )
    labels = [(row[0], row[1]) for row in rows(table)[2:]]
    assert labels == [("Streaming power", "3.8 ± 1.3 mW"), ("of it: MCU", "2.6 ± 1.3 mW")]


def test_rates_are_those_offered_and_the_next_one_at_the_intervals_of_boards_and_computers() -> (
    None
):
    board = load_board(BOARD)
    assert tried_rates(board) == [*board.afe.rates_sps, 2 * max(board.afe.rates_sps)]
    own, *computers, low_latency = links(board, board.afe.default_rate_sps)
    assert own == Link(OWN, Profile.EFFICIENT, board.radio.efficient_interval_ms)
    assert [link.interval_ms for link in computers] == [15.0, 30.0, 50.0, 100.0]
    # A faster rate needs a shorter interval.
    assert links(board, board.afe.rates_sps[-1])[0].interval_ms < own.interval_ms
    figures = {}
    for rate in tried_rates(board):
        for number, link in enumerate(links(board, rate)):
            loss = (0.0, 0.0004, 0.004, 0.171, None, None)[number]
            key = f"rates.{rate}.{link.key}"
            figures[f"{key}.loss"] = StoredFigure(value=loss, unit="1")
            figures[f"{key}.processor"] = StoredFigure(value=0.6203, unit="1")
    table = rows(TABLES["rates"]({BOARD: Stored(identity={}, figures=figures)}, [BOARD]))
    first, last = table[2], table[-1]
    assert first[:5] == ["250 SPS", "2 %", "12 kbit/s", "62 %", f"{own.interval_ms:g} ms"]
    assert first[5:9] == ["none", "below 0.1 %", "0.4 %", "17 %"]
    assert first[-1] == "—", "the stream broke off"
    assert last[0] == f"{2 * max(board.afe.rates_sps)} SPS, not offered"
    assert table[0][-1] == f"frames lost: low latency, {low_latency.interval_ms:g} ms"


def test_a_larger_build_stands_beside_the_stock_one() -> None:
    names = [name for name, _, _ in _LARGER_ROWS]
    figures = {name: StoredFigure(value=0.02, unit=unit_of(name)) for name in names}
    larger = {
        f"larger_build.{name}": StoredFigure(value=0.01, unit=unit_of(name)) for name in names
    }
    table = rows(
        TABLES["larger_build"](
            {"headband8": Stored(identity={}, figures=figures | larger)}, ["headband8"]
        )
    )
    assert table[2][1:] == ["15 ms", "100 ms"]
    assert [row[1:] for row in table[4:6]] == [["20 mW", "10 mW"]] * 2


def unit_of(name: str) -> str:
    return {"bandwidth": "bit/s", "power": "W", "latency": "s"}[name.partition(".")[0]]


def test_what_was_not_run_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"rates\.250\.own\.loss was not run"):
        TABLES["rates"](stored(), [BOARD])
    with pytest.raises(ConfigError, match=r"update\.little\.sent was not run"):
        TABLES["updates"](stored(), [BOARD])


def test_the_radio_table_says_how_far_the_model_is_off() -> None:
    from eegrig.hil.pages.runs.published import RADIO_ROWS

    figures = {
        f"radio.{row.name}": StoredFigure(value=1.004 * row.measured, unit=row.unit)
        for row in RADIO_ROWS
    }
    figures["radio.v5"] = StoredFigure(value=8.0771e-6, unit="C")
    table = rows(TABLES["radio"]({"models": Stored(identity={}, figures=figures)}, ["models"]))
    by_name = {row[0]: row[2:] for row in table}
    assert by_name["V5"] == ["7.36 µC", "8.08 µC", "+10 %", "15 %", "independent"]
    assert by_name["V1"][2] == "0 %"
    assert by_name["V10"][2:] == ["", "30 % of 5.4", "fitted to it"]
