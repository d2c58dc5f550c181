"""Every command in every phase that a host can bring about, and what the board has to answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eegrig.boards.errors import BoardFault
from eegrig.host.link.link_errors import BoardStatusError
from eegrig.host.wire.constants import (
    DEVICE_TIME_MODULUS_US,
    Opcode,
    Pattern,
    Profile,
    Status,
    TestSignal,
)
from eegrig.host.wire.control import (
    Response,
    encode_impedance,
    encode_ping,
    encode_set_rate,
    encode_sleep,
    encode_start,
    encode_stop,
    encode_test_signal,
)
from eegrig.host.wire.packet import HEADER_SIZE

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.host.link.board_link import BoardLink

__all__ = ["Answers", "ask_everything"]

_PINGS = 60
_APART_S = 0.03
_UNKNOWN = 0x7E
_CLOCK = 0.03  # a front end's oscillator is within 2.5 %, and some boards tell time by it
_ROUND_TRIP_S = 0.2
_PASSING_S = 2.0

Encode = Callable[[int], bytes]


@dataclass
class Answers:
    """What the board answered.

    Attributes
    ----------
    n : int
        Commands that were sent.
    wrong : list of str
        Answers that are not those of ``docs/protocol.md``, in words.
    round_trips_s : list of float
        From PING to its answer.
    """

    n: int = 0
    wrong: list[str] = field(default_factory=list)
    round_trips_s: list[float] = field(default_factory=list)


async def ask_everything(rig: Bench, link: BoardLink) -> Answers:
    """Send every command while idle and while streaming, with good and bad arguments."""
    answers = Answers()
    try:
        await _ask_everything(rig, link, _Asker(link, answers))
    except BoardFault as error:
        answers.wrong.append(str(error))
    return answers


async def _ask_everything(rig: Bench, link: BoardLink, ask: _Asker) -> None:
    answers = ask.answers
    await _while_idle(rig, link, ask)
    async with _streaming(link, ask):
        await _while_streaming(rig, link, ask)
        await _time_passes(rig, link, answers)
    # What was refused has changed nothing.
    info = await link.refresh_info()
    if info.sample_rate_sps != rig.board.afe.default_rate_sps:
        answers.wrong.append(f"a refused SET_RATE set {info.sample_rate_sps} SPS")
    await ask(
        "IMPEDANCE 0", lambda tag: encode_impedance(tag, 0), Status.OK, lambda detail: bool(detail)
    )
    interval_s = rig.board.radio.low_latency_interval_ms * 1e-3
    for index in range(_PINGS):
        asked_ns = rig.clock.now_ns()
        await link.ping()
        answers.n += 1
        answers.round_trips_s.append((rig.clock.now_ns() - asked_ns) * 1e-9)
        # An answer comes at a connection event: the next is asked for anywhere between two.
        await asyncio.sleep(_APART_S + index / _PINGS * interval_s)


class _Asker:
    """Sends a command, and takes note of an answer that is not the one it should be."""

    def __init__(self, link: BoardLink, answers: Answers) -> None:
        self._link = link
        self.answers = answers

    async def __call__(
        self,
        what: str,
        encode: Encode,
        status: Status,
        detail: int | Callable[[int], bool] | None = None,
    ) -> None:
        self.answers.n += 1
        try:
            response = await self._link.command(encode, what)
        except BoardStatusError as error:
            response = Response(encode(0)[0], 0, error.status, error.detail)
        except BoardFault as error:
            self.answers.wrong.append(str(error))
            return
        if response.status is not status:
            self.answers.wrong.append(f"{what}: answers {response.status.name}, not {status.name}")
        elif detail is not None:
            told = response.detail or 0
            good = detail(told) if callable(detail) else told == detail
            if not good:
                self.answers.wrong.append(f"{what}: the answer's detail is {told}")


async def _while_idle(rig: Bench, link: BoardLink, ask: _Asker) -> None:
    afe = rig.board.afe
    payload = link.parameters.mtu - 3
    highest = max(afe.rates_sps)
    smallest = HEADER_SIZE + 3 * len(afe.channels)
    start = _start(payload)
    await ask("an unknown command", lambda tag: bytes([_UNKNOWN, tag]), Status.UNKNOWN_COMMAND)
    await ask("a short SET_RATE", lambda tag: encode_set_rate(tag, 250)[:-1], Status.BAD_LENGTH)
    await ask("a long STOP", lambda tag: encode_stop(tag) + b"\0", Status.BAD_LENGTH)
    await ask(
        f"SET_RATE {highest + 1}",
        lambda tag: encode_set_rate(tag, highest + 1),
        Status.BAD_RATE,
        highest,
    )
    await ask("TEST_SIGNAL 9", lambda tag: bytes([Opcode.TEST_SIGNAL, tag, 9]), Status.BAD_ARGUMENT)
    await ask("SLEEP 0", lambda tag: bytes([Opcode.SLEEP, tag, 0, 0]), Status.BAD_ARGUMENT)
    await ask("profile 9", lambda tag: start(tag)[:4] + b"\x09\0", Status.BAD_ARGUMENT)
    await ask("pattern 9", lambda tag: start(tag)[:5] + b"\x09", Status.BAD_ARGUMENT)
    await ask(
        f"START with {smallest - 1} bytes",
        _start(smallest - 1),
        Status.PAYLOAD_TOO_SMALL,
        lambda detail: detail >= smallest,
    )
    if len(afe.channels) < 8:  # the argument has a bit for each of eight
        await ask(
            "IMPEDANCE of a channel it has not",
            lambda tag: bytes([Opcode.IMPEDANCE, tag, 1 << len(afe.channels)]),
            Status.BAD_ARGUMENT,
        )
    await ask("STOP while idle", encode_stop, Status.OK)
    for rate_sps in afe.rates_sps:
        await ask(f"SET_RATE {rate_sps}", _set_rate(rate_sps), Status.OK)
    await ask("SET_RATE", _set_rate(afe.default_rate_sps), Status.OK)
    await ask("TEST_SIGNAL 0", lambda tag: encode_test_signal(tag, TestSignal.NORMAL), Status.OK)


async def _while_streaming(rig: Bench, link: BoardLink, ask: _Asker) -> None:
    other = max(rig.board.afe.rates_sps)
    await ask("START while streaming", _start(link.parameters.mtu - 3), Status.BUSY)
    await ask("SET_RATE while streaming", _set_rate(other), Status.BUSY)
    await ask(
        "TEST_SIGNAL while streaming",
        lambda tag: encode_test_signal(tag, TestSignal.SHORTED),
        Status.BUSY,
    )
    await ask("IMPEDANCE while streaming", lambda tag: encode_impedance(tag, 1), Status.BUSY)
    await ask("SLEEP while streaming", lambda tag: encode_sleep(tag, 1), Status.BUSY)
    await ask("PING while streaming", encode_ping, Status.OK)
    await ask("an unknown command", lambda tag: bytes([_UNKNOWN, tag]), Status.UNKNOWN_COMMAND)


@contextlib.asynccontextmanager
async def _streaming(link: BoardLink, ask: _Asker) -> AsyncIterator[None]:
    await ask("START", _start(link.parameters.mtu - 3), Status.OK)
    try:
        yield
    finally:
        await ask("STOP", encode_stop, Status.OK)
        link.drain()


async def _time_passes(rig: Bench, link: BoardLink, answers: Answers) -> None:
    """Hold the time that PING tells while streaming against the bench's.

    A board that rests may have no clock that runs (``docs/protocol.md``, Stream).
    """
    before_us, before_ns = await link.ping(), rig.clock.now_ns()
    await asyncio.sleep(_PASSING_S)
    after_us, after_ns = await link.ping(), rig.clock.now_ns()
    answers.n += 2
    passed_s = (after_ns - before_ns) * 1e-9
    told_s = (after_us - before_us) % DEVICE_TIME_MODULUS_US * 1e-6
    if abs(told_s - passed_s) > _CLOCK * passed_s + _ROUND_TRIP_S:
        answers.wrong.append(f"PING tells that {told_s:.3f} s passed in {passed_s:.3f} s")


def _set_rate(rate_sps: int) -> Encode:
    return lambda tag: encode_set_rate(tag, rate_sps)


def _start(payload: int) -> Encode:
    return lambda tag: encode_start(tag, payload, Profile.EFFICIENT, Pattern.EEG)
