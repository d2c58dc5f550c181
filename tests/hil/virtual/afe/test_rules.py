"""Every rule of the data sheets: who breaks it is counted, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eegrig.hil.virtual.afe.maps import MAPS
from eegrig.hil.virtual.afe.registers import Registers
from eegrig.hil.virtual.afe.rules import Rule

from .conftest import FakeClock, Rig
from .test_adpd4101 import FIFO_DATA, FIFO_TH, OPMODE, SYS_CTL, TS_FREQ, Chip

WAKEUP, STANDBY, RESET, START, STOP = 0x02, 0x04, 0x06, 0x08, 0x0A
RDATAC, SDATAC, OFFSETCAL = 0x10, 0x11, 0x1A
TCLK_S = 1 / 2.048e6


class Ads1292rRig(Rig):
    part, channels, frame_bytes, sck_hz = "ads1292r", ("P9", "EMG1"), 9, 1e6


class Ads1298Rig(Rig):
    part = "ads1298"


def fresh(make: type[Rig] = Rig, **options: Any) -> Rig:
    """A part that has just got its supply."""
    return make(powered_s=0.0, **options)


def ready(make: type[Rig] = Rig, **options: Any) -> Rig:
    """A part that has been powered up and reset as it has to be; SDATAC was sent."""
    rig = make(powered_s=0.2, **options)
    reset(rig)
    rig.clock.advance(1e-3)
    rig.send(SDATAC)
    return rig


def converting(**options: Any) -> Rig:
    rig = ready(**options)
    rig.write(0x03, 0xE0)
    rig.clock.advance(0.2)
    rig.afe.set_start(1)
    rig.clock.advance(0.1)
    return rig


def streaming() -> Rig:
    """One that converts every 4 ms, with a conversion just read and CS low."""
    rig = converting()
    rig.send(RDATAC)
    rig.clock.run_until(rig.afe.next_drdy_ns())
    rig.afe.set_cs(0)
    rig.afe.transfer(bytes(27), sck_hz=4e6)
    rig.clock.advance(60e-6)
    return rig


def reset(rig: Rig, pulse_s: float = 50e-6) -> None:
    rig.afe.set_reset(0)
    rig.clock.advance(pulse_s)
    rig.afe.set_reset(1)


def bytes_apart(rig: Rig, data: bytes, gap_s: float) -> None:
    """Send bytes with a fast clock and gaps."""
    rig.afe.set_cs(0)
    for byte in data:
        rig.afe.transfer(bytes([byte]), sck_hz=16e6)
        rig.clock.advance(0.5e-6 + gap_s)
    rig.clock.advance(5e-6)
    rig.afe.set_cs(1)


def power_up_wait(good: bool) -> Rig:
    rig = fresh()
    rig.clock.advance(0.13 if good else 0.12)
    reset(rig)
    rig.clock.advance(0.02)
    rig.send(SDATAC)
    return rig


def one_pin_power_up_wait(good: bool) -> Rig:
    """A pin that is RESET and PWDN: low for long is no reset, and may come at any time."""
    rig = fresh(Ads1292rRig)
    rig.clock.advance(0.02)
    reset(rig, 0.01 if good else 1e-4)
    return rig


def reset_after_power_up(good: bool) -> Rig:
    rig = fresh()
    rig.clock.advance(0.2)
    rig.send(SDATAC)
    if good:
        rig.send(RESET)
        rig.clock.advance(1e-3)
        rig.send(SDATAC)
    rig.read(0)
    rig.read(1)
    return rig


def reset_pulse(good: bool) -> Rig:
    rig = ready()
    reset(rig, (2.1 if good else 1.9) * TCLK_S)
    return rig


def reset_wait(good: bool) -> Rig:
    rig = ready()
    reset(rig)
    rig.clock.advance((18.1 if good else 5) * TCLK_S)
    rig.send(SDATAC)
    return rig


def powered(good: bool) -> Rig:
    rig = ready()
    rig.afe.set_pwdn(0)
    if not good:
        rig.afe.set_cs(0)
    rig.afe.transfer(b"\x11", sck_hz=4e6)
    return rig


def standby_wakeup_only(good: bool) -> Rig:
    rig = ready()
    rig.send(STANDBY)
    if good:
        rig.send(WAKEUP)
        rig.clock.advance(1e-3)
    rig.read(0)
    return rig


def standby_wait(good: bool) -> Rig:
    rig = ready()
    rig.send(STANDBY)
    rig.send(WAKEUP)
    rig.clock.advance(32e-6 if good else 15e-6)
    rig.read(0)
    return rig


def rdatac_sdatac_first(good: bool) -> Rig:
    rig = ready()
    rig.send(RDATAC)
    if good:
        rig.send(SDATAC)
    rig.send(STANDBY)
    assert rig.states[-1][1].mode == ("standby" if good else "on")
    return rig


def rdatac_away_from_drdy(good: bool, *, after: bool = False) -> Rig:
    rig = converting()
    next_ns = rig.afe.next_drdy_ns()
    distance_ns = 5000 if good else 1500
    # the command takes 2 us
    rig.clock.run_until(next_ns + distance_ns - 2000 if after else next_ns - distance_ns - 2000)
    rig.send(RDATAC)
    return rig


def command_wait(good: bool) -> Rig:
    rig = ready()
    rig.afe.set_cs(0)
    rig.afe.transfer(bytes([SDATAC]), sck_hz=4e6)
    rig.clock.advance(2e-6 + (4.1 if good else 3.9) * TCLK_S)
    rig.afe.transfer(bytes([STANDBY]), sck_hz=4e6)
    rig.clock.advance(10e-6)
    rig.afe.set_cs(1)
    return rig


def command_decode(good: bool) -> Rig:
    rig = ready()
    bytes_apart(rig, b"\x45\x00\x60" if good else b"\x45\x00\x60\x00", 2e-6 if good else 1e-6)
    return rig


def command_whole(good: bool) -> Rig:
    rig = ready()
    rig.send(0x20, 0, 0) if good else rig.send(0x20, 0)
    return rig


def sent(*commands: tuple[int, ...]) -> Callable[[], Rig]:
    def make() -> Rig:
        rig = ready()
        for command in commands:
            rig.send(*command)
        return rig

    return make


def start_command_pin_low(good: bool) -> Rig:
    rig = ready()
    rig.afe.set_start(0 if good else 1)
    rig.send(START)
    return rig


def calibration_on(good: bool) -> Rig:
    rig = ready(Ads1292rRig)
    rig.write(0x0A, 0x83 if good else 0x03)
    rig.send(OFFSETCAL)
    return rig


def cs_hold(good: bool) -> Rig:
    rig = ready()
    rig.afe.set_cs(0)
    rig.afe.transfer(bytes([SDATAC]), sck_hz=4e6)
    rig.clock.advance(2e-6 + (4.1 if good else 3.9) * TCLK_S)
    rig.afe.set_cs(1)
    return rig


def cs_high(good: bool) -> Rig:
    rig = ready()
    rig.clock.advance(1e-3)
    rig.afe.set_cs(0)
    rig.afe.set_cs(1)
    rig.clock.advance((2.1 if good else 1.9) * TCLK_S)
    rig.afe.set_cs(0)
    return rig


def sclk_period(good: bool, *, dvdd_v: float = 3.0, limit_hz: float = 20e6) -> Rig:
    rig = ready(dvdd_v=dvdd_v)
    rig.send(SDATAC, sck_hz=limit_hz * (1 if good else 1.01))
    return rig


def spi_mode(good: bool) -> Rig:
    rig = ready()
    rig.send(0, mode=1 if good else 0)
    return rig


def data_update(good: bool) -> Rig:
    rig = streaming()
    # 27 bytes take 54 us
    rig.clock.run_until(rig.afe.next_drdy_ns() - (57e3 if good else 55e3))
    rig.afe.transfer(bytes(27), sck_hz=4e6)
    return rig


def written(*registers: tuple[int, ...], make: type[Rig] = Rig, **options: Any) -> Callable:
    def run() -> Rig:
        rig = ready(make, **options)
        for address, *values in registers:
            rig.write(address, *values)
        return rig

    return run


def reference_wait(good: bool) -> Rig:
    rig = ready()
    rig.write(0x03, 0xE0)
    rig.clock.advance(0.151 if good else 0.149)
    rig.afe.set_start(1)
    return rig


def optics() -> Chip:
    chip = Chip(FakeClock())
    chip.set_up()
    return chip


def whole_words(good: bool) -> Chip:
    chip = optics()
    chip.chip.i2c_write(bytes([0x81, 0x00, 0x00, 0x00]) if good else bytes([0x81, 0x00, 0x12]))
    return chip


def optics_written(register: int, *values: int) -> Callable[[], Chip]:
    def run() -> Chip:
        chip = optics()
        chip.put(register, *values)
        return chip

    return run


def program_in_standby(good: bool) -> Chip:
    chip = optics()
    chip.go()
    chip.clock.advance(0.1)
    if good:
        chip.put(OPMODE, 0)
    chip.put(0x0107, 0x0110)
    return chip


def time_base(good: bool) -> Chip:
    chip = optics()
    chip.put(SYS_CTL, 0x0006 if good else 0x0004)
    chip.go()
    return chip


def slots(count: int) -> Callable[[], Chip]:
    def run() -> Chip:
        chip = optics()
        chip.go(count)
        return chip

    return run


def rate(cycles: int, pulses: int = 1) -> Callable[[], Chip]:
    def run() -> Chip:
        chip = Chip(FakeClock())
        chip.set_up(slots=1, pulses=pulses)
        chip.put(TS_FREQ, cycles)
        chip.go(1)
        return chip

    return run


def led_current(good: bool) -> Chip:
    chip = optics()
    chip.put(0x0105, 0x7F7F)  # 169 mA each
    chip.put(0x0106, 0x0000 if good else 0x007F)
    chip.go(1)
    return chip


def fifo_content(good: bool) -> Chip:
    chip = optics()
    chip.put(FIFO_TH, 0)
    chip.go()
    chip.clock.advance(0.05)
    chip.get(FIFO_DATA, 16 if good else 17)
    return chip


def both(scenario: Callable[..., Any], **options: Any) -> tuple[Callable, Callable]:
    return lambda: scenario(good=False, **options), lambda: scenario(good=True, **options)


LOFF_SENSED = (0x0F, 0x01)
BROKEN_AND_KEPT: list[tuple[Rule, Callable[[], Any], Callable[[], Any]]] = [
    (Rule.POWER_UP_WAIT, *both(power_up_wait)),
    (Rule.POWER_UP_WAIT, *both(one_pin_power_up_wait)),
    (Rule.RESET_AFTER_POWER_UP, *both(reset_after_power_up)),
    (Rule.RESET_PULSE, *both(reset_pulse)),
    (Rule.RESET_WAIT, *both(reset_wait)),
    (Rule.POWERED, *both(powered)),
    (Rule.STANDBY_WAKEUP_ONLY, *both(standby_wakeup_only)),
    (Rule.STANDBY_WAIT, *both(standby_wait)),
    (Rule.RDATAC_SDATAC_FIRST, *both(rdatac_sdatac_first)),
    (Rule.RDATAC_SDATAC_FIRST, sent((RDATAC,), (0x20, 0, 0)), sent((RDATAC,), (START,), (STOP,))),
    (Rule.RDATAC_AWAY_FROM_DRDY, *both(rdatac_away_from_drdy)),
    (Rule.RDATAC_AWAY_FROM_DRDY, *both(rdatac_away_from_drdy, after=True)),
    (Rule.COMMAND_WAIT, *both(command_wait)),
    (Rule.COMMAND_WHOLE, *both(command_whole)),
    (Rule.COMMAND_EXISTS, sent((0x03,)), sent((0x00,))),
    (Rule.COMMAND_EXISTS, sent((OFFSETCAL,)), sent((RDATAC,))),  # of the ADS1299
    (Rule.START_COMMAND_PIN_LOW, *both(start_command_pin_low)),
    (Rule.CALIBRATION_ON, *both(calibration_on)),
    (Rule.CS_HOLD, *both(cs_hold)),
    (Rule.CS_HIGH, *both(cs_high)),
    (Rule.SCLK_PERIOD, *both(sclk_period)),
    (Rule.SCLK_PERIOD, *both(sclk_period, dvdd_v=1.8, limit_hz=15e6)),
    (Rule.SPI_MODE, *both(spi_mode)),
    (Rule.DATA_UPDATE, *both(data_update)),
    (Rule.REGISTER_EXISTS, written((0x18, 0)), written((0x17, 0))),
    (Rule.REGISTER_EXISTS, sent((0x37, 1, 0, 0)), sent((0x37, 0, 0))),
    (Rule.REGISTER_WRITABLE, written((0x12, 0)), written((0x14, 0x0F))),
    (Rule.REGISTER_FIXED_BITS, written((0x03, 0x80)), written((0x03, 0x61))),
    (Rule.REGISTER_FIXED_BITS, written((0x16, 0x01)), written((0x16, 0x00))),
    (Rule.REGISTER_RESERVED_CODE, written((0x01, 0x97)), written((0x01, 0x96))),
    (Rule.REGISTER_RESERVED_CODE, written((0x06, 0x70)), written((0x06, 0x60))),
    (Rule.REGISTER_RESERVED_CODE, written((0x02, 0xC2)), written((0x02, 0xC3))),
    (Rule.REFERENCE_WAIT, *both(reference_wait)),
    (
        Rule.REFERENCE_SUPPLY,
        written((0x03, 0xE0), make=Ads1298Rig),
        written((0x03, 0xE0), make=Ads1298Rig, avdd_v=5.0),
    ),
    (Rule.CHANNEL_OFF_SHORTED, written((0x05, 0x80)), written((0x05, 0x81))),
    (
        Rule.LEAD_OFF_FREQUENCY,
        written(LOFF_SENSED, make=Ads1298Rig),
        written((0x04, 0x01), LOFF_SENSED, make=Ads1298Rig),
    ),
    (
        Rule.CLOCK_DIVIDER,
        written((0x08, 0x40), make=Ads1292rRig),
        written((0x08, 0x00), make=Ads1292rRig),
    ),
    (Rule.OPTICS_WHOLE_WORDS, *both(whole_words)),
    (Rule.OPTICS_WRITABLE, optics_written(0x08, 0), optics_written(0x07, 0x8FFF)),
    (Rule.OPTICS_PROGRAM_IN_STANDBY, *both(program_in_standby)),
    (Rule.OPTICS_TIME_BASE, *both(time_base)),
    (Rule.OPTICS_SLOTS_EXIST, slots(13), slots(12)),
    (Rule.OPTICS_SLOTS_FIT, rate(200, pulses=32), rate(200, pulses=4)),
    (Rule.OPTICS_RATE, rate(110), rate(112)),
    (Rule.OPTICS_LED_CURRENT, *both(led_current)),
    (Rule.OPTICS_FIFO_CONTENT, *both(fifo_content)),
]


def counted(bench: Rig | Chip) -> dict[Rule, int]:
    return dict(bench.afe.rules_broken if isinstance(bench, Rig) else bench.chip.rules_broken)


@pytest.mark.parametrize(
    ("rule", "breaking", "keeping"),
    BROKEN_AND_KEPT,
    ids=[f"{n}-{rule.name}" for n, (rule, _, _) in enumerate(BROKEN_AND_KEPT)],
)
def test_a_rule_that_is_broken_is_counted_alone_and_one_that_is_kept_is_not(
    rule, breaking, keeping
):
    assert counted(keeping()) == {}
    assert counted(breaking()) == {rule: 1}


def test_bytes_of_a_command_that_follow_too_closely_are_counted_and_lost():
    assert counted(command_decode(good=True)) == {}
    assert counted(command_decode(good=False)) == {Rule.COMMAND_DECODE: 3, Rule.COMMAND_WHOLE: 1}


def test_every_rule_has_such_a_test():
    assert {rule for rule, _, _ in BROKEN_AND_KEPT} | {Rule.COMMAND_DECODE} == set(Rule)


def test_every_rule_has_a_source_or_is_assumed():
    for rule in Rule:
        named = any(name in rule.source for name in ("SBAS", "459J", "DS", "no-OS"))
        assert named or "assumed" in rule.source, rule


@pytest.mark.parametrize("part", MAPS)
def test_a_register_map_fixes_no_bit_that_can_be_set(part):
    """Bits that must have a value and bits that are settings exclude each other."""
    table = MAPS[part]
    for address, (mask, value) in table.fixed.items():
        assert value & ~mask == 0
        registers = Registers(table)
        registers.write(address, 0xFF & ~mask | value)
        assert registers[address] & mask == value or not table.writable[address] & mask


def test_what_a_reset_of_the_processor_does_to_the_pins_breaks_no_rule():
    rig = streaming()
    rig.afe.transfer(bytes(27), sck_hz=4e6)
    rig.afe.release()
    assert counted(rig) == {}


def test_the_page_lists_every_rule():
    page = Path(__file__).parents[4].joinpath("docs/front-end-rules.md").read_text()
    rows = [f"| {rule.says} | {rule.source} | `{rule.name}` |" for rule in Rule]
    listed = [line for line in page.splitlines() if line.startswith("| ") and "`" in line]
    assert listed == rows
