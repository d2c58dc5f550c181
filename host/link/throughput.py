"""How much a link carries: the board sends full packets as fast as it is let."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eegrig.boards.errors import BoardFault
from eegrig.host.streaming.decoder import StreamCounters, StreamDecoder
from eegrig.host.wire.constants import Pattern, Profile

if TYPE_CHECKING:
    from eegrig.host.link.board_link import BoardLink

__all__ = ["Throughput", "measure_throughput"]


@dataclass(frozen=True, slots=True)
class Throughput:
    """What a link carried.

    Attributes
    ----------
    counters : StreamCounters
        Of all packets since START.
    window_bytes : int
        Payload that arrived after the first arrival, up to and with the last.
    window_ns : int
        Time between those two; 0 if nothing came after the first.
    """

    counters: StreamCounters
    window_bytes: int
    window_ns: int

    @property
    def goodput_bps(self) -> float:
        """Payload bits per second, notification headers of the protocol included."""
        return self.window_bytes * 8e9 / self.window_ns if self.window_ns else 0.0


async def measure_throughput(
    link: BoardLink, seconds: float, *, settle_s: float = 1.0, stall_timeout_s: float = 10.0
) -> Throughput:
    """Run the throughput pattern and count what arrives.

    Parameters
    ----------
    link : BoardLink
    seconds : float
        Length of the window, on the clock of the link's arrival times.
    settle_s : float
        Left out at the start, while buffers fill.
    stall_timeout_s : float
        A board that sends nothing for so long has stopped.

    Returns
    -------
    Throughput

    Raises
    ------
    BoardFault
        If the board stalls, reports a fault, refuses, or sends what it must not.
    LinkLost
        If the link breaks.
    """
    decoder = StreamDecoder(link.info)
    window: _Window | None = None
    await link.start(Profile.EFFICIENT, Pattern.THROUGHPUT)
    while window is None or not window.over:
        try:
            async with asyncio.timeout(stall_timeout_s):
                packets = await link.receive()
        except TimeoutError:
            raise BoardFault(
                f"{link.name} has sent nothing for {stall_timeout_s:g} s in its throughput test: "
                "reset the board"
            ) from None
        if window is None:
            window = _Window(packets[0][1], round(settle_s * 1e9), round(seconds * 1e9))
        for data, arrival_ns in packets:
            decoder.feed(data, arrival_ns)
            window.add(len(data), arrival_ns)
    await link.stop()
    return Throughput(decoder.counters, window.n_bytes, window.last_ns - window.first_ns)


class _Window:
    """Bytes between two arrivals, each the last of its connection event.

    Packets arrive in bursts, one per connection event. A window from the end of one burst to the
    end of another holds whole bursts, and whole intervals between them.
    """

    def __init__(self, start_ns: int, settle_ns: int, length_ns: int) -> None:
        self._settled_ns = start_ns + settle_ns
        self._end_ns = self._settled_ns + length_ns
        self.first_ns = self.last_ns = start_ns
        self.n_bytes = 0
        self.over = False

    def add(self, size: int, arrival_ns: int) -> None:
        if arrival_ns <= self._settled_ns:
            self.first_ns = arrival_ns
        elif arrival_ns <= self._end_ns:
            self.n_bytes += size
        else:
            self.over = True
            return
        self.last_ns = arrival_ns
