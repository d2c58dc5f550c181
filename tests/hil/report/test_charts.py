from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from eegrig.hil.figures.figure import Figure
from eegrig.hil.report import charts


def drawings(source: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", source, re.DOTALL)]


def words(source: str) -> str:
    return " | ".join(
        element.text or "" for drawing in drawings(source) for element in drawing.iter("text")
    ).replace("\u00a0", " ")


def boxes(drawing: ElementTree.Element, css: str) -> list[ElementTree.Element]:
    return [box for box in drawing.iter("rect") if css in (box.get("class") or "").split()]


def number(element: ElementTree.Element, name: str) -> float:
    return float(element.get(name) or "nan")


def a_figure(value=40.0, limit=50.0, kind="max", uncertainty=1.0, verdict="pass"):
    return Figure(
        name="power.total",
        value=value,
        unit="W",
        uncertainty=uncertainty,
        n=1,
        provenance="simulated",
        limit=limit,
        kind=kind,
        verdict=verdict,
    )


@pytest.mark.parametrize(
    ("value", "kind"), [(40.0, "max"), (60.0, "max"), (40.0, "min"), (60.0, "min")]
)
def test_a_bullet_reaches_its_limit_when_the_value_does(value, kind):
    (drawing,) = drawings(charts.bullet(a_figure(value, kind=kind)))
    (bar,) = boxes(drawing, "b-value")
    (mark,) = [line for line in drawing.iter("line") if line.get("class") == "b-limit"]
    assert (number(bar, "width") > number(mark, "x1")) is (value > 50)
    (allowed,) = boxes(drawing, "b-in")
    ends_in_it = (
        number(allowed, "x")
        <= number(bar, "width")
        <= number(allowed, "x") + number(allowed, "width")
    )
    assert ends_in_it is ((value < 50) is (kind == "max"))


def test_a_bullet_of_an_error_is_as_long_as_its_magnitude():
    (drawing,) = drawings(charts.bullet(a_figure(-40.0, kind="within")))
    (other,) = drawings(charts.bullet(a_figure(40.0, kind="max")))
    for css in ("b-value", "b-in"):
        (bar,), (same,) = boxes(drawing, css), boxes(other, css)
        assert number(bar, "width") == number(same, "width") > 0


def test_a_figure_without_value_or_limit_has_no_bullet():
    assert charts.bullet(a_figure(value=None, verdict="inconclusive")) == ""
    assert charts.bullet(a_figure(limit=None, kind=None, verdict=None)) == ""
    assert charts.bullet(a_figure(value=0.0, limit=0.0))


def test_power_is_stacked_to_scale_and_split_from_the_front_end():
    groups = {"afe": 30e-3, "mcu": 6e-3, "radio": 3e-3, "other": 1e-3}
    source = charts.power(
        [
            charts.PowerRow("Streaming", 40e-3, groups, limit_w=48e-3, non_afe_limit_w=12e-3),
            charts.PowerRow("Sleep", 20e-6, {}),
        ]
    )
    total, _, rest, _ = drawings(source)
    (afe,), (mcu,) = boxes(total, "g-afe"), boxes(total, "g-mcu")
    assert number(afe, "width") / number(mcu, "width") == pytest.approx(5, rel=0.01)
    assert not boxes(rest, "g-afe")
    assert len(boxes(rest, "seg")) == 3
    assert "40 mW of 48 mW" in words(source)
    assert "10 mW of 12 mW" in words(source)
    assert len(boxes(total, "g-total")) == 1


def test_power_without_a_split_is_one_bar_and_no_second_chart():
    source = charts.power([charts.PowerRow("Streaming", 40e-3, {})])
    assert len(drawings(source)) == 2
    assert "Without" not in source


def path_heights(path: str) -> list[float]:
    """Follow a path of M and l commands and return its ordinates."""
    found: list[float] = []
    for command, y in re.findall(r"([Ml])-?[\d.]+?(?:\s|(?=-))(-?[\d.]+)", path):
        found.append(float(y) if command == "M" else found[-1] + float(y))
    return found


@pytest.mark.parametrize("n", [30, 400, 5000])
def test_current_shows_a_peak_of_one_step_and_the_mean_of_the_capture(n):
    current = np.full(n, 10e-3)
    current[n // 2] = 25e-3
    source = charts.current([charts.CurrentRow("Streaming", current, 1e-4, 12.34e-3)])
    assert "12.3 mA" in words(source)
    for drawing in drawings(source):
        (line,) = [path for path in drawing.iter("path") if path.get("class") == "load-line"]
        heights = path_heights(line.get("d") or "")
        bottom = max(number(tick, "y1") for tick in drawing.iter("line"))
        base, peak = bottom - max(heights), bottom - min(heights)
        assert peak / base == pytest.approx(2.5, rel=0.02)


def test_latency_counts_every_frame_and_marks_the_limit():
    latency = np.concatenate([np.full(900, 12e-3), np.full(100, 25e-3)])
    source = charts.latency([charts.LatencyRow("Low latency", latency, 30e-3)])
    assert "median 12.0" in words(source)
    assert "p99 25.0" in words(source)
    assert "limit 30.0" in words(source)
    tips = [
        int(found)
        for found in re.findall(
            r"ms: (\d+) frames", ElementTree.tostring(drawings(source)[0], encoding="unicode")
        )
    ]
    assert sum(tips) == 1000


def test_goodput_is_named_against_its_bound():
    source = charts.goodput(np.arange(5) + 0.5, np.full(5, 1.2e6), 1.25e6)
    assert "bound 1250" in words(source)
    assert "mean 1200" in words(source)
    assert "96.0 %" in words(source)
    without = charts.goodput(np.array([0.5]), np.array([1.2e6]), None)
    assert "bound" not in words(without)


def an_eeg(n=2500):
    time_s = np.arange(n) / 250
    applied = 20e-6 * np.sin(2 * np.pi * 10 * time_s) * np.ones((3, 1)) + 5e-3
    return time_s, applied


def test_eeg_has_two_curves_per_channel_a_residual_and_scales():
    time_s, applied = an_eeg()
    source = charts.eeg(time_s, applied, applied + 1e-7 * np.sin(time_s), ["A", "B", "<C>"])
    for drawing in drawings(source):
        for css in ("applied", "recorded", "residual"):
            assert len([path for path in drawing.iter("path") if path.get("class") == css]) == 3
    assert "µV" in words(source)
    assert "<C>" in words(source)


def test_eeg_shows_lost_samples_as_a_gap():
    time_s, applied = an_eeg()
    recorded = applied.copy()
    recorded[:, ::100] = np.nan
    wide = drawings(charts.eeg(time_s, applied, recorded, ["A", "B", "C"]))[0]
    path = next(path for path in wide.iter("path") if path.get("class") == "recorded")
    assert (path.get("d") or "").count("M") > 5


def test_a_short_or_silent_eeg_is_still_drawn():
    time_s, applied = an_eeg(20)
    assert drawings(charts.eeg(time_s, applied, applied, ["A", "B", "C"]))
    silent = np.zeros((1, 20))
    assert drawings(charts.eeg(time_s, silent, silent, ["A"]))


@pytest.mark.parametrize("label", ["Streaming, low latency, a connection event every 7 ms", "Idle"])
def test_what_a_current_is_of_fits_a_telephone(label):
    source = charts.current([charts.CurrentRow(label, np.full(100, 0.01), 1e-4, 0.01)])
    for drawing in drawings(source):
        width = (
            number(drawing, "width")
            if drawing.get("width")
            else float((drawing.get("viewBox") or "0 0 nan 0").split()[2])
        )
        titles = [text for text in drawing.iter("text") if text.get("class") == "t-strong"]
        assert " ".join(text.text or "" for text in titles) == label
        for text in titles:
            assert number(text, "x") + 7.5 * len(text.text or "") <= width


def test_accuracies_are_drawn_over_window_length_and_the_last_ones_said():
    lengths = np.array([0.5, 1.0, 2.0])
    row = charts.DecodingRow(
        "SSVEP, CCA", lengths, np.array([0.3, 0.5, 0.78]), np.array([0.2, 0.4, 0.75])
    )
    source = charts.decoding([row, row._replace(label="SSVEP, FBCCA")])
    assert "SSVEP, CCA" in words(source)
    assert "78.0 → 75.0" in words(source)
    for drawing in drawings(source):
        curves = [path for path in drawing.iter("path") if path.get("class") == "recorded"]
        assert len(curves) == 2
