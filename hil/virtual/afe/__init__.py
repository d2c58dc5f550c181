"""The analogue front ends of a virtual board, and what drives their inputs.

source = VirtualSignalSource(clock, board.afe.channels, rate_hz=8 * board.afe.default_rate_sps)
afe = Ads129x(load_part("ads1299"), clock=clock, rng=rng, source=source)
afe.on_drdy = lambda level: ...
source.play(make_source)
"""

from __future__ import annotations

from hil.virtual.afe.ads129x import Ads129x
from hil.virtual.afe.power import AfeState, OnAfeState
from hil.virtual.afe.source import Playable, SourceFactory, VirtualSignalSource

__all__ = ["Ads129x", "AfeState", "OnAfeState", "Playable", "SourceFactory", "VirtualSignalSource"]
