"""Being told to end: Ctrl-C, SIGTERM and SIGHUP unwind the stack alike, so that nothing is left.

All three arrive as KeyboardInterrupt, by way of whatever handles Ctrl-C at the time. What was being
made at that moment is thrown away half made; what Python then has to say of it is of no use.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

__all__ = [
    "exit_code",
    "held",
    "hold_for_good",
    "ignore_for_good",
    "noticed",
    "quiet_for_good",
    "unwinding",
]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IMPATIENT = 3
_MOMENT_S = 0.01
_MOST_MOMENTS = 500
_IMPORT = "<frozen importlib._bootstrap>"
_last = signal.SIGINT
_ending = False


def exit_code() -> int:
    """Return what a command ends with that was interrupted: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + _last


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """Let what ends a process end it by KeyboardInterrupt while the block runs.

    A signal that the process was started to ignore (as `nohup` does) stays ignored.
    """
    global _last, _ending
    _last, _ending = signal.SIGINT, False

    again = _Again()

    def unwind(number: int, frame: FrameType | None) -> None:
        global _last, _ending
        _last, _ending = signal.Signals(number), True
        on_ctrl_c = signal.getsignal(signal.SIGINT)
        if callable(on_ctrl_c) and on_ctrl_c is not unwind:
            on_ctrl_c(number, frame)
        elif not (_importing(frame) and again.soon()):
            raise KeyboardInterrupt

    with _handling(dict.fromkeys(_SIGNALS, unwind)), _raised_again(again), _quiet_at_the_end():
        yield


def _importing(frame: FrameType | None) -> bool:
    """Say whether code is being imported.

    Who tries to import something may go on without it, whatever was raised; extensions in C do.
    """
    while frame is not None and frame.f_code.co_filename != _IMPORT:
        frame = frame.f_back
    return frame is not None


class _Again:
    """Sends the last signal again, for a few seconds."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None
        self._left = _MOST_MOMENTS

    def soon(self) -> bool:
        """Send it in a moment; returns whether it will."""
        self._left -= 1
        if self._left < 0:
            return False
        self._timer = threading.Timer(_MOMENT_S, os.kill, (os.getpid(), _last))
        self._timer.start()
        return True

    def cancel(self) -> None:
        """Send none any more."""
        if self._timer is not None:
            self._timer.cancel()


@contextlib.contextmanager
def _raised_again(again: _Again) -> Iterator[None]:
    """Raise KeyboardInterrupt again, a moment later, where it was raised and dropped.

    Python drops what is raised in finalizers and in callbacks of C code (LittleFS's and Unicorn's,
    for example), and prints it.
    """
    before = sys.unraisablehook

    def dropped(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            again.soon()
        elif not _ending:
            before(unraisable)

    sys.unraisablehook = dropped
    try:
        yield
    finally:
        sys.unraisablehook = before
        again.cancel()


@contextlib.contextmanager
def _quiet_at_the_end() -> Iterator[None]:
    """Let nobody complain of tasks and coroutines not gone on with, once all of it ends."""
    before = warnings.showwarning
    loggers: list[logging.Filterer] = [logging.getLogger("asyncio")]
    if logging.lastResort is not None:
        loggers.append(logging.lastResort)  # for all who have no handler

    def show(*told: Any, **options: Any) -> None:
        if not _ending:
            before(*told, **options)

    def going_on(_record: logging.LogRecord) -> bool:
        return not _ending

    for logger in loggers:
        logger.addFilter(going_on)
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before
        for logger in loggers:
            logger.removeFilter(going_on)


def quiet_for_good() -> None:
    """Say nothing of what was thrown away half made, in a process that was interrupted."""
    sys.unraisablehook = lambda _unraisable: None
    warnings.simplefilter("ignore")
    logging.disable()


@contextlib.contextmanager
def held(asked: Callable[[], object] | None = None) -> Iterator[None]:
    """Keep what ends the process waiting until the block is done; an impatient third ends it.

    Parameters
    ----------
    asked : callable, optional
        Called each time, by the signal's handler: tells the block that it is to come to its end.
    """
    waiting = _Waiting(asked)
    try:
        with _handling(dict.fromkeys(_SIGNALS, waiting)):
            yield
    finally:
        for number in waiting.arrived[:1]:
            signal.raise_signal(number)


def hold_for_good() -> None:
    """Let the process, which is about to end, end in peace: with its own exit code."""
    waiting = _Waiting()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, waiting)


def ignore_for_good() -> None:
    """Ignore what would end the process; for its last moment, when Python's handlers are gone."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class _Waiting:
    """A handler of signals that lets them wait."""

    def __init__(self, asked: Callable[[], object] | None = None) -> None:
        self.arrived: list[int] = []
        self._asked = asked

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self.arrived.append(number)
        if len(self.arrived) >= _IMPATIENT:
            os._exit(128 + number)
        if self._asked is not None:
            self._asked()


@contextlib.contextmanager
def noticed() -> Iterator[Callable[[], bool]]:
    """Notice Ctrl-C also where Python or a library swallows the exception.

    That happens in finalizers and callbacks of the garbage collector, whose exceptions go nowhere.

    Yields
    ------
    callable
        Tells whether Ctrl-C was pressed; loops that go on for ever ask it.
    """
    pressed = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        pressed.set()
        raise KeyboardInterrupt

    with _handling({signal.SIGINT: interrupt}):
        yield pressed.is_set


@contextlib.contextmanager
def _handling(handlers: dict[signal.Signals, Any]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main one is sent signals
        return
    before = {}
    try:
        for number, handler in handlers.items():
            found = signal.getsignal(number)
            if found not in (signal.SIG_IGN, None):
                before[number] = found
                signal.signal(number, handler)
        yield
    finally:
        for number, found in before.items():
            signal.signal(number, found)
