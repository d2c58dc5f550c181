"""What of a console's text says why a board did not boot."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["TRACEBACK", "last_words", "says_failure"]

TRACEBACK = "Traceback (most recent call last):"

_PROMPT = ">>> "
# What MicroPython says at every start, and on the way to its prompt (shared/runtime/pyexec.c,
# ports/stm32/main.c).
_ALWAYS = re.compile(
    r'MicroPython v|Type "help\(\)" for more information|MPY: (?:sync filesystems|soft reboot)'
)
_FAILURE = re.compile(rf"^(?:{re.escape(TRACEBACK)}|MPY: can't )", re.MULTILINE)
_LINES = 3
_MAX_LENGTH = 200


def last_words(text: str | Iterable[str]) -> str:
    r"""Return the last lines of a console that tell something, as one line.

    Parameters
    ----------
    text : str or iterable of str
        All of it, or its lines.

    Returns
    -------
    str
        At most three lines and 200 characters; of a traceback its place and the exception. Empty
        where nothing was said but what MicroPython says at every start.

    Examples
    --------
    >>> last_words("MPY: can't mount flash\nMicroPython v1.29.0 on a board\n>>> ")
    "MPY: can't mount flash"
    """
    lines = text.splitlines() if isinstance(text, str) else text
    told = [line.removeprefix(_PROMPT).strip() for line in lines]
    told = [line for line in told if line and not _ALWAYS.match(line) and line != _PROMPT.strip()]
    said = "; ".join(told[-_LINES:])
    return said if len(said) <= _MAX_LENGTH else f"...{said[3 - _MAX_LENGTH :]}"


def says_failure(text: str) -> bool:
    """Say whether a console tells of a boot that failed: a traceback, or a file system of no use.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool
    """
    return _FAILURE.search(text) is not None
