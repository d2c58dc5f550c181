"""Whether the packets of one stretch of streaming are what ``docs/protocol.md`` says they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from eegrig.boards.errors import EegrigError
from eegrig.host.streaming.decoder import StreamCounters, StreamDecoder
from eegrig.host.wire.constants import Flag, Pattern, Profile, StreamId, TestSignal
from eegrig.host.wire.packet import HEADER_SIZE, decode_packet, frames_per_packet, stream_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.host.streaming.decoder import Block
    from eegrig.host.wire.info import Info

__all__ = ["Asked", "Stretch", "read_stretch"]

_RESERVED = HEADER_SIZE - 1


@dataclass(frozen=True)
class Asked:
    """What a stretch of streaming was asked for.

    Attributes
    ----------
    rate_sps : int
    profile : Profile
    pattern : Pattern
    signal : TestSignal
        What the inputs are connected to.
    driven : bool
        Whether the lead-off current flows.
    max_payload : int
        Largest notification, in bytes.
    """

    rate_sps: int
    profile: Profile = Profile.EFFICIENT
    pattern: Pattern = Pattern.EEG
    signal: TestSignal = TestSignal.NORMAL
    driven: bool = False
    max_payload: int = 244

    @property
    def flags(self) -> int:
        """Flags that each packet of it has."""
        return (
            (Flag.TEST_PATTERN if self.pattern is not Pattern.EEG else 0)
            | (Flag.LOW_LATENCY if self.profile is Profile.LOW_LATENCY else 0)
            | (Flag.TEST_SIGNAL if self.signal is not TestSignal.NORMAL else 0)
            | (Flag.DRIVEN if self.driven else 0)
        )

    def __str__(self) -> str:
        words = [f"{self.rate_sps} SPS", self.profile.name.lower().replace("_", "-")]
        if self.pattern is not Pattern.EEG:
            words.append(f"{self.pattern.name.lower()} pattern")
        if self.signal is not TestSignal.NORMAL:
            words.append(self.signal.name.lower().replace("_", " "))
        if self.driven:
            words.append("lead-off current")
        return ", ".join(words)


@dataclass
class Stretch:
    """What arrived between START and STOP, of the stream of the electrodes.

    Attributes
    ----------
    asked : Asked
    blocks : list of Block
    counters : StreamCounters
    wrong : Counter of str
        What packets are not as the protocol says, in words, and how many of them.
    """

    asked: Asked
    blocks: list[Block] = field(default_factory=list)
    counters: StreamCounters = field(default_factory=StreamCounters)
    wrong: Counter[str] = field(default_factory=Counter)

    @property
    def codes(self) -> NDArray[np.int32]:
        """All samples that arrived, shape (n_channels, n_frames)."""
        return np.concatenate([block.codes for block in self.blocks], axis=1)

    @property
    def loss(self) -> float:
        """Part of the frames that did not arrive."""
        counters = self.counters
        return counters.frames_lost / max(counters.frames + counters.frames_lost, 1)

    def said(self) -> Iterator[str]:
        """Yield what is wrong, with how often."""
        for what, count in self.wrong.items():
            yield f"{what}: {count} of {self.counters.packets} packets ({self.asked})"


def read_stretch(packets: Sequence[tuple[bytes, int]], info: Info, asked: Asked) -> Stretch:
    """Hold all packets of a stretch against the protocol.

    Parameters
    ----------
    packets : sequence of (bytes, int)
        Notifications from START on, with their times of arrival in nanoseconds.
    info : Info
        As the board told it before START.
    asked : Asked
    """
    decoder = StreamDecoder(info)
    stretch = Stretch(asked, counters=decoder.counters)
    full = min(frames_per_packet(asked.max_payload, info.n_channels), 255)
    sizes: list[int] = []
    for data, arrival_ns in packets:
        try:
            if stream_of(data) not in (StreamId.EEG, StreamId.THROUGHPUT):
                continue
            packet = decode_packet(data, info.n_channels)
            if packet.flags & ~Flag.FRAMES_LOST != asked.flags:
                flags = packet.flags & ~Flag.FRAMES_LOST
                stretch.wrong[f"flags 0x{flags:02x} instead of 0x{asked.flags:02x}"] += 1
            if data[_RESERVED]:
                stretch.wrong["the reserved byte is not 0"] += 1
            block = decoder.feed(data, arrival_ns)
        except EegrigError as error:
            stretch.wrong[str(error)] += 1
            continue
        sizes.append(packet.n_frames)
        if block is not None:
            stretch.blocks.append(block)
    _count(stretch, sizes, full)
    return stretch


def _count(stretch: Stretch, sizes: list[int], full: int) -> None:
    counters, wrong, asked = stretch.counters, stretch.wrong, stretch.asked
    for what, count in (
        ("packets arrive twice", counters.duplicates),
        ("packets arrive late", counters.late),
        ("packets do not arrive", counters.packets_lost),
        ("the flag of lost frames contradicts the index", counters.flag_mismatches),
        ("device time does not follow from the index", counters.time_jumps),
    ):
        if count:
            wrong[what] += count
    if counters.pattern_errors:
        wrong["samples are not those of the pattern"] += counters.pattern_errors
    # The last packet is what was left when STOP came.
    if asked.pattern is Pattern.THROUGHPUT or not sizes:
        return
    odd = Counter(size for size in sizes[:-1] if size > full)
    if asked.profile is Profile.EFFICIENT:
        odd = Counter(size for size in sizes[:-1] if size != full)
    for size, count in odd.items():
        wrong[f"packets of {size} frames where {full} are full"] += count
