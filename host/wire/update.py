"""Updates over the air: messages, and what a host does with them, without any input or output.

``docs/update.md`` specifies every byte. These messages have a version of their own that is not
meant ever to change: boards and hosts of any two versions of eegrig can update each other.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final, Literal

from eegrig.host.wire.errors import ProtocolError

__all__ = [
    "LARGEST_MANIFEST",
    "SMALLEST_WRITE",
    "UPDATE_VERSION",
    "UpdateMessage",
    "UpdateRefused",
    "UpdateState",
    "UpdateStatus",
    "UpdateTransfer",
    "decode_answer",
    "decode_update_state",
    "encode_apply",
    "encode_begin",
    "encode_confirm",
    "encode_data",
]

UPDATE_VERSION: Final = 1
LARGEST_MANIFEST: Final = 8192
SMALLEST_WRITE: Final = 64
"""ATT MTU - 3 below which a host does not begin: BEGIN has to fit into one write."""

_ANSWER: Final = 0x80
_DATA_HEADER: Final = 7
_STATE_HEADER = struct.Struct("<BBBBHH32s")
_ENFORCED: Final = 0x01


class UpdateMessage(IntEnum):
    """Messages of the host, then those of the board."""

    BEGIN = 0x01
    APPLY = 0x02
    CONFIRM = 0x03
    DATA = 0x10
    WANT = 0x40
    MORE = 0x41
    READY = 0x42
    FAILED = 0x43


class UpdateStatus(IntEnum):
    """How a board answered, or why it gave up."""

    OK = 0
    UNKNOWN_MESSAGE = 1
    BAD_LENGTH = 2
    BUSY = 3
    BAD_MANIFEST = 4
    WRONG_BOARD = 5
    TOO_LARGE = 6
    NOT_SIGNED = 7
    BAD_SIGNATURE = 8
    BAD_FILE = 9
    FLASH_ERROR = 10
    NOT_READY = 11
    BAD_IMAGE = 12
    NO_TRIAL = 13
    UNCONFIRMED = 14
    INTERNAL_ERROR = 15


class UpdateRefused(Exception):
    """The board said no.

    Attributes
    ----------
    message : UpdateMessage
        What it answered with this: BEGIN, APPLY, CONFIRM, or FAILED while it was at work.
    status : int
        An `UpdateStatus`, or a number this version does not know.
    detail : int
    """

    def __init__(self, message: UpdateMessage, status: int, detail: int) -> None:
        super().__init__(f"{message.name}: status {status}, detail {detail}")
        self.message = message
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class UpdateState:
    """What the Update State characteristic says.

    Attributes
    ----------
    running : {"a", "b"}
        Slot that runs.
    trial : {"new", "tried", "failed"} or None
        How the last update stands: to be tried at the next boot; on trial now; given up.
    signature_enforced : bool
        Whether the board takes signed firmware only.
    largest_write, buffer_size : int
        Bytes of one write, and of all that may wait on the board.
    image_hash : bytes
        Identity of the firmware that runs.
    board, version : str
        Name of the board and version of its firmware.
    """

    running: Literal["a", "b"]
    trial: Literal["new", "tried", "failed"] | None
    signature_enforced: bool
    largest_write: int
    buffer_size: int
    image_hash: bytes
    board: str
    version: str


def decode_update_state(data: bytes) -> UpdateState:
    """Decode the value of the Update State characteristic.

    Raises
    ------
    ProtocolError
        If it is not as specified, or of another version.
    """
    if not data:
        raise ProtocolError("Update State is empty")
    if data[0] != UPDATE_VERSION:
        raise ProtocolError(
            f"the board speaks version {data[0]} of the update protocol, this eegrig version "
            f"{UPDATE_VERSION}: flash the board with the probe, or use a newer eegrig"
        )
    if len(data) < _STATE_HEADER.size:
        raise ProtocolError(f"Update State has {len(data)} bytes, it must have 42 or more")
    _, running, trial, flags, largest, buffer_size, image = _STATE_HEADER.unpack_from(data)
    if running > 1 or trial > 3:
        raise ProtocolError(f"Update State has slot {running} and trial {trial}")
    board, at = _text(data, _STATE_HEADER.size)
    version, _ = _text(data, at)
    return UpdateState(
        running="b" if running else "a",
        trial=_TRIALS[trial],
        signature_enforced=bool(flags & _ENFORCED),
        largest_write=largest,
        buffer_size=buffer_size,
        image_hash=image,
        board=board,
        version=version,
    )


_TRIALS: tuple[None, Literal["new"], Literal["tried"], Literal["failed"]] = (
    None,
    "new",
    "tried",
    "failed",
)


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + (data[at] if at < len(data) else 0)
    if end > len(data):
        raise ProtocolError("Update State is cut off in a text")
    try:
        return data[at + 1 : end].decode(), end
    except UnicodeDecodeError:
        raise ProtocolError("Update State has a text that is no UTF-8") from None


def _message(kind: UpdateMessage, body: bytes) -> bytes:
    return bytes((kind, len(body))) + body


def encode_begin(manifest: bytes, largest_write: int) -> bytes:
    """Encode BEGIN: an update to the application with this manifest."""
    body = struct.pack("<IH", len(manifest), largest_write) + sha256(manifest).digest()
    return _message(UpdateMessage.BEGIN, body)


def encode_apply(image_hash: bytes) -> bytes:
    """Encode APPLY: check everything, and restart into it."""
    return _message(UpdateMessage.APPLY, image_hash)


def encode_confirm(image_hash: bytes) -> bytes:
    """Encode CONFIRM: keep the application that is on trial."""
    return _message(UpdateMessage.CONFIRM, image_hash)


def encode_data(turn: int, offset: int, data: bytes) -> bytes:
    """Encode DATA."""
    return _message(UpdateMessage.DATA, struct.pack("<BI", turn, offset) + data)


class UpdateTransfer:
    """The host's side of one update over one link, from BEGIN to the answer to APPLY.

    Write what `send` returns, in order, and give `receive` what the board notifies.

    Parameters
    ----------
    manifest : bytes
        Text of the application's manifest.
    files : sequence of bytes
        Contents of the files, in the manifest's order.
    image_hash : bytes
        Identity of the application.
    largest_write : int
        Bytes that fit a write on this link.

    Attributes
    ----------
    applied : bool
        Whether the board has checked everything and restarts.
    total_bytes : int
        Bytes of manifest and files.
    sent_bytes : int
        Bytes of them that were sent, those that were sent again counted again.
    done_bytes : int
        How far the board is in all there is, what it had already included.
    """

    def __init__(
        self, manifest: bytes, files: Sequence[bytes], image_hash: bytes, largest_write: int
    ) -> None:
        self._contents = [manifest, *files]
        self._image_hash = image_hash
        self._chunk_size = largest_write - _DATA_HEADER
        self._commands = [encode_begin(manifest, largest_write)]
        self._begun = self.applied = False
        self._turn: int | None = None
        self._index = self._offset = self._limit = 0
        self._before = [0]
        for content in self._contents:
            self._before.append(self._before[-1] + len(content))
        self.total_bytes = self._before[-1]
        self.sent_bytes = 0
        self.done_bytes = 0

    def send(self) -> tuple[bytes, bool] | None:
        """Return the next message to write and whether to wait for its response, if there is one.

        Commands are written with a response, data without.
        """
        if self._commands:
            return self._commands.pop(0), True
        content = self._contents[self._index]
        chunk = content[self._offset : self._offset + self._chunk_size]
        if self._turn is None or not chunk or self._offset + len(chunk) > self._limit:
            return None
        message = encode_data(self._turn, self._offset, chunk)
        self._offset += len(chunk)
        self.sent_bytes += len(chunk)
        return message, False

    def receive(self, data: bytes) -> None:
        """Take a notification of the Update characteristic.

        Raises
        ------
        UpdateRefused
            If the board refuses the update, or gives it up.
        ProtocolError
            If the bytes are no message of a board.
        """
        kind, body = _parse(data)
        if kind & _ANSWER or kind == UpdateMessage.FAILED:
            self._answered(kind, *_fields("<BI", body))
        elif not self._begun:
            return  # meant for whoever was connected before
        elif kind == UpdateMessage.WANT:
            self._wanted(*_fields("<BHII", body))
        elif kind == UpdateMessage.MORE:
            turn, limit = _fields("<BI", body)
            if turn == self._turn:
                self._limit = max(self._limit, limit)
                self._tell(min(self._offset, self._limit))
        elif kind == UpdateMessage.READY:
            self._turn = None
            self.done_bytes = self.total_bytes
            self._commands.append(encode_apply(self._image_hash))
        # Other messages are of later boards, and can be done without.

    def _answered(self, kind: int, status: int, detail: int) -> None:
        command = kind & ~_ANSWER if kind & _ANSWER else UpdateMessage.FAILED
        if command not in (UpdateMessage.BEGIN, UpdateMessage.APPLY, UpdateMessage.FAILED):
            return
        if status != UpdateStatus.OK or command == UpdateMessage.FAILED:
            raise UpdateRefused(UpdateMessage(command), status, detail)
        if command == UpdateMessage.BEGIN:
            self._begun = True
        else:
            self.applied = True

    def _wanted(self, turn: int, index: int, offset: int, limit: int) -> None:
        if index >= len(self._contents) or offset > len(self._contents[index]):
            raise ProtocolError(
                f"the board wants byte {offset} of file {index}: there is no such thing"
            )
        self._turn, self._index, self._offset, self._limit = turn, index, offset, limit
        self._tell(offset)

    def _tell(self, offset: int) -> None:
        self.done_bytes = self._before[self._index] + offset


def _parse(data: bytes) -> tuple[int, bytes]:
    if len(data) < 2 or len(data) < 2 + data[1]:
        raise ProtocolError(f"an update message is cut off after {len(data)} bytes")
    return data[0], data[2 : 2 + data[1]]


def _fields(layout: str, body: bytes) -> tuple[int, ...]:
    if len(body) < struct.calcsize(layout):
        raise ProtocolError(f"an update message is too short: {len(body)} bytes behind its head")
    return struct.unpack_from(layout, body)


def decode_answer(data: bytes, command: UpdateMessage) -> bool:
    """Tell whether a notification answers `command`.

    Raises
    ------
    UpdateRefused
        If it does, with another status than OK.
    ProtocolError
        If it is no update message.
    """
    kind, body = _parse(data)
    if kind != command | _ANSWER:
        return False
    status, detail = _fields("<BI", body)
    if status != UpdateStatus.OK:
        raise UpdateRefused(command, status, detail)
    return True
