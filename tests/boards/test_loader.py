"""Finding and reading boards, and what is said about a broken one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eegrig import boards
from eegrig.boards import list_boards, list_parts, load_board, load_part
from eegrig.boards.catalogue import own_catalogue
from eegrig.boards.errors import ConfigError
from eegrig.boards.figures import DeclaredFigure

BOARD = Path(boards.__file__).parent / "headband8" / "board.toml"


@pytest.fixture
def edit(tmp_path):
    """Return a function that writes a copy of the board with one text replaced."""

    def replaced(old: str, new: str) -> Path:
        text = BOARD.read_text()
        assert old in text
        path = tmp_path / "board.toml"
        path.write_text(text.replace(old, new, 1))
        return path

    return replaced


def test_every_board_that_comes_with_eegrig_loads_and_has_the_name_of_its_folder():
    assert "headband8" in list_boards()
    for name in list_boards():
        assert load_board(name).name == name


def test_a_board_loads_from_its_folder_and_from_its_file():
    assert load_board(BOARD) == load_board(str(BOARD.parent)) == load_board("headband8")


def test_a_byte_order_mark_at_the_beginning_is_no_mistake(tmp_path):
    path = tmp_path / "board.toml"
    path.write_bytes(b"\xef\xbb\xbf" + BOARD.read_bytes())
    assert load_board(path) == load_board("headband8")


def test_a_file_in_another_encoding_says_which_it_should_be(tmp_path):
    path = tmp_path / "board.toml"
    path.write_text(BOARD.read_text(), encoding="utf-16")
    with pytest.raises(ConfigError, match="not UTF-8, which TOML is: save it as UTF-8"):
        load_board(path)


def test_headband8_is_what_the_issue_says():
    board = load_board("headband8")
    assert board.mcu.pyocd_target == "nrf52840"
    assert (len(board.afe.channels), board.afe.gain, board.afe.default_rate_sps) == (8, 24, 250)
    assert max(board.afe.rates_sps) == 500
    assert board.battery.divider == 2
    assert all(target.reason for target in board.targets.values())
    assert board.targets["power.streaming"].limit == 50e-3
    assert board.targets["power.non_afe"].limit == 6e-3


def test_unknown_board_gives_the_nearest_name_and_the_list():
    with pytest.raises(ConfigError) as error:
        load_board("headbnad8")
    assert str(error.value) == (
        "unknown board 'headbnad8' (did you mean 'headband8'?); boards are: "
        + ", ".join(list_boards())
    )
    assert error.value.exit_code == 2


def test_unknown_part_gives_the_list():
    with pytest.raises(ConfigError, match=r"unknown part 'ads1289' \(did you mean 'ads1299'"):
        load_part("ads1289")


def test_missing_file(tmp_path):
    with pytest.raises(ConfigError, match="no such board file"):
        load_board(tmp_path / "board.toml")


def test_broken_toml_names_file_and_line(edit):
    path = edit("gain = 24", "gain = = 24")
    with pytest.raises(ConfigError, match=r"board\.toml: not valid TOML: .*line \d+"):
        load_board(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gain = 24", 'gain = "24"', "afe.gain: expected int, got str"),
        ("gain = 24", "gian = 24", "afe.gian: unknown key (did you mean 'gain'?)"),
        ('cs = "gpio0:12"\n', "", "afe.pins.cs: missing"),
        ("gain = 24", "gain = 5", "afe.gain: expected one of 1, 2, 4, 6, 8, 12, 24"),
        ("phy = 2", "phy = 3", "radio.phy: invalid enum value 3"),
        ("mtu = 247", "mtu = 12", "radio.mtu: expected int >= 23"),
        (
            "rates_sps = [250, 500]",
            "rates_sps = [250, 300]",
            "afe.rates_sps: expected values from 16000, 8000, 4000, 2000, 1000, 500, 250",
        ),
        (
            "default_rate_sps = 250",
            "default_rate_sps = 2000",
            "afe.default_rate_sps: expected one of afe.rates_sps (250, 500), got 2000",
        ),
        ('"O1", "O2"]', '"O1", "O1"]', "afe.channels: expected every name once, got O1 twice"),
        ('"O1", "O2"]', '"O1", "O2", "Oz"]', "afe.channels: expected at most 8 names"),
        ("spi_hz = 4e6", "spi_hz = 25e6", "afe.spi_hz: expected at most 2e+07"),
        (
            "start = 0x000C_0000",
            "start = 0x000B_0100",
            "mcu.filesystem.start: expected a multiple of the erase page of nrf52840, 4096 bytes,"
            " got 0xb0100",
        ),
        (
            "size = 0x4_0000",
            "size = 0x5_0000",
            "mcu.filesystem: expected a region inside the flash memory 0x0..0x100000",
        ),
        (
            "size = 0x4_0000 }",
            "size = 0x4_0000, block_size = 1000 }",
            "mcu.filesystem.block_size: unknown key",
        ),
        ("size = 0x10_0000", "size = 0x20_0000", "mcu.flash.size: expected at most 1048576"),
        ('part = "ads1299"', 'part = "nrf52840"', "afe.part: expected a part of kind afe"),
        ('part = "ads1299"', 'part = "ads12999"', "afe.part: unknown part 'ads12999'"),
        ('reset = "gpio0:16"', 'reset = "gpio0:12"', "afe.pins.reset: gpio0:12 is taken by cs"),
        (
            "low_latency_interval_ms = 7.5",
            "low_latency_interval_ms = 7",
            "radio.low_latency_interval_ms: expected 7.5 to 4000 ms in steps of 1.25 ms",
        ),
        (
            "advertising_interval_ms = 250",
            "advertising_interval_ms = 10",
            "radio.advertising_interval_ms: expected 20 to 10240 ms",
        ),
        (
            'name = "eegrig-headband8"',
            'name = "a name that is longer than an advertisement"',
            "radio.name: expected 1 to 26 bytes",
        ),
        (
            'part = "lipo-400mah"',
            'part = "ads1299"',
            "battery.part: expected a part of kind battery",
        ),
        (
            'part = "ads1299"',
            'part = "ads1300"',
            "afe.part: unknown part 'ads1300' (did you mean 'ads12",
        ),
        ("afe_v = [5.2, 5.0]", "afe_v = [5.0]", "supply.afe_v: expected one output voltage"),
        ("afe_v = [5.2, 5.0]", "afe_v = [5.0, 5.0]", "supply.afe_v[0]: expected at least 5.14 V"),
        ('charger = "bq25180"', 'charger = "tps7a20"', "supply.charger: expected a part of kind"),
        ("limit = 50e-3", 'limit = "50 mW"', "targets[...].limit: expected float, got str"),
        (
            '[targets."power.sleep"]',
            '[targets."power.slep"]',
            "targets.\"power.slep\": no such figure (did you mean 'power.sleep'?)",
        ),
        (
            'limit = 50e-3\nkind = "max"\nunit = "W"',
            'limit = 50\nkind = "max"\nunit = "mW"',
            'targets."power.streaming".unit: expected W, the unit of the figure, got mW',
        ),
        (
            'limit = 50e-3\nkind = "max"',
            'limit = 50e-3\nkind = "min"',
            'targets."power.streaming".kind: expected max, because lower is better, got min',
        ),
        (
            'limit = 0.95\nkind = "min"',
            'limit = 0.95\nkind = "max"',
            'targets."bandwidth.link_efficiency".kind: expected min, because higher is better',
        ),
        (
            'limit = 5e-3\nkind = "within"',
            'limit = 5e-3\nkind = "max"',
            'targets."signal.gain_error".kind: expected within, because it has a sign',
        ),
        (
            'limit = 5e-3\nkind = "within"',
            'limit = -5e-3\nkind = "within"',
            'targets."signal.gain_error".limit: expected how far from zero the figure may be, got',
        ),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_was_expected(edit, old, new, message):
    path = edit(old, new)
    with pytest.raises(ConfigError) as error:
        load_board(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_a_board_may_promise_figures_that_somebody_else_declares(edit):
    path = edit('[targets."power.sleep"]', '[targets."decode.loss"]')
    with pytest.raises(ConfigError, match=r'targets."decode\.loss": no such figure'):
        load_board(path)
    theirs = DeclaredFigure(name="decode.loss", unit="W", better="lower", label="Loss")
    assert "decode.loss" in load_board(path, own_catalogue().extended([theirs])).targets


def test_importing_boards_is_light():
    code = "import boards, sys; print([m for m in sys.modules if m in ('numpy', 'scipy', 'pyocd')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_part_loads():
    for name in list_parts():
        assert load_part(name).name == name


# ------------------------------------------------------------------- the family of boards


@pytest.mark.parametrize(
    ("name", "port", "afe", "n_channels", "kinds"),
    [
        ("headband8", "zephyr", "ads1299", 8, {"eeg"}),
        ("headphone8", "stm32", "ads1298", 8, {"eeg"}),
        ("earpatch2", "stm32", "ads1292r", 2, {"eeg", "emg"}),
        ("forehead2-nirs", "zephyr", "ads1292r", 2, {"eeg"}),
        ("hairclip1", "zephyr", "ads1292r", 1, {"eeg"}),
        ("nucleo-wb55-ads1299", "stm32", "ads1299", 8, {"eeg"}),
    ],
)
def test_the_family_is_what_the_issue_says(name, port, afe, n_channels, kinds):
    board = load_board(name)
    assert (board.mcu.port, board.afe.part) == (port, afe)
    assert len(board.afe.channels) == n_channels == len(board.afe.electrode_sites)
    assert set(board.afe.channel_kinds) == kinds
    assert all(target.reason for target in board.targets.values())
    assert {"power.streaming", "flash.time", "bandwidth.frame_loss"} <= board.targets.keys()


def test_optical_channels_are_named_as_the_simulation_names_them():
    optics = load_board("forehead2-nirs").optics
    assert optics.channels == ["S1_D1 760", "S1_D1 850", "S2_D2 760", "S2_D2 850"]


def test_where_the_digital_rail_feeds_the_front_end_its_supply_is_that_rails():
    assert load_board("hairclip1").supply.avdd_v == 3.0
    assert load_board("headphone8").supply.avdd_v == 2.8


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "headphone8",
            "runtime = { start = 0x0800_0000, size = 0x8_0000 }",
            "runtime = { start = 0x0800_0000, size = 0x9_0000 }",
            "mcu.runtime: 0x8000000..0x8090000 overlaps mcu.filesystem 0x8080000..0x80c0000",
        ),
        (
            "headphone8",
            "radio_stack = { start = 0x080C_0000, size = 0x4_0000 }",
            "radio_stack = { start = 0x080C_0000, size = 0x8_0000 }",
            "mcu.radio_stack: expected a region inside the flash memory 0x8000000..0x8100000",
        ),
        (
            "headphone8",
            'cs = "A4"',
            'cs = "gpio0:15"',
            "afe.pins.cs: expected a pin of the stm32 port such as 'A4', got 'gpio0:15'",
        ),
        (
            "headphone8",
            'cs = "A4"',
            'cs = "C7"',
            "afe.pins.cs: the build NUCLEO_WB55 has no pin C7; use one of A0, A1",
        ),
        (
            "hairclip1",
            'part = "nrf52840"',
            'part = "stm32wb55"',
            "mcu.port: expected one of stm32, the ports that run on stm32wb55, got zephyr",
        ),
        (
            "hairclip1",
            "mtu = 247",
            "mtu = 512",
            "radio.mtu: expected at most 252, what the zephyr port's build"
            " nrf52840dk_nrf52840 allows, got 512",
        ),
        (
            "headphone8",
            "rates_sps = [250, 500]",
            "rates_sps = [250, 500, 1000]",
            "afe.rates_sps: 8 channels at 1000 SPS fill a packet in 9 ms, but NUCLEO_WB55 has 1"
            " under way, for up to two connection intervals of 7.5 ms or more",
        ),
        (
            "headphone8",
            "efficient_interval_ms = 17.5",
            "efficient_interval_ms = 100",
            "radio.efficient_interval_ms: expected at most 17.5: 8 channels at 250 SPS fill a"
            " packet in 36 ms, and NUCLEO_WB55 has 1 under way, for up to two intervals",
        ),
        (
            "headband8",
            "SPI = true\n",
            "SPI = true\nBT_ATT_TX_COUNT = 20\n",
            "afe.rates_sps: 8 channels at 2000 SPS need 411 kbit/s, but a 2M link with MTU 247"
            " and packets of 27 bytes carries 400 kbit/s at an interval of 15 ms (efficient)",
        ),
        (
            "earpatch2",
            "rates_sps = [250, 500, 1000]",
            "rates_sps = [250, 16000]",
            "afe.rates_sps: expected values from 8000, 4000, 2000, 1000, 500, 250, 125, the rates"
            " of ads1292r, got 16000",
        ),
        (
            "earpatch2",
            'kinds = ["eeg", "emg"]',
            'kinds = ["eeg", "eeg"]',
            "afe.channels: EMG1 is of kind eeg; name channels of muscles, and no others, EMG",
        ),
        (
            "earpatch2",
            'kinds = ["eeg", "emg"]',
            'kinds = ["eeg"]',
            "afe.kinds: expected one for each of the 2 channels or none, got 1",
        ),
        (
            "earpatch2",
            'channels = ["P9", "EMG1"]',
            'channels = ["P9", "EMG1", "EMG2"]',
            "afe.channels: expected at most 2 names, the inputs of ads1292r, got 3",
        ),
        (
            "earpatch2",
            "vref_v = 2.42",
            "vref_v = 4.5",
            "afe.vref_v: expected one of 2.42, 4.033, the references of ads1292r, got 4.5",
        ),
        (
            "earpatch2",
            "gain = 12",
            "high_resolution = true\ngain = 12",
            "afe.high_resolution: ads1292r has no such mode",
        ),
        (
            "earpatch2",
            "afe_v = [3.0, 2.8]",
            "afe_v = [3.0, 2.5]",
            "supply.afe_v[1]: expected 2.7 to 5.25 V, the AVDD of ads1292r, got 2.5",
        ),
        (
            "hairclip1",
            "mcu_v = 3.0",
            "mcu_v = 2.5",
            "supply.mcu_v: expected 2.7 to 5.25 V, the AVDD of ads1292r, got 2.5",
        ),
        (
            "headphone8",
            "mcu_v = 1.8",
            "mcu_v = 1.65",
            "supply.mcu_v: expected 1.71 to 3.6 V, the VDD of stm32wb55, got 1.65",
        ),
        (
            "forehead2-nirs",
            'leds = ["led-760", "led-850"]',
            'leds = ["led-850", "led-760"]',
            "optics.leds[0]: expected an LED of 760 nm, led-850 is one of 850 nm",
        ),
        (
            "forehead2-nirs",
            'pairs = ["S1_D1", "S2_D2"]',
            'pairs = ["S1_D1", "S2_D2", "S3_D3", "S4_D4", "S5_D5"]',
            "optics.pairs: 5 pairs at 2 wavelengths need 10 LED drivers, adpd4101 has 8",
        ),
        (
            "forehead2-nirs",
            "rates_sps = [10, 25, 50]",
            "rates_sps = [10, 25, 20000]",
            "optics.rates_sps: expected 0.004 to 9000, the rates of adpd4101, got 20000",
        ),
        (
            "forehead2-nirs",
            'leds = ["led-760", "led-850"]',
            'leds = ["led-760"]',
            "optics.leds: expected one part for each of the 2 wavelengths, got 1",
        ),
        (
            "forehead2-nirs",
            "led_current_ma = 100",
            "led_current_ma = 900",
            "optics.led_current_ma: expected at most 400, the limit of adpd4101, got 900",
        ),
        (
            "forehead2-nirs",
            "default_rate_sps = 25\n",
            "default_rate_sps = 30\n",
            "optics.default_rate_sps: expected one of optics.rates_sps (10, 25, 50), got 30",
        ),
        (
            "forehead2-nirs",
            "i2c_hz = 400e3",
            "i2c_hz = 5e6",
            "optics.i2c_hz: expected at most 1e+06, the limit of adpd4101, got 5e+06",
        ),
        (
            "forehead2-nirs",
            'battery = "adc:0"',
            'battery = "gpio0:2"',
            "afe.pins.battery: expected a converter input of the zephyr port such as 'adc:0'",
        ),
        (
            "earpatch2",
            'battery = "C0"',
            'battery = "B0"',
            "afe.pins.battery: expected a converter input of the stm32 port such as 'C0', got 'B0'",
        ),
        (
            "earpatch2",
            'battery = "C0"',
            'battery = "A4"',
            "afe.pins.battery: A4 is taken by cs; give each its own pin",
        ),
        (
            "forehead2-nirs",
            'interrupt = "gpio0:20"',
            'interrupt = "gpio0:15"',
            "optics.pins.interrupt: gpio0:15 is taken by drdy",
        ),
        (
            "forehead2-nirs",
            'i2c = "i2c1"',
            'i2c = "spi1"',
            "optics.pins.i2c: expected a bus such as 'i2c1', got 'spi1'",
        ),
        (
            "forehead2-nirs",
            'optics_driver = "adpd4101"',
            "",
            "firmware.optics_driver: expected a driver if and only if there is an [optics] section",
        ),
        (
            "forehead2-nirs",
            'optics = ["tps7a02"]\noptics_v = [1.8]',
            "",
            "supply.optics: expected the converters of the optical front end if and only if",
        ),
    ],
)
def test_a_board_of_the_family_that_cannot_be_is_refused(tmp_path, name, old, new, message):
    text = (BOARD.parent.parent / name / "board.toml").read_text()
    assert old in text
    if "BT_ATT_TX_COUNT" in new:
        text = text.replace("rates_sps = [250, 500]", "rates_sps = [250, 2000]")
    path = tmp_path / "board.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        load_board(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_a_part_whose_reset_is_its_power_down_may_have_both_on_one_pin():
    pins = load_board("hairclip1").afe.pins
    assert pins.reset == pins.pwdn
