"""What a radio does, as the power model hears of it.

A device's radio reports every stretch of activity to its sink as ``sink(kind, start_ns,
duration_ns, phy)``. Times are virtual, integer nanoseconds; the PHY is that of what is sent or
heard, 1 (1M) or 2 (2M), and 1M where it is left out: each stretch has its own, as advertising is at
1M whatever a connection is at. Kinds:

``"tx"``
    Transmitting a packet, for its air time.
``"rx"``
    Receiving: a packet's air time, preceded by the window widening where it is the first of an
    event; or the vain wait for one (until the end of the access address).
``"ifs"``
    Idle inside an event, between two packets: the inter frame space, radio ramping up again.
``"connection_event"``
    One connection event of this device as a whole, from the first to the last use of the radio in
    it. Emitted once per event in which the radio was used (not for events skipped by peripheral
    latency), after its parts. Wake-up before and processing after it are for the power model to
    add.
``"advertising_event"``
    The same for one advertising event (three channels).

Within an event ``tx``, ``rx`` and ``ifs`` do not overlap. In connection events they fill it without
a gap; between the channels of an advertising event the radio retunes, which is not reported. A part
is reported during its event, so `start_ns` lies at most one event in the past, and it may lie in
the future as a whole. Between events the radio is off. A computer's adapter has no sink: nobody
asks for its power.

Ramp-up of transmitter and receiver, the crystal's start and the processor are not in here.
"""

from __future__ import annotations

from typing import Literal, Protocol

__all__ = ["ActivityKind", "ActivityMeter", "ActivitySink"]

ActivityKind = Literal["tx", "rx", "ifs", "connection_event", "advertising_event"]


class ActivitySink(Protocol):
    """What takes a radio's activity; see the module for the kinds."""

    def __call__(
        self, kind: ActivityKind, start_ns: int, duration_ns: int, phy: int = 1, /
    ) -> None:
        """Take one stretch of activity."""
        ...


class ActivityMeter:
    """A sink that adds up, for tests and for a look at a radio without a power model.

    Attributes
    ----------
    total_ns : dict of str to int
        Time spent, by kind.
    count : dict of str to int
        Number of stretches, by kind.
    """

    def __init__(self) -> None:
        self.total_ns: dict[str, int] = {}
        self.count: dict[str, int] = {}

    def __call__(
        self, kind: ActivityKind, start_ns: int, duration_ns: int, phy: int = 1, /
    ) -> None:
        """Add one stretch."""
        self.total_ns[kind] = self.total_ns.get(kind, 0) + duration_ns
        self.count[kind] = self.count.get(kind, 0) + 1
