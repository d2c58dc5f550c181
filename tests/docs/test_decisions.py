"""``docs/decisions``: every record has a number, a status and a row in the table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))


def test_records_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_number_title_status_and_date(path: Path) -> None:
    title, _, status, *_ = path.read_text(encoding="utf-8").splitlines()
    assert re.match(rf"# {int(path.name[:4])}\. \w", title)
    assert re.match(r"\*\*Status\.\*\* (Proposed|Accepted|Superseded), \d{4}-\d\d-\d\d", status)


def test_the_table_lists_every_record_with_its_title_and_status() -> None:
    expected = []
    for path in RECORDS:
        text = path.read_text(encoding="utf-8")
        number, title = re.findall(r"# (\d+)\. (.*)", text)[0]
        status = re.findall(r"\*\*Status\.\*\* (\w+)", text)[0].lower()
        expected.append((number, title, path.name, status))
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d+) \| \[(.*)\]\((.*)\) \| (\w+) \|$", page, re.M) == expected
