"""What a board that rests costs (advertising, connected, asleep), after all that can be before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eegrig.boards.errors import BoardFault
from eegrig.hil.session.presence import heard_ns
from eegrig.hil.suites.stretches.streams import interval_ms, linked
from eegrig.host.wire.constants import Pattern, Profile, TestSignal

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench, PowerCapture
    from eegrig.host.link.board_link import BoardLink

__all__ = ["States", "Taken", "walk_states"]

_SETTLE_S = 1.5
_SECONDS = 4.0
_SLEEP_S = 8
_EVENTS = 40  # of advertising, so that one more or less does not tell
_HEARD_S = 15.0


@dataclass(frozen=True)
class Taken:
    """One state's power.

    Attributes
    ----------
    state : str
    after : str
        What the board did before.
    capture : PowerCapture
    """

    state: str
    after: str
    capture: PowerCapture


@dataclass
class States:
    """What states cost, in the order they were taken.

    Attributes
    ----------
    taken : list of Taken
    start_up : PowerCapture or None
        From the reset until the board was heard.
    begin : PowerCapture or None
        From START to the first packet.
    """

    taken: list[Taken] = field(default_factory=list)
    start_up: PowerCapture | None = None
    begin: PowerCapture | None = None


async def walk_states(rig: Bench) -> States:
    """Take what it costs to advertise, be connected and sleep, after whatever can be before.

    Streaming is not among them: its power is taken by sessions of its own.
    """
    found = States()
    await rig.power.start()
    try:
        rig.reset()
        await heard_ns(rig, _HEARD_S, "after a reset")
    finally:
        found.start_up = await rig.power.stop()
    await _take(rig, found, "advertising", "a reset")
    for profile in (Profile.EFFICIENT, Profile.LOW_LATENCY):
        name = profile.name.lower().replace("_", "-")
        async with linked(rig, interval_ms(rig, Profile.EFFICIENT)) as link:
            await _take(rig, found, "connected", "advertising")
            async with _streaming(rig, link, profile, found):
                await asyncio.sleep(_SECONDS)
            await _take(rig, found, "connected", f"streaming, {name}")
            for after, begin in _excursions(rig, link):
                await begin()
                await _take(rig, found, "connected", after)
        await _take(rig, found, "advertising", f"a connection that streamed, {name}")
    async with linked(rig, interval_ms(rig, Profile.EFFICIENT)) as link:
        await link.start(Profile.EFFICIENT)
        await asyncio.sleep(_SETTLE_S)
    await _take(rig, found, "advertising", "a connection that ended in mid-stream")
    async with linked(rig, interval_ms(rig, Profile.EFFICIENT)) as link:
        await link.sleep(_SLEEP_S)
    await _take(rig, found, "sleeping", "a stream that nobody stopped")
    await heard_ns(rig, _HEARD_S + _SLEEP_S, "after its sleep")
    await _take(rig, found, "advertising", "sleep")
    async with linked(rig, interval_ms(rig, Profile.EFFICIENT)) as link:
        await link.sleep(_SLEEP_S)
    await _take(rig, found, "sleeping", "advertising")
    await heard_ns(rig, _HEARD_S + _SLEEP_S, "after its sleep")
    return found


def _excursions(rig: Bench, link: BoardLink) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    """Return what a connected board can be made to do, so that it should rest again after it."""
    rates = rig.board.afe.rates_sps

    async def stream(pattern: Pattern = Pattern.EEG) -> None:
        await link.start(Profile.EFFICIENT, pattern)
        await asyncio.sleep(_SETTLE_S)
        await link.stop()
        link.drain()

    async def fastest() -> None:
        await link.set_rate(max(rates))
        await stream()
        await link.set_rate(rig.board.afe.default_rate_sps)

    async def test_signal() -> None:
        await link.test_signal(TestSignal.SQUARE_WAVE)
        await stream()
        await link.test_signal(TestSignal.NORMAL)

    async def driven() -> None:
        await link.drive_electrodes(1)
        await stream()
        await link.drive_electrodes(0)

    async def throughput() -> None:
        await stream(Pattern.THROUGHPUT)

    return [
        ("streaming at its highest rate", fastest),
        ("streaming a test signal", test_signal),
        ("measuring impedance", driven),
        ("its throughput pattern", throughput),
    ]


@asynccontextmanager
async def _streaming(
    rig: Bench, link: BoardLink, profile: Profile, found: States
) -> AsyncIterator[None]:
    link.drain()
    await rig.power.start()
    try:
        await link.start(profile)
        async with asyncio.timeout(_HEARD_S):
            await link.receive()
    except TimeoutError:
        raise BoardFault(f"{link.name} sent no packet for {_HEARD_S:g} s after START") from None
    finally:
        begin = await rig.power.stop()
    found.begin = found.begin or begin
    yield
    await link.stop()
    link.drain()


async def _take(rig: Bench, found: States, state: str, after: str) -> None:
    seconds = _SECONDS
    if state == "advertising":
        seconds = max(seconds, _EVENTS * rig.board.radio.advertising_interval_ms * 1e-3)
    await asyncio.sleep(_SETTLE_S)
    await rig.power.start()
    await asyncio.sleep(seconds)
    found.taken.append(Taken(state, after, await rig.power.stop()))
