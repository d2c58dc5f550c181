"""A figure as people read it: its label, and value and limit in the unit that suits it.

A name that is not in the catalogue is shown as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegrig.boards.catalogue import catalogue
from eegrig.boards.figures import DeclaredFigure
from eegrig.hil.figures.quantities import NO_BREAK, Quantity, quantity

if TYPE_CHECKING:
    from eegrig.hil.figures.figure import Figure

__all__ = ["limit_text", "limit_words", "shown", "stated", "word"]

_SENSE = {"max": ("≤", "at most"), "min": ("≥", "at least"), "within": ("±", "at most ±")}
"""Of a limit: its sign, and how it is said."""


def word(name: str) -> DeclaredFigure:
    """Return how a figure is presented."""
    return catalogue().find(name) or DeclaredFigure(name=name, unit="1", label=name)


def shown(figure: Figure) -> Quantity | None:
    """Return a figure's value in the unit it is shown in, or None where it has none."""
    if figure.value is None:
        return None
    how = word(figure.name)
    return quantity(
        figure.value,
        figure.unit,
        figure.uncertainty,
        shown_in=how.shown_in,
        significant=how.digits,
    )


def limit_text(figure: Figure) -> str:
    """Return a figure's limit with its sense, in the unit the figure is shown in."""
    if figure.limit is None:
        return ""
    return f"{_SENSE[figure.kind or 'max'][0]}{NO_BREAK}{_limit(figure, figure.limit)}"


def limit_words(figure: Figure) -> str:
    """Return a figure's limit as it is said."""
    if figure.limit is None:
        return ""
    return f"{_SENSE[figure.kind or 'max'][1]} {_limit(figure, figure.limit)}"


def _limit(figure: Figure, limit: float) -> Quantity:
    unit = word(figure.name).shown_in
    if unit is None and figure.value is not None:
        unit = quantity(figure.value, figure.unit).unit or None
    return quantity(limit, figure.unit, shown_in=unit)


def stated(figure: Figure) -> str:
    """Return a figure by its name with value, limit and verdict, for a line of plain text."""
    said = f"{figure.name} = {shown(figure) or 'no value'}"
    if figure.limit is not None:
        said += f", limit {limit_text(figure)} ({figure.verdict})"
    if figure.note:
        said += f": {figure.note}"
    return said.replace(NO_BREAK, " ")
