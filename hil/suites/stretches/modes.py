"""Every rate, profile and test signal that a board offers, in one connection, and after a loss."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eegrig.boards.errors import BoardFault, EegrigError
from eegrig.hil.measure.stream.packets import Asked, Stretch, read_stretch
from eegrig.hil.measure.telling import info_errors
from eegrig.hil.suites.stretches.streams import interval_ms, linked
from eegrig.host.wire.constants import Pattern, Profile, State, TestSignal

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.host.link.board_link import BoardLink

__all__ = ["Walk", "walk"]

SECONDS = 1.0
"""Of each stretch."""
_QUIET_S = 0.3  # after STOP: several connection events
_SLACK_S = 10.0


@dataclass
class Walk:
    """What a walk through all modes found.

    Attributes
    ----------
    stretches : list of Stretch
    elapsed_s : list of float
        From a stretch's first packet to its last, by the bench's clock.
    told : list of str
        What Info said on the way that was not so.
    unasked : int
        Packets that came where no stream was asked for: before START, or after the answer to STOP.
    looks : int
        How often Info was held against what is.
    ended : str
        Why it did not come to its end; empty if it did.
    """

    stretches: list[Stretch] = field(default_factory=list)
    elapsed_s: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    unasked: int = 0
    looks: int = 0
    ended: str = ""


async def walk(rig: Bench, flashed: FlashedBoard) -> Walk:
    """Stream in every mode at every rate, after every other rate, and again after a loss.

    A board that refuses a mode or breaks the link ends the walk; that is told, and what was found
    until then counts.
    """
    found = Walk()
    rates = rig.board.afe.rates_sps
    try:
        async with linked(rig, _shortest_ms(rig)) as link:
            for rate_sps in _tour(rates, rig.board.afe.default_rate_sps):
                await _at_rate(rig, link, flashed, rate_sps, found)
        async with linked(rig, _shortest_ms(rig)) as link:
            await _at_rate(rig, link, flashed, link.info.sample_rate_sps, found, brief=True)
    except EegrigError as error:
        found.ended = str(error).splitlines()[0]
    return found


def _shortest_ms(rig: Bench) -> float:
    """Return an interval at which every rate in either profile gets through."""
    profiles = (Profile.EFFICIENT, Profile.LOW_LATENCY)
    pairs = itertools.product(profiles, rig.board.afe.rates_sps)
    return min(interval_ms(rig, profile, rate_sps) for profile, rate_sps in pairs)


def _tour(rates: Sequence[int], first: int) -> Iterator[int]:
    """Yield rates so that each comes after each other one, beginning with the first."""
    others = [rate for rate in rates if rate != first]
    yield first
    for index, rate in enumerate(others):
        yield rate
        for later in others[index + 1 :]:
            yield later
            yield rate
        yield first


def _modes(rate_sps: int, max_payload: int) -> Iterator[Asked]:
    """Yield what to ask for at one rate."""
    for profile, pattern, signal, driven in (
        (Profile.EFFICIENT, Pattern.EEG, TestSignal.NORMAL, False),
        (Profile.LOW_LATENCY, Pattern.EEG, TestSignal.SQUARE_WAVE, False),
        (Profile.EFFICIENT, Pattern.COUNTER, TestSignal.NORMAL, False),
        (Profile.EFFICIENT, Pattern.EEG, TestSignal.SHORTED, False),
        (Profile.LOW_LATENCY, Pattern.EEG, TestSignal.NORMAL, True),
        (Profile.LOW_LATENCY, Pattern.COUNTER, TestSignal.NORMAL, False),
    ):
        yield Asked(rate_sps, profile, pattern, signal, driven, max_payload)


async def _at_rate(
    rig: Bench,
    link: BoardLink,
    flashed: FlashedBoard,
    rate_sps: int,
    found: Walk,
    *,
    brief: bool = False,
) -> None:
    await link.set_rate(rate_sps)
    seen = {stretch.asked for stretch in found.stretches}
    payload = min(link.parameters.mtu, rig.board.radio.mtu) - 3
    for index, asked in enumerate(_modes(rate_sps, payload)):
        # Each mode once at each rate; after that the first two tell whether the change took.
        if index > 1 and (brief or asked in seen):
            continue
        await link.test_signal(asked.signal)
        await link.drive_electrodes(int(asked.driven))
        found.told += await _look(rig, link, flashed, found, rate_sps, State.IDLE, None)
        await _stretch(rig, link, flashed, asked, found)
    await link.test_signal(TestSignal.NORMAL)
    await link.drive_electrodes(0)


async def _look(
    rig: Bench,
    link: BoardLink,
    flashed: FlashedBoard,
    found: Walk,
    rate_sps: int,
    state: State,
    profile: Profile | None,
) -> list[str]:
    found.looks += 1
    return list(
        info_errors(
            await link.refresh_info(),
            rig.board,
            version=flashed.image.version,
            image_hash=flashed.image.image_hash.hex(),
            rate_sps=rate_sps,
            state=state,
            profile=profile,
        )
    )


async def _stretch(
    rig: Bench, link: BoardLink, flashed: FlashedBoard, asked: Asked, found: Walk
) -> None:
    """Take one stretch: START, some packets, a look at Info, STOP, and silence."""
    found.unasked += len(link.drain())
    info = link.info
    await link.start(asked.profile, asked.pattern)
    packets = [packet async for packet in _until(rig, link, SECONDS)]
    found.told += await _look(
        rig, link, flashed, found, asked.rate_sps, State.STREAMING, asked.profile
    )
    await link.stop()
    packets += link.drain()
    stretch = read_stretch(packets, info, asked)
    if not stretch.blocks:
        raise BoardFault(f"{link.name} sent no frame of its electrodes ({asked})")
    found.stretches.append(stretch)
    found.elapsed_s.append((packets[-1][1] - packets[0][1]) * 1e-9)
    await asyncio.sleep(_QUIET_S)
    found.unasked += len(link.drain())


async def _until(rig: Bench, link: BoardLink, seconds: float) -> AsyncIterator[tuple[bytes, int]]:
    """Yield packets for so many seconds after the first."""
    stop_ns = None
    try:
        while stop_ns is None or rig.clock.now_ns() < stop_ns:
            async with asyncio.timeout(_SLACK_S):
                arrived = await link.receive()
            if stop_ns is None:
                stop_ns = arrived[0][1] + round(seconds * 1e9)
            for packet in arrived:
                yield packet
    except TimeoutError:
        raise BoardFault(
            f"{link.name} sent no packet for {_SLACK_S:g} s after START: its stream stalls"
        ) from None
