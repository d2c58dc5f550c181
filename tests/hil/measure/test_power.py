from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.bench import PowerCapture
from eegrig.hil.measure.power import mode_power, streaming_power

SECONDS = 10


def a_capture(**power_w: float) -> PowerCapture:
    total = sum(power_w.values())
    energy = {name: watts * SECONDS for name, watts in power_w.items()}
    return PowerCapture(
        start_ns=0,
        stop_ns=SECONDS * 10**9,
        energy_j={"total": total * SECONDS, **energy},
        battery_v=3.7,
        current_a=np.full(1000, total / 3.7),
        step_s=0.01,
        uncertainty=0.02,
    )


SPLIT = {"afe": 37e-3, "afe_supply": 4e-3, "mcu": 3e-3, "radio": 1e-3, "rest": 0.5e-3}


def test_one_milliamp_at_3_7_volts_is_3_7_milliwatts():
    capture = PowerCapture(0, 10**9, {"total": 1e-3 * 3.7}, 3.7, np.full(100, 1e-3), 0.01, 0.0)
    power = mode_power(capture)
    assert power.total_w == pytest.approx(3.7e-3)
    assert (power.groups_w, power.n, power.duration_s) == ({}, 100, 1.0)


def test_streaming_is_counted_per_channel_bit_and_sample():
    found = streaming_power(
        a_capture(**SPLIT), n_channels=8, payload_bits=8 * 250 * 24 * SECONDS, n_frames=2500
    )
    assert found.power.total_w == pytest.approx(45.5e-3)
    assert found.power.total_uncertainty_w == pytest.approx(0.91e-3)
    assert found.per_channel_w == pytest.approx(45.5e-3 / 8)
    assert found.per_sample_j == pytest.approx(45.5e-3 / 2000)
    assert found.per_bit_j == pytest.approx(45.5e-3 / 48000)
    for value, uncertainty in (
        (found.per_channel_w, found.per_channel_uncertainty_w),
        (found.per_sample_j, found.per_sample_uncertainty_j),
        (found.per_bit_j, found.per_bit_uncertainty_j),
    ):
        assert uncertainty == pytest.approx(0.02 * value)


def test_the_rest_of_the_board_is_not_as_uncertain_as_the_front_end():
    found = streaming_power(a_capture(**SPLIT), n_channels=8, payload_bits=1, n_frames=1)
    assert found.non_afe_w == pytest.approx(4.5e-3)
    assert found.non_afe_uncertainty_w == pytest.approx(0.02 * np.sqrt(9 + 1 + 0.25) * 1e-3)


def test_a_meter_that_cannot_split_gives_no_non_afe_power():
    found = streaming_power(
        PowerCapture(0, 10**9, {"total": 1.0}, 3.7, np.ones(10), 0.1, 0.01),
        n_channels=8,
        payload_bits=1,
        n_frames=1,
    )
    assert found.non_afe_w is None
    assert found.non_afe_uncertainty_w is None


@pytest.mark.parametrize("count", ["n_channels", "payload_bits", "n_frames"])
def test_a_capture_without_a_stream_is_refused(count):
    counts = {"n_channels": 8, "payload_bits": 1, "n_frames": 1, count: 0}
    with pytest.raises(ValueError, match="nothing streamed"):
        streaming_power(a_capture(**SPLIT), **counts)


def test_a_capture_without_length_is_refused():
    with pytest.raises(ValueError, match="no length"):
        mode_power(PowerCapture(5, 5, {"total": 0.0}, 3.7, np.zeros(0), 0.1, 0.01))
