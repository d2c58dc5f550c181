"""Control: commands to the board, its responses and its events."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from eegrig.host.wire.constants import EventCode, Opcode, Pattern, Profile, Status, TestSignal
from eegrig.host.wire.errors import ProtocolError

__all__ = [
    "Event",
    "Response",
    "decode_control",
    "encode_impedance",
    "encode_ping",
    "encode_set_rate",
    "encode_sleep",
    "encode_start",
    "encode_stop",
    "encode_test_signal",
]

_EVENT_MARK = 0xE0
_RESPONSE_BIT = 0x80


@dataclass(frozen=True, slots=True)
class Response:
    """The board's answer to a command.

    Attributes
    ----------
    opcode : int
        The command's opcode (not an `Opcode`: the board also answers ones it does not know).
    tag : int
        The command's tag.
    status : Status
    detail : int or None
        What the status or the command adds.
    """

    opcode: int
    tag: int
    status: Status
    detail: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on the board."""

    code: EventCode
    detail: int


def encode_start(tag: int, max_payload: int, profile: Profile, pattern: Pattern) -> bytes:
    """Encode START.

    Parameters
    ----------
    tag : int
        Echoed in the response, 0 to 255.
    max_payload : int
        Largest notification in bytes (ATT MTU - 3).
    profile : Profile
    pattern : Pattern

    Returns
    -------
    bytes
    """
    return struct.pack("<BBHBB", Opcode.START, tag, max_payload, profile, pattern)


def encode_stop(tag: int) -> bytes:
    """Encode STOP."""
    return bytes((Opcode.STOP, tag))


def encode_set_rate(tag: int, rate_sps: int) -> bytes:
    """Encode SET_RATE, `rate_sps` in samples per second."""
    return struct.pack("<BBH", Opcode.SET_RATE, tag, rate_sps)


def encode_test_signal(tag: int, signal: TestSignal) -> bytes:
    """Encode TEST_SIGNAL."""
    return bytes((Opcode.TEST_SIGNAL, tag, signal))


def encode_ping(tag: int) -> bytes:
    """Encode PING; its response's detail is the device time in microseconds, mod 2^30."""
    return bytes((Opcode.PING, tag))


def encode_sleep(tag: int, seconds: int) -> bytes:
    """Encode SLEEP: leave the central and be silent for `seconds` (1 to 65535)."""
    return struct.pack("<BBH", Opcode.SLEEP, tag, seconds)


def encode_impedance(tag: int, electrodes: int) -> bytes:
    """Encode IMPEDANCE: drive the lead-off current through these electrodes, 0 for none.

    `electrodes` has bit c set for channel c. The response's detail has the current in picoamperes
    in its low and the frequency in hundredths of a hertz in its high 16 bits.
    """
    return bytes((Opcode.IMPEDANCE, tag, electrodes))


def decode_control(data: bytes) -> Response | Event:
    """Decode a notification of the Control characteristic.

    Parameters
    ----------
    data : bytes
        The notification's payload.

    Returns
    -------
    Response or Event

    Raises
    ------
    ProtocolError
        If the bytes are neither.
    """
    if not data:
        raise ProtocolError("a Control notification is empty")
    if data[0] == _EVENT_MARK:
        return _decode_event(data)
    if not data[0] & _RESPONSE_BIT:
        raise ProtocolError(
            f"a Control notification begins with 0x{data[0]:02x}: neither response nor event"
        )
    if len(data) not in (3, 7):
        raise ProtocolError(f"a response has {len(data)} bytes, it must have 3 or 7")
    try:
        status = Status(data[2])
    except ValueError:
        raise ProtocolError(f"a response has the unknown status {data[2]}") from None
    detail = int.from_bytes(data[3:7], "little") if len(data) == 7 else None
    return Response(data[0] & ~_RESPONSE_BIT, data[1], status, detail)


def _decode_event(data: bytes) -> Event:
    if len(data) != 6:
        raise ProtocolError(f"an event has {len(data)} bytes, it must have 6")
    _mark, code, detail = struct.unpack("<BBI", data)
    try:
        event = EventCode(code)
    except ValueError:
        raise ProtocolError(f"an event has the unknown code {code}") from None
    if event is EventCode.NONE:
        raise ProtocolError("an event has the code 0, which is no event")
    return Event(event, detail)
