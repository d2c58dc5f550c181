"""The wire protocol between a board and a computer, version 1, without any input or output.

Bytes in, values out, and commands to bytes; ``docs/protocol.md`` specifies every byte. What does
not fit that specification raises `ProtocolError` with one line that says why, never anything else.
"""

from __future__ import annotations

from host.protocol.constants import (
    BATTERY_LEVEL_UUID,
    CONTROL_UUID,
    FIRMWARE_REVISION_UUID,
    INFO_UUID,
    MANUFACTURER_NAME_UUID,
    MODEL_NUMBER_UUID,
    PROTOCOL_VERSION,
    SERIAL_NUMBER_UUID,
    SERVICE_UUID,
    STREAM_UUID,
    EventCode,
    Flag,
    Opcode,
    Pattern,
    Profile,
    State,
    Status,
    StreamId,
    TestSignal,
)
from host.protocol.control import (
    Event,
    Response,
    decode_control,
    encode_ping,
    encode_set_rate,
    encode_sleep,
    encode_start,
    encode_stop,
    encode_test_signal,
)
from host.protocol.errors import ProtocolError, ProtocolVersionError
from host.protocol.info import Info, decode_info
from host.protocol.packet import (
    HEADER_SIZE,
    Packet,
    counter_pattern,
    decode_packet,
    decode_samples,
    frames_per_packet,
    throughput_body,
)

__all__ = [
    "BATTERY_LEVEL_UUID",
    "CONTROL_UUID",
    "FIRMWARE_REVISION_UUID",
    "HEADER_SIZE",
    "INFO_UUID",
    "MANUFACTURER_NAME_UUID",
    "MODEL_NUMBER_UUID",
    "PROTOCOL_VERSION",
    "SERIAL_NUMBER_UUID",
    "SERVICE_UUID",
    "STREAM_UUID",
    "Event",
    "EventCode",
    "Flag",
    "Info",
    "Opcode",
    "Packet",
    "Pattern",
    "Profile",
    "ProtocolError",
    "ProtocolVersionError",
    "Response",
    "State",
    "Status",
    "StreamId",
    "TestSignal",
    "counter_pattern",
    "decode_control",
    "decode_info",
    "decode_packet",
    "decode_samples",
    "encode_ping",
    "encode_set_rate",
    "encode_sleep",
    "encode_start",
    "encode_stop",
    "encode_test_signal",
    "frames_per_packet",
    "throughput_body",
]
