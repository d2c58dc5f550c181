from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from eegrig.hil.bench import PowerCapture
from eegrig.hil.measure.power import long_enough, mode_power, streaming_power

SECONDS = 10


def a_capture(group_uncertainty: dict[str, float] | None = None, **power_w: float) -> PowerCapture:
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
        group_uncertainty=group_uncertainty or {},
    )


SPLIT = {"afe": 37e-3, "afe_supply": 4e-3, "mcu": 3e-3, "radio": 1e-3, "rest": 0.5e-3}


def test_one_milliamp_at_3_7_volts_is_3_7_milliwatts():
    capture = PowerCapture(0, 10**9, {"total": 1e-3 * 3.7}, 3.7, np.full(100, 1e-3), 0.01, 0.0)
    power = mode_power(capture)
    assert power.total_w == pytest.approx(3.7e-3)
    assert (power.groups_w, power.n, power.duration_s) == ({}, 1, 1.0)


def test_streaming_is_counted_per_channel_bit_and_sample():
    found = streaming_power(
        a_capture(**SPLIT), n_channels=8, payload_bits=8 * 250 * 24 * SECONDS, n_frames=2500
    )
    assert found.power.total_w == pytest.approx(45.5e-3)
    assert found.power.total_uncertainty_w == pytest.approx(0.91e-3)
    assert found.per_channel_w == pytest.approx(45.5e-3 / 8)
    assert found.per_sample_j == pytest.approx(45.5e-3 / 2000)
    assert found.per_bit_j == pytest.approx(45.5e-3 / 48000)
    assert found.per_channel_uncertainty_w == pytest.approx(0.02 * found.per_channel_w)
    # A frame at either end is in the capture or is not: twice a rectangle of its width.
    per_count = np.hypot(0.02, 1 / np.sqrt(6) / 2500)
    assert found.per_sample_uncertainty_j == pytest.approx(per_count * found.per_sample_j)
    assert found.per_bit_uncertainty_j == pytest.approx(per_count * found.per_bit_j)


def test_the_rest_of_the_board_is_not_as_uncertain_as_the_front_end():
    found = streaming_power(a_capture(**SPLIT), n_channels=8, payload_bits=1, n_frames=1)
    assert found.non_afe_w == pytest.approx(4.5e-3)
    assert found.non_afe_uncertainty_w == pytest.approx(0.02 * np.sqrt(9 + 1 + 0.25) * 1e-3)


def test_light_its_converters_and_its_leds_are_front_end():
    """A board with optics has two front ends; what is left is processor, radio and the rest."""
    found = streaming_power(
        a_capture(**SPLIT, optics=20e-3), n_channels=10, payload_bits=1, n_frames=1
    )
    assert found.power.total_w == pytest.approx(65.5e-3)
    assert found.non_afe_w == pytest.approx(4.5e-3)
    assert found.non_afe_uncertainty_w == pytest.approx(0.02 * np.sqrt(9 + 1 + 0.25) * 1e-3)


def test_each_group_has_its_own_uncertainty_where_the_meter_tells_it():
    doubt = {"afe": 0.5, "afe_supply": 0.5, "mcu": 0.2, "radio": 0.1}
    found = streaming_power(a_capture(doubt, **SPLIT), n_channels=8, payload_bits=1, n_frames=1)
    # The rest has the total's 2 %.
    by_hand = np.sqrt((3e-3 * 0.2) ** 2 + (1e-3 * 0.1) ** 2 + (0.5e-3 * 0.02) ** 2)
    assert found.non_afe_uncertainty_w == pytest.approx(by_hand)


def test_the_parts_of_a_mode_are_its_groups_and_not_the_total():
    power = mode_power(a_capture(**SPLIT))
    assert power.groups_w == pytest.approx(SPLIT)
    assert (power.duration_s, power.n) == (SECONDS, 1)


def test_power_into_the_battery_is_as_uncertain_as_power_out_of_it():
    """Where the board is charged the total is negative; an uncertainty never is."""
    power = mode_power(PowerCapture(0, 10**9, {"total": -2.0}, 3.7, np.ones(4), 0.25, 0.05))
    assert (power.total_w, power.total_uncertainty_w) == pytest.approx((-2.0, 0.1))


def of_currents(*amperes):
    """A capture of a tenth of a second a current, half of it the front end's."""
    energy = sum(amperes) * 3.7 * 0.1
    return PowerCapture(
        start_ns=0,
        stop_ns=len(amperes) * 10**8,
        energy_j={"total": energy, "afe": energy / 2, "mcu": energy / 2},
        battery_v=3.7,
        current_a=np.array(amperes),
        step_s=0.1,
        uncertainty=0.01,
    )


def test_chance_is_in_the_total_in_what_changes_and_in_what_is_counted():
    """Of three currents it is the standard error of their mean, at the battery's voltage."""
    capture = of_currents(1e-3, 2e-3, 6e-3)
    found = streaming_power(capture, n_channels=2, payload_bits=480, n_frames=10, packet_frames=5.0)
    chance = stats.sem([1e-3, 2e-3, 6e-3]) * 3.7
    assert found.power.chance_w == pytest.approx(chance)
    total, total_uncertainty = 3e-3 * 3.7, np.hypot(0.01 * 3e-3 * 3.7, chance)
    assert found.power.total_uncertainty_w == pytest.approx(total_uncertainty)
    assert found.per_channel_uncertainty_w == pytest.approx(total_uncertainty / 2)
    assert found.non_afe_uncertainty_w == pytest.approx(np.hypot(0.01 * total / 2, chance))
    per_count = np.hypot(total_uncertainty / total, 5 / np.sqrt(6) / 10)
    assert found.per_bit_uncertainty_j == pytest.approx(per_count * total * 0.3 / 480)
    assert found.per_sample_uncertainty_j == pytest.approx(per_count * total * 0.3 / 20)


def test_two_currents_show_chance_and_a_single_one_does_not():
    assert mode_power(of_currents(1e-3, 3e-3)).chance_w == pytest.approx(1e-3 * 3.7)
    power = mode_power(of_currents(2e-3))
    assert power.chance_w == 0.0
    assert power.total_uncertainty_w == pytest.approx(0.01 * 2e-3 * 3.7)


def test_a_board_that_draws_nothing_has_no_energy_and_one_that_is_charged_gains_some():
    count = {"n_channels": 1, "payload_bits": 100, "n_frames": 50}
    nothing = streaming_power(of_currents(0.0, 0.0), **count)
    assert (nothing.per_bit_j, nothing.per_bit_uncertainty_j) == (0.0, 0.0)
    assert (nothing.per_sample_j, nothing.per_sample_uncertainty_j) == (0.0, 0.0)
    gained = streaming_power(of_currents(-1e-3, -1e-3), **count)
    assert gained.per_bit_j == pytest.approx(-1e-3 * 3.7 * 0.2 / 100)
    per_count = np.hypot(0.01, 1 / np.sqrt(6) / 50)
    assert gained.per_bit_uncertainty_j == pytest.approx(-per_count * gained.per_bit_j)
    assert gained.per_sample_uncertainty_j == pytest.approx(-per_count * gained.per_sample_j)


def test_a_meter_that_cannot_split_gives_no_non_afe_power():
    found = streaming_power(
        PowerCapture(0, 10**9, {"total": 1.0}, 3.7, np.ones(10), 0.1, 0.01),
        n_channels=8,
        payload_bits=1,
        n_frames=1,
    )
    assert found.non_afe_w is None
    assert found.non_afe_uncertainty_w is None


@pytest.mark.parametrize(
    ("count", "what"),
    [("n_channels", "channels"), ("payload_bits", "payload bits"), ("n_frames", "frames")],
)
def test_a_capture_without_a_stream_is_refused(count, what):
    counts = {"n_channels": 8, "payload_bits": 1, "n_frames": 1, count: 0}
    with pytest.raises(ValueError, match=f"^0 {what} during the capture: nothing streamed"):
        streaming_power(a_capture(**SPLIT), **counts)


def test_a_capture_without_length_is_refused():
    with pytest.raises(ValueError, match="no length"):
        mode_power(PowerCapture(5, 5, {"total": 0.0}, 3.7, np.zeros(0), 0.1, 0.01))


@pytest.mark.parametrize(
    ("asked_s", "interval_ms", "enough"),
    [
        (10.0, None, True),
        (11.1, None, True),  # nine tenths of what was asked
        (11.2, None, False),
        (10.0, 1000.0, True),
        (10.0, 1001.0, False),  # less than ten connection intervals
    ],
)
def test_a_capture_has_the_length_that_was_asked_and_ten_intervals(asked_s, interval_ms, enough):
    capture = a_capture(**SPLIT)
    assert capture.duration_s == 10.0
    assert long_enough(capture, asked_s, interval_ms=interval_ms) is enough


def test_without_an_interval_there_is_no_least_length():
    capture = of_currents(1e-3)
    assert long_enough(replace(capture, stop_ns=1_000_000), 1e-3)
    assert not long_enough(replace(capture, stop_ns=1_000_000), 1e-3, interval_ms=1.0)
