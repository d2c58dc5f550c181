"""Every figure that a page marks is the stored one (``docs/figures/README.md``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from eegrig.boards import list_boards
from eegrig.hil.pages.filling import Filler, filler, pages
from eegrig.hil.pages.modes import MODES
from eegrig.hil.pages.picture import PICTURE, boards_picture
from eegrig.hil.pages.seeds import SEEDS
from eegrig.hil.pages.stored import FOLDER, ROOT, load_all
from eegrig.hil.pages.work import BENCHMARKS, all_tasks


@pytest.fixture(scope="module")
def fill() -> Filler:
    return filler()


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_says_what_is_stored(path: Path, fill: Filler) -> None:
    name = path.relative_to(ROOT).as_posix()
    page = path.read_text(encoding="utf-8")
    should = fill(name, page).splitlines()
    for number, (line, wanted) in enumerate(zip(page.splitlines(), should, strict=False), 1):
        assert line == wanted, f"{name}:{number}; run `make figures`, or with --fill"
    assert len(page.splitlines()) == len(should), f"{name}; run `make figures`, or with --fill"


def test_the_picture_shows_what_is_stored() -> None:
    drawn = PICTURE.read_text(encoding="utf-8")
    assert drawn == boards_picture(load_all(list_boards())), "run `make figures`, or with --fill"


def test_everything_that_is_run_is_stored_and_nothing_else() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == {*all_tasks(), BENCHMARKS, MODES, SEEDS}


@pytest.mark.parametrize("board", list_boards())
def test_every_board_has_a_page_with_its_figures(board: str) -> None:
    page = (ROOT / "docs" / "boards" / f"{board}.md").read_text(encoding="utf-8")
    assert f"<!--figs targets {board}-->" in page
    assert f"<!--figs rates {board}-->" in page
