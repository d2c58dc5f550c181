"""Trends as a page: a chart of each figure, and the runs below it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eegrig.boards.whole_file import write_whole
from eegrig.hil.figures.quantities import number
from eegrig.hil.history.query import Point
from eegrig.hil.history.trend import MARKS, Trend
from eegrig.hil.report.style import style_sheet
from eegrig.hil.report.svg import WIDE, Drawing, Scale, both, ticks

__all__ = ["chart", "render", "write_page"]

_HEIGHT = 170.0
_TEMPLATES = Path(__file__).parent / "templates"


def write_page(path: Path, trends: Sequence[Trend]) -> None:
    """Write trends of one board as one self-contained page.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_whole(path, render(trends).encode())


def render(trends: Sequence[Trend]) -> str:
    """Return the page of some trends of one board."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("trend.html.j2").render(
        board=trends[0].board,
        trends=trends,
        style=Markup(style_sheet()),
        chart=lambda trend: Markup(chart(trend)),
        day=lambda point: point.started_at.strftime("%Y-%m-%d %H:%M"),
        firmware=_firmware,
        marks=MARKS,
    )


def chart(trend: Trend) -> str:
    """Return a line from run to run, with uncertainties and limit."""
    return both(lambda width: _draw(width, trend))


def _draw(width: float, trend: Trend) -> str:
    drawing = Drawing(width)
    left, right = 64.0, width - 96.0
    top, bottom = 26.0, 26.0 + _HEIGHT
    low, high = trend.span
    room = 0.05 * (high - low)
    up = Scale(low - room, high + room, bottom, top)
    last = max(len(trend.points) - 1, 1)
    across = Scale(0.0, last, left + 8, right - 8)
    for tick in ticks(up.low, up.high, 5):
        drawing.line(left, up(tick), right, up(tick), "grid")
        drawing.text(left - 8, up(tick) + 4, number(tick, 6), "t", "end")
    drawing.text(left - 8, top - 12, trend.unit, "t-unit", "end")
    if trend.limit is not None and up.low <= trend.limit <= up.high:
        drawing.line(left, up(trend.limit), right, up(trend.limit), "limit")
        drawing.text(right + 6, up(trend.limit) + 4, "limit", "t-limit")
    xs = [across(index) for index in range(len(trend.points))]
    ys = [up(value) for value in trend.values]
    drawing.curve(xs, ys, "load-line")
    if trend.uncertainties is not None:
        for x, value, bar in zip(xs, trend.values, trend.uncertainties, strict=True):
            drawing.line(x, up(value - bar), x, up(value + bar), "b-whisker")
    for x, y, point in zip(xs, ys, trend.points, strict=True):
        tip = f"run {point.run_id}, {point.started_at:%Y-%m-%d %H:%M} UTC: {trend.shown(point)}"
        drawing.rect(x - 3, y - 3, 6, 6, "load-span", f"{tip}, {_firmware(point)}")
    drawing.text(right + 6, ys[-1] + 4, number(trend.values[-1], 5), "t-value")
    drawing.line(left, bottom, right, bottom, "axis")
    marked = range(len(xs)) if len(xs) < 3 else (0, len(xs) // 2, len(xs) - 1)
    for index in marked if width >= WIDE else {0, len(xs) - 1}:
        drawing.line(xs[index], bottom, xs[index], bottom + 4, "axis")
        day = trend.points[index].started_at.strftime("%Y-%m-%d")
        drawing.text(xs[index], bottom + 18, day, "t", "middle")
    return drawing.svg(bottom + 26, f"{trend.label} from run to run: {trend.summary}")


def _firmware(point: Point) -> str:
    """Return which firmware ran, for people."""
    if point.commit:
        return point.commit
    if point.image_hash:
        return f"{point.firmware_version} ({point.image_hash[:12]})"
    return "unknown firmware"
