"""What is stored of runs is of this tree: the same images, boards and models, the same values.

A change of any of these is followed by `make figures` (``docs/figures/README.md``).
"""

from __future__ import annotations

import pytest

from eegrig.boards import list_boards
from eegrig.hil.pages.identity import board_identity
from eegrig.hil.pages.runs.published import RADIO_BOARD
from eegrig.hil.pages.runs.suites import HOW, suites
from eegrig.hil.pages.stored import Fingerprint, load, load_walk
from eegrig.hil.pages.work import MODELS, WALKED, WALKS

FASTEST = "hairclip1"
"""The board whose suites take least time: the one that is run again."""


def expect_same(name: str, stored: Fingerprint, tree: Fingerprint) -> None:
    keys = sorted(set(stored) | set(tree))
    other = [
        f"{key} {stored.get(key)}, here {tree.get(key)}"
        for key in keys
        if stored.get(key) != tree.get(key)
    ]
    assert not other, (
        f"docs/figures/{name}.toml is of another {'; '.join(other)}: run `make figures`"
    )


@pytest.mark.parametrize("board", list_boards())
def test_a_boards_figures_are_of_this_tree(board: str) -> None:
    expect_same(board, load(board).identity, board_identity(board, HOW))


def test_the_models_figures_are_of_this_tree() -> None:
    expect_same(MODELS, load(MODELS).identity, board_identity(RADIO_BOARD, {}))


@pytest.mark.parametrize("page", WALKS)
def test_what_commands_said_is_of_this_tree(page: str) -> None:
    expect_same(page, load_walk(page).identity, board_identity(WALKED, {}))


@pytest.mark.timeout(900)
def test_a_board_that_is_run_again_gives_what_is_stored() -> None:
    stored = load(FASTEST).figures
    found = suites(FASTEST)
    moved = [
        f"{name} is {figure.value} {figure.unit}, stored {stored[name].value}"
        if name in stored
        else f"{name} is not stored"
        for name, figure in found.items()
        if name not in stored or not figure.agrees(stored[name])
    ]
    assert not moved, f"{FASTEST}: {'; '.join(moved)}: run `make figures`"
