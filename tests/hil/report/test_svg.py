from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.report.svg import Drawing, Scale, both, ticks


def points(path: str) -> list[tuple[float, float]]:
    """Follow a path of M and l commands."""
    at, found = (0.0, 0.0), []
    for command, x, y in re.findall(r"([Ml])(-?[\d.]+)\s?(-?[\d.]+)", path):
        at = (float(x), float(y)) if command == "M" else (at[0] + float(x), at[1] + float(y))
        found.append(at)
    return found


@given(
    st.lists(
        st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)),
        min_size=1,
        max_size=40,
        unique_by=lambda point: (round(10 * point[0]), round(10 * point[1])),
    )
)
def test_a_curve_goes_through_its_points_without_adding_up_roundings(given_points):
    drawing = Drawing(100)
    xs, ys = zip(*given_points, strict=True)
    drawing.curve(xs, ys, "c")
    path = re.search(r' d="([^"]*)"', drawing.svg(10, "label"))
    assert path
    found = points(path[1])
    assert len(found) == len(given_points)
    assert np.array(found) == pytest.approx(np.array(given_points), abs=0.0501)


def test_a_curve_breaks_off_where_there_is_nothing():
    drawing = Drawing(100)
    drawing.curve([0, 1, 2, 3], [0, float("nan"), 5, 6], "c")
    assert drawing.svg(10, "x").count("M") == 2


def test_words_are_escaped_and_the_drawing_is_well_formed():
    drawing = Drawing(100)
    drawing.text(1, 2, "<b>&", "t", "end")
    drawing.rect(0, 0, 5, 5, "r", tip='"<&>"')
    drawing.line(0, 0, 1, 1, "l")
    drawing.area([0, 1], [0, 0], [1, 1], "a")
    root = ElementTree.fromstring(drawing.svg(10, 'say "<hi>"', "css"))
    assert root.attrib["aria-label"] == 'say "<hi>"'
    assert root[0].text == "<b>&"
    assert root[1][0].text == '"<&>"'


def test_a_box_is_never_negative():
    drawing = Drawing(100)
    drawing.rect(0, 0, -1, 5, "r")
    assert 'width="0"' in drawing.svg(10, "x")


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(1, 12))
def test_ticks_are_round_inside_and_about_as_many_as_asked(low, span, about):
    high = low + span
    found = ticks(low, high, about)
    rounding = (high - low) * 1e-6 + 2 * math.ulp(max(abs(low), abs(high)))
    assert all(low - rounding <= tick <= high + rounding for tick in found)
    assert len(found) <= about + 2


def test_ticks_of_nothing():
    assert ticks(1.0, 1.0, 5) == [1.0]


def test_a_scale_of_nothing_does_not_divide_by_it():
    assert Scale(1.0, 1.0, 0.0, 10.0)(1.0) == 0.0


def test_both_widths_are_drawn():
    said = both(lambda width: f"<svg>{width}</svg>")
    assert said.index('class="wide"') < said.index("880") < said.index('class="narrow"')
