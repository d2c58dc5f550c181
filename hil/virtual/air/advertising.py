"""Legacy advertising: events on three channels, scan requests and connection requests, in time.

Core Specification, Volume 6, Part B, 2.3 (packets) and 4.4.2 (advertising events).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from eegrig.boards.errors import ConfigError
from eegrig.boards.link_layer import T_IFS_NS, Phy, air_time_ns, sync_time_ns
from eegrig.hil.virtual.air.activity import ActivitySink
from eegrig.hil.virtual.air.channel import RECEIVED, Channel
from eegrig.hil.virtual.clock import Cancellable, Clock

__all__ = ["ADV_DATA_MAX", "RSSI_DBM", "Advertisement", "Advertiser", "Listener"]

ADV_DATA_MAX: Final = 31
"""Octets of advertising or scan response data (2.3.1)."""

RSSI_DBM: Final = -50
"""Strength at which any radio is received (assumed: they lie side by side)."""

ADV_IND, ADV_SCAN_IND, ADV_NONCONN_IND, SCAN_RSP = (
    0,
    2,
    3,
    4,
)  # event types of HCI's advertising report

_ADDRESS = 6
_ADV_DELAY_NS = 10_000_000  # 4.4.2.2.1: 0 to 10 ms is added to each interval
_SCAN_REQ_NS = air_time_ns(Phy.LE_1M, 2 * _ADDRESS)
_CONNECT_IND_NS = air_time_ns(Phy.LE_1M, 2 * _ADDRESS + 22)
_CONNECT_IND_OCTETS = 2 * _ADDRESS + 22
_LISTEN_NS = sync_time_ns(Phy.LE_1M) + 4_000  # 4.2.2: an answer may be 2 µs early or late
_RETUNE_NS = 150_000  # assumed: from the end of listening on one channel to sending on the next


@dataclass(frozen=True)
class Advertisement:
    """What is advertised, and how.

    Attributes
    ----------
    interval_ns : int
        Advertising interval, 20 ms to 10.24 s, in nanoseconds.
    data, scan_response : bytes
        At most 31 octets each.
    connectable : bool
        ADV_IND; otherwise ADV_SCAN_IND, as MicroPython's zephyr port sends.
    scannable : bool
        If it is neither, ADV_NONCONN_IND, after which it does not listen.
    channels : tuple of int
        Advertising channels, of 0, 1 and 2 in that order.
    """

    interval_ns: int
    data: bytes = b""
    scan_response: bytes = b""
    connectable: bool = True
    scannable: bool = True
    channels: tuple[int, ...] = (0, 1, 2)

    @property
    def event_type(self) -> int:
        """As HCI's advertising report has it."""
        if self.connectable:
            return ADV_IND
        return ADV_SCAN_IND if self.scannable else ADV_NONCONN_IND

    def __post_init__(self) -> None:
        if not 20_000_000 <= self.interval_ns <= 10_240_000_000:
            raise ConfigError(
                f"advertising interval {self.interval_ns / 1e6:g} ms is not between 20 and 10240 ms"
            )
        for name, value in (("data", self.data), ("scan response", self.scan_response)):
            if len(value) > ADV_DATA_MAX:
                raise ConfigError(f"advertising {name} has {len(value)} octets, at most 31 fit")


class Listener(Protocol):
    """A radio that may hear advertising: scanning, or waiting to connect."""

    reachable: bool

    def hears(self, channel: int, start_ns: int, end_ns: int) -> bool:
        """Say whether it listens on advertising channel 0, 1 or 2 for all of that time."""
        ...

    def wants(self, address: Any) -> bool:
        """Say whether it waits to connect to that advertiser."""
        ...

    @property
    def scans(self) -> bool:
        """Whether its host is to be told of advertisements."""
        ...

    @property
    def scans_actively(self) -> bool:
        """Whether it asks for scan responses."""
        ...

    def report(self, event_type: int, address: Any, data: bytes) -> None:
        """Tell its host of an advertisement."""
        ...


class Ether(Protocol):
    """What an advertiser needs of the air."""

    channel: Channel | None

    def listeners(self) -> Sequence[Listener]:
        """Return every radio that might hear, in the order they were switched on."""
        ...

    def connect(self, initiator: Any, advertiser: Any, *, heard: bool) -> None:
        """Open a connection: the initiator's CONNECT_IND has just ended."""
        ...


class Advertiser:
    """The advertising state of a controller.

    Parameters
    ----------
    clock : Clock
    ether : Ether
    owner : object
        The controller, handed to `Ether.connect`; has `address`, `reachable` and `sink`.
    rng : numpy.random.Generator
        For the advertising delay and the fate of packets.
    """

    def __init__(self, clock: Clock, ether: Ether, owner: Any, rng: np.random.Generator) -> None:
        self._clock, self._ether, self._owner, self._rng = clock, ether, owner, rng
        self._what: Advertisement | None = None
        self._timer: Cancellable | None = None
        self._start_ns = 0
        self.events = 0

    @property
    def active(self) -> bool:
        """Whether it advertises."""
        return self._what is not None

    def start(self, what: Advertisement) -> None:
        """Advertise from now on, instead of what was advertised before."""
        self.stop()
        self._what = what
        self._timer = self._clock.call_at_ns(self._clock.now_ns(), self._on_event, what)

    def stop(self) -> None:
        """Advertise no more."""
        self._what = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ------------------------------------------------------------------ one event
    def _on_event(self, what: Advertisement) -> None:
        now_ns = self._clock.now_ns()
        delay_ns = int(self._rng.integers(0, _ADV_DELAY_NS, endpoint=True))
        self._timer = self._clock.call_at_ns(
            now_ns + what.interval_ns + delay_ns, self._on_event, what
        )
        self.events += 1
        self._start_ns = now_ns
        self._send(what, what.channels[0])

    def _send(self, what: Advertisement, channel: int) -> None:
        now_ns = self._clock.now_ns()
        if self._what is not what:  # stopped in the middle of an event
            self._end(now_ns)
            return
        end_ns = now_ns + air_time_ns(Phy.LE_1M, _ADDRESS + len(what.data))
        self._radio("tx", now_ns, end_ns)
        octets = _ADDRESS + len(what.data)
        audience = [
            listener
            for listener in self._ether.listeners()
            if listener is not self._owner
            and listener.reachable
            and self._owner.reachable
            and listener.hears(channel, now_ns, end_ns)
            and self._arrives(octets)
        ]
        self._clock.call_at_ns(end_ns, self._sent, what, channel, audience)

    def _sent(self, what: Advertisement, channel: int, audience: list[Listener]) -> None:
        now_ns = self._clock.now_ns()
        address = self._owner.address
        for listener in audience:
            if listener.scans:
                listener.report(what.event_type, address, what.data)
        if not (what.connectable or what.scannable):
            self._next_channel(what, channel, now_ns)
            return
        self._radio("ifs", now_ns, now_ns + T_IFS_NS)
        answer_ns = now_ns + T_IFS_NS
        if what.connectable:
            for listener in audience:
                if listener.wants(address):
                    end_ns = answer_ns + _CONNECT_IND_NS
                    self._clock.call_at_ns(end_ns, self._asked_to_connect, what, channel, listener)
                    return
        for listener in audience:
            if listener.scans_actively and self._arrives(2 * _ADDRESS):
                end_ns = answer_ns + _SCAN_REQ_NS
                self._radio("rx", answer_ns, end_ns)
                self._radio("ifs", end_ns, end_ns + T_IFS_NS)
                self._clock.call_at_ns(end_ns + T_IFS_NS, self._respond, what, channel, listener)
                return
        self._listen_in_vain(what, channel, answer_ns)

    def _listen_in_vain(self, what: Advertisement, channel: int, start_ns: int) -> None:
        self._radio("rx", start_ns, start_ns + _LISTEN_NS)
        self._next_channel(what, channel, start_ns + _LISTEN_NS)

    def _respond(self, what: Advertisement, channel: int, scanner: Listener) -> None:
        now_ns = self._clock.now_ns()
        octets = _ADDRESS + len(what.scan_response)
        end_ns = now_ns + air_time_ns(Phy.LE_1M, octets)
        self._radio("tx", now_ns, end_ns)
        if self._arrives(octets):
            self._clock.call_at_ns(
                end_ns, scanner.report, SCAN_RSP, self._owner.address, what.scan_response
            )
        self._next_channel(what, channel, end_ns)

    def _asked_to_connect(self, what: Advertisement, channel: int, initiator: Listener) -> None:
        now_ns = self._clock.now_ns()
        if self._what is not what or not initiator.wants(self._owner.address):
            self._end(now_ns)
            return
        heard = self._arrives(_CONNECT_IND_OCTETS)
        if heard:
            self._radio("rx", now_ns - _CONNECT_IND_NS, now_ns)
            self.stop()
            self._end(now_ns)
        else:
            self._listen_in_vain(what, channel, now_ns)
        self._ether.connect(initiator, self._owner, heard=heard)

    def _next_channel(self, what: Advertisement, channel: int, end_ns: int) -> None:
        later = [number for number in what.channels if number > channel]
        if later:
            self._clock.call_at_ns(end_ns + _RETUNE_NS, self._send, what, later[0])
        else:
            self._end(end_ns)

    def _arrives(self, octets: int) -> bool:
        channel = self._ether.channel
        return channel is None or channel.outcome(self._rng, Phy.LE_1M, octets) == RECEIVED

    def _radio(self, kind: Any, start_ns: int, end_ns: int) -> None:
        sink: ActivitySink | None = self._owner.sink
        if sink is not None:
            sink(kind, start_ns, end_ns - start_ns)

    def _end(self, end_ns: int) -> None:
        self._radio("advertising_event", self._start_ns, end_ns)
