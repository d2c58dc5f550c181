"""Marked places of a page: filled from what is stored, and mistakes named with page and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.hil.pages import filling
from eegrig.hil.pages.filling import Filler, fill_pages
from eegrig.hil.pages.stored import Step, Stored, StoredFigure, StoredWalk, load

STORED = Stored(
    identity={"eegrig": "1.0", "seed": 3},
    figures={
        "power.streaming": StoredFigure(value=0.046123, unit="W", uncertainty=0.0016),
        "bandwidth.frame_loss": StoredFigure(value=0.0, unit="1", uncertainty=0.0),
        "rates.250.frame_time": StoredFigure(value=0.00066756, unit="s"),
        "memory.used": StoredFigure(value=126976, unit="B"),
        "rates.2000.frame_time": StoredFigure(unit="s"),
    },
)
WALK = StoredWalk(
    identity={}, steps=[Step(command="build", shown=["21 files"]), Step(command="up", shown=["up"])]
)


@pytest.fixture
def fill() -> Filler:
    return Filler({"band": STORED}, {"tutorial": WALK})


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("band.power.streaming mW", "46.1"),
        ("band.power.streaming mW ±", "46.1 ± 1.6"),
        ("band.power.streaming", "0.0461"),
        ("band.bandwidth.frame_loss %", "0"),
        ("band.rates.250.frame_time ms", "0.67"),
        ("band.rates.250.frame_time ms 3", "0.668"),
        ("band.memory.used KiB 3", "124"),
        ("band.memory.used", "126976"),
        ("band.rates.2000.frame_time ms", "—"),
        ("band.identity.seed", "3"),
    ],
)
def test_a_figure_has_the_digits_that_its_uncertainty_leaves(
    fill: Filler, spec: str, text: str
) -> None:
    assert (
        fill("p", f"a <!--fig {spec}-->?<!--/fig--> b") == f"a <!--fig {spec}-->{text}<!--/fig--> b"
    )


def test_all_marks_of_a_page_are_filled_and_a_filled_page_stays_as_it_is(fill: Filler) -> None:
    mark = "<!--fig band.power.streaming mW-->{}<!--/fig-->"
    page = "| {0} | {0} |\n{0}\n".format(mark.format("?"))
    filled = fill("p", page)
    assert filled == page.replace("?", "46.1")
    assert fill("p", filled) == filled


def test_marks_in_code_are_examples(fill: Filler) -> None:
    page = (
        "`<!--fig no.such-->1<!--/fig-->` and `a <!--figs x-->` `<!--/figs-->`\n"
        "<!--fig band.power.streaming mW-->46.1<!--/fig--> and `b`\n"
    )
    assert fill("p", page) == page


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (
            "\n<!--fig band.power.steraming mW-->1<!--/fig-->",
            r"p:2: .*did you mean 'power.streaming'",
        ),
        ("<!--fig bend.power.streaming-->1<!--/fig-->", r"p:1: .*did you mean 'band'"),
        ("<!--fig band.power.streaming ms-->1<!--/fig-->", r"p:1: .*is in W, .* in ms"),
        ("<!--fig band.power.streaming mW mW-->1<!--/fig-->", r"p:1: .*no unit"),
        ("<!--fig band.identity.sead-->1<!--/fig-->", r"p:1: .*did you mean 'seed'"),
        ("<!--figs no-->\n<!--/figs-->", r"p:1: <!--figs no-->: 'no' .there are: .*targets"),
        ("<!--figs targets hat-->\n<!--/figs-->", r"p:1: .*'hat' is not one board that was run"),
        ("<!--figs shell walk-->\n<!--/figs-->", r"p:1: .*no page whose commands were run"),
        ("<!--fig band.power.streaming-->1", r"p: <!--fig has no other end"),
        ("1<!--/fig-->", r"p: <!--/fig has no other end"),
        ("<!--figs targets band--> <!--/figs-->", r"p: <!--figs has no other end"),
    ],
)
def test_a_mistake_is_named_with_its_place(fill: Filler, page: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fill("p", page)


def test_lines_under_a_command_are_what_it_said(fill: Filler) -> None:
    page = (
        "<!--figs shell tutorial-->\n```console\n$ build\n{}\n$ silent\n$ up\n{}\n```\n<!--/figs-->"
    )
    assert fill("p", page.format("9 files", "UP")) == page.format("21 files", "up")


def test_a_command_that_was_not_run_with_these_lines_is_refused(fill: Filler) -> None:
    page = "<!--figs shell tutorial-->\n```console\n$ build\na\nb\n```\n<!--/figs-->"
    with pytest.raises(ConfigError, match="`build` was run with other lines shown"):
        fill("p", page)


def test_pages_and_picture_that_are_of_today_are_left_and_the_others_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(filling, "ROOT", tmp_path)
    monkeypatch.setattr(filling, "PICTURE", tmp_path / "images" / "boards.svg")
    old, new = tmp_path / "old.md", tmp_path / "new.md"
    monkeypatch.setattr(filling, "pages", lambda: [old, new])
    mark = "<!--fig headband8.memory.used-->{}<!--/fig-->"
    used = load("headband8").figures["memory.used"].value
    old.write_text(mark.format(1), encoding="utf-8")
    new.write_text(mark.format(used), encoding="utf-8")
    assert fill_pages() == ["old.md", "images/boards.svg"]
    assert old.read_text(encoding="utf-8") == new.read_text(encoding="utf-8") == mark.format(used)
    assert (tmp_path / "images" / "boards.svg").read_text("utf-8").startswith("<svg ")
    assert fill_pages() == []


def test_a_mark_that_names_nothing_is_told_with_its_line(fill: Filler) -> None:
    with pytest.raises(ConfigError, match=r"^p:2: <!--fig -->: name a figure, as BOARD\.FIGURE$"):
        fill("p", "a\n<!--fig -->?<!--/fig-->")
