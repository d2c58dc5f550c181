"""The analogue front end of a virtual board: the ADS1299 and what drives its electrodes.

source = VirtualSignalSource(clock, board.afe.channels, rate_hz=8 * board.afe.default_rate_sps)
afe = Ads1299(load_part("ads1299"), clock=clock, rng=rng, source=source)
afe.on_drdy = lambda level: ...
source.play(make_source)
"""

from __future__ import annotations

from hil.virtual.afe.ads1299 import Ads1299
from hil.virtual.afe.power import AfeState, OnAfeState
from hil.virtual.afe.source import Playable, SourceFactory, VirtualSignalSource

__all__ = ["Ads1299", "AfeState", "OnAfeState", "Playable", "SourceFactory", "VirtualSignalSource"]
