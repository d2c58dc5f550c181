"""``docs/how-to/suites-of-your-own.md``: the suite on that page runs, and is judged like ours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.boards.loader import board_path
from eegrig.hil.run.plan import make_plan
from eegrig.hil.run.request import RunRequest
from eegrig.hil.run.run import run_suites

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "suites-of-your-own.md"


def block(language: str, number: int = 0) -> str:
    """Return a block of code of the page."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[number]


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """Make the repository that the page tells of."""
    suites = tmp_path / "acme" / "suites"
    suites.mkdir(parents=True)
    (suites / "figures.toml").write_text(block("toml"), encoding="utf-8")
    (suites / "test_first_frame.py").write_text(block("python"), encoding="utf-8")
    board = tmp_path / "acme" / "mask" / "board.toml"
    board.parent.mkdir()
    ours = board_path("hairclip1").read_text(encoding="utf-8")
    board.write_text(f"{ours}\n{block('toml', 1)}", encoding="utf-8")
    return tmp_path / "acme"


def request(acme: Path, **options: object) -> RunRequest:
    settings = {"seconds": 5.0, "select": "at_once", **options}
    board = str(acme / "mask" / "board.toml")
    suites = (acme / "suites",)
    return RunRequest(board=board, out=acme / "out", suites=suites, **settings)  # type: ignore[arg-type]


def test_the_suite_on_the_page_is_planned_beside_ours(acme: Path) -> None:
    plan = make_plan(request(acme, select=None))
    assert {"bandwidth", "power", "first frame"} <= {test.suite for test in plan.tests}
    (mine,) = [test for test in plan.tests if test.suite == "first frame"]
    (figure,) = mine.figures
    assert (figure.label, figure.limit, figure.kind) == ("First frame", 1.0, "max")
    assert mine.lasts_s == 10
    assert mine.quick


@pytest.mark.parametrize(("limit", "code", "verdict"), [("1.0", 0, "pass"), ("0.001", 1, "fail")])
def test_the_suite_on_the_page_is_judged_like_ours(
    acme: Path, limit: str, code: int, verdict: str
) -> None:
    board = acme / "mask" / "board.toml"
    text = board.read_text(encoding="utf-8").replace("limit = 1.0\n", f"limit = {limit}\n")
    board.write_text(text, encoding="utf-8")
    assert run_suites(request(acme), quiet=True, progress=False) == code
    content = json.loads((acme / "out" / "results.json").read_text(encoding="utf-8"))
    figures = {figure["name"]: figure for figure in content["figures"]}
    assert figures["acme.first_frame"]["verdict"] == verdict
    assert "first_frame" in (acme / "out" / "junit.xml").read_text(encoding="utf-8")


def test_a_target_that_no_suite_of_the_run_declares_is_refused(acme: Path) -> None:
    with pytest.raises(ConfigError, match=r"acme\.first_frame.: no such figure"):
        make_plan(RunRequest(board=str(acme / "mask" / "board.toml"), out=acme / "out"))


def test_a_suite_with_the_name_of_one_of_ours_is_refused(acme: Path) -> None:
    suites = acme / "suites"
    (suites / "test_first_frame.py").rename(suites / "test_power.py")
    with pytest.raises(ConfigError, match="give the file another name"):
        make_plan(request(acme, select=None))


def test_a_suite_that_cannot_be_read_is_named_with_the_reason(acme: Path) -> None:
    (acme / "suites" / "test_broken.py").write_text("import no_such_module\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"test_broken\.py: .*no_such_module") as caught:
        run_suites(request(acme), quiet=True, progress=False)
    assert "\n" not in str(caught.value)
    assert not (acme / "out").exists()
