"""An encoder of the board's side of the protocol, written from docs/protocol.md alone.

It shares no code with host.wire, so that both reading the specification wrongly in the same
way is the only way for the tests to agree by mistake.
"""

from __future__ import annotations

import math
from typing import Any

HEADBAND = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
IMAGE_HASH = bytes(range(32))


def u16(value: int) -> bytes:
    return value.to_bytes(2, "little")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def text(value: str) -> bytes:
    raw = value.encode()
    return bytes([len(raw)]) + raw


def info(
    *,
    version: int = 1,
    state: int = 0,
    rate: int = 250,
    n_channels: int | None = None,
    gain: int = 24,
    bits: int = 24,
    profile: int = 0,
    lsb_fv: int = 22351742,
    group_delay_us: int = 6000,
    fault: int = 0,
    rates: tuple[int, ...] = (250, 500, 1000),
    board: str = "headband8",
    firmware_version: str = "0.1.0",
    channels: tuple[str, ...] = HEADBAND,
    image_hash: bytes = IMAGE_HASH,
    streams: list[bytes] | None = None,
) -> bytes:
    count = len(channels) if n_channels is None else n_channels
    return b"".join(
        [
            bytes([version, state]),
            u16(rate),
            bytes([count, gain, bits, profile]),
            u32(lsb_fv),
            u32(0),
            u16(group_delay_us),
            bytes([fault, len(rates)]),
            *[u16(r) for r in rates],
            text(board),
            text(firmware_version),
            text(",".join(channels)),
            image_hash,
            *([] if streams is None else [bytes([len(streams)]), *streams]),
        ]
    )


def stream(
    stream_id: int = 0,
    *,
    kind: int = 0,
    rate_mhz: int = 250_000,
    sample_size: int = 3,
    lsb: tuple[int, int] = (22351742, -15),
    unit: int = 0,
    channels: tuple[str, ...] = HEADBAND,
    n_channels: int | None = None,
) -> bytes:
    """One entry of Info's list of streams; by default the headband's only one."""
    return b"".join(
        [
            bytes([stream_id, kind]),
            u32(rate_mhz),
            bytes([len(channels) if n_channels is None else n_channels, sample_size]),
            u32(lsb[0]),
            lsb[1].to_bytes(1, "little", signed=True),
            bytes([unit]),
            text(",".join(channels)),
        ]
    )


def optics(stream_id: int = 1, **fields: Any) -> bytes:
    """The entry of a stream of two wavelengths."""
    defaults: dict[str, Any] = {
        "kind": 3,
        "rate_mhz": 25_000,
        "lsb": (7, -12),
        "unit": 1,
        "channels": ("S1D1 760", "S1D1 850"),
    }
    return stream(stream_id, **(defaults | fields))


def sample(code: int, size: int = 3) -> bytes:
    return code.to_bytes(size, "big", signed=True)


def counter_code(frame: int, channel: int) -> int:
    value = (frame * 8 + channel) % 2**24
    return value - 2**24 if value >= 2**23 else value


def header(
    *,
    sequence: int,
    first_frame: int,
    time_us: int,
    n_frames: int,
    stream_id: int = 0,
    flags: int = 0,
    lead_off: tuple[int, int] = (0, 0),
) -> bytes:
    return b"".join(
        [
            u16(sequence % 2**16),
            bytes([stream_id, flags]),
            u32(first_frame % 2**30),
            u32(time_us % 2**30),
            bytes([n_frames, *lead_off, 0]),
        ]
    )


def packet(
    sequence: int,
    first_frame: int,
    codes: list[list[int]],
    *,
    time_us: int | None = None,
    flags: int = 0,
    lead_off: tuple[int, int] = (0, 0),
    rate: int = 250,
    stream_id: int = 0,
    sample_size: int = 3,
) -> bytes:
    """One packet; `codes` is a list of frames, each a list of one code per channel."""
    if time_us is None:
        time_us = first_frame * 1_000_000 // rate
    head = header(
        sequence=sequence,
        first_frame=first_frame,
        time_us=time_us,
        n_frames=len(codes),
        flags=flags,
        lead_off=lead_off,
        stream_id=stream_id,
    )
    return head + b"".join(sample(code, sample_size) for frame in codes for code in frame)


def counter_packet(
    sequence: int, first_frame: int, n_frames: int = 9, n_channels: int = 8, **fields: int
) -> bytes:
    """One packet of the counter pattern."""
    frames = range(first_frame, first_frame + n_frames)
    codes = [[counter_code(i, c) for c in range(n_channels)] for i in frames]
    return packet(sequence, first_frame, codes, flags=0x02 | fields.pop("flags", 0), **fields)


def driven_packet(sequence: int, first_frame: int, n_frames: int, driven: int) -> bytes:
    """One packet of the headband at 250 SPS, with 6 nA at 31.25 Hz through some electrodes.

    Electrode c has 10 (c + 1) kOhm, and the filter passes 92.54 % of the fundamental.
    """
    codes = []
    for i in range(first_frame, first_frame + n_frames):
        wave = math.cos(2 * math.pi * i / 8 + 0.3) * 4 / math.pi * 6e-9 * 0.9254
        volts = [10e3 * (c + 1) * wave * (driven >> c & 1) for c in range(8)]
        codes.append([round(v / 22351742e-15) for v in volts])
    return packet(sequence, first_frame, codes, flags=0x10)


def throughput_packet(sequence: int, size: int = 244, time_us: int = 0) -> bytes:
    head = header(
        sequence=sequence, first_frame=0, time_us=time_us, n_frames=0, stream_id=0x7F, flags=0x02
    )
    return head + bytes((sequence + k) % 256 for k in range(size - len(head)))


def response(opcode: int, tag: int, status: int = 0, detail: int | None = None) -> bytes:
    return bytes([opcode | 0x80, tag, status]) + (b"" if detail is None else u32(detail))


def event(code: int, detail: int = 0) -> bytes:
    return bytes([0xE0, code]) + u32(detail)
