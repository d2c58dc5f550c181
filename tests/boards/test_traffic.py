"""What a board's link has to carry and can: one arithmetic for the check and for the rig."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from eegrig.boards import list_boards, load_board
from eegrig.boards.link_layer import T_IFS_NS, air_time_ns
from eegrig.boards.ports import board_runtime
from eegrig.boards.traffic import link_capacity_bps, traffic_bps

DRIVERS = Path(__file__).parents[2] / "firmware" / "eeg" / "drivers"


def test_a_fast_link_carries_whole_pairs_of_packets_and_no_more() -> None:
    """2M, 11.25 ms: 8 notifications of 244 bytes in an event, counted packet by packet."""
    board = load_board("headband8")
    pair_ns = air_time_ns(2, 251) + air_time_ns(2, 0) + 2 * T_IFS_NS
    assert 8 * pair_ns <= 11_250_000 < 9 * pair_ns
    found = link_capacity_bps(
        replace(board.radio, phy=2, mtu=247), board_runtime(board), 11.25, link_octets=251
    )
    assert found == pytest.approx(8 * 244 * 8 / 11.25e-3)


@pytest.mark.parametrize("name", list_boards())
def test_a_host_that_has_one_packet_under_way_carries_one_in_an_event(name: str) -> None:
    board = load_board(name)
    runtime = board_runtime(board)
    carried = link_capacity_bps(board.radio, runtime, 50.0)
    one = (board.radio.mtu - 3) * 8 / 50e-3
    assert (carried == pytest.approx(one)) is (runtime.bluetooth.acl_packets == 1)


def test_light_is_counted_with_the_bytes_that_the_firmware_sends() -> None:
    board = load_board("forehead2-nirs")
    assert board.optics is not None
    driver = (DRIVERS / f"{board.firmware.optics_driver}.py").read_text()
    sent = re.search(r"^_BYTES = (\d+)$", driver, re.MULTILINE)
    assert sent is not None
    electrodes = len(board.afe.channels) * max(board.afe.rates_sps) * 3
    light = len(board.optics.channels) * max(board.optics.rates_sps) * int(sent[1])
    payload = board.radio.mtu - 3
    expected = 8 * (electrodes + light) * payload / (payload - 16)
    assert traffic_bps(board) == pytest.approx(expected)
