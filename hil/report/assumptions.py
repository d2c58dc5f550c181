"""Assumptions as a reader wants them: each once, with the most that rests on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eegrig.hil.figures.results import Assumption
from eegrig.hil.report.quantities import NO_BREAK, number

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["merged"]

# A power capture tells each assumption with its share of that capture's energy.
_SHARE = re.compile(r"(?P<text>.+): (?P<percent>[0-9.]+) ?% of the energy", re.DOTALL)


def merged(assumptions: Iterable[Assumption]) -> list[Assumption]:
    """Return assumptions, those of several power captures once and with their largest share.

    Those with a share of the energy come first, the largest share ahead; the others follow in
    their order.
    """
    shares: dict[tuple[str, str], float] = {}
    others: list[Assumption] = []
    for assumption in assumptions:
        match = _SHARE.fullmatch(assumption.text)
        if match is None:
            others.append(assumption)
            continue
        key = (match["text"], assumption.source)
        shares[key] = max(shares.get(key, 0.0), float(match["percent"]))
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    return [
        Assumption(
            text=f"{text}: up to {number(percent, 2)}{NO_BREAK}% of a mode’s energy", source=source
        )
        for (text, source), percent in ranked
    ] + others
