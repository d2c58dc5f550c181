"""The radio of a board that runs a stock binary: a controller behind the second processor."""

from __future__ import annotations

from bumble import hci

from eegrig.hil.virtual.air.acl import AclBuffers
from eegrig.hil.virtual.air.activity import ActivitySink
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.air.buffered_controller import BufferedController
from eegrig.hil.virtual.air.hci_port import HciPort, PortController
from eegrig.hil.virtual.chip.stm32wb.second_processor import SecondProcessor
from eegrig.hil.virtual.clock import Clock

__all__ = ["ExactRadio"]


class _Controller(BufferedController, PortController):
    """A board's controller, at its HCI."""


class ExactRadio:
    """A `Radio` on the boards' air.

    Parameters
    ----------
    air : Air
    processor : SecondProcessor
        What it is behind.
    name : str
        Names its random stream.
    address : str
        Its public address until the first core gives it one.
    clock : Clock
        For what concerns this board alone.
    buffers : AclBuffers
        What it holds of its host's, and when it says that a packet is completed.
    link_octets : int
        Longest link-layer payload it supports.
    sink : ActivitySink
        Told of the radio's activity.
    """

    def __init__(
        self,
        air: Air,
        processor: SecondProcessor,
        *,
        name: str,
        address: str,
        clock: Clock,
        buffers: AclBuffers,
        link_octets: int,
        sink: ActivitySink,
    ) -> None:
        self._air = air
        self._name = name
        self._address = address
        self._clock = clock
        self._buffers, self._link_octets = buffers, link_octets
        self._sink = sink
        self._controller: _Controller | None = None
        self._port = HciPort(processor.send)
        self._reachable = True
        processor.radio = self

    @property
    def is_advertising(self) -> bool:
        """Whether it advertises."""
        return self._controller is not None and self._controller.advertiser.active

    def set_reachable(self, reachable: bool) -> None:
        """Take the board out of every other radio's reach, or bring it back."""
        self._reachable = reachable
        if self._controller is not None:
            self._air.set_reachable(self._controller, reachable)

    # ---- what the second processor asks for

    def switch_on(self) -> None:
        """Begin, with nothing remembered."""
        self.switch_off()
        controller = _Controller(
            self._name,
            self._air,
            self._address,
            buffers=self._buffers,
            clock=self._clock,
            max_octets=self._link_octets,
            sink=self._sink,
        )
        controller.set_public_address(self._address)
        controller.host = self._port
        self._air.set_reachable(controller, self._reachable)
        self._controller = controller

    def switch_off(self) -> None:
        """Fall silent at once: a central finds out by its time-out."""
        if self._controller is not None:
            self._controller.shut_down()
            self._controller = None

    def set_public_address(self, octets: bytes) -> None:
        """Take an address, lowest octet first."""
        if self._controller is not None:
            address = hci.Address(octets, hci.AddressType.PUBLIC_DEVICE)
            self._controller.set_public_address(address.to_string(with_type_qualifier=False))

    def on_packet(self, packet: bytes) -> None:
        """Do what an HCI packet asks for."""
        if self._controller is not None:
            self._controller.on_packet(packet)
