"""The README's picture: what each board draws while it streams, as an SVG that stands alone.

Colours are the report's. They are written out, light and dark, because what shows a picture in a
page need not know variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from eegrig.hil.pages.stored import ROOT, Stored
from eegrig.hil.pages.text import figure_text
from eegrig.hil.report.svg import Drawing, Scale
from eegrig.hil.report.vocabulary import POWER_GROUPS

__all__ = ["PICTURE", "boards_picture"]

PICTURE = ROOT / "docs" / "images" / "boards.svg"

_STYLE = ROOT / "hil" / "report" / "templates" / "style.css"
_NAMES = {"afe_supply": "supply"}
"""Colours of groups that the report calls otherwise."""
_WIDTH, _LEFT, _RIGHT = 880.0, 170.0, 110.0
_BAR, _PITCH, _LEGEND = 20.0, 30.0, 34.0
_CHARACTER = 7.0


def boards_picture(stored: Mapping[str, Stored]) -> str:
    """Return the picture of all boards that were run.

    Parameters
    ----------
    stored : mapping of str to Stored
        By board.
    """
    drawing = Drawing(_WIDTH)
    seen = {
        group
        for one in stored.values()
        for group in POWER_GROUPS
        if _watts(one, f"power.streaming.{group}")
    }
    x = 0.0
    for group, label in POWER_GROUPS.items():
        if group in seen:
            drawing.rect(x, 2, 12, 12, f"g-{group}")
            drawing.text(x + 18, 12.5, label, "t")
            x += 18 + _CHARACTER * len(label) + 26
    scale = Scale(
        0.0,
        max((_watts(one, "power.streaming") for one in stored.values()), default=1.0),
        _LEFT,
        _WIDTH - _RIGHT,
    )
    for row, (name, one) in enumerate(stored.items()):
        y = _LEGEND + row * _PITCH
        drawing.text(0, y + _BAR / 2 + 4.5, name, "t")
        at = _LEFT
        for group, label in POWER_GROUPS.items():
            watts = _watts(one, f"power.streaming.{group}")
            across = scale(watts) - scale(0.0)
            drawing.rect(at, y, across, _BAR, f"g-{group}", f"{name}, {label}")
            at += across
        figure = one.figures.get("power.streaming")
        if figure is not None:
            drawing.text(
                at + 8, y + _BAR / 2 + 4.5, f"{figure_text(figure, 'mW ±')} mW", "t-strong"
            )
    label = "Mean power at the battery while streaming, efficient profile, simulated"
    svg = drawing.svg(_LEGEND + _PITCH * len(stored), label)
    head = '<svg xmlns="http://www.w3.org/2000/svg" '
    return svg.replace("<svg ", head, 1).replace(">", f">{_style(_STYLE)}", 1) + "\n"


def _watts(one: Stored, name: str) -> float:
    figure = one.figures.get(name)
    return 0.0 if figure is None or figure.value is None else float(figure.value)


def _style(path: Path) -> str:
    """Return the style of the picture, with the colours of the report."""
    light, dark = re.findall(r":root \{(.*?)\}", path.read_text(encoding="utf-8"), re.DOTALL)[:2]
    return (
        "<style>text{font:13px system-ui,sans-serif}.t-strong{font-weight:600}"
        f"{_colours(light)}@media (prefers-color-scheme:dark){{{_colours(dark)}}}</style>"
    )


def _colours(block: str) -> str:
    colour = dict(re.findall(r"--([\w-]+): (#\w+);", block))
    groups = "".join(f".g-{g}{{fill:{colour[_NAMES.get(g, g)]}}}" for g in POWER_GROUPS)
    return f".t,.t-strong{{fill:{colour['ink']}}}{groups}"
