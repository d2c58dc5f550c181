"""A value against its limit, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegrig.hil.report.svg import Drawing, Scale
from eegrig.hil.report.vocabulary import limit_text, shown, word

if TYPE_CHECKING:
    from eegrig.hil.figures.figure import Figure

__all__ = ["bullet"]


def bullet(figure: Figure, *, width: float = 240, height: float = 16) -> str:
    """Return a bar from zero to the value, with the limit and the uncertainty across it.

    The ground is tinted where the limit allows the value to be. A value that has a sign is drawn by
    its magnitude, as its limit counts. A figure without a value or a
    limit gives an empty string.
    """
    if figure.value is None or figure.limit is None:
        return ""
    value = abs(figure.value) if figure.kind == "within" else max(figure.value, 0.0)
    limit = max(figure.limit, 0.0)
    most = max(value, limit)
    drawing = Drawing(width)
    scale = Scale(0.0, most * 1.12 if most else 1.0, 0.0, width)
    at = scale(limit)
    allowed = (at, width) if figure.kind == "min" else (0.0, at)
    drawing.rect(0, 3, width, height - 6, "b-out")
    drawing.rect(allowed[0], 3, allowed[1] - allowed[0], height - 6, "b-in")
    drawing.rect(0, height / 2 - 2.5, scale(value), 5, f"b-value v-{figure.verdict}")
    if figure.uncertainty:
        low, high = (scale(value + sign * figure.uncertainty) for sign in (-1, 1))
        drawing.line(max(low, 0), height / 2, min(high, width), height / 2, "b-whisker")
    at = min(max(at, 1.0), width - 1.0)
    drawing.line(at, 0, at, height, "b-limit")
    label = f"{word(figure.name).label}: {shown(figure)}, limit {limit_text(figure)}"
    return drawing.svg(height, label, "bullet")
