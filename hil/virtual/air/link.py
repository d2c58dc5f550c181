"""A connection on the link layer: its events, packet by packet, in virtual time.

An event is a chain of three callbacks per pair of packets: the central's turn, the peripheral's
turn one inter frame space after it, and the central hearing the answer. Sequence numbers,
acknowledgement, more-data, retransmission, the closing of an event, peripheral latency, window
widening and the supervision time-out follow the Core Specification, Volume 6, Part B, 4.5. What an
end of it holds is in `link_end`. The rest (HCI, procedures) is the controllers' work; what is
simplified is in ``docs/virtual-radio.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol

import numpy as np

from eegrig.boards.link_layer import DATA_OCTETS_MAX, T_IFS_NS, Phy, air_time_ns
from eegrig.boards.link_layer import sync_time_ns as sync_ns
from eegrig.hil.virtual.air.activity import ActivityKind
from eegrig.hil.virtual.air.channel import NO_SYNC, RECEIVED, Channel
from eegrig.hil.virtual.air.link_end import End
from eegrig.hil.virtual.air.pdu import CONTROL, EMPTY
from eegrig.hil.virtual.clock import Clock

__all__ = [
    "CONNECTION_TIMEOUT",
    "FAILED_TO_BE_ESTABLISHED",
    "LOCAL_HOST_TERMINATED",
    "Link",
    "Medium",
]

CONNECTION_TIMEOUT: Final = 0x08
LOCAL_HOST_TERMINATED: Final = 0x16
FAILED_TO_BE_ESTABLISHED: Final = 0x3E

_ESTABLISHMENT_EVENTS = 6  # 4.5.2: without a packet in six intervals the connection never was
_ACTIVE_JITTER_NS = 16_000  # 4.2.3: the anchor itself may be off by 16 µs
_CRC_FAILURES_THAT_CLOSE = 2  # 4.5.6: two invalid CRCs in a row close the event


class Medium(Protocol):
    """What a link needs of the air."""

    channel: Channel | None
    sleep_clock_ppm: float


@lru_cache(maxsize=16)
def _air_times(phy: int, encrypted: bool) -> tuple[int, ...]:
    return tuple(air_time_ns(phy, n, mic=encrypted) for n in range(DATA_OCTETS_MAX + 1))


class Link:
    """A connection between two ends.

    Parameters
    ----------
    clock : Clock
    medium : Medium
        The air.
    central, peripheral : End
    interval_ns : int
        Connection interval by the central's clock.
    latency : int
        Events the peripheral may skip.
    timeout_ns : int
        Supervision time-out.
    anchor_ns : int
        Start of the first event.
    rng : numpy.random.Generator
        For the fate of packets.
    central_ppm : float
        How slow the central's clock runs against virtual time, in parts per million: its intervals
        are longer by that much.
    on_closed : callable
        Called with the link when both ends are gone.

    Attributes
    ----------
    counter : int
        Number of the event that runs or ran last (connEventCount, without wrapping).
    next_anchor_ns : int
        When the next event starts.
    """

    def __init__(
        self,
        clock: Clock,
        medium: Medium,
        *,
        central: End,
        peripheral: End,
        interval_ns: int,
        latency: int,
        timeout_ns: int,
        anchor_ns: int,
        rng: np.random.Generator,
        central_ppm: float,
        on_closed: Callable[[Link], object],
    ) -> None:
        self.central, self.peripheral = central, peripheral
        self.interval_ns, self.latency, self.timeout_ns = interval_ns, latency, timeout_ns
        self.phy_to_peripheral = self.phy_to_central = int(Phy.LE_1M)
        self.encrypted = False
        self.out_of_reach = False
        self.closed = False
        self.counter = -1
        self._clock, self._medium, self._rng = clock, medium, rng
        self._central_ppm = central_ppm
        self._on_closed = on_closed
        self._instants: list[tuple[int, Callable[[], object]]] = []
        self.next_anchor_ns = anchor_ns
        self._last_sync_ns = anchor_ns
        self._listening = False
        self._lead_ns = 0
        self._event_start_ns = 0
        self._central_start_ns: int | None = None  # of its event, while that lasts
        # What is on air, from the turn that sends it to the turn that hears it.
        self._on_air = EMPTY
        self._sn = self._nesn = 0
        self._more_from_central = self._more_from_peripheral = False
        self._outcome = RECEIVED
        for end in (central, peripheral):
            end.link = self
            end.heard_ns = anchor_ns
        self._tabulate()
        clock.call_at_ns(anchor_ns, self._on_anchor)

    # ------------------------------------------------------------------ what procedures change
    def at_instant(self, instant: int, apply: Callable[[], object]) -> None:
        """Call `apply` at the start of the event with that counter (4.5.1, connEventCount)."""
        self._instants.append((instant, apply))

    def set_parameters(self, interval_ns: int, latency: int, timeout_ns: int) -> None:
        """Change the connection parameters from the next anchor on."""
        self.interval_ns, self.latency, self.timeout_ns = interval_ns, latency, timeout_ns

    def set_phys(self, to_peripheral: int, to_central: int) -> None:
        """Change the PHYs."""
        self.phy_to_peripheral, self.phy_to_central = to_peripheral, to_central
        self._tabulate()

    def set_encrypted(self) -> None:
        """Let packets carry a MIC from now on."""
        self.encrypted = True
        self._tabulate()

    def drop(self, end: End, reason: int | None = None) -> None:
        """Take one end away; `reason` is what its owner is told, None to tell it nothing."""
        if not end.alive:
            return
        end.alive = False
        if reason is not None:
            end.owner.on_link_down(end, reason)
        if not (self.central.alive or self.peripheral.alive):
            self.closed = True
            self._on_closed(self)

    def peer(self, end: End) -> End:
        """Return the other end."""
        return self.peripheral if end is self.central else self.central

    def _tabulate(self) -> None:
        self._air_to_peripheral = _air_times(self.phy_to_peripheral, self.encrypted)
        self._air_to_central = _air_times(self.phy_to_central, self.encrypted)
        self._sync_to_peripheral_ns = sync_ns(self.phy_to_peripheral)
        self._sync_to_central_ns = sync_ns(self.phy_to_central)

    def _fate(self, phy: int, octets: int) -> int:
        if self.out_of_reach:
            return NO_SYNC
        channel = self._medium.channel
        return RECEIVED if channel is None else channel.outcome(self._rng, phy, octets)

    # ------------------------------------------------------------------ events
    def _on_anchor(self) -> None:
        if self.closed:
            return
        now_ns = self.next_anchor_ns
        self.counter += 1
        if self._instants:
            self._apply_due()
        interval_ns = self.interval_ns
        self.next_anchor_ns = now_ns + interval_ns + round(interval_ns * self._central_ppm * 1e-6)
        self._clock.call_at_ns(self.next_anchor_ns, self._on_anchor)
        central, peripheral = self.central, self.peripheral
        for end in (central, peripheral):
            if end.alive and self._deadline_ns(end) <= self.next_anchor_ns:
                self._clock.call_at_ns(self._deadline_ns(end), self._supervise, end)
        central.events += 1
        central.crc_run = peripheral.crc_run = 0
        self._listening = self._peripheral_listens()
        if self._listening:
            peripheral.events += 1
            since_sync_ns = now_ns - self._last_sync_ns
            widening = self._medium.sleep_clock_ppm * 1e-6 * since_sync_ns
            self._lead_ns = round(widening) + _ACTIVE_JITTER_NS
            self._event_start_ns = now_ns - self._lead_ns
        self._central_turn()

    def _apply_due(self) -> None:
        due = [apply for instant, apply in self._instants if instant <= self.counter]
        self._instants = [entry for entry in self._instants if entry[0] > self.counter]
        for apply in due:
            apply()

    def _peripheral_listens(self) -> bool:
        peripheral = self.peripheral
        if not peripheral.alive:
            return False
        if (
            peripheral.skipped < self.latency
            and peripheral.established
            and not self._instants
            and not peripheral.has_data
        ):
            peripheral.skipped += 1
            return False
        peripheral.skipped = 0
        return True

    def _deadline_ns(self, end: End) -> int:
        if end.established:
            return end.heard_ns + self.timeout_ns
        return end.heard_ns + _ESTABLISHMENT_EVENTS * self.interval_ns

    def _supervise(self, end: End) -> None:
        if end.alive and self._clock.now_ns() >= self._deadline_ns(end):
            self.drop(end, CONNECTION_TIMEOUT if end.established else FAILED_TO_BE_ESTABLISHED)

    def _central_turn(self) -> None:
        now_ns = self._clock.now_ns()
        central, peripheral = self.central, self.peripheral
        if self.closed or not central.alive:
            self._end_central_event(now_ns)
            self._wait_in_vain(now_ns)
            return
        pdu = central.take()
        air_ns = self._air_to_peripheral[pdu.octets]
        if central.sink is not None:
            central.sink("tx", now_ns, air_ns, self.phy_to_peripheral)
            if self._central_start_ns is None:
                self._central_start_ns = now_ns
        if central.leaving is not None:  # this packet acknowledges LL_TERMINATE_IND
            self._clock.call_at_ns(now_ns + air_ns, self.drop, central, central.leaving)
        outcome = self._fate(self.phy_to_peripheral, pdu.octets) if self._listening else NO_SYNC
        if outcome == NO_SYNC:
            self._no_answer(now_ns + air_ns)
            self._wait_in_vain(now_ns)
            return
        window_ns = self._lead_ns + air_ns
        self._tell(peripheral, "rx", now_ns - self._lead_ns, window_ns, self.phy_to_peripheral)
        if self._lead_ns:
            self._lead_ns = 0
            self._last_sync_ns = now_ns
        self._on_air, self._sn, self._nesn = pdu, central.sn, central.nesn
        self._more_from_central = bool(central.queue)
        self._outcome = outcome
        self._clock.call_at_ns(now_ns + air_ns + T_IFS_NS, self._peripheral_turn)

    def _peripheral_turn(self) -> None:
        now_ns = self._clock.now_ns()
        peripheral = self.peripheral
        if self.closed or not peripheral.alive:
            self._stay_silent(now_ns)
            return
        if self._outcome == RECEIVED:
            peripheral.crc_run = 0
            peripheral.heard_ns = now_ns - T_IFS_NS
            peripheral.established = True
            if not self._receive(peripheral):
                self._stay_silent(now_ns)
                return
        else:
            self._more_from_central = True  # unreadable: the peripheral listens on
            peripheral.crc_errors += 1
            peripheral.crc_run += 1
            if peripheral.crc_run >= _CRC_FAILURES_THAT_CLOSE:
                self._stay_silent(now_ns)
                return
        self._answer(peripheral, now_ns)

    def _answer(self, peripheral: End, now_ns: int) -> None:
        room_ns = self.next_anchor_ns - T_IFS_NS - now_ns
        air_times = self._air_to_central
        if peripheral.current is None and peripheral.queue:
            if air_times[peripheral.queue[0].octets] > room_ns:
                peripheral.current = EMPTY  # what does not fit any more waits for the next event
        elif peripheral.current is not None and air_times[peripheral.current.octets] > room_ns:
            self._stay_silent(now_ns)  # a retransmission that does not fit
            return
        pdu = peripheral.take()
        air_ns = air_times[pdu.octets]
        self._tell(peripheral, "ifs", now_ns - T_IFS_NS, T_IFS_NS)
        self._tell(peripheral, "tx", now_ns, air_ns, self.phy_to_central)
        self._on_air, self._sn, self._nesn = pdu, peripheral.sn, peripheral.nesn
        self._more_from_peripheral = bool(peripheral.queue)
        if peripheral.leaving is not None:  # this packet acknowledges LL_TERMINATE_IND
            self._clock.call_at_ns(now_ns + air_ns, self.drop, peripheral, peripheral.leaving)
        self._outcome = self._fate(self.phy_to_central, pdu.octets)
        if self._outcome == NO_SYNC or not self.central.alive:
            self._no_answer(now_ns - T_IFS_NS)
        else:
            self._tell(self.central, "ifs", now_ns - T_IFS_NS, T_IFS_NS)
            self._tell(self.central, "rx", now_ns, air_ns, self.phy_to_central)
        self._clock.call_at_ns(now_ns + air_ns, self._central_hears)

    def _central_hears(self) -> None:
        now_ns = self._clock.now_ns()
        central = self.central
        if self.closed or not central.alive or self._outcome == NO_SYNC:
            self._end_central_event(now_ns)
            self._peripheral_stops(now_ns)
            return
        if self._outcome == RECEIVED:
            central.crc_run = 0
            central.heard_ns = now_ns
            central.established = True
            if not self._receive(central):
                self._end_central_event(now_ns)
                self._peripheral_stops(now_ns)
                return
            goes_on = self._more_from_peripheral or central.has_data or central.leaving is not None
        else:
            central.crc_errors += 1
            central.crc_run += 1
            goes_on = central.crc_run < _CRC_FAILURES_THAT_CLOSE
        if goes_on and self._another_pair_fits(now_ns + T_IFS_NS):
            self._tell(self.peripheral, "ifs", now_ns, T_IFS_NS)
            self._tell(central, "ifs", now_ns, T_IFS_NS)
            self._clock.call_at_ns(now_ns + T_IFS_NS, self._central_turn)
        else:
            self._end_central_event(now_ns)
            self._peripheral_stops(now_ns)

    def _another_pair_fits(self, start_ns: int) -> bool:
        """Say whether the central may go on: it knows the longest answer, not this answer."""
        central = self.central
        upcoming = central.current or (central.queue[0] if central.queue else EMPTY)
        answer = central.max_rx_octets if self._more_from_peripheral else 0
        end_ns = (
            start_ns
            + self._air_to_peripheral[upcoming.octets]
            + T_IFS_NS
            + self._air_to_central[answer]
        )
        return end_ns <= self.next_anchor_ns - T_IFS_NS

    def _receive(self, me: End) -> bool:
        """Acknowledge and deliver what is on air (4.5.9); say whether this end is still there."""
        pdu, sn = self._on_air, self._sn
        if self._nesn != me.sn:
            me.sn ^= 1
            acknowledged, me.current = me.current, None
            if acknowledged is not None and acknowledged.on_acknowledged is not None:
                acknowledged.on_acknowledged()
        if sn == me.nesn:
            me.nesn ^= 1
            if pdu.octets:
                if pdu.llid == CONTROL:
                    me.owner.on_control(me, pdu.control)
                else:
                    me.payload_bytes += pdu.octets
                    me.owner.on_data(me, pdu)
        return me.alive

    # ------------------------------------------------------------------ the central's radio
    def _no_answer(self, sent_ns: int) -> None:
        """Let the central listen in vain after its packet, and end its event."""
        end_ns = sent_ns
        if self.central.alive and self.central.leaving is None:
            self._tell(self.central, "ifs", sent_ns, T_IFS_NS)
            wait_ns = self._sync_to_central_ns
            self._tell(self.central, "rx", sent_ns + T_IFS_NS, wait_ns, self.phy_to_central)
            end_ns += T_IFS_NS + wait_ns
        self._end_central_event(end_ns)

    def _end_central_event(self, end_ns: int) -> None:
        start_ns, self._central_start_ns = self._central_start_ns, None
        if start_ns is not None:
            self._tell(self.central, "connection_event", start_ns, end_ns - start_ns)

    # ------------------------------------------------------------------ the peripheral's radio
    def _stay_silent(self, now_ns: int) -> None:
        """End the event where the peripheral would have begun to send."""
        self._no_answer(now_ns - T_IFS_NS)
        self._end_event(now_ns - T_IFS_NS)

    def _wait_in_vain(self, start_ns: int) -> None:
        """Let the peripheral listen at `start_ns`, where no packet comes, and end its event."""
        if not self._listening:
            return
        lead_ns = self._lead_ns
        # The window is as wide after the expected time as before it.
        wait_ns = 2 * lead_ns + self._sync_to_peripheral_ns
        self._tell(self.peripheral, "rx", start_ns - lead_ns, wait_ns, self.phy_to_peripheral)
        self._end_event(start_ns - lead_ns + wait_ns)

    def _peripheral_stops(self, now_ns: int) -> None:
        """End the event after the peripheral's packet: the central stays silent."""
        shortest_pair_ns = self._air_to_peripheral[0] + T_IFS_NS + self._air_to_central[0]
        expects = (
            self.peripheral.alive
            and (self._more_from_central or self._more_from_peripheral)
            and now_ns + T_IFS_NS + shortest_pair_ns <= self.next_anchor_ns - T_IFS_NS
        )
        if expects:
            self._tell(self.peripheral, "ifs", now_ns, T_IFS_NS)
            self._wait_in_vain(now_ns + T_IFS_NS)
        else:
            self._end_event(now_ns)

    def _end_event(self, end_ns: int) -> None:
        self._listening = False
        start_ns = self._event_start_ns
        self._tell(self.peripheral, "connection_event", start_ns, end_ns - start_ns)

    @staticmethod
    def _tell(end: End, kind: ActivityKind, start_ns: int, duration_ns: int, phy: int = 1) -> None:
        if end.sink is not None:
            end.sink(kind, start_ns, duration_ns, phy)
