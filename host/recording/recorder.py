"""Recording from a board: START, until enough frames have been converted, and STOP."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from eegrig.boards.errors import BoardFault, EegrigError
from eegrig.host.link.board_link import LinkParameters
from eegrig.host.recording.recording import Recording
from eegrig.host.streaming.decoder import Block
from eegrig.host.wire.constants import Pattern, Profile
from eegrig.host.wire.errors import ProtocolError
from eegrig.host.wire.packet import stream_of

if TYPE_CHECKING:
    from eegrig.host.link.board_link import BoardLink

__all__ = ["record"]


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
        A board that sends nothing for so long has stopped.
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
    wanted = round(seconds * recording.main.stream.rate_sps)
    if on_start is not None:
        on_start(recording)
    await link.start(profile, pattern)
    try:
        while recording.main.n_frames < wanted:
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
    # The board sends what it has before it answers: the rest of the slower streams.
    for data, arrival_ns in link.drain():
        stream = recording.streams.get(stream_of(data), recording.main)
        if stream is not recording.main:
            stream.feed(data, arrival_ns)
    recording.truncate(seconds)
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
            f"{recording.main.duration_s:.1f} s of samples, and no fault: reset the board"
        ) from None
