"""How messages word names that are unknown, and numbers in a row."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = ["listed", "near", "nearest", "unknown"]

_CUTOFF = 0.5


def near(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the known name nearest to `name`, "" for none near."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=_CUTOFF)
    return f" (did you mean {close[0]!r}?)" if close else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return what `near` says, or the whole choice where no name is near."""
    choice = sorted(known)
    return near(name, choice) or (f" (there are: {', '.join(choice)})" if choice else "")


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """Say that a name is not one of those known, which is the nearest, and which there are."""
    return f"unknown {what} {name!r}{near(name, known)}; {what}s are: {', '.join(known) or 'none'}"


def listed(values: Sequence[float]) -> str:
    """Return numbers as a sentence lists them."""
    return ", ".join(f"{v:g}" for v in values)
