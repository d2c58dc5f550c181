"""The errors of the simulator: each message is one line that says what to do."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RecordingError", "SceneError", "SignalError", "nearest"]


class SignalError(ValueError):
    """A signal that cannot be made as asked."""


class SceneError(SignalError):
    """A scene, a source or one of its parameters is wrong."""


class RecordingError(SignalError):
    """A recording cannot be played back."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return ``" (did you mean X?)"`` for the valid name nearest to `name`, or the whole choice."""
    choice = sorted(valid)
    close = get_close_matches(name, choice, n=1, cutoff=0.5)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (there are: {', '.join(choice)})" if choice else ""
