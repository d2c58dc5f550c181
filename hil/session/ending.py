"""Why a run ended before all of its tests had their turn."""

from __future__ import annotations

import pytest

from eegrig.boards.errors import BoardGone, EegrigError, OutputError
from eegrig.hil.session.stretch import StretchFailed
from eegrig.host.process import interruption

__all__ = ["EndingWatch", "ending_of", "exit_code_of", "reason_of"]

_ENDING = pytest.StashKey[BaseException]()


def ending_of(config: pytest.Config) -> BaseException | None:
    """Return what ended the run, or None if nothing did."""
    return config.stash.get(_ENDING, None)


def reason_of(ending: BaseException) -> str:
    """Return why a run ended, in one line."""
    if isinstance(ending, KeyboardInterrupt):
        return "it was stopped"
    lines = str(ending).strip().splitlines()
    return lines[0] if lines else type(ending).__name__


def exit_code_of(ending: BaseException) -> int:
    """Return what a command ends with whose run ended so."""
    return ending.exit_code if isinstance(ending, EegrigError) else interruption.exit_code()


class EndingWatch:
    """A pytest plugin that ends a run where going on makes no sense, and keeps why it ended.

    Parameters
    ----------
    config : pytest.Config
        Of the run.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._stash = config.stash

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """End the run at a board that is not there (any more), or a place that takes nothing."""
        if call.excinfo is None or _ENDING in self._stash:
            return
        error = call.excinfo.value
        if isinstance(error, StretchFailed):
            return  # those that read it fail, and others may say more
        if isinstance(error, EegrigError if call.when == "setup" else (OutputError, BoardGone)):
            self._stash[_ENDING] = error
            item.session.shouldstop = str(error)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Take note that somebody stopped the run; pytest's own ways out come here, too."""
        if excinfo.type is KeyboardInterrupt:
            self._stash[_ENDING] = excinfo.value
