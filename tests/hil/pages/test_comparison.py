"""An earlier export beside what is stored now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.hil.pages.comparison import compared, export_to
from eegrig.hil.pages.stored import load


def test_an_export_beside_what_is_stored_shows_what_moved(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    export_to(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    power = content["headband8"]["figures"]["power.streaming"]
    power |= {"value": 0.1, "uncertainty": 0.02}
    del content["hairclip1"]
    path.write_text(json.dumps(content), encoding="utf-8")
    lines = compared(path).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    now = load("headband8").figures["power.streaming"].value
    assert now is not None
    start = rows.index(["headband8", "before", "now"])
    streaming = rows[start + 2]
    assert streaming[:2] == ["Streaming power", "100 ± 20 mW"]
    assert streaming[2].startswith(f"{1e3 * now:.0f}")
    start = rows.index(["hairclip1", "before", "now"])
    assert rows[start + 2][1] == "—"


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    with pytest.raises(ConfigError, match=r"make one with --export"):
        compared(path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no export of figures"):
        compared(path)
