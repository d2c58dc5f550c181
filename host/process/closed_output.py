"""Nobody reads any more what a command prints, as after ``eegrig boards | head -1``.

Tools in C are ended by SIGPIPE then, which a shell gives as 141. So is this one: what it did is
done, and only what it had to say of it is lost.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys

__all__ = ["EXIT_CODE", "comes_of_closed_output", "flushed", "give_up_output"]

EXIT_CODE = 128 + signal.SIGPIPE


def comes_of_closed_output(error: BaseException | None) -> bool:
    """Tell whether an error, or what it came of, is that nobody reads our output."""
    while error is not None:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            # Other pipes break, too; that is another matter.
            return any(map(_is_closed, (1, 2)))
        error = error.__cause__ or error.__context__
    return False


def flushed() -> bool:
    """Write what is still to be written; return whether somebody reads it.

    Raises
    ------
    OSError
        If it cannot be written for another reason.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        return False
    return True


def give_up_output() -> None:
    """Let all that is still to be written go nowhere, so that Python does not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        if _is_closed(descriptor):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _is_closed(descriptor: int) -> bool:
    poll = select.poll()
    with contextlib.suppress(OSError):
        poll.register(descriptor, select.POLLOUT)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    return False
