"""Between the potentials on the head and the inputs of an amplifier."""

from __future__ import annotations

from eegrig.signal_sim.body.electrodes import (
    PRESETS,
    Amplifier,
    Electrodes,
    electrodes_from_mapping,
)
from eegrig.signal_sim.body.mains import Mains
from eegrig.signal_sim.body.motion import Motion

__all__ = ["PRESETS", "Amplifier", "Electrodes", "Mains", "Motion", "electrodes_from_mapping"]
