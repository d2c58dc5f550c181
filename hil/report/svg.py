"""A very small drawing of lines, boxes and words, as SVG that takes its colours from the page.

Shapes carry class names and no colours, so that one drawing suits a light page, a dark one and
paper. Every chart is drawn twice, for a wide page and for a telephone; the page shows one of them.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from html import escape

__all__ = ["NARROW", "WIDE", "Drawing", "Scale", "both", "lines_of", "ticks"]

WIDE = 880
NARROW = 420


class Scale:
    """A linear map from values to pixels."""

    def __init__(self, low: float, high: float, start: float, stop: float) -> None:
        self.low = low
        self.high = high if high > low else low + 1.0
        self.start = start
        self.stop = stop

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers between two values, about so many, 1, 2 or 5 of a power of ten apart."""
    span = high - low
    if span <= 0 or about < 1:
        return [low]
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def lines_of(words: str, width: float, character: float = 7.5) -> list[str]:
    """Break words into lines that fit a width in pixels; a character has so many at most."""
    return textwrap.wrap(words, max(1, int(width / character))) or [""]


class Drawing:
    """An SVG drawing in pixels, growing downwards as its parts are added.

    Parameters
    ----------
    width : float
        Of the drawing in pixels.
    """

    def __init__(self, width: float) -> None:
        self.width = width
        self._parts: list[str] = []

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        """Draw a straight line."""
        self._parts.append(
            f'<line class="{css}" x1="{_px(x1)}" y1="{_px(y1)}" x2="{_px(x2)}" y2="{_px(y2)}"/>'
        )

    def rect(
        self, x: float, y: float, width: float, height: float, css: str, tip: str = ""
    ) -> None:
        """Draw a box; `tip` is shown where the pointer rests on it."""
        title = f"<title>{escape(tip)}</title>" if tip else ""
        self._parts.append(
            f'<rect class="{css}" x="{_px(x)}" y="{_px(y)}" width="{_px(max(width, 0))}" '
            f'height="{_px(max(height, 0))}">{title}</rect>'
        )

    def text(self, x: float, y: float, words: str, css: str = "t", anchor: str = "start") -> None:
        """Write words with their baseline at `y`."""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._parts.append(
            f'<text class="{css}" x="{_px(x)}" y="{_px(y)}"{where}>{escape(words)}</text>'
        )

    def curve(self, xs: Iterable[float], ys: Iterable[float], css: str) -> None:
        """Draw a line through points; where it breaks off at a NaN it starts again after it."""
        self._parts.append(f'<path class="{css}" d="{_path(xs, ys)}"/>')

    def area(
        self, xs: Sequence[float], lower: Sequence[float], upper: Sequence[float], css: str
    ) -> None:
        """Fill the stretch between two lines over common abscissas."""
        outline = _path([*xs, *reversed(xs)], [*upper, *reversed(lower)])
        self._parts.append(f'<path class="{css}" d="{outline}z"/>')

    def svg(self, height: float, label: str, css: str = "") -> str:
        """Return the drawing; `label` describes it to those who cannot see it."""
        classes = f' class="{css}"' if css else ""
        return (
            f'<svg{classes} viewBox="0 0 {_px(self.width)} {_px(height)}" role="img" '
            f'aria-label="{escape(label)}">{"".join(self._parts)}</svg>'
        )


def both(draw: Callable[[float], str]) -> str:
    """Draw a chart for a wide page and for a narrow one."""
    return f'<div class="wide">{draw(WIDE)}</div><div class="narrow">{draw(NARROW)}</div>'


def _px(value: float) -> str:
    """Write a pixel coordinate, a tenth of a pixel fine."""
    text = f"{value:.1f}"
    if text.endswith(".0"):
        text = text[:-2]
    return "0" if text in ("-0", "-0.0") else text


def _path(xs: Iterable[float], ys: Iterable[float]) -> str:
    """Write a path in relative steps, which are short to write, without adding up roundings."""
    commands: list[str] = []
    drawn: tuple[int, int] | None = None
    for x, y in zip(xs, ys, strict=True):
        if not (math.isfinite(x) and math.isfinite(y)):
            drawn = None
            continue
        tenth = (round(10 * x), round(10 * y))
        if drawn is None:
            commands.append(f"M{_tenth(tenth[0])} {_tenth(tenth[1])}")
        elif tenth != drawn:
            across, down = tenth[0] - drawn[0], tenth[1] - drawn[1]
            commands.append(f"l{_tenth(across)}{'' if down < 0 else ' '}{_tenth(down)}")
        drawn = tenth
    return "".join(commands)


def _tenth(value: int) -> str:
    whole, part = divmod(abs(value), 10)
    sign = "-" if value < 0 else ""
    if not part:
        return f"{sign}{whole}"
    return f"{sign}{whole or ''}.{part}"
