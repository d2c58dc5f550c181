"""The site that `make docs` makes has every page: one that no list names is an error there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
LISTED = [
    line.strip()
    for block in re.findall(
        r"^```\{toctree\}\n(.*?)^```$", (DOCS / "index.md").read_text(), re.M | re.S
    )
    for line in block.splitlines()
    if line.strip() and not line.startswith(":")
]
PAGES = sorted(path for path in DOCS.rglob("*.md") if "api" not in path.relative_to(DOCS).parts)


def test_the_lists_are_read() -> None:
    assert {"recordings", "results", "api/modules"} <= set(LISTED)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_a_page_is_in_a_list(path: Path) -> None:
    name = path.relative_to(DOCS).with_suffix("")
    assert name.as_posix() == "index" or any(name.match(listed) for listed in LISTED)
