"""ATT as whoever likes speaks it: requests of any octets, and what came back of each.

Opcodes, layouts and error codes are those of the Bluetooth Core Specification 5.4, Vol 3 Part F.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eegrig.boards.errors import BoardFault

if TYPE_CHECKING:
    from eegrig.hil.stranger import StrangerLink

__all__ = ["ATT", "Answer", "AttClient", "error_name"]

ATT: Final = 4
"""The channel of L2CAP that ATT has (Vol 3 Part A 2.1)."""

_POLL_S: Final = 0.01
_TIMEOUT_S: Final = 1.5
_ERROR_RESPONSE, _MTU_REQUEST, _FIND_INFORMATION, _READ_BY_TYPE = 0x01, 0x02, 0x04, 0x08
_READ, _READ_BLOB, _WRITE, _NOTIFICATION, _WRITE_COMMAND = 0x0A, 0x0C, 0x12, 0x1B, 0x52
_CHARACTERISTIC, _CCCD = 0x2803, 0x2902
_UNASKED = (_NOTIFICATION, 0x1D)  # notifications, and indications
_ERRORS: Final = {
    0x01: "invalid handle",
    0x02: "read not permitted",
    0x03: "write not permitted",
    0x04: "invalid PDU",
    0x05: "insufficient authentication",
    0x06: "request not supported",
    0x07: "invalid offset",
    0x08: "insufficient authorisation",
    0x09: "prepare queue full",
    0x0A: "attribute not found",
    0x0B: "attribute not long",
    0x0C: "encryption key too short",
    0x0D: "invalid attribute length",
    0x0E: "unlikely error",
    0x0F: "insufficient encryption",
    0x10: "unsupported group type",
    0x11: "insufficient resources",
}


def error_name(code: int) -> str:
    """Return what an ATT error code is called (Vol 3 Part F 3.4.1.1)."""
    return _ERRORS.get(code, f"error 0x{code:02X}")


@dataclass(frozen=True)
class Answer:
    """What came back of a request.

    Attributes
    ----------
    pdu : bytes
        The answer; empty if none came.
    """

    pdu: bytes

    @property
    def error(self) -> int | None:
        """The error code of an error response, else None."""
        return self.pdu[4] if len(self.pdu) == 5 and self.pdu[0] == _ERROR_RESPONSE else None

    @property
    def accepted(self) -> bool:
        """Whether it is a success."""
        return bool(self.pdu) and self.pdu[0] != _ERROR_RESPONSE

    @property
    def value(self) -> bytes:
        """What is behind the opcode."""
        return self.pdu[1:]

    def __str__(self) -> str:
        if not self.pdu:
            return "no answer"
        return "answered" if self.error is None else f"refused: {error_name(self.error)}"


class AttClient:
    """ATT over a stranger's link.

    Parameters
    ----------
    link : StrangerLink

    Attributes
    ----------
    link : StrangerLink
    handles : dict of str to int
        Value handles by UUID, once `discover` has found them.
    """

    def __init__(self, link: StrangerLink) -> None:
        self.link = link
        self.handles: dict[str, int] = {}

    async def request(self, pdu: bytes, *, timeout_s: float = _TIMEOUT_S) -> Answer:
        """Send any octets, and return what the board answers in time."""
        heard = self.link.heard
        since = len(heard)
        self.link.send(ATT, pdu)
        for _ in range(round(timeout_s / _POLL_S)):
            await asyncio.sleep(_POLL_S)
            for frame in heard[since:]:
                since += 1
                if frame.channel == ATT and frame.payload and frame.payload[0] not in _UNASKED:
                    return Answer(frame.payload)
            if not self.link.is_connected:
                break
        return Answer(b"")

    async def exchange_mtu(self, mtu: int = 247) -> Answer:
        """Ask for an ATT MTU."""
        return await self.request(bytes([_MTU_REQUEST]) + mtu.to_bytes(2, "little"))

    async def discover(self) -> dict[str, int]:
        """Find every characteristic, and return value handles by UUID.

        Raises
        ------
        BoardFault
            If the board does not answer.
        """
        start = 1
        while start <= 0xFFFF:
            answer = await self.request(
                bytes([_READ_BY_TYPE]) + _words(start, 0xFFFF, _CHARACTERISTIC)
            )
            if not answer.pdu:
                raise BoardFault("the board does not answer a stranger who asks what it offers")
            if not answer.accepted or len(answer.value) < 1:
                break
            size, data = answer.value[0], answer.value[1:]
            for at in range(0, len(data) - size + 1, size):
                start = int.from_bytes(data[at : at + 2], "little") + 1
                handle = int.from_bytes(data[at + 3 : at + 5], "little")
                self.handles[_uuid(data[at + 5 : at + size])] = handle
        return self.handles

    async def read(self, name: str) -> Answer:
        """Read a characteristic by its UUID."""
        return await self.request(bytes([_READ]) + _words(self._handle(name)))

    async def read_from(self, name: str, offset: int) -> Answer:
        """Read a characteristic from an offset on."""
        return await self.request(bytes([_READ_BLOB]) + _words(self._handle(name), offset))

    async def write(self, name: str, data: bytes) -> Answer:
        """Write a characteristic, with a response."""
        return await self.request(bytes([_WRITE]) + _words(self._handle(name)) + data)

    def write_command(self, name: str, data: bytes) -> None:
        """Write a characteristic, without one."""
        self.link.send(ATT, bytes([_WRITE_COMMAND]) + _words(self._handle(name)) + data)

    async def subscribe(self, name: str) -> Answer:
        """Switch the notifications of a characteristic on."""
        handle = self._handle(name)
        found = await self.request(bytes([_FIND_INFORMATION]) + _words(handle + 1, handle + 1))
        if found.value[3:5] != _words(_CCCD):
            return found
        return await self.request(bytes([_WRITE]) + _words(handle + 1, 1))

    def notifications(self, name: str, since: int = 0) -> list[bytes]:
        """Return what was notified of a characteristic, from the `since`-th frame heard on."""
        begins = bytes([_NOTIFICATION]) + _words(self._handle(name))
        return [
            frame.payload[3:]
            for frame in self.link.heard[since:]
            if frame.channel == ATT and frame.payload.startswith(begins)
        ]

    def _handle(self, name: str) -> int:
        """Return a value handle; that of nothing where the board does not offer it."""
        return self.handles.get(name, 0xFFFF)


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "little") for value in values)


def _uuid(octets: bytes) -> str:
    """Return a UUID as bleak writes them, from its octets on air."""
    if len(octets) == 2:
        return f"0000{int.from_bytes(octets, 'little'):04x}-0000-1000-8000-00805f9b34fb"
    return str(uuid.UUID(bytes=octets[::-1]))
