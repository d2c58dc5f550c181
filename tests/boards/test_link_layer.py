from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards.link_layer import (
    Phy,
    air_time_ns,
    goodput_bound_bps,
    pairs_per_event,
    sync_time_ns,
)


@pytest.mark.parametrize(
    ("phy", "octets", "coding", "microseconds"),
    [
        (Phy.LE_1M, 0, 8, 80),
        (Phy.LE_1M, 27, 8, 296),
        (Phy.LE_1M, 251, 8, 2088),
        (Phy.LE_2M, 0, 8, 44),
        (Phy.LE_2M, 251, 8, 1048),
        (Phy.LE_CODED, 0, 8, 720),
        (Phy.LE_CODED, 0, 2, 462),
        (Phy.LE_CODED, 251, 8, 16784),
        (Phy.LE_CODED, 251, 2, 4478),
    ],
)
def test_air_times_of_the_specification(phy, octets, coding, microseconds):
    assert air_time_ns(phy, octets, coding=coding) == microseconds * 1000


def test_the_mic_costs_four_octets_but_never_in_empty_packets():
    assert air_time_ns(Phy.LE_2M, 10, mic=True) == air_time_ns(Phy.LE_2M, 14)
    assert air_time_ns(Phy.LE_2M, 0, mic=True) == air_time_ns(Phy.LE_2M, 0)


@pytest.mark.parametrize(("phy", "octets", "coding"), [(4, 0, 8), (3, 0, 4), (1, -1, 8)])
def test_what_does_not_exist_is_refused(phy, octets, coding):
    with pytest.raises(ValueError, match=r"no PHY|does not exist"):
        air_time_ns(phy, octets, coding=coding)


@pytest.mark.parametrize(
    ("interval_ms", "phy", "pairs", "kbps"),
    [  # whole pairs per event, computed by hand
        (7.5, 2, 5, 1301.3),
        (11.25, 2, 8, 1388.1),
        (30, 2, 21, 1366.4),
        (50, 2, 35, 1366.4),
        (7.5, 1, 3, 780.8),
        (15, 1, 6, 780.8),
        (50, 1, 20, 780.8),
    ],
)
def test_bound_of_full_notifications(interval_ms, phy, pairs, kbps):
    assert pairs_per_event(round(interval_ms * 1e6), phy, 251) == pairs
    assert goodput_bound_bps(interval_ms, phy=phy) / 1e3 == pytest.approx(kbps, abs=0.1)


def test_a_notification_that_must_be_split_costs_each_of_its_packets():
    # 251 octets in packets of 27: nine full ones and one of 8, on 1M.
    cost_us = 9 * (296 + 80 + 300) + (14 + 4) * 8 + 80 + 300
    assert goodput_bound_bps(50, phy=1, octets=27) == pytest.approx(244 * 8 / (cost_us * 1e-6))


def test_a_notification_longer_than_the_mtu_is_refused():
    with pytest.raises(ValueError, match="does not fit an MTU of 23"):
        goodput_bound_bps(50, phy=2, mtu=23, payload=21)


@given(st.integers(6, 3200), st.sampled_from([1, 2]), st.integers(27, 251), st.integers(23, 247))
def test_the_bound_never_exceeds_the_air(interval_units, phy, octets, mtu):
    bound = goodput_bound_bps(interval_units * 1.25, phy=phy, octets=octets, mtu=mtu)
    assert 0 <= bound < (1e6 if phy == 1 else 2e6)


def test_sync_is_preamble_and_access_address():
    assert [sync_time_ns(phy) for phy in Phy] == [40_000, 24_000, 336_000]
