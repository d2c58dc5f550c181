"""The Bluetooth LE link layer as arithmetic: air times, and what a connection can carry at best.

Bluetooth Core Specification, Volume 6, Part B: 2.1 and 2.2 (packet formats), 4.1 (inter frame
space), 4.5 (connections).
"""

from __future__ import annotations

import math
from enum import IntEnum

__all__ = [
    "ATT_NOTIFY_HEADER",
    "ATT_NOTIFY_OVERHEAD",
    "DATA_OCTETS_MAX",
    "DATA_OCTETS_MIN",
    "T_IFS_NS",
    "Phy",
    "air_time_ns",
    "goodput_bound_bps",
    "pairs_per_event",
    "sync_time_ns",
]

T_IFS_NS = 150_000
"""Inter frame space between two packets of an event, in nanoseconds (4.1.1)."""

DATA_OCTETS_MIN = 27
"""Longest link-layer payload before data length extension, in octets (4.5.10)."""

DATA_OCTETS_MAX = 251
"""Longest link-layer payload with data length extension, in octets (4.5.10)."""

L2CAP_HEADER = 4
ATT_NOTIFY_HEADER = 3

ATT_NOTIFY_OVERHEAD = L2CAP_HEADER + ATT_NOTIFY_HEADER
"""Octets a notification needs besides its value: L2CAP header and ATT opcode and handle."""

_MIC = 4
_NS_PER_OCTET = {1: 8_000, 2: 4_000}
_PREAMBLE = {1: 1, 2: 2}
_ACCESS_ADDRESS, _HEADER, _CRC = 4, 2, 3


class Phy(IntEnum):
    """The radio's modulation, with the numbers HCI gives them."""

    LE_1M = 1
    LE_2M = 2
    LE_CODED = 3


def air_time_ns(phy: int, octets: int, *, mic: bool = False, coding: int = 8) -> int:
    """Return how long a packet is on air.

    Parameters
    ----------
    phy : Phy
    octets : int
        Payload, without header and MIC.
    mic : bool
        Whether the link is encrypted: 4 octets more in packets that are not empty.
    coding : {8, 2}
        Symbols per bit of the coded PHY.

    Returns
    -------
    int
        Nanoseconds.

    Raises
    ------
    ValueError
        If the PHY or the coding does not exist or the payload is negative.
    """
    if octets < 0:
        raise ValueError(f"a payload of {octets} octets does not exist")
    body = octets + (_MIC if mic and octets else 0)
    if phy in _NS_PER_OCTET:
        return (_PREAMBLE[phy] + _ACCESS_ADDRESS + _HEADER + body + _CRC) * _NS_PER_OCTET[phy]
    if phy != Phy.LE_CODED or coding not in (2, 8):
        raise ValueError(f"no PHY {phy} with coding {coding}: 1 (1M), 2 (2M), 3 (coded, S=2 or 8)")
    # Preamble 80, access address 256, coding indicator 16 and terminator 24 µs in S=8, then the
    # PDU with its CRC and the second terminator of 3 bits.
    return (376 + (_HEADER + body + _CRC) * 8 * coding + 3 * coding) * 1_000


def sync_time_ns(phy: int) -> int:
    """Return how long a receiver listens before it knows that no packet comes.

    That is preamble and access address, in nanoseconds.
    """
    return {Phy.LE_1M: 40_000, Phy.LE_2M: 24_000, Phy.LE_CODED: 336_000}[Phy(phy)]


def pairs_per_event(
    interval_ns: int, phy: int, octets: int, *, mic: bool = False, coding: int = 8
) -> int:
    """Return how many data packets one side can send in a connection event at best.

    Each costs its own air time, the other side's empty packet and two inter frame spaces
    (4.5.1, 4.5.6); the event ends one inter frame space before the next begins.

    Parameters
    ----------
    interval_ns : int
        Connection interval in nanoseconds.
    phy, octets, mic, coding
        As for `air_time_ns`.

    Returns
    -------
    int
        Packets of `octets` octets.
    """
    data_ns = air_time_ns(phy, octets, mic=mic, coding=coding)
    empty_ns = air_time_ns(phy, 0, mic=mic, coding=coding)
    return interval_ns // (data_ns + empty_ns + 2 * T_IFS_NS)


def goodput_bound_bps(
    interval_ms: float,
    *,
    phy: int,
    octets: int = DATA_OCTETS_MAX,
    mtu: int = 247,
    payload: int | None = None,
    mic: bool = False,
    coding: int = 8,
    one_at_a_time: bool = False,
) -> float:
    """Return the most that notifications can carry over a link without errors.

    Parameters
    ----------
    interval_ms : float
        Connection interval in milliseconds.
    phy : Phy
    octets : int
        Longest link-layer payload negotiated.
    mtu : int
        ATT MTU negotiated; a notification carries ``mtu - 3`` octets.
    payload : int or None
        Octets per notification where fewer than the MTU allows are sent.
    mic : bool
        Whether the link is encrypted.
    coding : {8, 2}
        Of the coded PHY.
    one_at_a_time : bool
        Whether the sender has one packet under way at a time: its acknowledgement comes with the
        next event, and so does its successor at best.

    Returns
    -------
    float
        Bits of notification values per second. Exact where a notification fits one packet; where
        it is split (no data length extension) the events are taken as seamless, which real ones
        miss by up to one packet each.

    Raises
    ------
    ValueError
        If a notification of that size does not fit the MTU.
    """
    value = mtu - ATT_NOTIFY_HEADER if payload is None else payload
    if not 0 < value <= mtu - ATT_NOTIFY_HEADER:
        raise ValueError(f"a notification of {value} octets does not fit an MTU of {mtu}")
    interval_ns = round(interval_ms * 1e6)
    frame = value + ATT_NOTIFY_OVERHEAD
    if frame <= octets:
        notifications = float(pairs_per_event(interval_ns, phy, frame, mic=mic, coding=coding))
    else:
        whole, rest = divmod(frame, octets)
        sizes = [octets] * whole + ([rest] if rest else [])
        empty_ns = air_time_ns(phy, 0, mic=mic, coding=coding)
        cost_ns = math.fsum(
            air_time_ns(phy, size, mic=mic, coding=coding) + empty_ns + 2 * T_IFS_NS
            for size in sizes
        )
        notifications = interval_ns / cost_ns
    if one_at_a_time:
        notifications = min(notifications, 1.0)
    return notifications * value * 8 / (interval_ns * 1e-9)
