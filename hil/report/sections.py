"""The drawn sections of a report: each from a trace, or a sentence where the trace is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eegrig.hil.figures import traces
from eegrig.hil.report.vocabulary import MODES, POWER_GROUPS, PROFILES, limit_text, shown

if TYPE_CHECKING:
    from pathlib import Path

    from markupsafe import Markup

    from eegrig.hil.figures.figure import Figure
    from eegrig.hil.figures.results import Results

__all__ = ["Section", "all_of", "bullet"]

_INTERVALS_SHOWN = 3.2
_SPAN_WITHOUT_INTERVAL_S = 0.3
_CURRENT_MODES = ("streaming", "streaming_low_latency", "connected", "advertising")
_MOST_CURRENTS = 2


@dataclass(frozen=True)
class Section:
    """A drawing with its words.

    Attributes
    ----------
    key, title : str
        Anchor and heading.
    lead : str
        What the reader sees in it, in a sentence or two.
    chart : Markup or None
        The drawing; None where there was nothing to draw.
    legend : tuple of (str, str)
        Class name and words of each entry.
    missing : str
        What to say where there is no drawing.
    """

    key: str
    title: str
    lead: str
    chart: Markup | None
    legend: tuple[tuple[str, str], ...] = ()
    missing: str = ""


def all_of(results: Results, directory: Path) -> list[Section]:
    """Return the sections of a run, in the order of the page."""
    return [
        _power(results, directory),
        _current(directory),
        _latency(results, directory),
        _goodput(results, directory),
        _eeg(results, directory),
        *_decoding(directory),
    ]


def bullet(figure: Figure) -> Markup:
    """Return a figure's bar against its limit."""
    from eegrig.hil.report import charts

    made: Markup = _safe(charts.bullet(figure))
    return made


def _power(results: Results, directory: Path) -> Section:
    from eegrig.hil.report import charts

    rows: list[charts.PowerRow] = []
    seen: set[str] = set()
    for mode in _ordered(traces.names(directory, "power_"), "power_", list(MODES)):
        trace = traces.load(directory, f"power_{mode}") or {}
        groups = {
            field.removeprefix("power_").removesuffix("_w"): float(value)
            for field, value in trace.items()
            if field.startswith("power_") and field.endswith("_w")
        }
        total = groups.pop("total", math.fsum(groups.values()))
        seen |= groups.keys()
        rows.append(
            charts.PowerRow(
                MODES.get(mode, _spoken(mode)),
                total,
                groups,
                _limit(results, f"power.{mode}"),
                # The target is about the profile that the board's battery life is about.
                _limit(results, "power.non_afe") if mode == "streaming" else None,
            )
        )
    chart = charts.power(rows) if rows else None
    legend = tuple((f"g-{name}", text) for name, text in POWER_GROUPS.items() if name in seen)
    return Section(
        key="power",
        title="Where the energy goes",
        lead="Mean power at the battery in each mode, in milliwatts, conversion losses included.",
        chart=_safe(chart),
        legend=legend,
        missing="No power was captured in this run.",
    )


def _current(directory: Path) -> Section:
    from eegrig.hil.report import charts

    rows: list[charts.CurrentRow] = []
    for mode in _CURRENT_MODES:
        trace = traces.load(directory, f"power_{mode}")
        if trace is None or len(rows) == _MOST_CURRENTS:
            continue
        step_s = float(trace["step_s"])
        interval_s = float(trace.get("interval_s", 0.0))
        span_s = interval_s * _INTERVALS_SHOWN if interval_s else _SPAN_WITHOUT_INTERVAL_S
        current = trace["current_a"]
        # From the middle of the capture, where nothing starts or ends any more.
        length = max(1, min(current.size, round(span_s / step_s)))
        start = (current.size - length) // 2
        label = MODES.get(mode, _spoken(mode))
        if interval_s:
            label += f", a connection event every {interval_s * 1e3:g} ms"
        rows.append(
            charts.CurrentRow(label, current[start : start + length], step_s, float(current.mean()))
        )
    return Section(
        key="current",
        title="Current over time",
        lead="Battery current over a few connection intervals, from the middle of each capture.",
        chart=_safe(charts.current(rows) if rows else None),
        missing="No current was captured in this run.",
    )


def _latency(results: Results, directory: Path) -> Section:
    from eegrig.hil.report import charts

    rows: list[charts.LatencyRow] = []
    for profile in _ordered(traces.names(directory, "latency_"), "latency_", list(PROFILES)):
        trace = traces.load(directory, f"latency_{profile}")
        if trace is None or trace["latency_s"].size == 0:
            continue
        name = "latency.p99" if profile == "low_latency" else f"latency.{profile}.p99"
        label = PROFILES.get(profile, _spoken(profile))
        rows.append(charts.LatencyRow(label, trace["latency_s"], _limit(results, name)))
    return Section(
        key="latency",
        title="Latency",
        lead=(
            "From the moment the signal is at the electrode until the host has the sample, the "
            "front end’s filter delay included; each bar counts frames."
        ),
        chart=_safe(charts.latency(rows) if rows else None),
        missing="No latencies were taken in this run.",
    )


def _goodput(results: Results, directory: Path) -> Section:
    from eegrig.hil.report import charts

    trace = traces.load(directory, "goodput")
    chart = None
    if trace is not None and trace["time_s"].size:
        bound = trace.get("bound_bps")
        chart = charts.goodput(
            trace["time_s"], trace["goodput_bps"], None if bound is None else float(bound)
        )
    return Section(
        key="goodput",
        title="Goodput against the link’s bound",
        lead=(
            "Payload that reached the host with the test pattern, window by window, under what "
            "the link layer allows with the parameters that were negotiated."
        ),
        chart=_safe(chart),
        missing="No goodput was taken in this run.",
    )


def _eeg(results: Results, directory: Path) -> Section:
    from eegrig.hil.report import charts

    trace = traces.load(directory, "eeg")
    chart = None
    if trace is not None and trace["time_s"].size > 1:
        chart = charts.eeg(
            trace["time_s"],
            trace["applied_v"],
            trace["recorded_v"],
            [str(name) for name in trace["channels"]],
        )
    lead = "The recording over the signal at the electrodes as an ideal front end would show it."
    for name, said in (("signal.gain_error", "gain error"), ("signal.correlation", "correlation")):
        figure = results.figure(name)
        if figure is not None and figure.value is not None:
            limit = f" ({limit_text(figure)})" if figure.limit is not None else ""
            lead += f" Worst {said}: {shown(figure)}{limit}."
    return Section(
        key="eeg",
        title="What went in, what came out",
        lead=lead,
        chart=_safe(chart),
        legend=(("applied", "At the electrodes"), ("recorded", "Recorded")),
        missing="No recording was compared with its input in this run.",
    )


def _decoding(directory: Path) -> list[Section]:
    """Return the curves of spellers' decoders; no section for a board that nobody spells with."""
    from eegrig.hil.report import charts

    rows: list[charts.DecodingRow] = []
    for decoder in _ordered(traces.names(directory, "decoding_"), "decoding_", []):
        trace = traces.load(directory, f"decoding_{decoder}")
        if trace is not None:
            label = decoder.replace("_", ", ").upper()
            curves = (trace["window_s"], trace["source_accuracy"], trace["board_accuracy"])
            rows.append(charts.DecodingRow(label, *curves))
    if not rows:
        return []
    return [
        Section(
            key="decoding",
            title="What an application reads",
            lead=(
                "Accuracy of a speller with twelve targets over the length of its windows: the "
                "same decoder on what was at the electrodes and on what arrived."
            ),
            chart=_safe(charts.decoding(rows)),
            legend=(("applied", "At the electrodes"), ("recorded", "Recorded")),
        )
    ]


def _safe(svg: str | None) -> Any:  # Markup, or None for None
    """Mark a drawing as HTML; every word in it was escaped when it was drawn."""
    from markupsafe import Markup

    return None if svg is None else Markup(svg)


def _limit(results: Results, name: str) -> float | None:
    figure = results.figure(name)
    return None if figure is None else figure.limit


def _ordered(names: list[str], prefix: str, known: list[str]) -> list[str]:
    """Return names without their prefix, known ones first and in the order they are known."""
    bare = [name.removeprefix(prefix) for name in names]
    return sorted(bare, key=lambda name: (known.index(name) if name in known else len(known), name))


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()
