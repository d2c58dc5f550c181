"""How much a link carries: the board sends full packets as fast as it is let."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eegrig.host.link.stall_watch import StallWatch
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
    arrival_ns : ndarray of int64, shape (n_packets,)
        When the packets of the window arrived, on the host's clock.
    payload_bytes : ndarray of int64, shape (n_packets,)
        Payload of each, headers of the protocol included.
    """

    counters: StreamCounters
    arrival_ns: NDArray[np.int64]
    payload_bytes: NDArray[np.int64]


async def measure_throughput(
    link: BoardLink,
    seconds: float,
    *,
    settle_s: float = 1.0,
    stall_timeout_s: float = 10.0,
    before_stop: Callable[[], None] | None = None,
) -> Throughput:
    """Run the throughput pattern and take down what arrives.

    Parameters
    ----------
    link : BoardLink
    seconds : float
        Length of the window, on the clock of the link's arrival times.
    settle_s : float
        Left out at the start, while buffers fill.
    stall_timeout_s : float
        A board that sends no new packet for so long has stopped, whatever else it sends.
    before_stop : callable or None
        Called while packets still flow.

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
    arrival_ns: list[int] = []
    sizes: list[int] = []
    await link.start(Profile.EFFICIENT, Pattern.THROUGHPUT)
    settled_ns = link.now_ns() + round(settle_s * 1e9)
    stop_ns = settled_ns + round(seconds * 1e9)
    counters = decoder.counters
    async with StallWatch(link, stall_timeout_s, what="packets") as watch:
        while link.now_ns() < stop_ns:
            for data, at_ns in await watch.receive(
                counters.packets, "in its throughput test", n_repeated=counters.duplicates
            ):
                before = counters.packets
                decoder.feed(data, at_ns)
                # One that is seen again carries nothing.
                if at_ns >= settled_ns and counters.packets > before:
                    arrival_ns.append(at_ns)
                    sizes.append(len(data))
    if before_stop is not None:
        before_stop()
    await link.stop()
    return Throughput(counters, np.array(arrival_ns, np.int64), np.array(sizes, np.int64))
