"""What a board's samples need of its radio link, what the link carries, and how often it has to."""

from __future__ import annotations

import math
from typing import Literal

from eegrig.boards.link_layer import ATT_NOTIFY_HEADER, goodput_bound_bps
from eegrig.boards.ports import Runtime
from eegrig.boards.schema import Board, Radio

__all__ = [
    "CONNECTION_STEP_MS",
    "SHORTEST_INTERVAL_MS",
    "LinkProfile",
    "link_capacity_bps",
    "link_interval_ms",
    "longest_interval_ms",
    "packet_period_ms",
    "shortest_packet_ms",
    "traffic_bps",
]

LinkProfile = Literal["efficient", "low_latency"]

SHORTEST_INTERVAL_MS = 7.5
CONNECTION_STEP_MS = 1.25
"""Bluetooth Core 5.4, Vol 6 Part B 4.5.1: connection intervals are 7.5 ms to 4 s in such steps."""

_PACKET_HEADER = 16  # of our own protocol, docs/protocol.md
_SAMPLE_BITS = 24  # of electrodes and of light
_INTERVALS_UNDER_WAY = 2


def link_capacity_bps(
    radio: Radio, runtime: Runtime, interval_ms: float, *, link_octets: int | None = None
) -> float:
    """Return how many bits of notification payload a second the link carries at most.

    It is the bound that the rig holds a measured goodput against.

    Parameters
    ----------
    radio : Radio
    runtime : Runtime
        What the board runs: how long its link-layer packets may be, and how many are under way.
    interval_ms : float
        Connection interval in milliseconds.
    link_octets : int or None
        Longest payload of a link-layer packet that was negotiated; None for the runtime's longest.
    """
    return goodput_bound_bps(
        interval_ms,
        phy=radio.phy,
        octets=runtime.bluetooth.link_octets_max if link_octets is None else link_octets,
        mtu=radio.mtu,
        one_at_a_time=runtime.bluetooth.acl_packets == 1,
    )


def traffic_bps(board: Board) -> float:
    """Return what streaming everything at the highest rates needs, packet headers included."""
    raw = len(board.afe.channels) * max(board.afe.rates_sps) * _SAMPLE_BITS
    if board.optics is not None:
        raw += round(len(board.optics.channels) * max(board.optics.rates_sps) * _SAMPLE_BITS)
    payload = board.radio.mtu - ATT_NOTIFY_HEADER
    return raw * payload / (payload - _PACKET_HEADER)


def packet_period_ms(board: Board, rate_sps: float) -> float:
    """Return how often the board has a packet to send when it fills them, in milliseconds.

    Parameters
    ----------
    board : Board
    rate_sps : float
        Of its electrodes, in samples per second.
    """
    room = board.radio.mtu - ATT_NOTIFY_HEADER - _PACKET_HEADER
    frames = room * 8 // (len(board.afe.channels) * _SAMPLE_BITS)
    per_second = rate_sps / frames
    if board.optics is not None:
        per_second += 1.0  # its packets hold a second at most
    return 1e3 / per_second


def longest_interval_ms(board: Board, runtime: Runtime, rate_sps: float) -> float:
    """Return the longest connection interval at which the runtime takes full packets as they come.

    A packet put into the controller after an event is sent in the next one and acknowledged in the
    one after that: it is under way for two intervals at most, and so are as many packets as the
    host takes. A controller that reports it completed before that needs less; nobody measured
    whether those at hand do.

    Parameters
    ----------
    board : Board
    runtime : Runtime
        What the board runs.
    rate_sps : float
        Of its electrodes, in samples per second.

    Returns
    -------
    float
        In milliseconds, of the steps there are; less than `SHORTEST_INTERVAL_MS` where none is
        short enough.
    """
    under_way = runtime.bluetooth.host_pdus
    longest_ms = under_way * packet_period_ms(board, rate_sps) / _INTERVALS_UNDER_WAY
    return math.floor(longest_ms / CONNECTION_STEP_MS) * CONNECTION_STEP_MS


def link_interval_ms(
    board: Board, runtime: Runtime, rate_sps: float, profile: LinkProfile
) -> float:
    """Return the connection interval the board asks for.

    Parameters
    ----------
    board : Board
    runtime : Runtime
        What the board runs.
    rate_sps : float
        Of its electrodes, in samples per second.
    profile : {"efficient", "low_latency"}

    Returns
    -------
    float
        In milliseconds.
    """
    radio = board.radio
    asked_ms = (
        radio.efficient_interval_ms if profile == "efficient" else radio.low_latency_interval_ms
    )
    return min(asked_ms, longest_interval_ms(board, runtime, rate_sps))


def shortest_packet_ms(board: Board, runtime: Runtime) -> float:
    """Return how long a packet's frames have to take at least where short ones are sent early.

    In the low-latency profile, at its own interval: no more packets than the runtime takes.

    Parameters
    ----------
    board : Board
    runtime : Runtime
        What the board runs.

    Returns
    -------
    float
        In milliseconds.
    """
    intervals = 1 if runtime.bluetooth.acl_completed == "sent" else _INTERVALS_UNDER_WAY
    return intervals * board.radio.low_latency_interval_ms / runtime.bluetooth.host_pdus
