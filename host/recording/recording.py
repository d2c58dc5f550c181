"""What a board sent: every stream that it has, at its own rate and in a file of its own."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.host.recording.stream_recording import StreamRecording
from eegrig.host.wire.constants import StreamId
from eegrig.host.wire.packet import stream_of

if TYPE_CHECKING:
    from eegrig.host.link.board_link import LinkParameters
    from eegrig.host.streaming.decoder import Block
    from eegrig.host.wire.info import Info

__all__ = ["Recording"]


class Recording:
    """What a board sent from START on.

    Parameters
    ----------
    info : Info
        Of the board, as read before START.

    Attributes
    ----------
    streams : dict of int to StreamRecording
        By their ids, in the order in which the board lists them.
    """

    def __init__(self, info: Info) -> None:
        self.info = info
        self.streams = {
            stream.stream_id: StreamRecording(info, stream.stream_id) for stream in info.streams
        }

    @property
    def electrodes(self) -> StreamRecording:
        """The stream of the electrodes, which every board has."""
        return self.streams[StreamId.EEG]

    @property
    def main(self) -> StreamRecording:
        """The stream that the length is counted by, and whose file has the recording's name."""
        return next(iter(self.streams.values()))

    @property
    def link(self) -> LinkParameters | None:
        """What the link was negotiated to."""
        return self.main.link

    @link.setter
    def link(self, link: LinkParameters | None) -> None:
        for stream in self.streams.values():
            stream.link = link

    @property
    def intact(self) -> bool:
        """Whether everything of every stream arrived, and nothing contradicts itself."""
        return all(stream.counters.intact for stream in self.streams.values())

    def feed(self, data: bytes, arrival_ns: int) -> Block | None:
        """Take one packet and return its block, as `StreamDecoder.feed` does."""
        # What belongs to no stream is refused by the decoder of whichever it is given to.
        stream = self.streams.get(stream_of(data), self.main)
        return stream.feed(data, arrival_ns)

    def mark(self, text: str, at_ns: int, duration_s: float = 0.0) -> None:
        """Mark what happened at a time of the host's clock, in every stream."""
        for stream in self.streams.values():
            stream.mark(text, at_ns, duration_s)

    def truncate(self, seconds: float) -> None:
        """Keep the first `seconds` of every stream; counters and blocks stay as they are."""
        for stream in self.streams.values():
            stream.truncate(round(seconds * stream.stream.rate_sps))

    def write_bdf(self, path: Path, *, start: datetime.datetime | None = None) -> None:
        """Write every stream of which there is anything, as `StreamRecording.write_bdf`.

        The first stream goes to `path`, others beside it: one of optics to ``<name>-optics.bdf``,
        which begins when its own first frame was taken.

        Raises
        ------
        BoardFault
            If no frame of the first stream arrived.
        ConfigError
            If a file cannot be written.
        """
        self.main.write_bdf(path, start=start)
        first = self.main.time_base()
        for stream in self.streams.values():
            base = stream.time_base()
            if stream is self.main or base is None or first is None:
                continue
            name = f"{path.stem}-{stream.stream.kind.name.lower()}{path.suffix}"
            later_ns = base.first_frame_ns - first.first_frame_ns
            begun = start and start + datetime.timedelta(microseconds=later_ns // 1000)
            stream.write_bdf(path.with_name(name), start=begun)
