"""Sources that a scene is made of: each a checked description and the voice that sounds it."""

from __future__ import annotations

from eegrig.signal_sim.voices.base import Context, FieldVoice, LatentVoice, SourceSpec, Voice
from eegrig.signal_sim.voices.registry import KINDS, source_from_mapping

__all__ = [
    "KINDS",
    "Context",
    "FieldVoice",
    "LatentVoice",
    "SourceSpec",
    "Voice",
    "source_from_mapping",
]
