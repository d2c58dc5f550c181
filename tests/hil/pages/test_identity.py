"""What stored figures are of: what can move a figure changes it, and nothing else does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eegrig.hil.pages.identity import board_digest, code_of, model_digest
from eegrig.hil.pages.stored import ROOT

Edit = Callable[[str, str, str], None]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for folder in ("boards", "firmware", "hil", "host", "signal_sim"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "constraints.txt", copy)
    return copy


@pytest.fixture(scope="module")
def model(tree: Path) -> str:
    """The digest before anything was edited."""
    return model_digest(tree)


@pytest.fixture
def edit(tree: Path) -> Iterator[Edit]:
    kept: dict[Path, str] = {}

    def replace(name: str, old: str, new: str) -> None:
        path = tree / name
        text = kept.setdefault(path, path.read_text(encoding="utf-8"))
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    yield replace
    for path, text in kept.items():
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("hil/virtual/power/tracks.py", "stop_ns: int", "stop_ns: float"),
        ("hil/suites/test_power.py", "_SECONDS = 20.0", "_SECONDS = 21.0"),
        ("hil/pages/runs/rates.py", "_SECONDS = 8.0", "_SECONDS = 9.0"),
        ("host/recording/recorder.py", "10.0", "11.0"),
        ("signal_sim/scenes/resting.toml", "seconds = ", "seconds = 1"),
        ("constraints.txt", "bumble==", "bumble==1."),
    ],
)
def test_a_model_that_changed_is_another_one(
    tree: Path, model: str, edit: Edit, path: str, old: str, new: str
) -> None:
    edit(path, old, new)
    assert model_digest(tree) != model


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("hil/virtual/power/tracks.py", '"""Record a burst."""', '"""Keep a burst."""'),
        ("hil/report/page.py", "import", "import sys\nimport"),
        ("hil/pages/filling.py", "import", "import sys\nimport"),
        ("hil/virtual/device_server/server.py", "import", "import sys\nimport"),
        ("host/commands/entry.py", "import", "import sys\nimport"),
        ("host/commands/build.py", "import", "import sys\nimport"),
        ("signal_sim/scenes/sleep.toml", "seconds = ", "seconds = 1"),
        ("constraints.txt", "ruff==", "ruff==1."),
    ],
)
def test_a_comment_a_report_or_a_command_is_no_model(
    tree: Path, model: str, edit: Edit, path: str, old: str, new: str
) -> None:
    edit(path, old, new)
    assert model_digest(tree) == model


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("boards/earpatch2/board.toml", "gain = 12", "gain = 6"),
        ("boards/parts/ads1292r.toml", "iavdd_base = { value = 57", "iavdd_base = { value = 58"),
        ("boards/parts/lipo-65mah.toml", "value = ", "value = 1"),
        (
            "boards/ports/stm32.toml",
            "scheduler_entries = { value = 8",
            "scheduler_entries = { value = 9",
        ),
    ],
)
def test_a_board_is_its_data_and_that_of_its_parts_and_port(
    tree: Path, edit: Edit, path: str, old: str, new: str
) -> None:
    before = board_digest("earpatch2", tree)
    other = board_digest("headband8", tree)
    edit(path, old, new)
    assert board_digest("earpatch2", tree) != before
    assert board_digest("headband8", tree) == other


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("boards/earpatch2/board.toml", "limit = 4.0e-3", "limit = 5.0e-3"),
        ("boards/earpatch2/board.toml", 'title = "', 'title = "The '),
        ("boards/parts/ads1292r.toml", 'source = "', 'source = "page 1 of '),
        ("boards/ports/stm32.toml", 'assumed = "', 'assumed = "still, '),
    ],
)
def test_a_target_or_a_source_is_none_of_it(
    tree: Path, edit: Edit, path: str, old: str, new: str
) -> None:
    before = board_digest("earpatch2", tree)
    edit(path, old, new)
    assert board_digest("earpatch2", tree) == before


def test_code_is_what_is_neither_docstring_nor_comment() -> None:
    source = '''"""Module.

Of two lines.
"""

X = 1  # kept


def f() -> str:
    """Say it."""
    # so
    return "so"


class C:
    a: int
    """An attribute."""
'''
    assert code_of(source).splitlines() == [
        "X = 1  # kept",
        "def f() -> str:",
        '    return "so"',
        "class C:",
        "    a: int",
    ]
