"""Hooks of a run, beside pytest's own: what goes on in it, for whoever shows it.

A plugin, or the ``conftest.py`` of a suite, implements the ones that concern it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eegrig.hil.figures.figure import Figure

__all__ = ["pytest_rig_figure", "pytest_rig_lasts", "pytest_rig_step"]


@pytest.hookspec
def pytest_rig_step(config: pytest.Config, what: str) -> None:
    """Take note that something begins that takes a while.

    Parameters
    ----------
    config : pytest.Config
    what : str
        In a few words: ``"build the firmware"``, ``"flash it"``.
    """


@pytest.hookspec
def pytest_rig_figure(config: pytest.Config, figure: Figure) -> None:
    """Take note of a figure as soon as it was recorded.

    Parameters
    ----------
    config : pytest.Config
    figure : Figure
        With its verdict.
    """


@pytest.hookspec(firstresult=True)
def pytest_rig_lasts(config: pytest.Config, fixture: str) -> float | None:
    """Return how long a fixture that tests share keeps the bench.

    What a test takes by itself its marker ``lasts`` says.

    Parameters
    ----------
    config : pytest.Config
    fixture : str
        Name of the fixture.

    Returns
    -------
    float or None
        In seconds of the bench's clock; None for a fixture of somebody else.
    """
