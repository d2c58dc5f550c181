"""Recordings: blocks put together to continuous samples, with gaps filled and marked."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.errors import BoardFault
from host.bdf import DEFAULT_START, Annotation, atomic_file, check_label, header_range, write_bdf
from host.board_link import LinkParameters
from host.device_clock import DeviceClock
from host.protocol import Info, StreamId, StreamInfo, Unit, stream_of
from host.stream import Block, StreamCounters, StreamDecoder

__all__ = ["GAP_TEXT", "Recording", "StreamRecording"]

GAP_TEXT = "BAD_ACQ_SKIP"
"""How MNE-Python marks stretches without acquisition."""

_SIDECAR_VERSION = 1
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
        From the board's time to the host's, by the packets delayed least.
    """

    def __init__(self, info: Info, stream_id: int = StreamId.EEG) -> None:
        self.info = info
        self.stream: StreamInfo = info.stream(stream_id)
        for name in self.stream.channels:
            check_label(name)
        self.decoder = StreamDecoder(info, stream_id)
        self.blocks: list[Block] = []
        self.clock = DeviceClock()
        self._markers: list[Annotation] = []
        self._n_kept: int | None = None
        self._last_sent_ns = -1

    def feed(self, data: bytes, arrival_ns: int) -> Block | None:
        """Take one packet and return its block, as `StreamDecoder.feed` does."""
        block = self.decoder.feed(data, arrival_ns)
        if block is not None:
            self.blocks.append(block)
            span_ns = int((block.n_frames - 1) * 1_000_000_000 // self.stream.rate_sps)
            sent_ns = block.device_ns + span_ns
            # A board whose time goes back has its time jumps counted; no clock can follow it.
            if sent_ns > self._last_sent_ns:
                self.clock.add(sent_ns, arrival_ns)
                self._last_sent_ns = sent_ns
        return block

    def mark(self, onset_s: float, text: str, duration_s: float | None = None) -> None:
        """Add a marker, `onset_s` seconds after the first frame."""
        self._markers.append(Annotation(onset_s, duration_s, text))

    def truncate(self, n_frames: int) -> None:
        """Keep only the first `n_frames` frames; counters and blocks stay as they are."""
        self._n_kept = n_frames

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
        """Length in seconds, by the nominal rate."""
        return self.n_frames / self.stream.rate_sps

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

    def received(self) -> NDArray[np.bool_]:
        """Return which frames arrived (the others are filled), shape (n_times,)."""
        mask = np.zeros(self.n_frames, np.bool_)
        for block in self.blocks:
            mask[block.first_frame : block.first_frame + block.n_frames] = True
        return mask

    def annotations(self) -> list[Annotation]:
        """Return gaps and markers, in order of time."""
        rate_sps = self.stream.rate_sps
        end = self.n_frames
        notes = [note for note in self._markers if note.onset_s * rate_sps < end]
        for gap in self.decoder.gaps:
            n_frames = min(gap.n_frames, end - gap.first_frame)
            if n_frames > 0:
                onset_s = gap.first_frame / rate_sps
                notes.append(Annotation(onset_s, n_frames / rate_sps, GAP_TEXT))
        return sorted(notes, key=lambda note: note.onset_s)

    def write_bdf(self, path: Path, *, start: datetime.datetime = DEFAULT_START) -> None:
        """Write the stream as BDF+C, and its sidecar beside it as JSON.

        The digital values are the front end's codes. Both files appear only when they are whole.

        Parameters
        ----------
        path : Path
            Of the BDF file; the sidecar's has the suffix ``.json``.
        start : datetime
            When the first frame was taken. The default is the same always, so that equal data
            make equal files.

        Raises
        ------
        BoardFault
            If no frame arrived.
        ConfigError
            If the file cannot be written.
        """
        info, stream = self.info, self.stream
        if not self.blocks:
            raise BoardFault(f"{info.board} sent no samples: nothing to write to {path}")
        sidecar = json.dumps(self.sidecar(), indent=2, ensure_ascii=False) + "\n"
        with atomic_file(path.with_suffix(".json")) as target:
            target.write(sidecar.encode())
        image = f"image_{info.image_hash[:12]}"
        main = stream.stream_id == StreamId.EEG
        write_bdf(
            path,
            self.codes(),
            labels=stream.channels,
            rate_sps=stream.rate_sps,
            lsb_fv=_lsb_femto(stream),
            dimension=_DIMENSIONS[stream.unit],
            equipment=f"{info.board} {info.firmware_version}",
            additional=(image, f"gain_{info.gain}") if main else (image,),
            annotations=self.annotations(),
            start=start,
        )

    def sidecar(self) -> dict[str, Any]:
        """Return what a reader of the file should know besides: identity, scale, counters."""
        info, stream = self.info, self.stream
        volts = stream.unit is Unit.VOLT
        ends = header_range(_lsb_femto(stream))
        of_unit = (
            {"lsb_v": info.lsb_v, "file_lsb_v": ends.lsb_v}
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
            "sample_rate_sps": stream.rate_sps,
            **of_unit,
            "profile": info.profile.name.lower(),
            "n_frames": self.n_frames,
            "duration_s": self.duration_s,
            "counters": self.counters.as_dict(),
            "gaps": [dataclasses.asdict(gap) for gap in self.decoder.gaps],
        }


class Recording(StreamRecording):
    """What a board sent from START on: the stream of its electrodes, and the others it has.

    Parameters
    ----------
    info : Info
        Of the board, as read before START.
    link : LinkParameters or None
        What the link was negotiated to, for the sidecar.

    Attributes
    ----------
    others : dict of int to StreamRecording
        The other streams, by their ids.
    """

    def __init__(self, info: Info, *, link: LinkParameters | None = None) -> None:
        super().__init__(info)
        self.link = link
        self.others = {
            stream.stream_id: StreamRecording(info, stream.stream_id) for stream in info.others
        }

    def feed(self, data: bytes, arrival_ns: int) -> Block | None:
        """Take one packet of any stream; return its block if it is one of the electrodes'."""
        other = self.others.get(stream_of(data)) if self.others else None
        if other is None:
            return super().feed(data, arrival_ns)
        other.feed(data, arrival_ns)
        return None

    def truncate(self, n_frames: int) -> None:
        """Keep the first `n_frames` frames, and as long of the other streams."""
        super().truncate(n_frames)
        for other in self.others.values():
            other.truncate(round(n_frames / self.stream.rate_sps * other.stream.rate_sps))

    def samples_v(self) -> NDArray[np.float64]:
        """Return the samples in volts at the electrodes, filled as `codes`.

        Returns
        -------
        ndarray, shape (n_channels, n_times)
        """
        return self.samples()

    def write_bdf(self, path: Path, *, start: datetime.datetime = DEFAULT_START) -> None:
        """Write the electrodes' stream to `path`, and others of which there is anything beside it.

        A stream of optics goes to ``<name>-optics.bdf``. Otherwise as `StreamRecording.write_bdf`.
        """
        super().write_bdf(path, start=start)
        for other in self.others.values():
            if other.blocks:
                name = f"{path.stem}-{other.stream.kind.name.lower()}{path.suffix}"
                other.write_bdf(path.with_name(name), start=start)

    def sidecar(self) -> dict[str, Any]:
        """Return what a reader of the file should know besides: identity, counters, link."""
        info = self.info
        return super().sidecar() | {
            "gain": info.gain,
            "group_delay_s": info.group_delay_s,
            "lead_off": self._lead_off(),
            "link": None if self.link is None else dataclasses.asdict(self.link),
        }

    def _lead_off(self) -> dict[str, int]:
        """Return how many packets saw each channel's electrode off (channels that were)."""
        counts = {}
        for index, name in enumerate(self.info.channels):
            bit = 1 << index
            n = sum(bool((block.lead_off_p | block.lead_off_n) & bit) for block in self.blocks)
            if n:
                counts[name] = n
        return counts


def _lsb_femto(stream: StreamInfo) -> int:
    """Return one count in 1e-15 of the stream's unit."""
    return round(stream.lsb * 1e15)
