"""What several tests read: taken once, and a board that fails at it fails them, not the run."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from eegrig.boards.errors import BoardFault
from eegrig.hil.session.presence import run_on_bench

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench

__all__ = ["StretchFailed", "taken"]

T = TypeVar("T")


class StretchFailed(BoardFault):
    """A stretch that tests share came to nothing, and the board is still there."""


def taken(rig: Bench, stretch: Coroutine[Any, Any, T]) -> T:
    """Take a stretch that tests share, in a fixture.

    Raises
    ------
    StretchFailed
        If the board did not bear it: those tests fail, and the run goes on.
    BoardGone
        If the board is not there any more, which ends the run.
    """
    try:
        return run_on_bench(rig, stretch)
    except BoardFault as error:
        raise StretchFailed(str(error).splitlines()[0]) from error
