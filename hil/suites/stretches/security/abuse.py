"""Malformed and abusive things that a stranger says to a board, at every level of its link.

ATT: Bluetooth Core Specification 5.4, Vol 3 Part F; L2CAP: Part A; the security manager: Part H.
"""

from __future__ import annotations

import asyncio
from struct import pack
from typing import TYPE_CHECKING, Final

from eegrig.boards.errors import BoardFault
from eegrig.hil.suites.stretches.security.att import AttClient
from eegrig.hil.suites.stretches.security.attempts import Case, Said, command, said_of, try_each
from eegrig.host.wire.constants import CONTROL_UUID, INFO_UUID, STREAM_UUID, UPDATE_UUID, Opcode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from eegrig.hil.suites.stretches.security.attempts import Trials

__all__ = ["ATT_GROUP", "COMMANDS", "L2CAP", "PARAMETERS", "malformed", "parameters"]

ATT_GROUP: Final = "malformed ATT"
COMMANDS: Final = "malformed commands"
L2CAP: Final = "malformed L2CAP and pairing"
PARAMETERS: Final = "connection parameters"

_ATT, _SIGNALLING, _SECURITY = 4, 5, 6
_TAG: Final = 0x52
_QUIET_S: Final = 0.15
_UPDATE_REJECTED: Final = b"\x13\x04\x02\x00\x01\x00"  # response, identifier 4, result 1
_REJECTED: Final = {_SIGNALLING: (0x01,), _SECURITY: (0x05,), _ATT: (0x01,)}
"""What begins a refusal: Command Reject, Pairing Failed, Error Response."""


def _pdu(make: Callable[[AttClient], bytes]) -> Callable[[AttClient], Awaitable[Said]]:
    """Send a PDU of ATT that is to be refused, or ignored."""

    async def send(att: AttClient) -> Said:
        answer = await att.request(make(att))
        if answer.accepted:
            return "through", f"answered {answer.pdu[:8].hex()}"
        return ("refused" if answer.pdu else "ignored"), str(answer)

    return send


def _octets(data: bytes) -> Callable[[AttClient], Awaitable[Said]]:
    return _pdu(lambda _att: data)


def _at(opcode: int, uuid: str, rest: bytes = b"") -> Callable[[AttClient], Awaitable[Said]]:
    return _pdu(lambda att: pack("<BH", opcode, att.handles.get(uuid, 0xFFFF)) + rest)


async def _prepare_abuse(att: AttClient) -> Said:
    """Prepare writes beyond the end of a value, and execute them."""
    handle = att.handles.get(CONTROL_UUID, 0xFFFF)
    since = len(att.link.heard)
    last = await att.request(pack("<BHH", 0x16, handle, 400) + bytes([Opcode.PING, _TAG]))
    if last.accepted:
        last = await att.request(bytes([0x18, 0x01]))
    taken = any(said[2:3] == b"\0" for said in att.notifications(CONTROL_UUID, since))
    if last.accepted and taken:
        return "through", "a command that begins at byte 400 was obeyed"
    return ("refused" if last.pdu else "ignored"), f"{last}; nothing was obeyed"


async def _prepare_flood(att: AttClient) -> Said:
    """Prepare more writes than any queue holds, and never execute them."""
    handle = att.handles.get(CONTROL_UUID, 0xFFFF)
    taken = 0
    for _ in range(80):
        answer = await att.request(pack("<BHH", 0x16, handle, 0) + bytes(12))
        if not answer.accepted:
            break
        taken += 1
    await att.request(bytes([0x18, 0x00]))
    if taken == 80:
        return "through", "80 of 80 were queued"
    return "refused", f"{taken} were queued, then: {answer}"


def _write(data: bytes, uuid: str = CONTROL_UUID) -> Callable[[AttClient], Awaitable[Said]]:
    """Write what is no command."""

    async def send(att: AttClient) -> Said:
        if uuid != CONTROL_UUID:
            return await _update_garbage(att, data)
        answer = await command(att, data)
        return said_of(answer)

    return send


async def _update_garbage(att: AttClient, data: bytes) -> Said:
    since = len(att.link.heard)
    answer = await att.write(UPDATE_UUID, data)
    await asyncio.sleep(_QUIET_S)
    for said in att.notifications(UPDATE_UUID, since):
        if said[0] & 0x80 and said[2:3] == b"\0":
            return "through", f"answered {said[:8].hex()}"
        return "refused", f"status {said[2] if len(said) > 2 else said.hex()}"
    return ("ignored" if answer.accepted or not answer.pdu else "refused"), "no answer"


def _frame(channel: int, data: bytes) -> Callable[[AttClient], Awaitable[Said]]:
    """Send a frame of L2CAP that deserves a rejection, or silence."""

    async def send(att: AttClient) -> Said:
        since = len(att.link.heard)
        att.link.send(channel, data)
        return await _heard(att, since)

    return send


def _raw(data: bytes) -> Callable[[AttClient], Awaitable[Said]]:
    async def send(att: AttClient) -> Said:
        since = len(att.link.heard)
        att.link.send_raw(data)
        return await _heard(att, since)

    return send


async def _heard(att: AttClient, since: int) -> Said:
    await asyncio.sleep(_QUIET_S)
    if not att.link.is_connected:
        return "refused", "it ended the connection"
    for frame in att.link.heard[since:]:
        rejected = frame.payload[:1] and frame.payload[0] in _REJECTED.get(frame.channel, ())
        if rejected or frame.payload == _UPDATE_REJECTED:
            return "refused", f"rejected: {frame.payload.hex()}"
        return "through", f"answered {frame.payload[:12].hex()} on channel {frame.channel}"
    return "ignored", "no answer"


def _att_cases() -> list[Case]:
    return [
        Case("an opcode that there is not (0x3E)", _octets(b"\x3e\x00\x00")),
        Case("a command of an opcode that there is not (0x7E)", _octets(b"\x7e\x01")),
        Case("a PDU without an octet", _octets(b"")),
        Case("a write request cut off after its opcode", _octets(b"\x12")),
        Case("a read request with half a handle", _octets(b"\x0a\x01")),
        Case("a read of handle 0", _octets(b"\x0a\x00\x00")),
        Case("a read of a handle that there is not", _octets(b"\x0a\xff\xff")),
        Case("a search that ends before it begins", _octets(b"\x04\x10\x00\x01\x00")),
        Case("a search for a type of 3 octets", _octets(b"\x08\x01\x00\xff\xff\x03\x28\x00")),
        Case("a write to a handle that there is not", _octets(b"\x12\xff\xff\x00")),
        Case("a write to what can only be read", _at(0x12, INFO_UUID, b"\x00")),
        Case("a read of what can only be notified", _at(0x0A, STREAM_UUID)),
        Case("a read from beyond the end of a value", _at(0x0C, INFO_UUID, pack("<H", 5000))),
        Case("a write of more than a value holds", _too_long),
        Case("a PDU longer than the MTU", _octets(b"\x12\x12\x00" + bytes(300))),
        Case("a confirmation that nobody asked for", _octets(b"\x1e")),
        Case("a response that nobody asked for", _octets(b"\x0b\x01\x02\x03")),
        Case("a prepared write beyond the end of a value", _prepare_abuse),
        Case("80 prepared writes that are never executed", _prepare_flood),
    ]


async def _too_long(att: AttClient) -> Said:
    """Write 100 octets to Control: a stack may cut them, and the board has to see that."""
    return said_of(await command(att, bytes([Opcode.PING, _TAG]) + bytes(98)))


def _command_cases() -> list[Case]:
    start = pack("<BBHBB", Opcode.START, _TAG, 244, 0, 0)
    cases = [
        Case("a write of nothing", _write(b"")),
        Case("an opcode alone", _write(bytes([Opcode.PING]))),
        Case("an opcode that there is not (0x7F)", _write(bytes([0x7F, _TAG]))),
        Case("a response instead of a command (0x85)", _write(bytes([0x85, _TAG]))),
        Case("PING with an argument", _write(bytes([Opcode.PING, _TAG, 0]))),
        Case("STOP with arguments", _write(bytes([Opcode.STOP, _TAG, 1, 2]))),
        Case("START for a payload of 1 byte", _write(pack("<BBHBB", 1, _TAG, 1, 0, 0))),
        Case("START with a profile that there is not", _write(pack("<BBHBB", 1, _TAG, 244, 9, 0))),
        Case("START with a pattern that there is not", _write(pack("<BBHBB", 1, _TAG, 244, 0, 9))),
        Case("SET_RATE to a rate it does not have", _write(pack("<BBH", 3, _TAG, 251))),
        Case("SET_RATE to 0", _write(pack("<BBH", 3, _TAG, 0))),
        Case("TEST_SIGNAL that there is not", _write(bytes([Opcode.TEST_SIGNAL, _TAG, 200]))),
        Case("SLEEP for 0 s", _write(pack("<BBH", Opcode.SLEEP, _TAG, 0))),
    ]
    cases += [Case(f"START cut off after {size} bytes", _write(start[:size])) for size in (3, 4, 5)]
    cases += [
        Case("an update message cut off", _write(b"\x01\xff\x00", UPDATE_UUID)),
        Case("an update message that there is not", _write(b"\x66\x00", UPDATE_UUID)),
        Case("BEGIN cut off", _write(b"\x01\x02\x00\x00", UPDATE_UUID)),
        Case("BEGIN of nothing", _write(b"\x01\x26" + bytes(38), UPDATE_UUID)),
        Case("update data that nobody asked for", _write(b"\x10\x08" + bytes(8), UPDATE_UUID)),
        Case("200 bytes of noise for an update", _write(bytes(range(200)), UPDATE_UUID)),
    ]
    return cases


def _l2cap_cases() -> list[Case]:
    pair = bytes([0x01, 0x03, 0x00, 0x01])  # Pairing Request: no IO, no OOB, bonding
    return [
        Case("a channel that there is not (0x0040)", _frame(0x40, b"abc")),
        Case("the null channel", _frame(0, b"x")),
        Case("pairing of another transport", _frame(7, b"xx")),
        Case("signalling without an octet", _frame(_SIGNALLING, b"")),
        Case("signalling cut off", _frame(_SIGNALLING, b"\x12\x01")),
        Case("a signalling command that there is not", _frame(_SIGNALLING, b"\xff\x02\x00\x00")),
        Case(
            "a signalling command that says it is longer",
            _frame(_SIGNALLING, b"\x12\x03\x40\x00\x06\x00"),
        ),
        Case(
            "a parameter update asked for by a central",
            _frame(_SIGNALLING, b"\x12\x04\x08\x00" + pack("<HHHH", 1, 0, 0xFFFF, 0)),
        ),
        Case("a frame shorter than its length says", _raw(b"\x10\x00\x04\x00\x0a")),
        Case("a frame longer than its length says", _raw(b"\x01\x00\x04\x00\x0a\x01\x00")),
        Case("a fragment without a whole length", _raw(b"\x01\x00")),
        Case("a security manager's command without an octet", _frame(_SECURITY, b"")),
        Case("a security manager's command that there is not", _frame(_SECURITY, b"\xf0\x00")),
        Case("a pairing request cut off", _frame(_SECURITY, b"\x01")),
        Case("a pairing request for a key of 1 octet", _frame(_SECURITY, pair + b"\x01\x00\x00")),
        Case("a pairing confirm before any request", _frame(_SECURITY, b"\x03" + bytes(16))),
    ]


async def malformed(trials: Trials) -> None:
    """Say everything that is no well-formed request."""
    await try_each(trials, ATT_GROUP, _att_cases())
    await try_each(trials, COMMANDS, _command_cases())
    await try_each(trials, L2CAP, _l2cap_cases())


_TERMS: Final = (
    (7.5, 0, 100),  # the shortest of everything
    (7.5, 499, 32_000),  # the board may skip 499 events
    (4000.0, 0, 32_000),  # the longest interval
)
_START_S: Final = 1.0


async def parameters(trials: Trials) -> None:
    """Change a connection's parameters to the ends of what is allowed, with a stream on it."""
    for interval_ms, latency, timeout_ms in _TERMS:
        name = f"{interval_ms:g} ms, latency {latency}, time-out {timeout_ms / 1000:g} s"
        try:
            async with trials.connect() as link:
                att = AttClient(link)
                await att.exchange_mtu()
                await att.discover()
                await att.subscribe(CONTROL_UUID)
                await command(att, pack("<BBHBB", Opcode.START, _TAG, 244, 0, 0))
                held = await link.update_parameters(interval_ms, latency, timeout_ms)
                await asyncio.sleep(_START_S)
                said: Said = ("through", "they hold") if held else ("refused", "they do not hold")
                trials.note(PARAMETERS, name, said, "the battery is drained, or the stream starves")
        except BoardFault as error:
            trials.note(PARAMETERS, name, ("ignored", str(error)))
            trials.harm(str(error))
        await trials.look()
