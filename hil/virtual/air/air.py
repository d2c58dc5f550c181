"""The medium: who is on air, what happens to packets, and the connections between radios."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eegrig.hil.virtual.air.channel import Channel, PacketErrors
from eegrig.hil.virtual.air.link import Link
from eegrig.hil.virtual.air.link_end import End
from eegrig.hil.virtual.clock import Clock, VirtualLoop

if TYPE_CHECKING:
    from eegrig.hil.virtual.air.controller import RadioController

__all__ = ["Air"]

_UNIT_NS = 1_250_000  # of connection intervals and transmit windows
_WINDOW_DELAY_NS = 1_250_000  # 4.5.3: transmitWindowDelay after CONNECT_IND


class Air:
    """What radios share.

    Parameters
    ----------
    loop : VirtualLoop
        The clock.
    seed : int
        Of everything random in the radio: advertising delays, the phase of a connection, the fate
        of packets. Each device and each connection draws from a stream of its own, so that one
        does not disturb another.
    channel : Channel or None
        What happens to packets; None: nothing. May be changed while running.
    sleep_clock_ppm : float
        Worst clock difference a peripheral reckons with when it opens its receiver, in parts per
        million: the central's declared accuracy and its own (assumed: 50 + 20, a computer's and a
        32 kHz crystal's).
    """

    def __init__(
        self,
        loop: VirtualLoop,
        *,
        seed: int = 0,
        channel: Channel | None = None,
        sleep_clock_ppm: float = 70.0,
    ) -> None:
        self.loop = loop
        self.seed = seed
        self.channel = channel
        self.sleep_clock_ppm = sleep_clock_ppm
        self.links: list[Link] = []
        self._controllers: list[RadioController] = []
        self._links_made = 0

    def rng(self, name: str) -> np.random.Generator:
        """Return the random stream of that name; the same seed and name give the same stream."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    @property
    def packet_error_rate(self) -> float:
        """Share of packets lost or broken; setting it replaces the channel."""
        return self.channel.rate if isinstance(self.channel, PacketErrors) else 0.0

    @packet_error_rate.setter
    def packet_error_rate(self, rate: float) -> None:
        self.channel = PacketErrors(rate) if rate else None

    def set_reachable(self, controller: RadioController, reachable: bool) -> None:
        """Take a radio out of everybody's reach, or bring it back."""
        controller.reachable = reachable
        for link in self.links:
            ends = (link.central.owner, link.peripheral.owner)
            link.out_of_reach = not all(getattr(owner, "reachable", True) for owner in ends)

    # ------------------------------------------------------------------ what advertisers ask
    def listeners(self) -> Sequence[RadioController]:
        """Return every radio on air, in the order they were switched on."""
        return self._controllers

    def connect(
        self, initiator: RadioController, advertiser: RadioController, *, heard: bool
    ) -> None:
        """Open a connection, right after CONNECT_IND.

        Parameters
        ----------
        initiator, advertiser : RadioController
        heard : bool
            Whether the advertiser received CONNECT_IND. Where it did not, the initiator finds out
            six intervals later.
        """
        request = initiator.take_connection_request()
        interval_ns = request.connection_interval_max * _UNIT_NS
        self._links_made += 1
        rng = self.rng(f"link {self._links_made}")
        # 4.5.3: the first packet comes somewhere in a window placed anywhere in an interval, so
        # anchors have no fixed relation to anything the board does.
        phase_ns = int(rng.integers(0, interval_ns))
        terms = (
            request.connection_interval_max,
            request.max_latency,
            request.supervision_timeout,
        )
        central = initiator.open_end(advertiser.address, terms, central=True)
        if heard:
            peripheral = advertiser.open_end(initiator.address, terms, central=False)
        else:
            peripheral = End(advertiser, 0)
            peripheral.alive = False
        link = Link(
            self._clock_of(initiator, advertiser),
            self,
            central=central,
            peripheral=peripheral,
            interval_ns=interval_ns,
            latency=request.max_latency,
            timeout_ns=request.supervision_timeout * 10_000_000,
            anchor_ns=self.loop.now_ns() + _WINDOW_DELAY_NS + phase_ns,
            rng=rng,
            central_ppm=initiator.ppm,
            on_closed=self.links.remove,
        )
        self.links.append(link)
        initiator.on_link_open(central)

    def _clock_of(self, initiator: RadioController, advertiser: RadioController) -> Clock:
        """Return the clock for a connection: one between a computer and a board is the board's.

        What comes of it elsewhere comes by a connection or an advertisement there.
        """
        clocks = [radio.clock for radio in (initiator, advertiser) if radio.clock is not None]
        return clocks[0] if len(clocks) == 1 else self.loop

    # ------------------------------------------------------------------ what Bumble asks
    def add_controller(self, controller: RadioController) -> None:
        """Switch a radio on."""
        self._controllers.append(controller)

    def remove_controller(self, controller: RadioController) -> None:
        """Switch a radio off."""
        self._controllers.remove(controller)

    def on_address_changed(self, controller: RadioController) -> None:
        """Take note of a new address: nothing to do, addresses are asked for when needed."""

    def send_ll_control_pdu(self, sender_address: Any, receiver_address: Any, packet: Any) -> None:
        """Queue a control packet that Bumble's controller wants sent."""
        for controller in self._controllers:
            connection = controller.le_connections.get(receiver_address)
            if connection is not None and connection.self_address == sender_address:
                controller.ends[connection.handle].send_control(packet)
                return
