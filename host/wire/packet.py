"""Stream packets: a header of 16 bytes, then frames of big-endian samples."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eegrig.host.wire.constants import (
    DEVICE_TIME_MODULUS_US,
    FRAME_MODULUS,
    Flag,
    StreamId,
)
from eegrig.host.wire.errors import ProtocolError

__all__ = [
    "HEADER_SIZE",
    "Packet",
    "counter_pattern",
    "decode_packet",
    "decode_samples",
    "frames_per_packet",
    "stream_of",
    "throughput_body",
]

_HEADER: Final = struct.Struct("<HBBIIBBBB")
HEADER_SIZE: Final = _HEADER.size
_SAMPLE_SIZE: Final = 3
_KNOWN_FLAGS: Final = sum(Flag)


class Packet(NamedTuple):
    """One packet, numbers as they are on the wire (wrapped).

    Attributes
    ----------
    sequence : int
        Number of the packet since START, mod 2^16.
    stream_id : int
        A `StreamId`.
    flags : int
        `Flag` bits.
    first_frame : int
        Index of the first frame since START, mod 2^30.
    device_time_us : int
        Device time of the first frame, in microseconds mod 2^30.
    n_frames : int
    lead_off_p, lead_off_n : int
        Bit c set: electrode of channel c was off in one of the frames.
    body : bytes
        What follows the header.
    """

    # A tuple of plain integers, not of enums: one is made for every packet of a fast stream.
    sequence: int
    stream_id: int
    flags: int
    first_frame: int
    device_time_us: int
    n_frames: int
    lead_off_p: int
    lead_off_n: int
    body: bytes


def stream_of(data: bytes) -> int:
    """Return the stream a packet belongs to, before it is decoded.

    Raises
    ------
    ProtocolError
        If the packet is shorter than its header.
    """
    if len(data) < HEADER_SIZE:
        raise ProtocolError(f"a packet has {len(data)} bytes, its header alone {HEADER_SIZE}")
    return data[2]


def decode_packet(
    data: bytes, n_channels: int, *, stream_id: int = StreamId.EEG, sample_size: int = 3
) -> Packet:
    """Decode a notification of the Stream characteristic.

    Parameters
    ----------
    data : bytes
        The notification's payload.
    n_channels : int
        Number of channels of the stream it belongs to, from `Info`.
    stream_id : int
        That stream; a throughput packet is taken, too.
    sample_size : int
        Bytes of its samples.

    Returns
    -------
    Packet

    Raises
    ------
    ProtocolError
        If the bytes are not a packet of that stream, or its length does not agree with its header.
    """
    belongs = stream_of(data)
    (sequence, _, flags, first, time_us, n_frames, lead_p, lead_n, _) = _HEADER.unpack_from(data)
    body = bytes(data[HEADER_SIZE:])
    if flags & ~_KNOWN_FLAGS:
        raise ProtocolError(f"packet {sequence} has unknown flags 0x{flags & ~_KNOWN_FLAGS:02x}")
    if first >= FRAME_MODULUS or time_us >= DEVICE_TIME_MODULUS_US:
        raise ProtocolError(f"packet {sequence} has a frame index or time beyond 30 bits")
    if belongs == stream_id:
        if n_frames == 0:
            raise ProtocolError(f"packet {sequence} has no frames")
        expected = n_frames * n_channels * sample_size
        if len(body) != expected:
            raise ProtocolError(
                f"packet {sequence} has {len(body)} bytes of samples; {n_frames} frames of "
                f"{n_channels} channels are {expected}"
            )
    elif belongs == StreamId.THROUGHPUT:
        if n_frames != 0:
            raise ProtocolError(f"throughput packet {sequence} says it has {n_frames} frames")
    else:
        raise ProtocolError(f"packet {sequence} belongs to the unknown stream 0x{belongs:02x}")
    return Packet(sequence, belongs, flags, first, time_us, n_frames, lead_p, lead_n, body)


def decode_samples(body: bytes, n_channels: int, sample_size: int = 3) -> NDArray[np.int32]:
    """Decode frames of big-endian two's complement samples.

    Parameters
    ----------
    body : bytes
        Whole frames; may be those of many packets, joined.
    n_channels : int
    sample_size : int
        Bytes per sample, 2 to 4.

    Returns
    -------
    ndarray of int32, shape (n_channels, n_times)
        The front end's codes.

    Raises
    ------
    ProtocolError
        If `body` is not a whole number of frames.
    """
    n_samples, rest = divmod(len(body), sample_size)
    if n_channels < 1 or rest or n_samples % n_channels:
        raise ProtocolError(f"{len(body)} bytes are not whole frames of {n_channels} channels")
    # Into the upper bytes of a big-endian word; the shift back carries the sign.
    words = np.zeros((n_samples, 4), np.uint8)
    words[:, :sample_size] = np.frombuffer(body, np.uint8).reshape(n_samples, sample_size)
    codes = words.view(">i4").reshape(-1, n_channels).T
    samples: NDArray[np.int32] = np.right_shift(codes, 32 - 8 * sample_size, dtype=np.int32)
    return samples


def frames_per_packet(max_payload: int, n_channels: int) -> int:
    """Return how many frames a full packet holds; 0 if not even one fits.

    Parameters
    ----------
    max_payload : int
        Largest notification in bytes (ATT MTU - 3).
    n_channels : int

    Returns
    -------
    int
    """
    room = max(0, (max_payload - HEADER_SIZE) // (_SAMPLE_SIZE * n_channels))
    return min(room, 255)  # the header counts frames in one byte


def counter_pattern(first_frame: int, n_frames: int, n_channels: int) -> NDArray[np.int32]:
    """Return the codes of the counter pattern: sample c of frame i is (8 i + c) mod 2^24.

    Parameters
    ----------
    first_frame : int
        Index of the first frame since START.
    n_frames, n_channels : int

    Returns
    -------
    ndarray of int32, shape (n_channels, n_frames)
        The 24-bit values as the two's complement numbers they decode to.
    """
    frames = np.arange(first_frame, first_frame + n_frames, dtype=np.int64)
    unsigned = (frames[np.newaxis, :] * 8 + np.arange(n_channels)[:, np.newaxis]) & 0xFFFFFF
    return ((unsigned ^ 0x800000) - 0x800000).astype(np.int32)


_RAMP: Final = bytes(range(256)) * 3


def throughput_body(sequence: int, size: int) -> bytes:
    """Return the body of throughput packet `sequence`: byte k is (sequence + k) mod 256."""
    start = sequence & 0xFF
    return _RAMP[start : start + size]
