"""Numbers of the wire protocol: UUIDs, opcodes, states and flags."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

__all__ = [
    "BATTERY_LEVEL_UUID",
    "CONTROL_UUID",
    "DEVICE_TIME_MODULUS_US",
    "FIRMWARE_REVISION_UUID",
    "FRAME_MODULUS",
    "INFO_UUID",
    "MANUFACTURER_NAME_UUID",
    "MODEL_NUMBER_UUID",
    "PROTOCOL_VERSION",
    "SEQUENCE_MODULUS",
    "SERIAL_NUMBER_UUID",
    "SERVICE_UUID",
    "STREAM_UUID",
    "UPDATE_STATE_UUID",
    "UPDATE_UUID",
    "EventCode",
    "Flag",
    "Opcode",
    "Pattern",
    "Profile",
    "State",
    "Status",
    "StreamId",
    "StreamKind",
    "TestSignal",
    "Unit",
]

PROTOCOL_VERSION: Final = 1

SERVICE_UUID: Final = "7d5e0000-8f2a-4c61-9b1d-3e6f0a94c2b7"
INFO_UUID: Final = "7d5e0001-8f2a-4c61-9b1d-3e6f0a94c2b7"
CONTROL_UUID: Final = "7d5e0002-8f2a-4c61-9b1d-3e6f0a94c2b7"
STREAM_UUID: Final = "7d5e0003-8f2a-4c61-9b1d-3e6f0a94c2b7"
UPDATE_UUID: Final = "7d5e0004-8f2a-4c61-9b1d-3e6f0a94c2b7"
UPDATE_STATE_UUID: Final = "7d5e0005-8f2a-4c61-9b1d-3e6f0a94c2b7"

# Characteristics of the standard Battery (0x180F) and Device Information (0x180A) services,
# Bluetooth Assigned Numbers, section 3.8.
BATTERY_LEVEL_UUID: Final = "00002a19-0000-1000-8000-00805f9b34fb"
MODEL_NUMBER_UUID: Final = "00002a24-0000-1000-8000-00805f9b34fb"
SERIAL_NUMBER_UUID: Final = "00002a25-0000-1000-8000-00805f9b34fb"
FIRMWARE_REVISION_UUID: Final = "00002a26-0000-1000-8000-00805f9b34fb"
MANUFACTURER_NAME_UUID: Final = "00002a29-0000-1000-8000-00805f9b34fb"

SEQUENCE_MODULUS: Final = 1 << 16
FRAME_MODULUS: Final = 1 << 30
DEVICE_TIME_MODULUS_US: Final = 1 << 30


class State(IntEnum):
    """What the board is doing."""

    IDLE = 0
    STREAMING = 1
    FAULT = 2


class Profile(IntEnum):
    """How the board streams: full packets, or few frames per packet."""

    EFFICIENT = 0
    LOW_LATENCY = 1


class Pattern(IntEnum):
    """What START makes the board send."""

    EEG = 0
    COUNTER = 1
    THROUGHPUT = 2


class TestSignal(IntEnum):
    """What the front end's inputs are connected to."""

    # The name begins with "Test": pytest must not collect it.
    __test__ = False

    NORMAL = 0
    SQUARE_WAVE = 1
    SHORTED = 2


class Opcode(IntEnum):
    """Commands; a response carries the opcode with bit 7 set."""

    START = 0x01
    STOP = 0x02
    SET_RATE = 0x03
    TEST_SIGNAL = 0x04
    PING = 0x05
    SLEEP = 0x06
    IMPEDANCE = 0x10


class Status(IntEnum):
    """How the board answered a command."""

    OK = 0
    UNKNOWN_COMMAND = 1
    BAD_LENGTH = 2
    BAD_RATE = 3
    BUSY = 4
    AFE_FAULT = 5
    PAYLOAD_TOO_SMALL = 6
    UNSUPPORTED = 7
    BAD_ARGUMENT = 8


class EventCode(IntEnum):
    """What happened on the board without being asked; also Info's fault codes (0: none)."""

    NONE = 0
    AFE_LOST = 1
    AFE_BAD_ID = 2
    LINK_ERROR = 3
    OVERRUN = 4
    STOPPED = 5
    BATTERY_LOW = 6


class StreamId(IntEnum):
    """What a packet carries."""

    EEG = 0x00
    OPTICS = 0x01
    MOTION = 0x02
    THROUGHPUT = 0x7F


class StreamKind(IntEnum):
    """What a stream is of."""

    EEG = 0
    EMG = 1
    EXG = 2
    """Biopotentials of several kinds, on one converter."""
    OPTICS = 3
    MOTION = 4


class Unit(IntEnum):
    """Unit of a stream's samples."""

    VOLT = 0
    AMPERE = 1
    METRE_PER_SECOND_SQUARED = 2
    RADIAN_PER_SECOND = 3


class Flag(IntFlag):
    """Flags of a packet."""

    FRAMES_LOST = 0x01
    TEST_PATTERN = 0x02
    LOW_LATENCY = 0x04
    TEST_SIGNAL = 0x08
    DRIVEN = 0x10
