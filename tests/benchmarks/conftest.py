"""Says in plain words what a benchmark found: ratios, since a machine's seconds are its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_LINES = pytest.StashKey[list[str]]()


@pytest.fixture
def finding(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Take a sentence to be printed after the run."""
    return request.config.stash.setdefault(_LINES, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(_LINES, [])
    if lines:
        terminalreporter.section("findings")
        for line in lines:
            terminalreporter.write_line(line)
