"""What a speller's decoder reads of what was applied, and of what arrived, over window length."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eegrig.hil.figures.quantities import number
from eegrig.hil.report.svg import WIDE, Drawing, Scale, both, ticks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DecodingRow", "decoding"]

_HEIGHT = 110.0
_GAP = 40.0


class DecodingRow(NamedTuple):
    """A decoder's label, window lengths in seconds, and accuracies of source and board."""

    label: str
    window_s: NDArray[np.float64]
    source: NDArray[np.float64]
    board: NDArray[np.float64]


def decoding(rows: list[DecodingRow]) -> str:
    """Return each decoder's accuracy over window length, of the source and of the board."""
    return both(lambda width: _draw(width, rows))


def _draw(width: float, rows: list[DecodingRow]) -> str:
    drawing = Drawing(width)
    left, right = 52.0, width - (100.0 if width >= WIDE else 84.0)
    bottom = -_GAP
    for row in rows:
        y = bottom + _GAP
        top, bottom = y + 40, y + 40 + _HEIGHT
        drawing.text(8.0, y + 12, row.label, "t-strong")
        across = Scale(0.0, float(row.window_s[-1]), left, right)
        up = Scale(0.0, 100.0, bottom, top)
        for tick in ticks(0.0, 100.0, 4):
            drawing.line(left, up(tick), right, up(tick), "grid")
            drawing.text(left - 8, up(tick) + 4, number(tick), "t", "end")
        drawing.text(left - 8, top - 12, "%", "t-unit", "end")
        xs = [across(float(length)) for length in row.window_s]
        for parts, css in ((row.source, "applied"), (row.board, "recorded")):
            drawing.curve(xs, [up(100 * float(part)) for part in parts], css)
        last = f"{100 * float(row.source[-1]):.1f} → {100 * float(row.board[-1]):.1f}"
        drawing.text(right + 6, up(100 * float(row.board[-1])) + 4, last, "t-value")
        for tick in ticks(0.0, across.high, 4):
            drawing.line(across(tick), bottom, across(tick), bottom + 4, "axis")
            drawing.text(across(tick), bottom + 18, number(tick), "t", "middle")
        drawing.text(right + 14, bottom + 18, "s", "t-unit")
    return drawing.svg(bottom + 26, "Accuracy of decoders over window length")
