"""Ground truth in a file beside the signal: what a decoder can be scored against."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from eegrig.signal_sim.player import ScenePlayer
from eegrig.signal_sim.stream import Source

__all__ = ["VERSION", "ground_truth"]

VERSION = 1
"""Of the layout of ground-truth files."""


def ground_truth(source: Source, n_times: int, *, name: str) -> dict[str, Any]:
    """Return what is known of the first `n_times` samples of a source.

    Parameters
    ----------
    source : Source
        Any; a playing scene knows most.
    n_times : int
        Samples.
    name : str
        What was played.

    Returns
    -------
    dict
        Ready for JSON. ``events`` in order of onset, each with its kind; ``artefacts``: for every
        channel, spoilt stretches as ``[first sample, last sample + 1]``; for a scene also its
        seed, reference, electrodes and notes. ``hypnogram`` where there are sleep stages.
    """
    duration_s = n_times / source.rate_hz
    events = source.events(0.0, duration_s)
    truth: dict[str, Any] = {
        "version": VERSION,
        "name": name,
        "provenance": "simulated",
        "channels": list(source.channels),
        "unit": source.unit,
        "rate_hz": source.rate_hz,
        "n_times": n_times,
        "notes": list(getattr(source, "notes", ())),
        "events": [
            {
                "onset_s": event.onset_s,
                "duration_s": event.duration_s if isfinite(event.duration_s) else None,
                "name": event.name,
                "kind": event.kind,
                "channels": list(event.channels),
                **_plain(event.detail),
            }
            for event in events
        ],
        "artefacts": _spoilt(source, n_times),
    }
    stages = [
        e.name for e in events if e.kind == "state" and e.name in ("W", "N1", "N2", "N3", "R")
    ]
    if stages:
        truth["hypnogram"] = stages
    if isinstance(source, ScenePlayer):
        truth["scene"] = source.scene.title
        truth["seed"] = source.seed
        truth["reference"] = source.scene.reference
        truth["electrodes"] = {
            lead: {
                "impedance_ohm": float(abs(source.bank.initial_ohm(i))),
                "bad_contact": lead in source.bank.bad,
                "noise_v": float(source.bank.noise_v[i]) if i < len(source.bank.noise_v) else 0.0,
            }
            for i, lead in enumerate(source.bank.leads)
        }
    return truth


def _spoilt(source: Source, n_times: int) -> dict[str, list[list[int]]]:
    """Return the stretches of every channel that carry an artefact, joined where they overlap."""
    found: dict[str, list[list[int]]] = {channel: [] for channel in source.channels}
    for event in source.events(0.0, n_times / source.rate_hz):
        if event.kind != "artefact":
            continue
        first = max(0, int(np.ceil(event.onset_s * source.rate_hz)))
        last = min(n_times, int(np.ceil(event.stop_s * source.rate_hz)))
        # An artefact of the reference is one of every channel.
        named = [c for c in event.channels if c in found]
        everywhere = not event.channels or len(named) < len(event.channels)
        for channel in source.channels if everywhere else named:
            spans = found[channel]
            if spans and spans[-1][1] >= first:
                spans[-1][1] = max(spans[-1][1], last)
            else:
                spans.append([first, last])
    return found


def _plain(detail: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for key, value in detail.items()
    }
