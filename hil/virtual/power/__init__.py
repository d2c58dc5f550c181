"""Power of a virtual board: components report, the ledger adds up, the meter shows the battery.

ledger = PowerLedger(board, clock)
afe = Ads129x(..., on_state=ledger.afe)
controller.sink = ledger.radio
ledger.mcu.active(start_ns, duration_ns)
meter = VirtualPowerMeter(ledger)
"""

from __future__ import annotations
