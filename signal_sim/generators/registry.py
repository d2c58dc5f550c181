"""The kinds of sources a scene can name."""

from __future__ import annotations

from typing import Any

from eegrig.boards.wording import nearest
from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.generators.background import Background
from eegrig.signal_sim.generators.base import SourceSpec
from eegrig.signal_sim.generators.evoked import Oddball
from eegrig.signal_sim.generators.eyes import Blinks, Saccades
from eegrig.signal_sim.generators.heart import Heart
from eegrig.signal_sim.generators.imagery import MotorImagery
from eegrig.signal_sim.generators.muscle import Gestures, Muscle
from eegrig.signal_sim.generators.rhythm import Rhythm
from eegrig.signal_sim.generators.ssvep import Ssvep
from eegrig.signal_sim.generators.waves import KComplexes, SlowWaves, SpikeWave, Spindles

__all__ = ["KINDS", "source_from_mapping"]

KINDS: dict[str, type[SourceSpec]] = {
    spec.kind: spec
    for spec in (
        Background, Blinks, Gestures, Heart, KComplexes, MotorImagery, Muscle, Oddball, Rhythm,
        Saccades, SlowWaves, SpikeWave, Spindles, Ssvep,
    )
}  # fmt: skip
"""Source descriptions by the name a scene file gives them."""


def source_from_mapping(values: dict[str, Any], where: str) -> SourceSpec:
    """Build a source description from a table of a scene file.

    Raises
    ------
    SceneError
        Unknown kind or parameter, or a value out of range.
    """
    rest = dict(values)
    kind = rest.pop("kind", None)
    if kind is None:
        msg = f"{where}: a source needs a kind{nearest('', KINDS)}"
        raise SceneError(msg)
    if kind not in KINDS:
        msg = f"{where}: unknown source {kind!r}{nearest(str(kind), KINDS)}"
        raise SceneError(msg)
    spec: SourceSpec = KINDS[kind].from_mapping(rest, where)
    return spec
