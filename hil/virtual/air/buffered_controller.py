"""A controller that holds as few of its host's packets as a board's does."""

from __future__ import annotations

from collections.abc import Callable

from eegrig.boards.link_layer import DATA_OCTETS_MAX
from eegrig.hil.virtual.air.acl import AclBuffers, AclQueue
from eegrig.hil.virtual.air.activity import ActivitySink
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.air.controller import RadioController
from eegrig.hil.virtual.air.link_end import End
from eegrig.hil.virtual.clock import Clock

__all__ = ["BufferedController"]


class BufferedController(RadioController):
    """A controller with buffers, which reports a packet completed when they say so.

    Parameters
    ----------
    name, air, address, clock, max_octets, sink
        As `RadioController` takes them.
    buffers : AclBuffers
        How many packets of the host it holds, and how long they are.
    on_completed : callable, optional
        Called when it reports a packet completed.

    Attributes
    ----------
    acl : AclQueue
        What goes to it from its host.
    """

    def __init__(
        self,
        name: str,
        air: Air,
        address: str,
        *,
        buffers: AclBuffers,
        on_completed: Callable[[], object] = lambda: None,
        clock: Clock | None = None,
        max_octets: int = DATA_OCTETS_MAX,
        sink: ActivitySink | None = None,
    ) -> None:
        super().__init__(name, air, address, clock=clock, max_octets=max_octets, sink=sink)
        self.le_acl_data_packet_length = buffers.octets
        self.total_num_le_acl_data_packets = buffers.packets
        self.acl = AclQueue(air.loop, buffers, on_completed)

    def send_part(
        self, end: End, data: bytes, llid: int, on_acknowledged: Callable[[], object]
    ) -> None:
        """Queue a packet of the host behind those there are."""
        self.acl.send_packet(end, data, llid, on_acknowledged)

    def on_link_down(self, end: End, reason: int) -> None:
        """Forget what was for a connection that is gone, and tell the host."""
        self.acl.forget(end)
        super().on_link_down(end, reason)

    def drop_links(self) -> None:
        """Take all its ends of links away, with what was for them."""
        ends = list(self.ends.values())
        super().drop_links()
        for end in ends:
            self.acl.forget(end)
