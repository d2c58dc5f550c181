"""The commands of a page, run in one shell as a reader types them.

A page shows a command as ``$ ...`` in a console block, and under it those lines of what the
command says that matter.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eegrig.boards.errors import InfrastructureError
from eegrig.hil.pages.stored import ROOT, Step

__all__ = ["Heard", "commands", "walk", "without_what_varies", "written"]

_INSTALLATION = ("make .venv", "source .venv")  # has happened where this runs
_TIME_LIMIT_S = 380
# What the next run says otherwise; a page keeps its own.
_PASSING = re.compile(r"process \d+|, sources [\w.-]+|\b[\d.]+ s of \d+ channels")
# A recording of seconds in real time may or may not show the board's clock error.
_CLOCK_ERROR = re.compile(r" \(its clock: [+-][\d.]+%\)")


@dataclass(frozen=True)
class Heard:
    """A command, the lines a page shows of it, and what it said.

    Attributes
    ----------
    step : Step
        As on the page.
    said : str
    """

    step: Step
    said: str


def commands(page: str) -> list[Step]:
    """Return every command of a page with the lines shown under it."""
    found: list[Step] = []
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(command=line[2:], shown=[]))
            else:
                found[-1].shown.append(line)
    return [step for step in found if not step.command.startswith(_INSTALLATION)]


def walk(page: str) -> list[Heard]:
    """Run a page's commands, in a home directory of its own.

    Raises
    ------
    InfrastructureError
        If the shell does not come to the end of the page.
    """
    steps = commands(page)
    script = "".join(f"{step.command}\necho '=== '{i}\n" for i, step in enumerate(steps))
    with _reader() as (home, environment):
        try:
            done = subprocess.run(
                ["bash"], input=script, env=environment, cwd=home, text=True, check=False,
                timeout=_TIME_LIMIT_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise InfrastructureError(
                f"the commands of the page took longer than {_TIME_LIMIT_S} s"
            ) from None
    heard = re.split(r"^=== \d+\n", _CLOCK_ERROR.sub("", done.stdout), flags=re.MULTILINE)
    if len(heard) != len(steps) + 1:
        raise InfrastructureError(f"the page's commands broke off: {done.stdout[-2000:]}")
    return [Heard(step, said) for step, said in zip(steps, heard, strict=False)]


def without_what_varies(text: str) -> str:
    """Replace hashes and figures that differ from one version of the firmware to the next."""
    text = re.sub(r"\b[0-9a-f]{12}(-dirty)?\b", "HASH", text)
    text = re.sub(r", sources [\w.-]+", "", text)
    text = re.sub(r"\d+ (files|bytes|KiB|copied|there)|\((\d+) bytes\)", r"N \1", text)
    text = re.sub(r"\b[\d.]+ s of (?=\d+ channels)", "N s of ", text)
    return re.sub(r"process \d+|line \d+|^ *\d+ (?=main\.py)", "N ", text, flags=re.MULTILINE)


def written(heard: Heard) -> Step:
    """Return what a page should show: its own lines, as they are said now.

    Raises
    ------
    InfrastructureError
        If a line is not said any more, not even with other figures.
    """
    said = {without_what_varies(line): line for line in reversed(heard.said.splitlines())}
    shown = []
    for line in heard.step.shown:
        found = said.get(without_what_varies(line))
        if found is None:
            raise InfrastructureError(
                f"`{heard.step.command}` does not say what the page shows, {line!r}: it says "
                f"{heard.said[-1000:]!r}; correct the page"
            )
        for old, new in zip(_PASSING.findall(found), _PASSING.findall(line), strict=False):
            found = found.replace(old, new, 1)
        shown.append(found)
    return Step(command=heard.step.command, shown=shown)


@contextmanager
def _reader() -> Iterator[tuple[Path, dict[str, str]]]:
    """Make a home with a copy of the firmware, and take down what was brought up in it."""
    with tempfile.TemporaryDirectory(prefix="eegrig-walk-") as folder:
        home = Path(folder)
        shutil.copytree(
            ROOT / "firmware", home / "firmware", ignore=shutil.ignore_patterns("__pycache__")
        )
        tools = str(Path(sys.executable).parent)
        environment = {
            key: value
            for key, value in os.environ.items()
            if key not in ("EEGRIG_STATE", "XDG_STATE_HOME")
        }
        environment |= {"HOME": folder, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
        try:
            yield home, environment
        finally:
            subprocess.run(
                ["eegrig", "virtual", "down", "--all"], env=environment, check=False,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
