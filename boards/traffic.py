"""What a board's samples need of its radio link, and what the link carries.

Bluetooth Core 5.4, Vol 6 Part B: a data packet with its answer takes its air time, an empty
packet's and two inter frame spaces; an event holds whole pairs and keeps one space free.
"""

from __future__ import annotations

from boards.schema import Board, Radio

__all__ = ["link_capacity_bps", "traffic_bps"]

_T_IFS_US = 150
_LINK_PAYLOAD = 251  # with data length extension
_L2CAP_AND_ATT = 7
_ATT_HEADER = 3
_PACKET_HEADER = 16  # of our own protocol, docs/protocol.md
_SAMPLE_BITS = 24
_OPTICAL_BITS = 32


def link_capacity_bps(radio: Radio, interval_ms: float) -> float:
    """Return how many bits of notification payload a second the link carries at most."""
    byte_us = 8 / radio.phy
    overhead = 10 if radio.phy == 1 else 11  # preamble, address, header, CRC
    length = min(radio.mtu - _ATT_HEADER + _L2CAP_AND_ATT, _LINK_PAYLOAD)
    pair_us = (overhead + length) * byte_us + overhead * byte_us + 2 * _T_IFS_US
    pairs = int((interval_ms * 1000 - _T_IFS_US) / pair_us)
    return pairs * (length - _L2CAP_AND_ATT) * 8 / (interval_ms * 1e-3)


def traffic_bps(board: Board) -> float:
    """Return what streaming everything at the highest rates needs, packet headers included."""
    raw = len(board.afe.channels) * max(board.afe.rates_sps) * _SAMPLE_BITS
    if board.optics is not None:
        raw += round(len(board.optics.channels) * max(board.optics.rates_sps) * _OPTICAL_BITS)
    payload = board.radio.mtu - _ATT_HEADER
    return raw * payload / (payload - _PACKET_HEADER)
