"""A stored figure as a page writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eegrig.boards.errors import ConfigError
from eegrig.hil.figures.quantities import NO_BREAK, factor_of, quantity
from eegrig.hil.pages.stored import StoredFigure

__all__ = ["figure_text", "plain", "share", "table"]

_UNKNOWN = "—"


def figure_text(figure: StoredFigure, how: str) -> str:
    """Return a figure's number, as a mark asks for it.

    Parameters
    ----------
    figure : StoredFigure
    how : str
        Unit, then ``±`` for the uncertainty too, and a number of digits for a figure that has no
        uncertainty to decide them (2 unless told); each may be left out.

    Raises
    ------
    ConfigError
        If the figure has no such unit.
    """
    words = how.split()
    with_uncertainty = "±" in words
    digits = [int(word) for word in words if word.isdecimal()]
    units = [word for word in words if word != "±" and not word.isdecimal()]
    if len(units) > 1 or len(digits) > 1:
        raise ConfigError(f"{how!r} is no unit, ± and number of digits")
    unit = units[0] if units else figure.unit
    if factor_of(unit, figure.unit) is None:
        raise ConfigError(f"it is in {figure.unit}, which cannot be written in {unit}")
    if figure.value is None:
        return _UNKNOWN
    found = quantity(
        figure.value,
        figure.unit,
        figure.uncertainty,
        shown_in=unit,
        significant=digits[0] if digits else 2,
    )
    text = found.number
    if with_uncertainty and found.uncertainty:
        text += f" ± {found.uncertainty}"
    return plain(text)


def share(value: float | None, none: str) -> str:
    """Return a part of one in per cent, and `none` for none at all."""
    if value is None:
        return _UNKNOWN
    if value == 0:
        return none
    if value < 0.001:
        return "below 0.1 %"
    return f"{100 * value:.1f} %" if value < 0.01 else f"{100 * value:.0f} %"


def plain(text: str) -> str:
    """Return text with ordinary spaces, for a file that people edit and search."""
    return re.sub(NO_BREAK, " ", text)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(cells) + " |\n" for cells in (heads, *rows)]
    return "".join([lines[0], "|" + "---|" * len(heads) + "\n", *lines[1:]])
