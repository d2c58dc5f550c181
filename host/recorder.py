"""A recording: blocks put together to continuous samples, with gaps filled and marked."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boards.errors import BoardFault, EegrigError
from host.bdf import DEFAULT_START, Annotation, atomic_file, check_label, header_range, write_bdf
from host.board_link import LinkParameters
from host.device_clock import DeviceClock
from host.protocol import Info, Pattern, Profile, ProtocolError
from host.stream import Block, StreamCounters, StreamDecoder

if TYPE_CHECKING:
    from host.board_link import BoardLink

__all__ = ["GAP_TEXT", "Recording", "record"]

GAP_TEXT = "BAD_ACQ_SKIP"
"""How MNE-Python marks stretches without acquisition."""

_SIDECAR_VERSION = 1


class Recording:
    """Samples of one stream, from the first frame after START on.

    Parameters
    ----------
    info : Info
        Of the board, as read before START.
    link : LinkParameters or None
        What the link was negotiated to, for the sidecar.

    Attributes
    ----------
    decoder : StreamDecoder
        Finds what is missing.
    blocks : list of Block
        What arrived, in order.
    clock : DeviceClock
        From the board's time to the host's, by the packets delayed least.
    """

    def __init__(self, info: Info, *, link: LinkParameters | None = None) -> None:
        for name in info.channels:
            check_label(name)
        self.info = info
        self.link = link
        self.decoder = StreamDecoder(info)
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
            span_ns = (block.n_frames - 1) * 1_000_000_000 // self.info.sample_rate_sps
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
        return self.n_frames / self.info.sample_rate_sps

    def codes(self) -> NDArray[np.int32]:
        """Return the front end's codes, gaps filled with the last value before them.

        Returns
        -------
        ndarray of int32, shape (n_channels, n_times)
            A gap at the very start is filled with the first value after it.
        """
        end = self.blocks[-1].first_frame + self.blocks[-1].n_frames if self.blocks else 0
        codes = np.empty((self.info.n_channels, end), np.int32)
        at = 0
        for block in self.blocks:
            first = block.first_frame
            if first > at:
                codes[:, at:first] = codes[:, at - 1 : at] if at else block.codes[:, :1]
            at = first + block.n_frames
            codes[:, first:at] = block.codes
        return codes[:, : self.n_frames]

    def samples_v(self) -> NDArray[np.float64]:
        """Return the samples in volts at the electrodes, filled as `codes`.

        Returns
        -------
        ndarray, shape (n_channels, n_times)
        """
        return self.codes().astype(np.float64) * self.info.lsb_v

    def received(self) -> NDArray[np.bool_]:
        """Return which frames arrived (the others are filled), shape (n_times,)."""
        mask = np.zeros(self.n_frames, np.bool_)
        for block in self.blocks:
            mask[block.first_frame : block.first_frame + block.n_frames] = True
        return mask

    def annotations(self) -> list[Annotation]:
        """Return gaps and markers, in order of time."""
        rate_sps = self.info.sample_rate_sps
        end = self.n_frames
        notes = [note for note in self._markers if note.onset_s * rate_sps < end]
        for gap in self.decoder.gaps:
            n_frames = min(gap.n_frames, end - gap.first_frame)
            if n_frames > 0:
                onset_s = gap.first_frame / rate_sps
                notes.append(Annotation(onset_s, n_frames / rate_sps, GAP_TEXT))
        return sorted(notes, key=lambda note: note.onset_s)

    def write_bdf(self, path: Path, *, start: datetime.datetime = DEFAULT_START) -> None:
        """Write the recording as BDF+C, and its sidecar beside it as JSON.

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
        if not self.blocks:
            raise BoardFault(f"{self.info.board} sent no samples: nothing to write to {path}")
        sidecar = json.dumps(self.sidecar(), indent=2, ensure_ascii=False) + "\n"
        with atomic_file(path.with_suffix(".json")) as target:
            target.write(sidecar.encode())
        write_bdf(
            path,
            self.codes(),
            labels=self.info.channels,
            rate_sps=self.info.sample_rate_sps,
            lsb_fv=self.info.lsb_fv,
            equipment=f"{self.info.board} {self.info.firmware_version}",
            additional=(f"image_{self.info.image_hash[:12]}", f"gain_{self.info.gain}"),
            annotations=self.annotations(),
            start=start,
        )

    def sidecar(self) -> dict[str, Any]:
        """Return what a reader of the file should know besides: identity, counters, link."""
        info = self.info
        ends = header_range(info.lsb_fv)
        return {
            "version": _SIDECAR_VERSION,
            "board": info.board,
            "firmware_version": info.firmware_version,
            "image_hash": info.image_hash,
            "channels": list(info.channels),
            "sample_rate_sps": info.sample_rate_sps,
            "gain": info.gain,
            "lsb_v": info.lsb_v,
            "file_lsb_v": ends.lsb_v,
            "group_delay_s": info.group_delay_s,
            "profile": info.profile.name.lower(),
            "n_frames": self.n_frames,
            "duration_s": self.duration_s,
            "counters": self.counters.as_dict(),
            "gaps": [dataclasses.asdict(gap) for gap in self.decoder.gaps],
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


async def record(
    link: BoardLink,
    seconds: float,
    *,
    profile: Profile = Profile.EFFICIENT,
    pattern: Pattern = Pattern.EEG,
    stall_timeout_s: float = 10.0,
    parameters: Callable[[], LinkParameters | None] | None = None,
    on_block: Callable[[Block], None] | None = None,
) -> Recording:
    """Record from START until `seconds` of frames have been converted, and stop the board.

    Parameters
    ----------
    link : BoardLink
    seconds : float
        By the board's frame count: lost frames count, and are gaps in the recording.
    profile : Profile
    pattern : Pattern
        EEG or the counter pattern; for throughput see `host.throughput`.
    stall_timeout_s : float
        A board that sends nothing for so long has stopped.
    parameters : callable or None
        Tells what the link was negotiated to, once it streams; None for what the link knows.
    on_block : callable or None
        Called with every block as it arrives.

    Returns
    -------
    Recording
        Of exactly ``round(seconds * rate)`` frames.

    Raises
    ------
    BoardFault
        If the board stalls, reports a fault, refuses, or sends what it must not.
    LinkLost
        If the link breaks.
    """
    info = dataclasses.replace(link.info, profile=profile)
    recording = Recording(info)
    wanted = round(seconds * info.sample_rate_sps)
    await link.start(profile, pattern)
    try:
        while recording.n_frames < wanted:
            for data, arrival_ns in await _receive(link, recording, stall_timeout_s):
                block = recording.feed(data, arrival_ns)
                if block is not None and on_block is not None:
                    on_block(block)
    except ProtocolError:
        # The board still streams: leave it usable, and say what was wrong with its bytes.
        with contextlib.suppress(EegrigError):
            await link.stop()
        raise
    recording.link = (parameters() if parameters else None) or link.parameters
    await link.stop()
    recording.truncate(wanted)
    return recording


async def _receive(
    link: BoardLink, recording: Recording, stall_timeout_s: float
) -> list[tuple[bytes, int]]:
    try:
        async with asyncio.timeout(stall_timeout_s):
            return await link.receive()
    except TimeoutError:
        raise BoardFault(
            f"{link.name} has sent nothing for {stall_timeout_s:g} s after "
            f"{recording.duration_s:.1f} s of samples, and no fault: reset the board"
        ) from None
