"""Marks for a recording from whoever writes lines: somebody at a keyboard, or a program."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TextIO

__all__ = ["read_marks"]


def read_marks(lines: TextIO, now_ns: Callable[[], int], mark: Callable[[str, int], None]) -> None:
    """Call `mark` with every line and the time it came at, from now on, in the background.

    Parameters
    ----------
    lines : TextIO
        Where the lines come from; its end is the end of the marks.
    now_ns : callable
        The recording's clock.
    mark : callable
        Called with a line's text and its time; an empty line is ``"mark"``.
    """

    def read() -> None:
        for line in iter(lines.readline, ""):
            at_ns = now_ns()
            mark(line.strip() or "mark", at_ns)

    # A read cannot be broken off, and nobody waits for it: it goes with the process.
    threading.Thread(target=read, name="marks", daemon=True).start()
