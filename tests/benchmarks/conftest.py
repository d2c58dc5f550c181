"""Says in plain words what a benchmark found: ratios, since a machine's seconds are its own.

With ``--store`` it is also kept in ``docs/figures`` and written into ``docs/benchmarks.md``.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

import pytest

from eegrig.hil.pages.filling import fill_pages
from eegrig.hil.pages.stored import Stored, StoredFigure, load_all, save
from eegrig.hil.pages.work import BENCHMARKS

Finding = Callable[[str, Mapping[str, StoredFigure]], None]

_LINES = pytest.StashKey[list[str]]()
_FIGURES = pytest.StashKey[dict[str, StoredFigure]]()
_LOAD = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store", action="store_true", help="keep what is found, and write it into the page"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LOAD] = round(os.getloadavg()[0], 1)


@pytest.fixture
def finding(request: pytest.FixtureRequest) -> Finding:
    """Take a sentence to be printed after the run, and the figures in it."""
    lines = request.config.stash.setdefault(_LINES, [])
    kept = request.config.stash.setdefault(_FIGURES, {})

    def take(sentence: str, figures: Mapping[str, StoredFigure]) -> None:
        lines.append(sentence)
        kept.update(figures)

    return take


def machine(load: float) -> dict[str, str | int | float]:
    """Say on what the benchmarks ran, and what else ran when they began."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    versions = {name: metadata.version(name) for name in ("numpy", "scipy", "mne")}
    return {
        "cpu": found[1] if found else platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "load": load,
        "python": platform.python_version(),
        **versions,
    }


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(_LINES, [])
    if lines:
        terminalreporter.section("findings")
        for line in lines:
            terminalreporter.write_line(line)
    figures = config.stash.get(_FIGURES, {})
    if figures and config.getoption("--store"):
        before = load_all([BENCHMARKS])
        kept = before[BENCHMARKS].figures if before else {}
        save(BENCHMARKS, Stored(identity=machine(config.stash[_LOAD]), figures={**kept, **figures}))
        for path in fill_pages():
            terminalreporter.write_line(f"changed {path}")
