"""The frame that the interpreter and the simulator exchange, and what can be asked.

One request is answered by one reply; both are 2048 bytes: eight little-endian 64-bit integers, a
payload, and in a reply one BLE event and up to 32 interrupt slots. The shim is given these
numbers (`for_shim`) when its process starts.
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

__all__ = [
    "EVENT_AT",
    "FOREVER",
    "FRAMES_AT",
    "FRAME_SIZE",
    "HEADER_SIZE",
    "HOST_WORK",
    "INTERRUPTED",
    "IRQ_AT",
    "KEYBOARD_INTERRUPT",
    "MAX_DATA",
    "MAX_IRQS",
    "MAX_PREFETCHED",
    "Op",
    "Request",
    "for_shim",
    "parse_request",
    "parse_skipped",
]

FRAME_SIZE = 2048
HEADER_SIZE = 64
EVENT_AT = HEADER_SIZE + 1024
MAX_IRQS = 32
IRQ_AT = FRAME_SIZE - MAX_IRQS
HOST_WORK = 255
"""In place of a handler's slot: an interrupt of the port's own, which no handler sees."""

INTERRUPTED = -1000
"""Value of a reply to a blocking request that came back early, to let an interrupt run: who gets it
asks again."""

KEYBOARD_INTERRUPT = 1
"""Last word of a reply's header: the interrupt character has come, raise KeyboardInterrupt."""

FOREVER = -1
"""Deadline of a `Op.WAIT` without one."""

MAX_DATA = EVENT_AT - HEADER_SIZE
"""Bytes that one reply brings along."""

MAX_PREFETCHED = 16
"""Conversions that one reply tells of in advance, in the place of an event."""

_SKIPPED_OCTETS = 16
SKIPPED_AT = FRAME_SIZE - MAX_PREFETCHED * _SKIPPED_OCTETS
"""Where a request says which of them the firmware has slept up to and handled."""

_REQUEST = struct.Struct("<7q")
REPLY = struct.Struct("<8q")
PREFETCHED = struct.Struct("<3q")
"""When else something can happen, the interrupt's slot, a frame's size; times and frames follow."""
FRAMES_AT = EVENT_AT + PREFETCHED.size + 8 * MAX_PREFETCHED
"""Where a reply has the frames that it tells of in advance."""


class Op(enum.IntEnum):
    """What the interpreter asks of the simulator."""

    HELLO = 0
    SYNC = 1
    WAIT = 2
    SPI = 3
    PIN_WRITE = 4
    PIN_READ = 5
    PIN_IRQ = 6
    ADC = 7
    FLASH_ERASE = 8
    FLASH_WRITE = 9
    RESET = 10
    BLE_ACTIVE = 11
    BLE_REGISTER = 12
    BLE_ADVERTISE = 13
    BLE_READ = 14
    BLE_WRITE = 15
    BLE_BUFFER = 16
    BLE_NOTIFY = 17
    BLE_DISCONNECT = 18
    WDT = 19
    REPL = 20
    TIMER = 21
    SLEEP_RESET = 22
    I2C = 23
    PWM = 24
    BLE_ANSWER = 25
    BLE_CONFIG = 26
    BLE_INDICATE = 27
    BLE_SCAN = 28
    BLE_CONNECT = 29
    BLE_DISCOVER = 30
    BLE_REMOTE_READ = 31
    BLE_REMOTE_WRITE = 32
    BLE_EXCHANGE_MTU = 33
    BLE_PAIR = 34
    BLE_PASSKEY = 35
    BLE_CHANNEL = 36
    CONSOLE_READ = 37
    CONSOLE_WRITE = 38
    CONSOLE_INTERRUPT_CHAR = 39
    RANDOM = 40
    HEAP = 41


def for_shim() -> str:
    """Return the numbers as the shim knows them: assignments in Python."""
    operations = "".join(f"    {op.name},\n" for op in Op)
    return f"""\
FRAME = {FRAME_SIZE}
HEADER = {HEADER_SIZE}
EVENT_AT = {MAX_DATA} + HEADER
IRQ_AT = FRAME - {MAX_IRQS}
MAX_PREFETCHED = {MAX_PREFETCHED}
SKIPPED_AT = FRAME - MAX_PREFETCHED * {_SKIPPED_OCTETS}
(
{operations}) = range({len(Op)})
INTERRUPTED = {INTERRUPTED}
FOREVER = {FOREVER}
HOST_WORK = {HOST_WORK}
"""


class Request(NamedTuple):
    """A request: operation, the board's local time in ns, three arguments, payload.

    `skipped` counts the waits that ended with what the last reply had told of in advance;
    `read_end_ns` is when a read of what an earlier reply brought along ended, 0 if there was none.
    """

    op: int
    time_ns: int
    a: int
    b: int
    c: int
    size: int
    read_end_ns: int
    frame: bytes
    skipped: int

    @property
    def payload(self) -> bytes:
        """The bytes that came with the request."""
        return self.frame[HEADER_SIZE : HEADER_SIZE + self.size]


def parse_request(frame: bytes) -> Request:
    """Return the request in a frame of `FRAME_SIZE` bytes."""
    op, time_ns, a, b, c, size, read_end_ns = _REQUEST.unpack_from(frame)
    return Request(op & 0xFF, time_ns, a, b, c, size, read_end_ns, frame, op >> 8)


def parse_skipped(request: Request) -> tuple[int, list[tuple[int, int]]]:
    """Return what the firmware did between the last reply and this request.

    Returns
    -------
    int
        When it had read the frame that came with the reply, in ns; 0 if it did not.
    list of tuple of int
        For each conversion it handled since: when it had gone to sleep before, and when it had
        read that conversion's frame.
    """
    n = request.skipped
    words = struct.unpack_from(f"<{2 * n}q", request.frame, SKIPPED_AT)
    reads = (*words[1::2], request.read_end_ns)
    return reads[0], list(zip(words[::2], reads[1:], strict=True))
