"""What a connection adds to a board's current, by the virtual board's own link layer.

The rows of `hil.pages.runs.published` tell a power ledger what the radio did, by hand. Here a
computer connects to a virtual board that runs its firmware, and the link layer (`hil.virtual.air`)
tells the ledger: how long it listens for a clock that drifts, which packets there are, and when.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from eegrig.boards.errors import BoardFault
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.signal_factory import SignalFactory
from eegrig.hil.suites.stretches.streams import linked
from eegrig.hil.virtual.bench import VirtualBench

if TYPE_CHECKING:
    from eegrig.boards import Board

__all__ = ["connection_current_a"]

_SEED = 0
_CONNECT_MS = 30.0
_SETTLE_S = 3.0
_SECONDS = 30.0


def connection_current_a(board: Board, supply_v: float, interval_ms: int) -> float:
    """Return what the radio draws in a connection in which nothing is sent.

    Parameters
    ----------
    board : Board
    supply_v : float
        Of the processor, in volts.
    interval_ms : int
        Connection interval in milliseconds.

    Returns
    -------
    float
        Mean current at the chip's pins in amperes, over half a minute.

    Raises
    ------
    BoardFault
        If the connection is not as it was asked for.
    """
    supply = msgspec.structs.replace(board.supply, mcu_v=supply_v)
    tried = msgspec.structs.replace(board, supply=supply)
    make_source = SignalFactory("resting", tried, _SEED)
    with VirtualBench(tried, seed=_SEED, make_source=make_source) as virtual:
        flash_and_identify(virtual.bench)
        return virtual.bench.run(_current_a(virtual, interval_ms))


async def _current_a(virtual: VirtualBench, interval_ms: int) -> float:
    rig = virtual.bench
    # Services are looked for at a short interval; 1M, as the measurement beside which it is put.
    async with linked(rig, _CONNECT_MS):
        await rig.radio.set_link(phy=1, interval_ms=interval_ms)
        await asyncio.sleep(_SETTLE_S)
        await rig.power.start()
        await asyncio.sleep(_SECONDS)
        capture = await rig.power.stop()
        negotiated = rig.radio.link_parameters()
        await rig.radio.set_link(phy=1, interval_ms=_CONNECT_MS)
        await asyncio.sleep(_SETTLE_S)
    if negotiated is None or (negotiated.interval_ms, negotiated.phy_rx) != (interval_ms, 1):
        raise BoardFault(f"a connection of {interval_ms} ms at 1M was asked for, not {negotiated}")
    return capture.power_w("radio") / rig.board.supply.mcu_v
