"""The ADPD4101 after its data sheet (ADPD4100/ADPD4101, Rev. 0) and public driver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards import load_board, load_part
from eegrig.hil.virtual.afe.optics.adpd4101 import Adpd4101
from eegrig.hil.virtual.afe.optics.fifo import Fifo, word_swapped
from eegrig.hil.virtual.afe.rules import Rule
from eegrig.hil.virtual.afe.source import VirtualSignalSource
from tests.hil.virtual.afe.played import Uneventful

OPTICS = load_board("forehead2-nirs").optics
PART = load_part("adpd4101")
CHIP_ID, SYS_CTL, OPMODE, TS_FREQ, FIFO_TH = 0x08, 0x0F, 0x10, 0x0D, 0x06
FIFO_STATUS, INT_STATUS, FIFO_DATA = 0x00, 0x01, 0x2F
LED_CODE = 75  # of 1.333 mA: 100 mA


class Steady(Uneventful):
    """Photodiode currents that do not change."""

    unit = "A"
    rate_hz = 50.0

    def __init__(self, currents_a: list[float]) -> None:
        self.channels = tuple(OPTICS.channels)
        self._currents_a = np.array(currents_a)

    def read(self, n_times: int) -> np.ndarray:
        return np.repeat(self._currents_a[:, None], n_times, axis=1)


class Load:
    def __init__(self) -> None:
        self.running: list[tuple[int, bool]] = []
        self.slots: list[tuple[int, int, float]] = []

    def set_running(self, time_ns: int, *, running: bool) -> None:
        self.running.append((time_ns, running))

    def slot(self, start_ns: int, stop_ns: int, led_a: float) -> None:
        self.slots.append((start_ns, stop_ns, led_a))


class Chip:
    """The part on a bench of its own, with what a driver sends it."""

    def __init__(self, clock, currents_a=(10e-9, 20e-9, 30e-9, 40e-9), *, seed=1) -> None:
        self.clock = clock
        self.load = Load()
        source = VirtualSignalSource(clock, OPTICS.channels, 50.0)
        self.chip = Adpd4101(
            PART,
            OPTICS,
            clock=clock,
            rng=np.random.default_rng(seed),
            source=source,
            load=self.load,
            oscillator_error=0.0,
        )
        source.play(Steady(list(currents_a)))
        self.levels: list[tuple[int, int]] = []
        self.chip.on_interrupt = lambda level: self.levels.append((clock.now_ns(), level))

    def get(self, register: int, count: int = 2) -> bytes:
        assert self.chip.i2c_write(bytes([0x80 | register >> 8, register & 0xFF]))
        return self.chip.i2c_read(count)

    def put(self, register: int, *words: int) -> None:
        data = b"".join(word.to_bytes(2, "big") for word in words)
        assert self.chip.i2c_write(bytes([0x80 | register >> 8, register & 0xFF]) + data)

    def number(self, register: int) -> int:
        return int.from_bytes(self.get(register), "big")

    def set_up(self, *, slots=4, rate_sps=25, pulses=32, size=4, tia_code=0) -> None:
        """Program one slot for each channel: LED 1A, 1B, 2A, 2B; photodiodes on IN1 and IN3."""
        self.put(SYS_CTL, 0x0006)  # 1 MHz oscillator, and the time base from it
        cycles = 1_000_000 // rate_sps
        self.put(TS_FREQ, cycles & 0xFFFF, cycles >> 16)
        for n in range(slots):
            base = 0x100 + 0x20 * n
            led = LED_CODE | (n % 2) << 7
            self.put(base + 0x02, 0x0001 if n < 2 else 0x0010)
            self.put(base + 0x04, tia_code)
            self.put(base + 0x05, led if n < 2 else led << 8)
            self.put(base + 0x07, 0x0100 | pulses)
            self.put(base + 0x10, size)
        self.put(FIFO_TH, 4 * size - 1)
        self.put(0x14, 0x8000)
        self.put(0x22, 0x0002)
        self.put(0x23, 0x0002)

    def go(self, slots: int = 4) -> None:
        self.put(OPMODE, (slots - 1) << 8 | 1)

    def samples(self, count: int) -> list[int]:
        """Take 32-bit samples out of the FIFO."""
        raw = self.get(FIFO_DATA, 4 * count)
        words = np.frombuffer(raw, ">u2").reshape(-1, 2).astype(np.int64)
        return [int(low | high << 16) for low, high in words]


@pytest.fixture
def chip(make_clock) -> Chip:
    return Chip(make_clock())


def counts(current_a, pulses=32, tia_ohm=200e3, led_a=LED_CODE * 1.333e-3):
    return current_a * led_a / 0.1 * 2e-6 / 0.0012e-12 * tia_ohm / 100e3 * pulses


def test_chip_identity(chip):
    assert chip.number(CHIP_ID) & 0xFF == 0xC2
    chip.put(CHIP_ID, 0x1234)
    assert chip.number(CHIP_ID) & 0xFF == 0xC2


def test_i2c_words_go_to_consecutive_registers_high_byte_first(chip):
    chip.put(0x0100, 0x1234, 0x5678)
    assert chip.get(0x0100, 4).hex() == "12345678"
    assert chip.get(0x0101).hex() == "5678"


def test_i2c_short_addresses_are_one_byte(chip):
    assert chip.chip.i2c_write(bytes([CHIP_ID]))
    assert chip.chip.i2c_read(2)[1] == 0xC2


def test_i2c_half_a_word_is_not_written(chip):
    chip.chip.i2c_write(bytes([0x81, 0x00, 0x12]))
    assert chip.number(0x0100) == 0
    assert chip.chip.rules_broken[Rule.OPTICS_WHOLE_WORDS] == 1


def test_software_reset_restores_registers_and_stops(chip):
    chip.set_up()
    chip.go()
    chip.clock.advance(0.1)
    chip.put(SYS_CTL, 0x8000)
    assert chip.number(TS_FREQ) == 0x2710
    assert chip.number(FIFO_STATUS) == 0
    assert chip.load.running[-1][1] is False
    chip.clock.advance(0.1)
    assert chip.number(FIFO_STATUS) == 0


@pytest.mark.parametrize("rate_sps", [10, 25, 50, 1000])
def test_sample_rate_is_the_oscillator_over_the_period(chip, rate_sps):
    chip.set_up(slots=1, rate_sps=rate_sps)
    chip.put(FIFO_TH, 0x3FF)
    chip.go(1)
    chip.clock.advance(100.9 / rate_sps)
    assert chip.number(FIFO_STATUS) & 0x7FF == 4 * 100
    assert chip.chip.rate_sps == pytest.approx(rate_sps)


def test_slow_oscillator_reaches_the_lowest_rate(chip):
    chip.set_up(slots=1)
    chip.put(SYS_CTL, 0x0001)
    cycles = 8_388_607  # 23 bits
    chip.put(TS_FREQ, cycles & 0xFFFF, cycles >> 16)
    assert chip.chip.rate_sps == pytest.approx(0.0039, rel=0.01)


def test_nothing_runs_without_its_time_base(chip):
    chip.set_up()
    chip.put(SYS_CTL, 0x0004)
    chip.go()
    chip.clock.advance(1.0)
    assert chip.number(FIFO_STATUS) == 0
    assert chip.chip.rules_broken[Rule.OPTICS_TIME_BASE] == 1


def test_slots_that_do_not_fit_slow_the_chip_down(chip):
    chip.set_up(rate_sps=9000)
    chip.go()
    assert chip.chip.rules_broken[Rule.OPTICS_SLOTS_FIT] == 1


def test_each_slot_measures_its_own_led_and_photodiode(make_clock):
    currents_a = (10e-9, 20e-9, 300e-9, 400e-9)
    chip = Chip(make_clock(), currents_a)
    chip.set_up()
    chip.go()
    chip.clock.advance(0.05)
    for got, current_a in zip(chip.samples(4), currents_a, strict=True):
        assert got == pytest.approx(counts(current_a), abs=5 * 1.6 * 32**0.5)


def test_signal_follows_led_current_pulses_and_transimpedance(make_clock):
    def signal(**options):
        chip = Chip(make_clock(), (1e-6,) * 4)
        chip.set_up(**options)
        chip.go()
        chip.clock.advance(0.05)
        return chip.samples(4)[0]

    base = signal(tia_code=1)
    assert signal(tia_code=0) == pytest.approx(2 * base, rel=0.01)
    assert signal(tia_code=1, pulses=64) == pytest.approx(2 * base, rel=0.01)
    assert signal(tia_code=4) == pytest.approx(base / 8, rel=0.02)


def test_an_led_that_is_off_gives_noise_only(chip):
    chip.set_up()
    chip.put(0x105, 0)
    chip.go()
    chip.clock.advance(0.05)
    assert chip.samples(4)[0] < 60


def test_noise_grows_with_the_square_root_of_the_pulses(make_clock):
    def spread(pulses):
        chip = Chip(make_clock())
        chip.set_up(slots=1, rate_sps=200, pulses=pulses)
        chip.go(1)
        chip.clock.advance(0.6045)
        return np.std(chip.samples(120))

    assert spread(64) / spread(4) == pytest.approx(4.0, rel=0.25)


def test_a_pulse_saturates_at_full_scale(make_clock):
    chip = Chip(make_clock(), (1e-3,) * 4)
    chip.set_up()
    chip.go()
    chip.clock.advance(0.05)
    assert chip.samples(1)[0] == pytest.approx(8192 * 32, abs=50)


def test_decimation_averages(chip):
    chip.set_up(slots=1, rate_sps=100)
    chip.put(0x112, 3 << 4)
    chip.go(1)
    chip.clock.advance(0.2005 + 0.01)
    assert chip.number(FIFO_STATUS) & 0x7FF == 4 * 5
    assert chip.samples(1)[0] == pytest.approx(counts(10e-9), abs=30)


def test_fifo_threshold_interrupts_until_the_fifo_is_read(chip):
    chip.set_up()
    chip.go()
    chip.clock.advance(0.05)
    assert [level for _, level in chip.levels] == [1]
    assert chip.levels[0][0] == pytest.approx(40e6 + 4 * (16e3 + 32 * 24e3), rel=1e-6)
    assert chip.number(INT_STATUS) == 0x800F
    chip.samples(4)
    assert [level for _, level in chip.levels] == [1, 0]
    chip.clock.advance(0.04)
    assert chip.chip.interrupt == 1


def test_interrupt_status_is_cleared_by_writing_ones(chip):
    chip.set_up()
    chip.go()
    chip.clock.advance(0.05)
    chip.put(INT_STATUS, 0x8000)
    assert chip.number(INT_STATUS) == 0x000F
    assert chip.chip.interrupt == 0


def test_inverted_output_shows_the_interrupt_low(chip):
    chip.set_up()
    chip.put(0x22, 0x0003)
    assert chip.chip.interrupt == 1
    chip.go()
    chip.clock.advance(0.05)
    assert chip.chip.interrupt == 0


def test_a_full_fifo_loses_whole_samples_and_says_so(chip):
    chip.set_up()
    chip.go()
    chip.clock.advance(40 * 0.04)
    status = chip.number(FIFO_STATUS)
    assert status & 0x7FF == 512
    assert status & 0x2000
    chip.put(FIFO_STATUS, 0x8000)
    assert chip.number(FIFO_STATUS) == 0


def test_reading_beyond_the_end_underflows(chip):
    assert chip.get(FIFO_DATA, 6) == bytes(6)
    assert chip.number(FIFO_STATUS) & 0x4000


def test_power_is_reported_slot_by_slot(chip):
    chip.set_up()
    chip.go()
    chip.clock.advance(0.1)
    assert chip.load.running[-1][1] is True
    assert len(chip.load.slots) == 8
    start_ns, stop_ns, led_a = chip.load.slots[0]
    charge_c = led_a * (stop_ns - start_ns) * 1e-9
    assert charge_c == pytest.approx(32 * 2e-6 * LED_CODE * 1.333e-3)


def test_one_seed_gives_one_stream(make_clock):
    def stream(seed):
        chip = Chip(make_clock(), seed=seed)
        chip.set_up()
        chip.go()
        chip.clock.advance(0.5)
        return chip.samples(40)

    assert stream(1) == stream(1)
    assert stream(1) != stream(2)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_samples_are_words_low_word_first(value, size):
    value &= (1 << 8 * size) - 1
    data = word_swapped(value, size)
    assert len(data) == size
    low = data[:2] if size > 2 else data
    assert int.from_bytes(low, "big") | int.from_bytes(data[2:], "big") << 16 == value


@given(st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 60)), max_size=60))
def test_fifo_gives_back_what_it_took_in_order(steps):
    fifo, expected = Fifo(64), bytearray()
    for step in steps:
        if isinstance(step, bytes):
            if len(expected) + len(step) <= 64:
                expected += step
            fifo.put(step)
        else:
            taken = fifo.take(step)
            assert taken == bytes(expected[:step]).ljust(step, b"\0")
            del expected[:step]
        assert len(fifo) == len(expected)
