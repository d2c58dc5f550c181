"""The board's owner: whether it answers as before, whatever somebody did to it meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from eegrig.boards.errors import EegrigError
from eegrig.hil.suites.stretches.streams import interval_ms, linked
from eegrig.host.console.console import Console
from eegrig.host.link.operation import OPERATION_TIMEOUT_S
from eegrig.host.streaming.decoder import StreamDecoder
from eegrig.host.wire.constants import State, StreamId

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.host.link.board_link import BoardLink
    from eegrig.host.wire.info import Info

__all__ = ["ConsoleWatch", "Streamed", "complaint", "console_watched", "owned", "streamed"]

_FIRST_PACKET_S: Final = 5.0
_STREAM_S: Final = 0.5
_LINE_S: Final = 0.02
_TRACEBACK: Final = "Traceback"
_BANNER: Final = "eegrig "
_ENDS: Final = (-(1 << 23), (1 << 23) - 1)  # of a converter of 24 bits


class ConsoleWatch:
    """What the board's console says of it: a restart, or a traceback.

    Parameters
    ----------
    console : Console
        Open.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    async def lines(self) -> list[str]:
        """Return the lines that came since the last call."""
        lines = []
        while True:
            try:
                lines.append(await self._console.read_line(_LINE_S))
            except TimeoutError:
                return lines

    async def restarts(self) -> tuple[int, str]:
        """Return how often it restarted since the last call, and the last line it said."""
        lines = await self.lines()
        return sum(map(_is_banner, lines)), lines[-1] if lines else ""

    async def trouble(self) -> str:
        """Say what the console tells of since the last call; empty where all is well."""
        lines = await self.lines()
        said = []
        for at, line in enumerate(lines):
            if line.startswith(_TRACEBACK):
                inside = (each for each in lines[at + 1 :] if not each.startswith(" "))
                said.append(f"its console has a traceback: {next(inside, 'cut off')}")
            elif _is_banner(line):
                said.append("it restarted")
        return "; ".join(dict.fromkeys(said))


def _is_banner(line: str) -> bool:
    return line.startswith(_BANNER) and " image " in line


@contextlib.contextmanager
def console_watched(rig: Bench) -> Iterator[ConsoleWatch]:
    """Open the board's console, and forget what it said so far."""
    with Console.open(rig.console) as console:
        rig.run(ConsoleWatch(console).lines())
        yield ConsoleWatch(console)


@contextlib.asynccontextmanager
async def owned(rig: Bench) -> AsyncIterator[BoardLink]:
    """Connect as the board's owner, at an interval that carries all it does."""
    async with linked(rig, interval_ms(rig)) as link:
        yield link


@dataclass
class Streamed:
    """What a stretch of a stream gave.

    Attributes
    ----------
    decoder : StreamDecoder
        Has the counters.
    keeps : bool
        Whether it keeps a line of each packet, which is too much of days.
    first_frame : int or None
        Index of the first frame that arrived; None if none did.
    first_ns, last_ns : int
        When the first and the last packet arrived.
    lead_off : int
        Bits of the electrodes that a packet called off.
    clipped : int
        Samples at the ends of the converter's range.
    frames : list of int
        First frame of each packet.
    last_frames : list of int
        Last frame of each.
    arrival_ns : list of int
        When each arrived.
    device_ns : list of int
        Device time of each.
    """

    decoder: StreamDecoder
    keeps: bool = True
    first_frame: int | None = None
    first_ns: int = 0
    last_ns: int = 0
    lead_off: int = 0
    clipped: int = 0
    frames: list[int] = field(default_factory=list)
    last_frames: list[int] = field(default_factory=list)
    arrival_ns: list[int] = field(default_factory=list)
    device_ns: list[int] = field(default_factory=list)

    def take(self, packets: list[tuple[bytes, int]]) -> None:
        """Decode packets as they came.

        Raises
        ------
        ProtocolError
            If one is none.
        """
        for data, arrival_ns in packets:
            if data[2:3] != bytes([StreamId.EEG]):
                continue
            block = self.decoder.feed(data, arrival_ns)
            if block is None:
                continue
            if self.first_frame is None:
                self.first_frame, self.first_ns = block.first_frame, arrival_ns
            self.last_ns = arrival_ns
            self.lead_off |= block.lead_off_p | block.lead_off_n
            self.clipped += int(np.isin(block.codes, _ENDS).sum())
            if not self.keeps:
                continue
            self.frames.append(block.first_frame)
            self.last_frames.append(block.first_frame + block.n_frames - 1)
            self.arrival_ns.append(arrival_ns)
            self.device_ns.append(block.device_ns)

    @property
    def intact(self) -> bool:
        """Whether it began at frame 0 and nothing is missing or wrong."""
        return self.first_frame == 0 and self.decoder.counters.intact


async def streamed(link: BoardLink, seconds: float, into: Streamed | None = None) -> Streamed:
    """Take what a stream that was started brings, for so long after its first packet.

    Raises
    ------
    TimeoutError
        If no packet comes within five seconds.
    LinkLost, BoardEventError, ProtocolError
        As `BoardLink.receive`.
    """
    taken = into or Streamed(StreamDecoder(link.info))
    if taken.first_frame is None:
        async with asyncio.timeout(_FIRST_PACKET_S):
            taken.take(await link.receive())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                taken.take(await link.receive())
    return taken


async def complaint(rig: Bench, before: Info, seconds: float = _STREAM_S) -> str:
    """Say what is wrong with a board for its owner; empty where it is as before.

    It is found, its Info is what it was, it answers, and it streams from frame 0 without a loss.

    Parameters
    ----------
    rig : Bench
    before : Info
        What its owner read at first.
    seconds : float
        Of the stream.
    """
    try:
        async with owned(rig) as link:
            if dataclasses.replace(link.info, profile=before.profile) != before:
                return f"its Info is another: {_difference(before, link.info)}"
            await link.ping()
            await link.start()
            taken = await streamed(link, seconds)
            async with asyncio.timeout(OPERATION_TIMEOUT_S):
                await link.stop()
            info = await link.refresh_info()
    except TimeoutError:
        return "it brings no packet after START"
    except EegrigError as error:
        return " ".join(str(error).split())
    if not taken.intact:
        return f"its stream begins at frame {taken.first_frame}, {taken.decoder.counters}"
    return "" if info.state is State.IDLE else f"it is {info.state.name.lower()} after STOP"


def _difference(before: Info, after: Info) -> str:
    changed = [
        f"{each.name} was {getattr(before, each.name)!r}, is {getattr(after, each.name)!r}"
        for each in dataclasses.fields(before)
        if getattr(before, each.name) != getattr(after, each.name)
    ]
    return "; ".join(changed)
