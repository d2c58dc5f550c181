"""Where the energy goes: power by mode, stacked by group."""

from __future__ import annotations

import math
from typing import NamedTuple

from eegrig.hil.figures.quantities import quantity
from eegrig.hil.measure.power import AFE_GROUPS
from eegrig.hil.report.svg import WIDE, Drawing, Scale, both
from eegrig.hil.report.vocabulary import POWER_GROUPS

__all__ = ["PowerRow", "power"]

_BAR = 22.0
_LABEL_WIDTH = 178.0
_TOTAL_WIDTH = 152.0
_CHARACTER = 7.2


class PowerRow(NamedTuple):
    """Mean power of one mode in watts.

    Attributes
    ----------
    label : str
    total_w : float
    groups_w : dict of str to float
        Its parts, where they are known.
    limit_w, non_afe_limit_w : float or None
        The board's targets for the total, and for what is not the front end's.
    """

    label: str
    total_w: float
    groups_w: dict[str, float]
    limit_w: float | None = None
    non_afe_limit_w: float | None = None


def power(rows: list[PowerRow]) -> str:
    """Return stacked bars, one per mode; and, magnified, what is not the front end's."""
    drawn = both(lambda width: _bars(width, rows, "Mean power at the battery by mode"))
    rest = [_without_afe(row) for row in rows if any(group in row.groups_w for group in AFE_GROUPS)]
    if rest:
        drawn += '<p class="panel-title">Without the front end and its supply, magnified</p>'
        drawn += both(lambda width: _bars(width, rest, "Power besides the front end by mode"))
    return drawn


def _without_afe(row: PowerRow) -> PowerRow:
    groups = {group: watts for group, watts in row.groups_w.items() if group not in AFE_GROUPS}
    return PowerRow(row.label, math.fsum(groups.values()), groups, row.non_afe_limit_w)


def _bars(width: float, rows: list[PowerRow], label: str) -> str:
    wide = width >= WIDE
    left = _LABEL_WIDTH if wide else 0.0
    pitch = _BAR + (11 if wide else 28)
    drawing = Drawing(width)
    most = max(max(row.total_w, row.limit_w or 0.0) for row in rows)
    scale = Scale(0.0, most, left, width - _TOTAL_WIDTH)
    for index, row in enumerate(rows):
        y = 3.0 + index * pitch
        drawing.text(0, y + (_BAR / 2 + 4.5 if wide else 12), row.label, "t-strong")
        y += 0 if wide else 18
        _stack(drawing, row, left, y, scale)
        middle, end = y + _BAR / 2, scale(row.total_w)
        total = str(quantity(row.total_w, "W", significant=3))
        if row.limit_w is not None:
            at = scale(row.limit_w)
            drawing.line(min(end, at), middle, max(end, at), middle, "room")
            drawing.line(at, y - 3, at, y + _BAR + 3, "limit-mark")
            end = max(end, at)
            total += f" of {quantity(row.limit_w, 'W', significant=3)}"
        drawing.text(end + 8, middle + 4.5, total, "t-value")
    return drawing.svg(3 + pitch * len(rows), label)


def _stack(drawing: Drawing, row: PowerRow, left: float, y: float, scale: Scale) -> None:
    x = left
    for group, watts in _parts(row):
        across = scale(watts) - scale(0.0)
        name = POWER_GROUPS.get(group, group)
        tip = f"{row.label}, {name}: {quantity(watts, 'W', significant=3)}"
        drawing.rect(x, y, across, _BAR, f"g-{group} seg", tip)
        words = f"{watts * 1e3:.1f}"
        if across > len(words) * _CHARACTER + 6:
            drawing.text(x + across / 2, y + _BAR / 2 + 4.5, words, f"t-in on-{group}", "middle")
        x += across


def _parts(row: PowerRow) -> list[tuple[str, float]]:
    if not row.groups_w:
        return [("total", row.total_w)]
    known = [group for group in POWER_GROUPS if group in row.groups_w]
    others = [group for group in row.groups_w if group not in POWER_GROUPS]
    return [(group, row.groups_w[group]) for group in known + others]
