"""Says in plain words what a benchmark found: ratios, since a machine's seconds are its own.

With ``--store=all`` it is also kept in ``docs/figures`` and written into ``docs/benchmarks.md``;
with ``--store=ratios`` only the ratios are, for they bear a machine that has other work to do.
Without it, a ratio that has fallen too far below the stored one fails the run
(`tests.benchmarks.gate`).
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
from tests.benchmarks.gate import PREFIX, RATIOS, fallen, ratios

Finding = Callable[[str, Mapping[str, StoredFigure]], None]

_LINES = pytest.StashKey[list[str]]()
_FIGURES = pytest.StashKey[dict[str, StoredFigure]]()
_LOAD = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store", choices=("all", "ratios"), help="keep what is found, and write it into the page"
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


def found_ratios(config: pytest.Config) -> dict[str, float]:
    """Return the ratios of what this run found, by name."""
    figures = config.stash.get(_FIGURES, {})
    return ratios({name: figure.value for name, figure in figures.items() if figure.value})


def fallen_ratios(config: pytest.Config) -> list[str]:
    """Return a line for each ratio of this run that is too far below the stored one."""
    before = load_all([BENCHMARKS])
    kept = before[BENCHMARKS].figures if before else {}
    stored = {
        name: figure.value
        for name in RATIOS
        if (figure := kept.get(PREFIX + name)) is not None and figure.value
    }
    return fallen(found_ratios(config), stored)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--store") and fallen_ratios(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(_LINES, [])
    if lines:
        terminalreporter.section("findings")
        for line in lines:
            terminalreporter.write_line(line)
        for name, value in found_ratios(config).items():
            terminalreporter.write_line(f"ratio: {RATIOS[name].what}: {value:.3g}")
    if not config.getoption("--store"):
        for line in fallen_ratios(config):
            terminalreporter.write_line(f"FALLEN {line}", red=True)
    store = config.getoption("--store")
    if found_ratios(config) and store:
        before = load_all([BENCHMARKS])[BENCHMARKS]
        figures = config.stash.get(_FIGURES, {}) if store == "all" else {}
        both = {PREFIX + k: StoredFigure.of(v, "1") for k, v in found_ratios(config).items()}
        identity = machine(config.stash[_LOAD]) if store == "all" else before.identity
        save(BENCHMARKS, Stored(identity=identity, figures={**before.figures, **figures, **both}))
        for path in fill_pages():
            terminalreporter.write_line(f"changed {path}")
