"""What the drivers write into front ends, by the registers of the datasheets."""

import pytest

NORMAL, SQUARE, SHORTED = 0, 1, 2


def registers(micropython, *arguments, **options):
    """Registers that are not zero, and the lead-off drive."""
    extra = "".join(f", {name}={value!r}" for name, value in options.items())
    places = ", ".join("{}" for _ in arguments)
    return micropython("registers_of(" + places + extra + ")", *arguments)


def test_ads1299_takes_every_input_against_one_reference(micropython):
    values, drive = registers(micropython, "ads1299", 8, 250, 24, NORMAL)
    # SBAS499C 9.6.1: CONFIG1 to CONFIG3, CHnSET at gain 24, MISC1 with SRB1.
    assert values == {1: 0x96, 2: 0xC0, 3: 0xEC, 0x15: 0x20} | dict.fromkeys(range(5, 13), 0x60)
    assert drive == (6000, 3125)


def test_ads1298_uses_its_low_power_mode_unless_told_otherwise(micropython):
    values, drive = registers(micropython, "ads1298", 8, 500, 12, NORMAL)
    assert values == {1: 0x05, 3: 0xCC} | dict.fromkeys(range(5, 13), 0x60)
    assert drive == (6000, 12_500)
    high, _ = registers(micropython, "ads1298", 8, 500, 12, NORMAL, high_resolution=True)
    assert high[1] == 0x86


def test_ads1292r_has_respiration_off_and_its_reference_on(micropython):
    values, drive = registers(micropython, "ads1292r", 2, 1000, 6, NORMAL)
    assert values == {1: 0x03, 2: 0xA0, 6: 0x20, 9: 0x02, 10: 0x03}  # gain 6 is code 0
    assert drive == (6000, 25_000)


@pytest.mark.parametrize(
    ("part", "first", "inputs"), [("ads1299", 5, 8), ("ads1298", 5, 8), ("ads1292r", 4, 2)]
)
def test_channels_that_are_not_used_are_powered_down(micropython, part, first, inputs):
    values, _ = registers(micropython, part, 1, 250, 12, NORMAL)
    assert values[first] & 0x80 == 0
    assert [values[first + i] for i in range(1, inputs)] == [0x81] * (inputs - 1)


@pytest.mark.parametrize(
    ("part", "register", "square"),
    [("ads1299", 2, 0xD0), ("ads1298", 2, 0x10), ("ads1292r", 2, 0xA3)],
)
def test_the_test_signal_is_made_inside_and_every_channel_takes_it(
    micropython, part, register, square
):
    values, _ = registers(micropython, part, 1, 250, 12, SQUARE)
    assert values[register] == square
    assert values[4 if part == "ads1292r" else 5] & 0x0F == 5
    shorted, _ = registers(micropython, part, 1, 250, 12, SHORTED)
    assert shorted[4 if part == "ads1292r" else 5] & 0x0F == 1


@pytest.mark.parametrize(
    ("part", "channels", "driven", "expected"),
    [
        ("ads1299", 8, 0xA5, {4: 0x02, 0x0F: 0xA5}),  # 31.2 Hz
        ("ads1298", 8, 0x81, {4: 0x01, 0x0F: 0x81}),  # fDR/4
        ("ads1292r", 2, 0b11, {3: 0x11, 7: 0b0101}),  # fDR/4; LOFF1P and LOFF2P
        ("ads1292r", 2, 0b10, {3: 0x11, 7: 0b0100}),
    ],
)
def test_the_lead_off_current_is_6_na_through_positive_electrodes_only(
    micropython, part, channels, driven, expected
):
    without, _ = registers(micropython, part, channels, 250, 12, NORMAL)
    values, _ = registers(micropython, part, channels, 250, 12, NORMAL, driven=driven)
    assert values == without | expected


@pytest.mark.parametrize(
    ("part", "right"), [("ads1299", 0x3E), ("ads1298", 0x92), ("ads1292r", 0x73)]
)
def test_only_the_right_part_is_accepted(micropython, part, right):
    assert micropython("identity_accepted({}, {})", part, right) is None
    for wrong in {0x00, 0xFF, 0x3E, 0x92, 0x73, 0x53} - {right}:
        assert micropython("identity_accepted({}, {})", part, wrong) == wrong


def test_ads1299_of_any_revision_is_accepted(micropython):
    assert micropython("identity_accepted('ads1299', 0x5E)") is None


def test_status_words_tell_which_electrodes_are_off(micropython):
    assert micropython("leads('ads1299', {})", 0xC00000 | 0xA5 << 12 | 0x3C << 4) == (0xA5, 0x3C)
    # SBAS502C 8.5: LOFF_STAT[4:0] from bit 19: RLD, IN2N, IN2P, IN1N, IN1P.
    for bit, expected in ((15, (1, 0)), (16, (0, 1)), (17, (2, 0)), (18, (0, 2)), (19, (0, 0))):
        assert micropython("leads('ads1292r', {})", 0xC00000 | 1 << bit) == expected


# pairs, wavelengths, rate in mHz, LED current in uA, pulses, their length in us, transimpedance
SETTINGS = (2, 2, 25_000, 100_000, 32, 2, 100_000)


def test_adpd4101_has_a_time_slot_for_every_channel(micropython):
    values = micropython("optical_registers(*{})", SETTINGS)
    assert (values[0x0E] << 16 | values[0x0D]) == 40_000  # 1 MHz / 25
    assert values[0x0F] == 0x0006  # 1 MHz oscillator, and it is the time base
    assert values[0x10] == 0x0301  # slots A to D, go
    assert (values[0x06], values[0x14], values[0x22], values[0x23]) == (11, 0x8000, 2, 2)
    step = round(100_000 / 1333)
    slots = range(0x100, 0x180, 0x20)
    assert [values[slot + 2] for slot in slots] == [0x0001, 0x0001, 0x0010, 0x0010]
    # LED outputs 1A, 1B, 2A, 2B
    leds = [step, 0x80 | step, step << 8, (0x80 | step) << 8]
    assert [values[slot + 5] for slot in slots] == leds
    assert {values[slot + 6] for slot in slots} == {0}
    assert values[0x104] == 0x03C1  # 100 kOhm, the other bits as they were
    assert (values[0x107], values[0x109], values[0x110]) == (0x0120, 0x0210, 3)


def test_adpd4101_slower_than_16_bits_of_its_clock(micropython):
    values = micropython("optical_registers(*{})", (1, 2, 10_000, 100_000, 32, 2, 100_000))
    assert (values[0x0E] << 16 | values[0x0D]) == 100_000
