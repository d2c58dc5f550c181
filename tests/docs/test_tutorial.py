"""The tutorial's commands, run in one shell as a reader types them, say what it shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLATION = ("make .venv", "source .venv")  # has happened where a test runs


def commands() -> list[tuple[str, list[str]]]:
    """Every command of the page with the lines shown under it."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "docs/tutorial.md").read_text(), re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return [(line, shown) for line, shown in found if not line.startswith(INSTALLATION)]


def without_what_varies(text: str) -> str:
    """Replace hashes and figures that differ from one version of the firmware to the next."""
    text = re.sub(r"\b[0-9a-f]{12}(-dirty)?\b", "HASH", text)
    text = re.sub(r", sources (HASH|unknown)|", "", text)
    text = re.sub(r"\d+ (files|bytes|KiB|copied|there)|\((\d+) bytes\)", r"N \1", text)
    return re.sub(r"process \d+|line \d+|^ *\d+ (?=main\.py)", "N ", text, flags=re.M)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[dict[str, str]]:
    shutil.copytree(
        ROOT / "firmware", tmp_path / "firmware", ignore=shutil.ignore_patterns("__pycache__")
    )
    tools = str(Path(sys.executable).parent)
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("EEGRIG_STATE", "XDG_STATE_HOME")
    }
    environment |= {"HOME": str(tmp_path), "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    yield environment
    subprocess.run(["eegrig", "virtual", "down", "--all"], env=environment, check=False)


@pytest.mark.timeout(400)
def test_the_walk_says_what_the_page_shows(tmp_path: Path, reader: dict[str, str]) -> None:
    steps = commands()
    script = "".join(f"{line}\necho '=== '{i}\n" for i, (line, _) in enumerate(steps))
    done = subprocess.run(
        ["bash"], input=script, env=reader, cwd=tmp_path, text=True, check=False, timeout=380,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    heard = re.split(r"^=== \d+\n", done.stdout, flags=re.M)
    assert len(heard) == len(steps) + 1, done.stdout
    for (line, shown), text in zip(steps, heard, strict=False):
        said = without_what_varies(text).splitlines()
        for expected in shown:
            assert without_what_varies(expected) in said, f"$ {line}\n{text}"
        if not shown:
            assert "eegrig: " not in text, f"$ {line}\n{text}"
