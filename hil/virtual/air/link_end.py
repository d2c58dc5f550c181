"""One end of a connection on the link layer: what it has to send, and where it stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from eegrig.boards.link_layer import DATA_OCTETS_MIN
from eegrig.hil.virtual.air.activity import ActivitySink
from eegrig.hil.virtual.air.pdu import CONTROL, EMPTY, START, Pdu, control_octets

if TYPE_CHECKING:
    from eegrig.hil.virtual.air.link import Link

__all__ = ["End", "LinkOwner"]


class LinkOwner(Protocol):
    """A controller, told what its end of a link receives."""

    def on_data(self, end: End, pdu: Pdu) -> None:
        """Take a new data packet."""
        ...

    def on_control(self, end: End, control: Any) -> None:
        """Take a new control packet."""
        ...

    def on_link_down(self, end: End, reason: int) -> None:
        """Take the end of the connection, with HCI's reason."""
        ...


class End:
    """One end of a link.

    Parameters
    ----------
    owner : LinkOwner
    handle : int
        The owner's connection handle.
    sink : ActivitySink or None
        Told of the radio's activity; None where nobody asks, as for a computer.

    Attributes
    ----------
    max_tx_octets, max_rx_octets : int
        Longest payload negotiated, each way.
    """

    __slots__ = (
        "alive",
        "crc_errors",
        "crc_run",
        "current",
        "established",
        "events",
        "handle",
        "heard_ns",
        "leaving",
        "link",
        "max_rx_octets",
        "max_tx_octets",
        "nesn",
        "owner",
        "payload_bytes",
        "pdus",
        "queue",
        "requested",
        "retransmissions",
        "sink",
        "skipped",
        "sn",
        "terminating",
    )

    link: Link

    def __init__(self, owner: LinkOwner, handle: int, sink: ActivitySink | None = None) -> None:
        self.owner = owner
        self.handle = handle
        self.sink = sink
        self.queue: deque[Pdu] = deque()
        self.current: Pdu | None = None
        self.sn = self.nesn = 0
        self.heard_ns = 0
        self.alive = True
        self.established = False
        self.terminating = False  # this end has sent LL_TERMINATE_IND
        self.requested = (0, 0)  # PHYs asked for, to send and to receive, as bits
        self.leaving: int | None = None  # this end has received it: the reason given
        self.max_tx_octets = self.max_rx_octets = DATA_OCTETS_MIN
        self.skipped = 0
        self.crc_run = 0
        self.events = self.pdus = self.retransmissions = 0
        self.crc_errors = self.payload_bytes = 0

    @property
    def has_data(self) -> bool:
        """Whether anything but an empty packet waits to be sent or acknowledged."""
        current = self.current
        return bool(self.queue) or (current is not None and current.octets > 0)

    def send(self, data: bytes, on_acknowledged: Callable[[], object] | None = None) -> None:
        """Queue an L2CAP frame (or a part that starts one), split as the link allows."""
        self.send_part(data, START, on_acknowledged)

    def send_part(
        self,
        data: bytes,
        llid: int,
        on_acknowledged: Callable[[], object] | None,
        on_sent: Callable[[], object] | None = None,
    ) -> None:
        """Queue part of an L2CAP frame; what is given is called for its last packet."""
        size, limit = len(data), self.max_tx_octets
        if size <= limit:
            self.queue.append(Pdu(llid, size, data, None, on_acknowledged, on_sent))
            return
        for offset in range(0, size, limit):
            part = data[offset : offset + limit]
            if offset + limit >= size:
                self.queue.append(Pdu(llid, len(part), part, None, on_acknowledged, on_sent))
            else:
                self.queue.append(Pdu(llid, len(part), part))
            llid = 1

    def send_control(
        self, control: Any, on_acknowledged: Callable[[], object] | None = None
    ) -> None:
        """Queue a control packet."""
        self.queue.append(Pdu(CONTROL, control_octets(control), b"", control, on_acknowledged))

    def take(self) -> Pdu:
        """Return what to send: what is not acknowledged yet, or the next, or an empty packet."""
        pdu = self.current
        if pdu is None:
            pdu = self.current = self.queue.popleft() if self.queue else EMPTY
        if pdu.octets:
            self.pdus += 1
            if pdu.attempts:
                self.retransmissions += 1
            elif pdu.on_sent is not None:
                pdu.on_sent()
            pdu.attempts += 1
        return pdu
