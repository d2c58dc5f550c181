"""Volts at the electrodes: seeded, streaming signal sources, and recordings played back.

A source (`Source`) is read from its start in blocks of any length, and any partition gives the same
bits. `scene` makes one from a description of a head, its electrodes and its surroundings,
`Recording` from a file, `Replay` from an array, and `sine` and its kin are for testing devices.

>>> from eegrig.signal_sim import scene
>>> source = scene("resting", channels=["Fp1", "O1"], rate_hz=250, seed=3)
>>> source.read(500).shape
(2, 500)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eegrig.signal_sim.body import Amplifier, Electrodes, Mains, Motion
    from eegrig.signal_sim.calibration import (
        Tone,
        chirp,
        common_mode,
        dc_offset,
        impulse,
        silence,
        sine,
        square,
        steps,
        tones,
        triangle,
    )
    from eegrig.signal_sim.description import Scene
    from eegrig.signal_sim.errors import RecordingError, SceneError, SignalError
    from eegrig.signal_sim.events import Event
    from eegrig.signal_sim.files import write
    from eegrig.signal_sim.fnirs import Fnirs
    from eegrig.signal_sim.generators.background import Background
    from eegrig.signal_sim.generators.evoked import Oddball
    from eegrig.signal_sim.generators.eyes import Blinks, Saccades
    from eegrig.signal_sim.generators.heart import Heart
    from eegrig.signal_sim.generators.imagery import MotorImagery
    from eegrig.signal_sim.generators.muscle import Gestures, Muscle
    from eegrig.signal_sim.generators.rhythm import Rhythm
    from eegrig.signal_sim.generators.ssvep import Ssvep
    from eegrig.signal_sim.generators.waves import KComplexes, SlowWaves, SpikeWave, Spindles
    from eegrig.signal_sim.player import open_source, play, scene
    from eegrig.signal_sim.recordings import Recording
    from eegrig.signal_sim.replay import Replay
    from eegrig.signal_sim.scene_file import load_scene, scene_names
    from eegrig.signal_sim.stream import Source

__all__ = [
    "Amplifier",
    "Background",
    "Blinks",
    "Electrodes",
    "Event",
    "Fnirs",
    "Gestures",
    "Heart",
    "KComplexes",
    "Mains",
    "Motion",
    "MotorImagery",
    "Muscle",
    "Oddball",
    "Recording",
    "RecordingError",
    "Replay",
    "Rhythm",
    "Saccades",
    "Scene",
    "SceneError",
    "SignalError",
    "SlowWaves",
    "Source",
    "SpikeWave",
    "Spindles",
    "Ssvep",
    "Tone",
    "chirp",
    "common_mode",
    "dc_offset",
    "impulse",
    "load_scene",
    "open_source",
    "play",
    "scene",
    "scene_names",
    "silence",
    "sine",
    "square",
    "steps",
    "tones",
    "triangle",
    "write",
]

_HOME = {
    **dict.fromkeys(("Amplifier", "Electrodes", "Mains", "Motion"), "body"),
    **dict.fromkeys(
        (
            "Tone",
            "chirp",
            "common_mode",
            "dc_offset",
            "impulse",
            "silence",
            "sine",
            "square",
            "steps",
            "tones",
            "triangle",
        ),
        "calibration",
    ),
    **dict.fromkeys(("RecordingError", "SceneError", "SignalError"), "errors"),
    **dict.fromkeys(("load_scene", "scene_names"), "scene_file"),
    **dict.fromkeys(("open_source", "play", "scene"), "player"),
    "Scene": "description",
    "Event": "events",
    "Recording": "recordings",
    "Replay": "replay",
    "Source": "stream",
    "Background": "generators.background",
    "Oddball": "generators.evoked",
    "Blinks": "generators.eyes",
    "Saccades": "generators.eyes",
    "Heart": "generators.heart",
    "MotorImagery": "generators.imagery",
    "Gestures": "generators.muscle",
    "Muscle": "generators.muscle",
    "Rhythm": "generators.rhythm",
    "Ssvep": "generators.ssvep",
    "KComplexes": "generators.waves",
    "SlowWaves": "generators.waves",
    "SpikeWave": "generators.waves",
    "Spindles": "generators.waves",
    "Fnirs": "fnirs",
    "write": "files",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `import signal_sim` costs nothing."""
    if name not in _HOME:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
