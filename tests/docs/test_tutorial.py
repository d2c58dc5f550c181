"""The tutorial's commands, run in one shell as a reader types them, say what it shows."""

from __future__ import annotations

import pytest

from eegrig.hil.pages.runs.walk import walk, without_what_varies
from eegrig.hil.pages.work import WALKS


@pytest.mark.timeout(400)
def test_the_walk_says_what_the_page_shows() -> None:
    for heard in walk(WALKS["tutorial"].read_text(encoding="utf-8")):
        said = without_what_varies(heard.said).splitlines()
        for expected in heard.step.shown:
            assert without_what_varies(expected) in said, f"$ {heard.step.command}\n{heard.said}"
        if not heard.step.shown:
            assert "eegrig: " not in heard.said, f"$ {heard.step.command}\n{heard.said}"
