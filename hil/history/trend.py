"""One figure from run to run: what is drawn of it, and the drawing of characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.in_words import limit_text, shown, word
from eegrig.hil.figures.quantities import NO_BREAK, factor_of, number, quantity
from eegrig.hil.history.query import Point
from eegrig.hil.report.svg import Scale, ticks

__all__ = ["MARKS", "Trend", "picture"]

WIDTH = 80
_HEIGHT = 13
_LABEL = 10
_STEP = 6
"""At most so many characters from one run to the next."""

MARKS = {"pass": "✓", "marginal": "≈", "fail": "✕", "inconclusive": "?", None: "o"}


@dataclass(frozen=True)
class Trend:
    """One figure of one board from run to run.

    Attributes
    ----------
    board, figure : str
        Names.
    points : sequence of Point
        The oldest first; one at least.
    """

    board: str
    figure: str
    points: Sequence[Point]

    @property
    def label(self) -> str:
        """What the figure is called."""
        return word(self.figure).label

    @property
    def unit(self) -> str:
        """Unit it is drawn in; empty for a plain number."""
        return self._scale[0]

    @property
    def values(self) -> list[float]:
        """In `unit`."""
        return [point.value / self._scale[1] for point in self.points]

    @property
    def uncertainties(self) -> list[float] | None:
        """In `unit`; None where they are so large that the values would all look alike.

        Much of an uncertainty is shared by all runs on one bench, and hides no difference.
        """
        known = [(point.uncertainty or 0.0) / self._scale[1] for point in self.points]
        low, high = min(self.values), max(self.values)
        return known if any(known) and max(known) <= (high - low) / 2 else None

    @property
    def limit(self) -> float | None:
        """The newest limit, in `unit`, with the sign that it has for these values."""
        newest = self.points[-1]
        if newest.limit is None:
            return None
        sign = -1.0 if newest.kind == "within" and newest.value < 0 else 1.0
        return sign * newest.limit / self._scale[1]

    @property
    def span(self) -> tuple[float, float]:
        """From where to where it is drawn: with the limit, where that is not far off."""
        bars = self.uncertainties or [0.0] * len(self.points)
        low = min(value - bar for value, bar in zip(self.values, bars, strict=True))
        high = max(value + bar for value, bar in zip(self.values, bars, strict=True))
        if high == low:
            room = abs(high) * 0.01 or 1.0
            return low - room, high + room
        if self.limit is not None and low - (high - low) <= self.limit <= high + (high - low):
            low, high = min(low, self.limit), max(high, self.limit)
        return low, high

    @property
    def limit_words(self) -> str:
        """The newest limit for people, and where it is if it is not drawn; empty without one."""
        if self.limit is None:
            return ""
        low, high = self.span
        off = "" if low <= self.limit <= high else ", off the picture"
        return f"limit {limit_text(self.as_figure(self.points[-1]))}{off}"

    @property
    def summary(self) -> str:
        """The first and the last value, and what lies between, in one sentence."""
        first, last = self.points[0], self.points[-1]
        if len(self.points) == 1:
            return f"one run: {self.shown(first)}"
        change = ""
        if first.value and self.unit != "%":
            change = f" ({_percent(last.value / first.value - 1)})"
        return f"{len(self.points)} runs: {self.shown(first)} to {self.shown(last)}{change}"

    def shown(self, point: Point) -> str:
        """Return a point's value as people read it."""
        return str(shown(self.as_figure(point)))

    def as_figure(self, point: Point) -> Figure:
        """Return a point as the figure that it was."""
        return Figure(
            name=self.figure,
            value=point.value,
            unit=point.unit,
            uncertainty=point.uncertainty,
            n=0,
            provenance=cast(Any, point.provenance),
            limit=point.limit,
            kind=cast(Literal["max", "min", "within"] | None, point.kind),
        )

    @property
    def _scale(self) -> tuple[str, float]:
        """Return the unit for all values, and how many of the figure's unit it is."""
        unit = self.points[-1].unit
        largest = max((abs(point.value) for point in self.points), default=0.0)
        fitting = word(self.figure).shown_in or quantity(largest, unit).unit
        factor = factor_of(fitting, unit)
        return (fitting, factor) if factor else ("" if unit == "1" else unit, 1.0)


def picture(trend: Trend) -> list[str]:
    """Return a trend as lines of at most 80 characters."""
    low, high = trend.span
    up = Scale(low, high, _HEIGHT - 1, 0)
    n_columns = WIDTH - _LABEL - 2
    grid = [[" "] * n_columns for _ in range(_HEIGHT)]
    limit = trend.limit
    if limit is not None and low <= limit <= high:
        grid[round(up(limit))] = ["–"] * n_columns
    at = _columns(len(trend.points), n_columns)
    values, bars = trend.values, trend.uncertainties
    for column, value, bar in zip(at, values, bars or [0.0] * len(values), strict=True):
        if bar:
            for row in range(round(up(value + bar)), round(up(value - bar)) + 1):
                grid[row][column] = "·"
    for column, value, point in zip(at, values, trend.points, strict=True):
        grid[round(up(value))][column] = MARKS[point.verdict]
    labels = [""] * _HEIGHT
    for tick in ticks(low, high, 4):
        labels[round(up(tick))] = number(tick, 5)
    unit = f", {trend.unit}" if trend.unit else ""
    lines = _wrapped(f"{trend.board} · {trend.figure} ({trend.label}){unit}")
    lines += [
        f"{label[:_LABEL]:>{_LABEL}} {'+' if label else '|'}{''.join(row)}".rstrip()
        for label, row in zip(labels, grid, strict=True)
    ]
    lines.append(f"{'':{_LABEL}} +{'-' * n_columns}")
    days = [point.started_at.strftime("%Y-%m-%d") for point in trend.points]
    last = f"{days[-1]:>{max(at[-1] + 1 - len(days[0]), len(days[-1]) + 1)}}" if days[1:] else ""
    lines.append(f"{'':{_LABEL}}  {days[0]}{last}"[:WIDTH])
    said = [trend.summary, trend.limit_words]
    if bars is None and any(point.uncertainty for point in trend.points):
        said.append("uncertainties are larger than the picture")
    lines += _wrapped("; ".join(filter(None, said)))
    return lines


def _columns(n_points: int, n_columns: int) -> list[int]:
    """Return the column of each point: evenly apart, several to one where there are too many."""
    if n_points == 1:
        return [0]
    step = min(_STEP, (n_columns - 1) / (n_points - 1))
    return [math.floor(index * step + 0.5) for index in range(n_points)]


def _percent(share: float) -> str:
    text = f"{100 * share:+.2f}".replace("-", "−")
    return f"{text}{NO_BREAK}%"


def _wrapped(words: str) -> list[str]:
    import textwrap

    # `textwrap` breaks at a no-break space, too.
    glued = words.replace(NO_BREAK, "\ue000")
    return [line.replace("\ue000", " ") for line in textwrap.wrap(glued, WIDTH)]
