"""The analogue front ends of a virtual board, and what drives their inputs.

source = VirtualSignalSource(clock, board.afe.channels, rate_hz=8 * board.afe.default_rate_sps)
afe = Ads129x(load_part("ads1299"), clock=clock, rng=rng, source=source)
afe.on_drdy = lambda level: ...
source.play_made(make_source)
"""

from __future__ import annotations
