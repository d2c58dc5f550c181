"""Sources that a scene is made of: each a checked description and the generator that sounds it."""

from __future__ import annotations

from eegrig.signal_sim.generators.base import (
    Context,
    FieldGenerator,
    Generator,
    LatentGenerator,
    SourceSpec,
)
from eegrig.signal_sim.generators.registry import KINDS, source_from_mapping

__all__ = [
    "KINDS",
    "Context",
    "FieldGenerator",
    "Generator",
    "LatentGenerator",
    "SourceSpec",
    "source_from_mapping",
]
