"""``docs/ports.md`` and ``docs/cpu-time.md`` show the facts as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eegrig.boards import list_boards, load_board
from eegrig.boards.ports import board_runtime
from eegrig.boards.ports.table import facts_table, prices_table, with_table

PAGE = Path(__file__).parents[2] / "docs" / "ports.md"


@pytest.mark.parametrize("name", ["ports.md", "cpu-time.md"])
def test_the_tables_on_a_page_are_those_of_the_facts(name: str) -> None:
    text = PAGE.with_name(name).read_text(encoding="utf-8")
    assert with_table(text) == text, "run: python -m eegrig.boards.ports.table"


def test_the_tables_show_values_and_what_is_assumed() -> None:
    table = facts_table()
    assert "| `bluetooth.acl_packets` | 1 | 3 *assumed* | 3 *assumed* |" in table
    assert "| `memory.heap_bytes` | 154048 | 98304 | 98304 |" in table
    assert "| `bluetooth.acl_packets` | zephyr: CONFIG_BT_BUF_ACL_TX_COUNT" in table
    assert "| `BT_ATT_TX_COUNT` (zephyr) |" in table


def test_prices_are_in_a_table_of_their_own() -> None:
    assert "`prices." not in facts_table()
    table = prices_table()
    assert "| `prices.jump` | instructions | 30 | 35 *assumed* | 1.2 | the stock binary" in table
    assert "| `calls.interrupt` | cycles | 850 | 817 *assumed* | 1.2 |" in table


@pytest.mark.parametrize("name", list_boards())
def test_the_page_of_a_board_names_its_runtime_and_what_it_needs_beyond_it(name: str) -> None:
    text = (PAGE.parent / "boards" / f"{name}.md").read_text(encoding="utf-8")
    section = text.partition("\n## Runtime\n")[2].partition("\n## ")[0]
    runtime = board_runtime(load_board(name))
    assert f"`{runtime.build}`" in section
    assert set(re.findall(r"`([A-Z0-9_]{3,})`", section)) - {runtime.build} == set(runtime.options)
