"""SBAS499C sections 8.1 and 9.3: noise, gain, filter, multiplexer, lead-off."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.boards import load_part
from tests.hil.virtual.afe.played import Made

NOISE = load_part("ads1299").table("noise_rms")
RATE_CODE = {16000: 0, 8000: 1, 4000: 2, 2000: 3, 1000: 4, 500: 5, 250: 6}
GAIN_CODE = {1: 0, 2: 1, 4: 2, 6: 3, 8: 4, 12: 5, 24: 6}


def sine(amplitude_v, frequency_hz):
    return lambda seconds: amplitude_v * np.sin(2 * np.pi * frequency_hz * seconds)


def amplitude(codes, times_ns, frequency_hz):
    """Complex amplitude of a sine in codes, by least squares; phase relative to time 0."""
    seconds = times_ns * 1e-9
    basis = np.column_stack(
        [
            np.sin(2 * np.pi * frequency_hz * seconds),
            np.cos(2 * np.pi * frequency_hz * seconds),
            np.ones_like(seconds),
        ]
    )
    a, b, _ = np.linalg.lstsq(basis, codes, rcond=None)[0]
    return complex(a, b)


@pytest.mark.parametrize(
    ("rate", "gain"), [(250, 24), (250, 1), (500, 24), (1000, 12), (4000, 6), (16000, 2)]
)
def test_8_1_shorted_noise_is_that_of_table_1(make_rig, rate, gain):
    rig = make_rig()
    rig.set_up(rate_code=RATE_CODE[rate], channel=GAIN_CODE[gain] << 4 | 1)
    _, codes = rig.record(4000 / rate)
    measured_v = np.sqrt(np.mean(np.var(codes, axis=1))) * 4.5 / gain / 2**23
    assert measured_v == pytest.approx(NOISE.si(rate, gain), rel=0.02)


def test_8_1_noise_of_one_channel_at_the_boards_setting_over_a_minute(make_rig, lsb_v):
    rig = make_rig(seed=5)
    rig.set_up(channel=0x61)
    _, codes = rig.record(60)
    assert codes.std(axis=1) * lsb_v == pytest.approx(0.14e-6, rel=0.03)


def test_8_1_channels_have_noise_of_their_own(make_rig):
    rig = make_rig()
    rig.set_up(channel=0x61)
    _, codes = rig.record(10)
    correlation = np.corrcoef(codes) - np.eye(8)
    assert np.abs(correlation).max() < 0.1


@pytest.mark.parametrize("frequency_hz", [5.0, 20.0, 65.5, 110.0])
def test_9_3_2_sinc3_response_and_group_delay(make_rig, make_source, frequency_hz):
    rig = make_rig()
    rig.set_up()
    rig.source.play_made(Made(lambda rate_hz: make_source(sine(100e-6, frequency_hz), rate_hz)))
    origin_ns = rig.source.origin_ns
    offset_ns = rig.source._index_after(rig.clock.time_ns) * 1e9 / rig.source.rate_hz
    times_ns, codes = rig.record(4, skip=10)
    seen = amplitude(codes[0], times_ns - origin_ns - offset_ns, frequency_hz)
    gain = 1 + rig.afe.gain_error[0]
    expected = 100e-6 * gain * np.sinc(frequency_hz / 250) ** 3 / (4.5 / 24 / 2**23)
    assert abs(seen) == pytest.approx(expected, rel=1e-3)
    delay_s = 1.5 / 250 + 9 / 2.048e6
    late = -np.angle(seen) / (2 * np.pi) - delay_s * frequency_hz
    assert late - np.rint(late) == pytest.approx(0.0, abs=2e-4)
    assert rig.afe.group_delay_ns == pytest.approx(delay_s * 1e9)


@pytest.mark.parametrize("oscillator_error", [0.0, 0.005, -0.005])
def test_9_3_2_time_axis_is_exact_whatever_the_oscillator_does(
    make_rig, make_source, oscillator_error
):
    rig = make_rig(oscillator_error=oscillator_error)
    rig.set_up()
    rig.source.play_made(Made(lambda rate_hz: make_source(sine(100e-6, 10.0), rate_hz)))
    offset_ns = rig.source._index_after(rig.clock.time_ns) * 1e9 / rig.source.rate_hz
    times_ns, codes = rig.record(8, skip=10)
    at_electrode_ns = times_ns - rig.afe.group_delay_ns - rig.source.origin_ns - offset_ns
    seen = amplitude(codes[0], at_electrode_ns, 10.0)
    assert np.angle(seen) / (2 * np.pi * 10.0) == pytest.approx(0.0, abs=2e-6)


@pytest.mark.parametrize("multiple", [1, 2])
def test_9_3_2_notches_lie_at_multiples_of_the_data_rate(make_rig, make_source, multiple, lsb_v):
    rig = make_rig()
    rig.set_up()
    rig.source.play_made(Made(lambda rate_hz: make_source(sine(1e-3, 250.0 * multiple), rate_hz)))
    _, codes = rig.record(4, skip=10)
    assert codes.std(axis=1).max() * lsb_v < 0.2e-6


def test_9_3_2_frequencies_beyond_nyquist_alias(make_rig, make_source):
    rig = make_rig()
    rig.set_up()
    rig.source.play_made(Made(lambda rate_hz: make_source(sine(1e-3, 240.0), rate_hz)))
    times_ns, codes = rig.record(4, skip=10)
    expected = 1e-3 * abs(np.sinc(240 / 250)) ** 3 / (4.5 / 24 / 2**23)
    assert abs(amplitude(codes[0], times_ns, 10.0)) == pytest.approx(expected, rel=0.02)


def test_9_3_2_a_step_settles_within_three_conversions_and_the_fourth_is_clean(
    make_rig, make_source, lsb_v
):
    rig = make_rig()
    rig.set_up()
    rig.record(0.1)
    before_ns = rig.clock.time_ns
    rig.source.play_made(
        Made(lambda rate_hz: make_source(lambda seconds: np.full_like(seconds, 1e-3), rate_hz))
    )
    rig.reading = True
    rig.clock.advance(0.1)
    later = [frame for time_ns, frame in rig.frames if time_ns > before_ns]
    first = int.from_bytes(later[0][3:6], "big", signed=True) * lsb_v
    settled = [int.from_bytes(frame[3:6], "big", signed=True) * lsb_v for frame in later[3:]]
    assert first < 0.9e-3
    assert np.ptp(settled) < 1e-6
    assert settled[0] == pytest.approx(1e-3, abs=0.2e-3)


def test_7_5_gain_error_and_offset_are_the_ones_the_chip_was_made_with(
    make_rig, make_source, lsb_v
):
    rig = make_rig(seed=3)
    rig.set_up()
    rig.source.play_made(Made(lambda rate_hz: make_source(sine(1e-3, 10.0), rate_hz)))
    times_ns, codes = rig.record(4, skip=10)
    droop = np.sinc(10 / 250) ** 3
    measured = [abs(amplitude(row, times_ns, 10.0)) * lsb_v / 1e-3 / droop - 1 for row in codes]
    assert measured == pytest.approx(rig.afe.gain_error, abs=1e-4)
    assert 1e-5 < np.std(rig.afe.gain_error) < 5e-3
    assert max(np.abs(rig.afe.gain_error)) <= 0.0071
    whole_cycles = codes[:, -900:]
    assert whole_cycles.mean(axis=1) * lsb_v == pytest.approx(rig.afe.offset_v, abs=4e-6)


@pytest.mark.parametrize(("volts", "code"), [(0.2, 0x7FFFFF), (-0.2, -0x800000)])
def test_9_5_2_codes_clip_at_full_scale(make_rig, make_source, volts, code):
    rig = make_rig()
    rig.set_up()
    rig.source.play_made(
        Made(lambda rate_hz: make_source(lambda s: np.full_like(s, volts), rate_hz))
    )
    _, codes = rig.record(0.2, skip=5)
    assert (codes == code).all()


def test_9_3_1_1_2_test_signal_has_its_amplitude_and_frequency(make_rig, lsb_v):
    rig = make_rig()
    rig.set_up(channel=0x65)
    rig.send(0x11)
    rig.write(0x02, 0xD0)
    rig.send(0x10)
    times_ns, codes = rig.record(6)
    volts = (codes[0] * lsb_v) - rig.afe.offset_v[0]
    assert np.percentile(volts, 90) == pytest.approx(1.875e-3, rel=0.025)
    assert np.percentile(volts, 10) == pytest.approx(-1.875e-3, rel=0.025)
    crossings = times_ns[1:][np.diff(np.sign(volts)) != 0]
    assert np.diff(crossings).mean() * 1e-9 == pytest.approx(0.512, rel=0.01)  # half of 2^21/fCLK


def test_9_3_1_1_2_test_signal_doubled_and_at_dc(make_rig, lsb_v):
    rig = make_rig()
    rig.set_up(channel=0x65)
    rig.send(0x11)
    rig.write(0x02, 0xD7)
    rig.send(0x10)
    _, codes = rig.record(0.5)
    volts = codes[0] * lsb_v - rig.afe.offset_v[0]
    assert volts == pytest.approx(3.75e-3, rel=0.03)


def test_9_3_1_1_2_external_test_pins_are_open(make_rig, lsb_v):
    rig = make_rig()
    rig.set_up(channel=0x65)
    _, codes = rig.record(0.5)
    assert codes[0] * lsb_v - rig.afe.offset_v[0] == pytest.approx(0.0, abs=2e-6)


def test_9_3_1_1_3_temperature_sensor(make_rig, lsb_v):
    rig = make_rig()
    rig.set_up(channel=0x64)
    _, codes = rig.record(0.5)
    assert codes[0] * lsb_v - rig.afe.offset_v[0] == pytest.approx(145.3e-3, rel=0.01)


def test_9_3_1_1_4_supply_measurement_at_gain_one(make_rig):
    rig = make_rig(dvdd_v=3.0)
    rig.set_up(channel=0x03)
    _, codes = rig.record(0.5)
    volts = codes.mean(axis=1) * 4.5 / 2**23
    assert volts[0] == pytest.approx(2.5, rel=0.01)
    assert volts[2] == pytest.approx(0.75, rel=0.01)


def test_9_3_1_3_4_codes_are_useless_until_the_reference_is_up(make_rig):
    rig = make_rig()
    rig.send(0x11)
    rig.write(0x05, *[0x64] * 8)
    rig.write(0x03, 0xE0)
    rig.send(0x10)
    _, codes = rig.record(0.6)
    assert (codes[:, 0] == 0x7FFFFF).all()  # full scale shrinks with the reference
    final = codes[0, -20:].mean()
    at_150_ms = codes[0, 34]
    assert at_150_ms == pytest.approx(final, rel=5e-3)
    assert codes[0, 10] > 1.02 * final


def test_9_3_2_4_3_an_electrode_that_is_off_sets_its_status_bit(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x0F, 0xFF, 0xFF)
    rig.write(0x17, 0x02)
    rig.send(0x10)
    rig.record(0.2)
    assert rig.frames[-1][1][:3].hex() == "c00000"
    rig.afe.set_electrode("C3", None)  # channel 3
    rig.reading = True
    rig.clock.advance(0.1)
    frame = rig.frames[-1][1]
    assert frame[:3].hex() == "c04040"
    assert abs(int.from_bytes(frame[9:12], "big", signed=True)) >= 0x7FFFFF
    rig.send(0x11)
    assert rig.read(0x12, 2) == b"\x04\x04"
    rig.afe.set_electrode("C3", 10e3)
    assert rig.read(0x12, 2) == b"\0\0"


def test_9_3_2_4_3_only_inputs_that_are_sensed_are_reported(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.afe.set_electrode("Fp1", None)
    rig.afe.set_electrode("Fp2", None)
    rig.send(0x11)
    rig.write(0x0F, 0x01, 0x02)
    assert rig.read(0x12, 2) == b"\0\0"  # comparators are off
    rig.write(0x17, 0x02)
    assert rig.read(0x12, 2) == b"\x01\x02"


def test_9_3_2_4_3_lead_off_current_shows_the_electrode_impedance(make_rig, lsb_v):
    rig = make_rig()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x04, 0x03)  # 6 nA at fDR/4
    rig.write(0x0F, 0xFF)
    rig.send(0x10)
    rig.afe.set_electrode("Fp1", 50e3)
    times_ns, codes = rig.record(4, skip=10)
    tone_v = [abs(amplitude(row, times_ns, 62.5)) * lsb_v for row in codes[:2]]
    assert tone_v[0] / tone_v[1] == pytest.approx(5.0, rel=0.05)
    square_to_sine = 4 / np.pi * np.sinc(0.25) ** 3
    assert tone_v[0] == pytest.approx(6e-9 * 50e3 * square_to_sine, rel=0.25)  # +-20 % current


def test_an_unknown_electrode_is_named_with_the_known_ones(make_rig):
    with pytest.raises(ValueError, match="no channel 'Cz' on this board; it has Fp1"):
        make_rig().afe.set_electrode("Cz", None)


def test_one_seed_gives_one_stream_and_another_seed_another(make_rig, make_source):
    def stream(seed):
        rig = make_rig(seed=seed, oscillator_error=None)
        rig.set_up()
        rig.source.play_made(Made(lambda rate_hz: make_source(sine(50e-6, 10.0), rate_hz)))
        rig.record(2.5)
        return b"".join(frame for _, frame in rig.frames)

    assert stream(1) == stream(1)
    assert stream(1) != stream(2)


def test_a_gain_changed_in_mid_stream_takes_effect_within_three_conversions(make_rig, make_source):
    rig = make_rig()
    rig.set_up()
    rig.source.play_made(
        Made(lambda rate_hz: make_source(lambda s: np.full_like(s, 10e-3), rate_hz))
    )
    rig.record(0.2)
    before = int.from_bytes(rig.frames[-1][1][3:6], "big", signed=True)
    rig.send(0x11)
    rig.write(0x05, 0x00)
    rig.send(0x10)
    rig.reading = True
    rig.clock.advance(0.1)
    later = [int.from_bytes(f[3:6], "big", signed=True) for _, f in rig.frames[-20:]]
    assert later[-1] == pytest.approx(before / 24, rel=1e-3)
    other = [int.from_bytes(f[6:9], "big", signed=True) for _, f in rig.frames[-20:]]
    assert other[-1] == pytest.approx(before, rel=0.02)
