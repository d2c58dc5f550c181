"""The optical front end of a virtual board: the ADPD4101 on its I2C bus.

::

    source = VirtualSignalSource(clock, board.optics.channels, rate_hz=50.0)   # amperes
    optics = Adpd4101(load_part("adpd4101"), board.optics, clock=clock, rng=rng, source=source,
                      load=ledger.optics)
    optics.on_interrupt = lambda level: ...
    optics.i2c_write(bytes([0x80, 0x08])); optics.i2c_read(2)                  # CHIP_ID
"""

from __future__ import annotations
