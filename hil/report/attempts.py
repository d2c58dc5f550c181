"""What was tried with a board, as a reader wants it: group by group, each with its outcome."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eegrig.hil.figures.account import Attempt, Outcome

__all__ = ["OUTCOMES", "by_group", "summary"]

OUTCOMES: Mapping[Outcome, str] = {
    "through": "got through",
    "refused": "refused",
    "ignored": "no answer",
    "recovered": "recovered",
    "harm": "did harm",
}
"""What outcomes are called."""


def by_group(attempts: Sequence[Attempt]) -> list[tuple[str, list[Attempt]]]:
    """Return attempts by suite and group, in their order."""
    groups: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        groups.setdefault(f"{attempt.suite}: {attempt.group}", []).append(attempt)
    return list(groups.items())


def summary(attempts: Sequence[Attempt]) -> str:
    """Say in a line how many attempts there were, and how many had which outcome."""
    counts = Counter(attempt.outcome for attempt in attempts)
    parts = [f"{counts[outcome]} {called}" for outcome, called in OUTCOMES.items()]
    return f"{len(attempts)} attempts: {', '.join(parts)}"
