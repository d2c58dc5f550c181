"""From packets to a continuous stream: numbers unwrapped, every loss found and counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eegrig.host.wire.constants import (
    DEVICE_TIME_MODULUS_US,
    FRAME_MODULUS,
    SEQUENCE_MODULUS,
    Flag,
    StreamId,
)
from eegrig.host.wire.errors import ProtocolError
from eegrig.host.wire.info import Info
from eegrig.host.wire.packet import (
    Packet,
    counter_pattern,
    decode_packet,
    decode_samples,
    throughput_body,
)

__all__ = ["Block", "Gap", "StreamCounters", "StreamDecoder"]

_MAX_GAP_S = 600.0
# How far the front end's clock may be from its nominal rate: the ADS1299's internal oscillator is
# specified to 2.5 % over temperature (data sheet SBAS499).
_RATE_TOLERANCE = 0.03


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames that were converted but never arrived.

    Attributes
    ----------
    first_frame : int
        Index of the first missing frame since START.
    n_frames : int
        How many are missing; 0 where only a packet's number is missing.
    packets_lost : int
        Packets missing in front of the packet that showed the gap.
    cause : {"air", "board", "air+board"}
        Where they were lost: between two radios, on the board before they were packed, or both
        (which cannot be told apart).
    """

    first_frame: int
    n_frames: int
    packets_lost: int
    cause: Literal["air", "board", "air+board"]


@dataclass(frozen=True, slots=True)
class Block:
    """The frames of one packet, placed in the stream.

    Attributes
    ----------
    stream_id : int
        Which stream.
    sequence : int
        Number of the packet since START, unwrapped.
    first_frame : int
        Index of the first frame since START, unwrapped.
    device_ns : int
        Device time of the first frame in nanoseconds, unwrapped (its zero is the board's).
    arrival_ns : int
        When the packet reached the host, on the host's clock.
    codes : ndarray of int32, shape (n_channels, n_frames)
        The front end's codes; times the stream's LSB they are in its unit.
    flags : int
        `Flag` bits.
    lead_off_p, lead_off_n : int
        Bit c set: electrode of channel c was off in one of the frames.
    gap : Gap or None
        What is missing just before this block.
    """

    stream_id: int
    sequence: int
    first_frame: int
    device_ns: int
    arrival_ns: int
    codes: NDArray[np.int32]
    flags: int
    lead_off_p: int
    lead_off_n: int
    gap: Gap | None

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.codes.shape[1])


@dataclass(slots=True)
class StreamCounters:
    """What arrived and what did not.

    Attributes
    ----------
    packets, frames : int
        Received, each counted once.
    packets_lost, frames_lost : int
        Missing from the numbers of packets and frames.
    frames_lost_on_board : int
        The part of `frames_lost` the board lost before packing them.
    duplicates, late : int
        Packets dropped: seen before, or arrived after a later one (they count as lost).
    payload_bytes : int
        Bytes of received notifications, headers included.
    pattern_errors : int
        Samples or bytes that differ from the test pattern.
    flag_mismatches : int
        Packets whose "frames were lost" flag contradicts their frame index.
    time_jumps : int
        Packets whose device time does not follow from their frame index: conversions that the
        board did not count.
    """

    packets: int = 0
    frames: int = 0
    packets_lost: int = 0
    frames_lost: int = 0
    frames_lost_on_board: int = 0
    duplicates: int = 0
    late: int = 0
    payload_bytes: int = 0
    pattern_errors: int = 0
    flag_mismatches: int = 0
    time_jumps: int = 0

    @property
    def intact(self) -> bool:
        """Whether everything arrived, once and in order, and nothing contradicts itself."""
        return not any(
            (
                self.packets_lost,
                self.frames_lost,
                self.duplicates,
                self.late,
                self.pattern_errors,
                self.flag_mismatches,
                self.time_jumps,
            )
        )

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)


class StreamDecoder:
    """Turns the packets of one stream into blocks, and finds what is missing between them.

    Parameters
    ----------
    info : Info
        Of the board, as read before START.
    stream_id : int
        The stream; throughput packets are taken besides.
    from_start : bool
        Whether packets are fed from START on, so that a missing first packet is a loss too.
    max_gap_s : float
        A longer gap is taken for a broken frame index rather than for a loss.

    Attributes
    ----------
    counters : StreamCounters
    gaps : list of Gap
        All of them, in order.
    """

    def __init__(
        self,
        info: Info,
        stream_id: int = StreamId.EEG,
        *,
        from_start: bool = True,
        max_gap_s: float = _MAX_GAP_S,
    ) -> None:
        stream = info.stream(stream_id)
        self.counters = StreamCounters()
        self.gaps: list[Gap] = []
        self._stream_id = stream_id
        self._n_channels = stream.n_channels
        self._sample_size = stream.sample_size
        self._period_us = 1e6 / stream.rate_sps
        self._max_gap = int(max_gap_s * stream.rate_sps)
        # None until the first packet: numbers then begin with its own.
        self._next_sequence: int | None = 0 if from_start else None
        self._next_frame: int | None = 0 if from_start else None
        self._time_us: int | None = None
        self._time_frame = 0
        self._missing: list[range] = []

    def feed(self, data: bytes, arrival_ns: int) -> Block | None:
        """Take one packet.

        Parameters
        ----------
        data : bytes
            Payload of a notification of the Stream characteristic.
        arrival_ns : int
            When it arrived, on the host's clock.

        Returns
        -------
        Block or None
            None for a packet without new frames: a duplicate, a late one, or a throughput packet.

        Raises
        ------
        ProtocolError
            If the packet is malformed or contradicts the ones before it in a way that no loss
            explains.
        """
        packet = decode_packet(
            data, self._n_channels, stream_id=self._stream_id, sample_size=self._sample_size
        )
        sequence = self._unwrap_sequence(packet)
        if sequence is None:
            return None
        packets_lost = 0 if self._next_sequence is None else sequence - self._next_sequence
        if packet.stream_id == StreamId.THROUGHPUT:
            self._accept(packet, sequence, packets_lost, len(data))
            self._check_throughput(packet)
            return None

        first_frame = self._unwrap_frame(packet)
        device_us = self._unwrap_time(packet, first_frame)
        gap = self._find_gap(packet, first_frame, packets_lost)
        self._accept(packet, sequence, packets_lost, len(data))
        self._next_frame = first_frame + packet.n_frames
        self._time_us, self._time_frame = device_us, first_frame
        codes = decode_samples(packet.body, self._n_channels, self._sample_size)
        if packet.flags & Flag.TEST_PATTERN:
            expected = counter_pattern(first_frame, packet.n_frames, self._n_channels)
            self.counters.pattern_errors += int(np.count_nonzero(codes != expected))
        return Block(
            self._stream_id,
            sequence,
            first_frame,
            device_us * 1000,
            arrival_ns,
            codes,
            packet.flags,
            packet.lead_off_p,
            packet.lead_off_n,
            gap,
        )

    def _unwrap_sequence(self, packet: Packet) -> int | None:
        """Return the packet's number since START, or None for one that comes too late."""
        if self._next_sequence is None:
            return packet.sequence
        ahead = (packet.sequence - self._next_sequence) % SEQUENCE_MODULUS
        if ahead < SEQUENCE_MODULUS // 2:
            return self._next_sequence + ahead
        sequence = self._next_sequence + ahead - SEQUENCE_MODULUS
        if any(sequence in missing for missing in self._missing):
            self.counters.late += 1
        else:
            self.counters.duplicates += 1
        return None

    def _unwrap_frame(self, packet: Packet) -> int:
        if self._next_frame is None:
            return packet.first_frame
        ahead = (packet.first_frame - self._next_frame) % FRAME_MODULUS
        if ahead >= FRAME_MODULUS // 2:
            raise ProtocolError(
                f"packet {packet.sequence} begins with frame {packet.first_frame}, "
                f"{FRAME_MODULUS - ahead} before the one expected: the board counts wrong"
            )
        if ahead > self._max_gap:
            raise ProtocolError(
                f"packet {packet.sequence} begins {ahead} frames after the one expected, "
                f"more than any loss explains ({self._max_gap}): the board counts wrong"
            )
        return self._next_frame + ahead

    def _unwrap_time(self, packet: Packet, first_frame: int) -> int:
        """Return the device time in microseconds: the one nearest to what the index predicts."""
        if self._time_us is None:
            return packet.device_time_us
        elapsed_us = (first_frame - self._time_frame) * self._period_us
        predicted_us = self._time_us + round(elapsed_us)
        half = DEVICE_TIME_MODULUS_US // 2
        error_us = (packet.device_time_us - predicted_us + half) % DEVICE_TIME_MODULUS_US - half
        # Half a period and 0.5 ms of interrupt jitter, besides what the clocks may differ.
        if abs(error_us) > 0.5 * self._period_us + 500 + _RATE_TOLERANCE * elapsed_us:
            self.counters.time_jumps += 1
        return max(predicted_us + error_us, self._time_us + 1)

    def _find_gap(self, packet: Packet, first_frame: int, packets_lost: int) -> Gap | None:
        expected = first_frame if self._next_frame is None else self._next_frame
        n_frames = first_frame - expected
        flagged = bool(packet.flags & Flag.FRAMES_LOST)
        # What was before a stream is joined nobody knows: nothing there to contradict.
        joined = self._next_frame is None
        if flagged != (n_frames > 0) and not packets_lost and not joined:
            self.counters.flag_mismatches += 1
        if not n_frames and not packets_lost:
            return None
        cause: Literal["air", "board", "air+board"]
        if not packets_lost:
            cause = "board"
            self.counters.frames_lost_on_board += n_frames
        else:
            cause = "air+board" if flagged else "air"
        self.counters.frames_lost += n_frames
        gap = Gap(expected, n_frames, packets_lost, cause)
        self.gaps.append(gap)
        return gap

    def _accept(self, packet: Packet, sequence: int, packets_lost: int, size: int) -> None:
        self.counters.packets += 1
        self.counters.packets_lost += packets_lost
        self.counters.frames += packet.n_frames
        self.counters.payload_bytes += size
        if packets_lost:
            self._missing.append(range(sequence - packets_lost, sequence))
        self._next_sequence = sequence + 1

    def _check_throughput(self, packet: Packet) -> None:
        expected = throughput_body(packet.sequence, len(packet.body))
        if packet.body != expected:
            wrong = sum(a != b for a, b in zip(packet.body, expected, strict=True))
            self.counters.pattern_errors += wrong
