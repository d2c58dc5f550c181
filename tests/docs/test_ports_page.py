"""``docs/ports.md`` shows the facts as they are."""

from __future__ import annotations

from pathlib import Path

from boards.ports.table import facts_table, with_table

PAGE = Path(__file__).parents[2] / "docs" / "ports.md"


def test_the_tables_on_the_page_are_those_of_the_facts() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_table(text) == text, "run: python -m boards.ports.table"


def test_the_tables_show_values_and_what_is_assumed() -> None:
    table = facts_table()
    assert "| `bluetooth.acl_packets` | 1 | 3 *assumed* | 3 *assumed* |" in table
    assert "| `memory.heap_bytes` | 154048 | 98304 | 98304 |" in table
    assert "| `bluetooth.acl_packets` | zephyr: CONFIG_BT_BUF_ACL_TX_COUNT" in table
    assert "| `BT_ATT_TX_COUNT` (zephyr) |" in table
