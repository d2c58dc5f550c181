"""A central that misbehaves: floods, repeats, forgets, listens to nothing, and asks for nonsense.

What a board has to answer is the table of docs/protocol.md, Control.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from struct import pack
from typing import TYPE_CHECKING, Final

from eegrig.host.link.connection import open_client
from eegrig.host.wire.constants import CONTROL_UUID, STREAM_UUID, Opcode, Status

if TYPE_CHECKING:
    from bleak import BleakClient

    from eegrig.hil.bench import Bench

__all__ = ["Answers", "misbehave"]

_ANSWER_S: Final = 1.5
_STREAM_S: Final = 0.5
_POLL_S: Final = 0.02
_FLOOD: Final = 40
_PAYLOAD: Final = 244
_NOBODY: Final = (0x80, 0)  # answers what is too short for a command


@dataclass
class Answers:
    """How many answers were expected, and which were wrong.

    Attributes
    ----------
    expected : int
    wrong : list of str
        What was wrong with each that was.
    """

    expected: int = 0
    wrong: list[str] = field(default_factory=list)


class _Talk:
    """A client that writes commands and keeps every answer."""

    def __init__(self, client: BleakClient, answers: Answers) -> None:
        self._client = client
        self._answers = answers
        self.said: list[bytes] = []
        self.packets = 0

    def heard(self, _sender: object, data: bytearray) -> None:
        """Take a notification of Control."""
        if data[:1] != b"\xe0":
            self.said.append(bytes(data))

    def streamed(self, _sender: object, _data: bytearray) -> None:
        """Take a packet."""
        self.packets += 1

    async def write(self, data: bytes) -> None:
        """Write to Control."""
        await self._client.write_gatt_char(CONTROL_UUID, data, response=True)

    async def expect(self, what: str, writes: Sequence[tuple[bytes, set[Status]]]) -> None:
        """Write commands at once, and hold the answers against what they must be."""
        self.said.clear()
        for data, _ in writes:
            await self.write(data)
        for _ in range(round(_ANSWER_S / _POLL_S)):
            if len(self.said) >= len(writes):
                break
            await asyncio.sleep(_POLL_S)
        await asyncio.sleep(2 * _POLL_S)
        answers, left = self._answers, list(self.said)
        answers.expected += len(writes)
        for data, allowed in writes:
            opcode, tag = (data[0] | 0x80, data[1]) if len(data) > 1 else _NOBODY
            mine = [said for said in left if len(said) >= 3 and tuple(said[:2]) == (opcode, tag)]
            if not mine:
                answers.wrong.append(f"{what}: no answer to {data.hex() or 'an empty write'}")
                continue
            left.remove(mine[0])
            if mine[0][2] not in allowed:
                names = " or ".join(sorted(status.name for status in allowed))
                answers.wrong.append(f"{what}: {data.hex()} was answered {mine[0][2]}, not {names}")
        answers.wrong += [f"{what}: nobody asked for {said.hex()}" for said in left]


@contextlib.asynccontextmanager
async def _talking(rig: Bench, answers: Answers, *, listening: bool = True) -> AsyncIterator[_Talk]:
    radio = rig.radio
    async with open_client(
        rig.board.radio.name,
        scanner_backend=radio.scanner_backend,
        client_backend=radio.client_backend,
    ) as client:
        talk = _Talk(client, answers)
        if listening:
            await client.start_notify(CONTROL_UUID, talk.heard)
            await client.start_notify(STREAM_UUID, talk.streamed)
        yield talk


def _start(tag: int, payload: int = _PAYLOAD) -> bytes:
    return pack("<BBHBB", Opcode.START, tag, payload, 0, 0)


def _ping(tag: int) -> bytes:
    return bytes([Opcode.PING, tag])


async def misbehave(rig: Bench) -> Answers:
    """Be every kind of bad central, and return which answers were wrong."""
    answers = Answers()
    ok, busy = {Status.OK}, {Status.BUSY}
    async with _talking(rig, answers) as talk:
        await talk.expect("a flood", [(_ping(tag), ok) for tag in range(_FLOOD)])
        await talk.expect(
            "malformed commands between good ones",
            [
                (b"", {Status.BAD_LENGTH}),
                (_ping(60), ok),
                (bytes([0x7F, 61]), {Status.UNKNOWN_COMMAND}),
                (bytes([Opcode.START, 62]), {Status.BAD_LENGTH}),
                (pack("<BBH", Opcode.SET_RATE, 63, 1), {Status.BAD_RATE}),
                (bytes([Opcode.TEST_SIGNAL, 64, 99]), {Status.BAD_ARGUMENT}),
                (_start(65, 1), {Status.PAYLOAD_TOO_SMALL}),
                (_ping(66), ok),
            ],
        )
        await talk.expect("START", [(_start(70), ok)])
        await talk.expect("START twice", [(_start(71), busy)])
        rate = pack("<BBH", Opcode.SET_RATE, 72, rig.board.afe.rates_sps[0])
        await talk.expect(
            "while it streams",
            [(rate, busy), (pack("<BBH", Opcode.SLEEP, 73, 5), busy), (_ping(74), ok)],
        )
        await talk.expect("a flood in mid-stream", [(_ping(tag), ok) for tag in range(80, 100)])
        before = talk.packets
        await talk.expect("STOP", [(bytes([Opcode.STOP, 75]), ok)])
        if not before:
            answers.wrong.append("START: it answered OK, and no packet came")
        await _silent_after_stop(talk)
        await talk.expect("STOP twice", [(bytes([Opcode.STOP, 76]), ok)])
    await _forgets_to_listen(rig, answers)
    return answers


async def _silent_after_stop(talk: _Talk) -> None:
    """After its answer to STOP a board sends no packet."""
    before = talk.packets
    await asyncio.sleep(_STREAM_S)
    talk._answers.expected += 1
    if talk.packets > before:
        more = talk.packets - before
        talk._answers.wrong.append(f"STOP: it was answered OK, and {more} packets came after it")


async def _forgets_to_listen(rig: Bench, answers: Answers) -> None:
    """Start a stream and subscribe to nothing; whoever comes next is answered all the same."""
    async with _talking(rig, answers, listening=False) as talk:
        await talk.write(_start(1))
        await asyncio.sleep(_STREAM_S)
    async with _talking(rig, answers) as talk:
        await talk.expect("after one who heard nothing", [(_ping(2), {Status.OK})])
