"""How a board bears its sample rates: processor time and lost frames, by connection interval.

Computers choose the interval, so a board is tried at theirs and not only at the one it asks for;
and at the rate above its highest one, which shows why it offers no more.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from eegrig.boards import Board, load_board
from eegrig.boards.errors import EegrigError
from eegrig.boards.ports import board_runtime
from eegrig.boards.traffic import SHORTEST_INTERVAL_MS, link_interval_ms
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.pages.stored import Figures, StoredFigure
from eegrig.hil.signal_factory import SignalFactory, light_factory
from eegrig.hil.suites.stretches.streams import linked
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Profile

if TYPE_CHECKING:
    from eegrig.hil.virtual.power.ledger import PowerLedger

__all__ = ["OWN", "Link", "links", "rates", "tried_rates"]

OWN = "own"
"""Key of the link at the interval that the board asks for."""

_COMPUTERS_MS = (15.0, 30.0, 50.0, 100.0)
"""Intervals that operating systems choose."""
_BOOT_S = 2.0
_SECONDS = 8.0
_SETTLE_S = 2.0
_WATCHED_S = 4.0
"""How long the processor is watched; the ledger keeps bursts for longer."""
_SEED = 0
_SIGNAL = "resting"


@dataclass(frozen=True)
class Link:
    """How a computer streams from a board.

    Attributes
    ----------
    key : str
        In the names of figures.
    profile : Profile
    interval_ms : float
    """

    key: str
    profile: Profile
    interval_ms: float


def links(board: Board, rate_sps: float) -> list[Link]:
    """Return what a board is tried with at a rate.

    The interval it asks for, those that computers choose, and the low-latency profile.
    """
    own_ms = link_interval_ms(board, board_runtime(board), rate_sps, "efficient")
    return [
        Link(OWN, Profile.EFFICIENT, max(own_ms, SHORTEST_INTERVAL_MS)),
        *(Link(f"at_{ms:g}ms", Profile.EFFICIENT, ms) for ms in _COMPUTERS_MS),
        Link("low_latency", Profile.LOW_LATENCY, board.radio.low_latency_interval_ms),
    ]


def tried_rates(board: Board) -> list[int]:
    """Return the rates that a board offers, and the next one, which it does not."""
    return [*sorted(board.afe.rates_sps), 2 * max(board.afe.rates_sps)]


def rates(name: str) -> Figures:
    """Stream at every rate over every link.

    Returns
    -------
    dict of str to StoredFigure
        ``rates.RATE.LINK.processor`` (part of the time that it is busy) and ``.loss`` (part of the
        frames; None where the stream broke off), and ``rates.RATE.frame_time`` (processor time a
        frame at the board's own interval, packets included; None where frames are lost).
    """
    board = load_board(name)
    afe = msgspec.structs.replace(board.afe, rates_sps=tried_rates(board))
    tried = msgspec.structs.replace(board, afe=afe)
    found: Figures = {}
    for rate_sps in tried.afe.rates_sps:
        with VirtualBench(
            tried,
            seed=_SEED,
            make_source=SignalFactory(_SIGNAL, tried, _SEED),
            make_light=light_factory(tried, _SEED),
        ) as virtual:
            flash_and_identify(virtual.bench)
            for link in links(board, rate_sps):
                busy, loss = virtual.bench.run(_stream(virtual, rate_sps, link))
                key = f"rates.{rate_sps}.{link.key}"
                found[f"{key}.processor"] = StoredFigure.of(busy, "1")
                found[f"{key}.loss"] = StoredFigure.of(loss, "1")
        own = f"rates.{rate_sps}.{OWN}"
        busy, loss = found[f"{own}.processor"].value, found[f"{own}.loss"].value
        time_s = busy / rate_sps if busy is not None and loss == 0 else None
        found[f"rates.{rate_sps}.frame_time"] = StoredFigure.of(time_s, "s")
    return found


async def _stream(
    virtual: VirtualBench, rate_sps: int, how: Link
) -> tuple[float | None, float | None]:
    """Return the parts of time that the processor is busy, and of frames that are lost."""
    rig = virtual.bench
    rig.reset()  # an overload before must not be seen in what follows
    await asyncio.sleep(_BOOT_S)
    busy = loss = None
    with contextlib.suppress(EegrigError):  # the stream breaks off: no figure
        async with linked(rig, how.interval_ms) as link:
            await link.set_rate(rate_sps)
            recording = asyncio.create_task(record(link, _SECONDS, profile=how.profile))
            await asyncio.sleep(_SETTLE_S)
            await rig.power.start()
            start_ns = rig.clock.now_ns()
            await asyncio.sleep(_WATCHED_S)
            busy = _busy(virtual.board.ledger, start_ns, rig.clock.now_ns())
            await rig.power.stop()
            loss = float(1 - (await recording).electrodes.received().mean())
    return busy, loss


def _busy(ledger: PowerLedger, start_ns: int, stop_ns: int) -> float:
    """Return the part of a stretch of time in which the processor is busy."""
    bursts = ledger.mcu.bursts
    edges = np.unique(np.concatenate([*bursts.edges(), [start_ns, stop_ns]]))
    edges = edges[(edges >= start_ns) & (edges <= stop_ns)]
    on = bursts.count(edges) > 0
    return float(np.diff(edges)[on].sum() / (stop_ns - start_ns))
