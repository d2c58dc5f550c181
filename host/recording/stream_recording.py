"""What a board sent of one stream: continuous samples, with gaps filled and marked."""

from __future__ import annotations

import dataclasses
import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegrig.boards import sinc3
from eegrig.boards.errors import BoardFault
from eegrig.boards.whole_file import write_whole
from eegrig.host.link.board_link import LinkParameters
from eegrig.host.recording.bdf import (
    DEFAULT_START,
    Annotation,
    check_label,
    header_range,
    write_bdf,
)
from eegrig.host.streaming.decoder import Block, StreamCounters, StreamDecoder
from eegrig.host.streaming.device_clock import DeviceClock
from eegrig.host.streaming.time_base import TimeBase, time_base
from eegrig.host.wire.constants import Unit
from eegrig.host.wire.info import Info, StreamInfo

__all__ = ["GAP_TEXT", "StreamRecording"]

GAP_TEXT = "BAD_ACQ_SKIP"
"""How MNE-Python marks stretches without acquisition."""

_SIDECAR_VERSION = 2
# What a board may add to its filter's delay, in periods: the clocks of its conversion.
_DELAY_BESIDES = 0.1
# EDF's names of units; its numbers are in millionths of ours.
_DIMENSIONS = {
    Unit.VOLT: "uV",
    Unit.AMPERE: "uA",
    Unit.METRE_PER_SECOND_SQUARED: "um/s2",
    Unit.RADIAN_PER_SECOND: "urad/s",
}


class StreamRecording:
    """Samples of one stream, from its first frame after START on.

    Parameters
    ----------
    info : Info
        Of the board, as read before START.
    stream_id : int
        Which of its streams.

    Attributes
    ----------
    stream : StreamInfo
        What the stream is.
    decoder : StreamDecoder
        Finds what is missing.
    blocks : list of Block
        What arrived, in order.
    clock : DeviceClock
        From nominal frame time (index over nominal rate) to the host's time, by the packets
        delayed least.
    link : LinkParameters or None
        What the link was negotiated to.
    """

    def __init__(self, info: Info, stream_id: int) -> None:
        self.info = info
        self.stream: StreamInfo = info.stream(stream_id)
        for name in self.stream.channels:
            check_label(name)
        self.decoder = StreamDecoder(info, stream_id)
        self.blocks: list[Block] = []
        self.clock = DeviceClock()
        self.link: LinkParameters | None = None
        self._marks: list[_Mark] = []
        self._n_kept: int | None = None

    def feed(self, data: bytes, arrival_ns: int) -> Block | None:
        """Take one packet and return its block, as `StreamDecoder.feed` does."""
        block = self.decoder.feed(data, arrival_ns)
        if block is not None:
            self.blocks.append(block)
            self.clock.add(self._nominal_ns(block), arrival_ns)
        return block

    def mark(self, text: str, at_ns: int, duration_s: float = 0.0) -> None:
        """Mark what happened at a time of the host's clock, for so many of its seconds.

        It is found in the file where the signal of that time is: later by the filter's delay.
        """
        self._marks.append(_Mark(at_ns, duration_s, text))

    def truncate(self, n_frames: int) -> None:
        """Keep only the first `n_frames` frames; counters and blocks stay as they are."""
        self._n_kept = n_frames

    @property
    def n_marks(self) -> int:
        """How many marks were made."""
        return len(self._marks)

    @property
    def counters(self) -> StreamCounters:
        """What arrived and what did not."""
        return self.decoder.counters

    @property
    def n_frames(self) -> int:
        """Frames from START to the last one that arrived, filled ones included."""
        if not self.blocks:
            return 0
        last = self.blocks[-1]
        end = last.first_frame + last.n_frames
        return end if self._n_kept is None else min(end, self._n_kept)

    @property
    def duration_s(self) -> float:
        """Length in seconds, by the rate that the file states."""
        base = self.time_base()
        return self.n_frames / (self.stream.rate_sps if base is None else base.rate_sps)

    def codes(self) -> NDArray[np.int32]:
        """Return the front end's codes, gaps filled with the last value before them.

        Returns
        -------
        ndarray of int32, shape (n_channels, n_times)
            A gap at the very start is filled with the first value after it.
        """
        end = self.blocks[-1].first_frame + self.blocks[-1].n_frames if self.blocks else 0
        codes = np.empty((self.stream.n_channels, end), np.int32)
        at = 0
        for block in self.blocks:
            first = block.first_frame
            if first > at:
                codes[:, at:first] = codes[:, at - 1 : at] if at else block.codes[:, :1]
            at = first + block.n_frames
            codes[:, first:at] = block.codes
        return codes[:, : self.n_frames]

    def samples(self) -> NDArray[np.float64]:
        """Return the samples in the stream's unit, filled as `codes`.

        Returns
        -------
        ndarray, shape (n_channels, n_times)
        """
        return self.codes().astype(np.float64) * self.stream.lsb

    def clipped(self) -> NDArray[np.int64]:
        """Count the samples of each channel that are at an end of the front end's range.

        The last of each 65536 codes count as its end: some front ends leave out up to seven of the
        lowest bits at their fastest rates, and have no other code there.

        Returns
        -------
        ndarray of int, shape (n_channels,)
            Samples that were filled are not counted.
        """
        half = 1 << (8 * self.stream.sample_size - 1)
        end = half - (half >> 16)
        codes = self.codes()[:, self.received()]
        found: NDArray[np.int64] = ((codes >= end) | (codes < -end)).sum(axis=1)
        return found

    def received(self) -> NDArray[np.bool_]:
        """Return which frames arrived (the others are filled), shape (n_times,)."""
        mask = np.zeros(self.n_frames, np.bool_)
        for block in self.blocks:
            mask[block.first_frame : block.first_frame + block.n_frames] = True
        return mask

    def time_base(self) -> TimeBase | None:
        """Return the rate that the file states and when its first frame was taken.

        Returns
        -------
        TimeBase or None
            None before the first packet.
        """
        fit = self.clock.fit()
        if fit is None:
            return None
        return time_base(
            np.array([block.first_frame + block.n_frames - 1 for block in self.blocks]),
            np.array([block.arrival_ns for block in self.blocks]),
            self.stream.rate_sps,
            fit,
            interval_ms=None if self.link is None else self.link.interval_ms,
            time_jumps=self.counters.time_jumps,
        )

    def annotations(self) -> list[Annotation]:
        """Return gaps and marks, in order of time; their times are those of the file's samples."""
        base, end = self.time_base(), self.n_frames
        if base is None:
            return []
        notes = []
        for mark in self._marks:
            frame = base.frame_at(mark.at_ns + round(self.stream.group_delay_s * 1e9))
            if 0 <= frame < end:
                notes.append(Annotation(frame / base.rate_sps, mark.duration_s or None, mark.text))
        for gap in self.decoder.gaps:
            n_frames = min(gap.n_frames, end - gap.first_frame)
            if n_frames > 0:
                onset_s = gap.first_frame / base.rate_sps
                notes.append(Annotation(onset_s, n_frames / base.rate_sps, GAP_TEXT))
        return sorted(notes, key=lambda note: note.onset_s)

    def write_bdf(self, path: Path, *, start: datetime.datetime | None = None) -> None:
        """Write the stream as BDF+C, and its sidecar beside it as JSON.

        The digital values are the front end's codes. Both files appear only when they are whole.

        Parameters
        ----------
        path : Path
            Of the BDF file; the sidecar's has the suffix ``.json``.
        start : datetime or None
            When the first frame was taken; None for a time that is the same always, so that equal
            data make equal files.

        Raises
        ------
        BoardFault
            If no frame arrived.
        ConfigError
            If the file cannot be written.
        """
        info, stream = self.info, self.stream
        base = self.time_base()
        if base is None:
            raise BoardFault(f"{info.board} sent no samples: nothing to write to {path}")
        sidecar = json.dumps(self.sidecar(start), indent=2, ensure_ascii=False) + "\n"
        write_whole(path.with_suffix(".json"), sidecar.encode())
        image = f"image_{info.image_hash[:12]}"
        write_bdf(
            path,
            self.codes(),
            labels=stream.channels,
            rate_sps=base.rate_sps,
            lsb_fv=_lsb_femto(stream),
            dimension=_DIMENSIONS[stream.unit],
            equipment=f"{info.board} {info.firmware_version}",
            additional=(image,) if stream.gain is None else (image, f"gain_{stream.gain}"),
            annotations=self.annotations(),
            start=DEFAULT_START if start is None else start,
        )

    def sidecar(self, start: datetime.datetime | None = None) -> dict[str, Any]:
        """Return what a reader of the file should know besides: identity, time, scale, counters.

        Parameters
        ----------
        start : datetime or None
            When the first frame was taken, if that is known.
        """
        info, stream, base = self.info, self.stream, self.time_base()
        first_frame = {"first_frame": None if start is None else start.isoformat()}
        volts = stream.unit is Unit.VOLT
        ends = header_range(_lsb_femto(stream))
        of_unit = (
            {"lsb_v": stream.lsb, "file_lsb_v": ends.lsb_v}
            if volts
            else {"lsb": stream.lsb, "file_lsb": ends.lsb_v}
        )
        return {
            "version": _SIDECAR_VERSION,
            "board": info.board,
            "firmware_version": info.firmware_version,
            "image_hash": info.image_hash,
            "stream": stream.stream_id,
            "kind": stream.kind.name.lower(),
            "unit": stream.unit.name.lower(),
            "channels": list(stream.channels),
            "sample_rate_sps": stream.rate_sps if base is None else base.rate_sps,
            "time_base": None if base is None else dataclasses.asdict(base) | first_frame,
            "group_delay_s": stream.group_delay_s,
            "filter": self._filter(),
            "gain": stream.gain,
            **of_unit,
            "profile": info.profile.name.lower(),
            "n_frames": self.n_frames,
            "duration_s": self.duration_s,
            "counters": self.counters.as_dict(),
            "gaps": [dataclasses.asdict(gap) for gap in self.decoder.gaps],
            "lead_off": self._lead_off(),
            "link": None if self.link is None else dataclasses.asdict(self.link),
        }

    def _filter(self) -> dict[str, Any] | None:
        """Return what the front end's filter does to the signal; None where nobody says."""
        rate_sps, delay_s = self.stream.rate_sps, self.stream.group_delay_s
        if not delay_s:
            return None
        if abs(delay_s * rate_sps - sinc3.DELAY_PERIODS) > _DELAY_BESIDES:
            return {"kind": "unknown", "group_delay_s": delay_s}
        grid_hz = np.linspace(0, rate_sps / 2, 11).round(6)
        gain = sinc3.sinc3_gain(grid_hz, rate_sps).round(6)
        return {
            "kind": "sinc3",
            "group_delay_s": delay_s,
            "cutoff_hz": sinc3.CUTOFF * rate_sps,
            "response": np.stack([grid_hz, gain], axis=1).tolist(),
            "source": "TI SBAS499C 9.3.2.2, equation 8; the kind is assumed from the delay",
        }

    def _lead_off(self) -> dict[str, int]:
        """Return how many packets saw each channel's electrode off (channels that were)."""
        counts = {}
        for index, name in enumerate(self.stream.channels):
            bit = 1 << index
            n = sum(bool((block.lead_off_p | block.lead_off_n) & bit) for block in self.blocks)
            if n:
                counts[name] = n
        return counts

    def _nominal_ns(self, block: Block) -> int:
        """Return when the block's last frame was taken, on a clock of the nominal rate."""
        return round((block.first_frame + block.n_frames - 1) * 1e9 / self.stream.rate_sps)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A mark, as it was made."""

    at_ns: int
    duration_s: float
    text: str


def _lsb_femto(stream: StreamInfo) -> int:
    """Return one count in 1e-15 of the stream's unit."""
    return round(stream.lsb * 1e15)
