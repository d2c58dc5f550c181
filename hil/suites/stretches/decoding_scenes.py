"""Scenes for decoders: so hard that the source itself scores 70 to 95 %, one person, one day.

Their seed is their own, and nobody differs from anybody: what the source scores does not depend on
the run's seed. What is to be decoded is made as large as it has to be at the best of the electrodes
that decode it, wherever on the head those are; sizes were chosen for the score, not for a likeness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eegrig.signal_sim import (
    Background,
    Fnirs,
    Gestures,
    Muscle,
    Oddball,
    Rhythm,
    Scene,
    SlowWaves,
    Spindles,
    Ssvep,
)
from eegrig.signal_sim.body.electrodes import PRESETS
from eegrig.signal_sim.description import StateTimeline
from eegrig.signal_sim.generators import SourceSpec
from eegrig.signal_sim.topography import field_at

__all__ = [
    "CLENCH_AFTER_S",
    "SSVEP_AFTER_S",
    "SSVEP_TARGETS_HZ",
    "STATE_S",
    "clench_scene",
    "oddball_scene",
    "rest_scene",
    "sleep_scene",
    "ssvep_scene",
    "tapping_scene",
]

_SEED = 15
_ELECTRODES = replace(
    PRESETS["gel-prepared"], bad_fraction=0.0, impedance_spread=0.1, noise_spread=0.0
)

SSVEP_TARGETS_HZ = (
    *(9.25, 11.25, 13.25, 9.75, 11.75, 13.75),
    *(10.25, 12.25, 14.25, 10.75, 12.75, 14.75),
)
"""Flicker of the speller's twelve targets (Nakanishi et al. 2015)."""

SSVEP_AFTER_S = 0.135
"""From a trial's onset to where the decoder's window begins (Nakanishi et al. 2015)."""

CLENCH_AFTER_S = 0.3
"""From the cue to the contraction, on the average (assumed)."""


STATE_S = 9.0
"""Length of a state of rest or attention."""


def ssvep_scene(sites: Sequence[str]) -> Scene:
    """Return a speller of twelve targets, one selection of 2.2 s after another.

    More electrodes tell more, so that the response is the weaker the more there are.
    """
    return _scene(
        "ssvep",
        Background(rms_v=7e-6),
        Rhythm(label="alpha", rms_v=3e-6, topography="parieto-occipital"),
        Ssvep(
            frequencies_hz=SSVEP_TARGETS_HZ,
            amplitude_v=_peak(4.1e-6 * len(sites) ** -0.4, "visual", sites),
            amplitude_spread=0.0,
            trial_spread=0.3,
            delay_s=SSVEP_AFTER_S,
            trial_s=2.2,
            rest_s=0.1,
        ),
    )


def oddball_scene(sites: Sequence[str]) -> Scene:
    """Return a visual oddball, two stimuli a second, three targets in ten."""
    return _scene(
        "oddball",
        Background(exponent_front=1.5),
        Rhythm(label="alpha", rms_v=5e-6, topography="parieto-occipital", generators=3),
        Oddball(
            interval_s=0.5,
            interval_jitter_s=0.05,
            target_probability=0.3,
            person_spread=0.0,
            p3_v=_peak(9e-6, "p3", sites),
        ),
    )


def rest_scene(alpha: Sequence[str], attention: Sequence[str]) -> Scene:
    """Return attending with open eyes and resting with closed ones, nine seconds each, in turn.

    Parameters
    ----------
    alpha, attention : sequence of str
        Electrodes that tell the eyes, and those that tell attention; none if nobody asks.
    """
    rhythms: list[SourceSpec] = []
    gains: dict[str, float] = {}
    if attention:
        theta = Rhythm(
            label="theta",
            frequency_hz=6.0,
            bandwidth_hz=3.0,
            rms_v=_peak(5e-6, "frontal", attention),
            topography="frontal",
        )
        beta = Rhythm(
            label="beta",
            frequency_hz=18.0,
            bandwidth_hz=8.0,
            rms_v=_peak(4e-6, "frontal", attention),
            topography="frontal",
        )
        rhythms += [theta, beta]
        gains |= {"theta": 0.75, "beta": 1.2}
    if alpha:
        size_v = _peak(4.5e-6, "parieto-occipital", alpha)
        rhythms.append(
            Rhythm(label="alpha", rms_v=size_v, topography="parieto-occipital", generators=3)
        )
        gains["alpha"] = 0.6
    return replace(
        _scene("rest", Background(exponent_front=1.4), *rhythms),
        timeline=StateTimeline("cycle", (("focus", STATE_S), ("rest", STATE_S)), ramp_s=0.5),
        gains={"focus": gains},
    )


def sleep_scene(sites: Sequence[str]) -> Scene:
    """Return sleep in which spindles and slow waves come more often than in anybody's."""
    return _scene(
        "sleep",
        Background(),
        Background(label="steep", exponent=2.5, rms_v=8e-6, correlation_deg=50.0),
        Spindles(rate_per_min=24.0, peak_v=_peak(7.5e-6, "central", sites)),
        SlowWaves(rate_per_min=22.0, peak_v=_peak(55e-6, "frontal-global", sites)),
    )


def clench_scene(sites: Sequence[str]) -> Scene:
    """Return jaws that are clenched weakly, every 1.6 s, by muscles that never quite rest."""
    return _scene(
        "clench",
        Background(),
        Gestures(
            gestures=("clench",),
            muscles=("left-jaw+right-jaw",),
            burst_v=_peak(10.5e-6, "left-jaw", sites),
            spread=0.4,
            hold_s=0.8,
            rest_s=0.8,
            reaction_s=CLENCH_AFTER_S,
        ),
        Muscle(
            muscles=("left-jaw", "right-jaw"),
            tonic_v=_peak(12e-6, "left-jaw", sites),
            spread=0.0,
            bursts_per_min=0.0,
        ),
    )


def tapping_scene() -> Scene:
    """Return the cortex answering to short tasks, one every 8 s, under what blood does anyway.

    Concentrations are twice the simulator's, so that the receiver's noise counts for less: all are
    within what was seen in one recording (`signal_sim.fnirs` says which).
    """
    fnirs = Fnirs(
        separations_mm=(30.0, 8.0),
        sides=("left", "left"),
        task_s=2.0,
        rest_s=6.0,
        hbo_m=2.4e-6,
        hbr_m=-0.7e-6,
        response_spread=0.0,
        cardiac_m=0.8e-6,
        respiration_m=0.8e-6,
        mayer_m=1.0e-6,
        slow_m=1.4e-6,
    )
    return Scene(name="decoding-tapping", seed=_SEED, fnirs=fnirs)


def _scene(name: str, *sources: SourceSpec) -> Scene:
    return Scene(
        name=f"decoding-{name}",
        seed=_SEED,
        electrodes=_ELECTRODES,
        reference="none",
        sources=sources,
    )


def _peak(wanted_v: float, field: str, sites: Sequence[str]) -> float:
    """Return how large a source must be where it is strongest for a size at the best electrode."""
    return float(wanted_v / field_at(field, sites).max())
