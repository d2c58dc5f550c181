"""Recording from a board: START, until enough frames have been converted, and STOP."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from eegrig.host.link.board_link import LinkParameters
from eegrig.host.link.stall_watch import StallWatch
from eegrig.host.recording.recording import Recording
from eegrig.host.streaming.decoder import Block
from eegrig.host.wire.constants import Pattern, Profile
from eegrig.host.wire.packet import stream_of

if TYPE_CHECKING:
    from eegrig.host.link.board_link import BoardLink

__all__ = ["record"]

_SLOWEST = 0.1
"""Part of its rate below which a board may as well have stopped."""


async def record(
    link: BoardLink,
    seconds: float,
    *,
    profile: Profile = Profile.EFFICIENT,
    pattern: Pattern = Pattern.EEG,
    stall_timeout_s: float = 10.0,
    parameters: Callable[[], LinkParameters | None] | None = None,
    on_block: Callable[[Block], None] | None = None,
    on_start: Callable[[Recording], None] | None = None,
) -> Recording:
    """Record from START until `seconds` of frames have been converted, and stop the board.

    Parameters
    ----------
    link : BoardLink
    seconds : float
        By the frame count of the first stream: lost frames count, and are gaps in the recording.
    profile : Profile
    pattern : Pattern
        EEG or the counter pattern; for throughput see `host.link.throughput`.
    stall_timeout_s : float
        A board whose first stream brings no new frame for so long has stopped, whatever else it
        sends; so has one that falls below a tenth of its rate for twice as long.
    parameters : callable or None
        Tells what the link was negotiated to, once it streams; None for what the link knows.
    on_block : callable or None
        Called with every block of every stream as it arrives.
    on_start : callable or None
        Called with the recording before there is anything in it: whoever keeps it has what
        arrived, however this ends.

    Returns
    -------
    Recording
        Its first stream has exactly ``round(seconds * rate)`` frames, none has more.

    Raises
    ------
    BoardFault
        If the board stalls, reports a fault, refuses, or sends what it must not.
    LinkLost
        If the link breaks.
    """
    info = dataclasses.replace(link.info, profile=profile)
    recording = Recording(info)
    main = recording.main
    wanted = round(seconds * main.stream.rate_sps)
    if on_start is not None:
        on_start(recording)
    await link.start(profile, pattern)
    rate_sps = main.stream.rate_sps
    async with StallWatch(
        link, stall_timeout_s, what="frames", slowest_per_s=_SLOWEST * rate_sps
    ) as watch:
        while main.n_frames < wanted:
            counters = main.counters
            for data, arrival_ns in await watch.receive(
                main.n_frames,
                f"after {main.n_frames / rate_sps:.1f} s of samples",
                n_repeated=counters.duplicates + counters.late,
            ):
                block = recording.feed(data, arrival_ns)
                if block is not None and on_block is not None:
                    on_block(block)
    recording.link = (parameters() if parameters else None) or link.parameters
    await link.stop()
    # The board sends what it has before it answers: the rest of the slower streams.
    for data, arrival_ns in link.drain():
        stream = recording.streams.get(stream_of(data), recording.main)
        if stream is not recording.main:
            stream.feed(data, arrival_ns)
    recording.truncate(seconds)
    return recording
