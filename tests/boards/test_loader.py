"""Finding and reading boards, and what is said about a broken one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import boards
from boards import ConfigError, list_boards, list_parts, load_board, load_part

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


def test_headband8_is_what_the_issue_says():
    board = load_board("headband8")
    assert board.mcu.pyocd_target == "nrf52840"
    assert (len(board.afe.channels), board.afe.gain, board.afe.default_rate_sps) == (8, 24, 250)
    assert max(board.afe.rates_sps) == 1000
    assert board.battery.capacity_mah == 400
    assert all(target.reason for target in board.targets.values())
    assert board.targets["power.streaming"].limit == 48e-3
    assert board.targets["power.non_afe"].limit == 6e-3


def test_unknown_board_gives_the_nearest_name_and_the_list():
    with pytest.raises(ConfigError) as error:
        load_board("headbnad8")
    assert str(error.value) == (
        "unknown board 'headbnad8'; did you mean 'headband8'? boards are: "
        + ", ".join(list_boards())
    )
    assert error.value.exit_code == 2


def test_unknown_part_gives_the_list():
    with pytest.raises(ConfigError, match="unknown part 'ads1289'; did you mean 'ads1299'"):
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
        ("gain = 24", "gian = 24", "afe.gian: unknown key; did you mean 'gain'?"),
        ('cs = "gpio0:12"\n', "", "afe.pins.cs: missing"),
        ("gain = 24", "gain = 5", "afe.gain: expected one of 1, 2, 4, 6, 8, 12, 24"),
        ("phy = 2", "phy = 3", "radio.phy: invalid enum value 3"),
        ("mtu = 247", "mtu = 12", "radio.mtu: expected int >= 23"),
        (
            "rates_sps = [250, 500, 1000]",
            "rates_sps = [250, 300]",
            "afe.rates_sps: expected values from 16000, 8000, 4000, 2000, 1000, 500, 250",
        ),
        (
            "default_rate_sps = 250",
            "default_rate_sps = 2000",
            "afe.default_rate_sps: expected one of afe.rates_sps (250, 500, 1000), got 2000",
        ),
        ('"O1", "O2"]', '"O1", "O1"]', "afe.channels: expected every name once, got O1 twice"),
        ('"O1", "O2"]', '"O1", "O2", "Oz"]', "afe.channels: expected at most 8 names"),
        ("spi_hz = 4e6", "spi_hz = 25e6", "afe.spi_hz: expected at most 2e+07"),
        (
            "start = 0x000C_0000",
            "start = 0x000B_0100",
            "mcu.filesystem.start: expected a multiple of the block size 4096, got 0xb0100",
        ),
        (
            "size = 0x4_0000",
            "size = 0x5_0000",
            "mcu.filesystem: expected a region inside the flash memory 0x0..0x100000",
        ),
        (
            "size = 0x4_0000 }",
            "size = 0x4_0000, block_size = 1000 }",
            "mcu.filesystem.block_size: expected a multiple of the erase page of nrf52840",
        ),
        ("size = 0x10_0000", "size = 0x20_0000", "mcu.flash.size: expected at most 1048576"),
        ("heap_size = 98304", "heap_size = 983040", "mcu.heap_size: expected at most 262144"),
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
        ("capacity_mah = 400", "capacity_mah = 500", "battery.capacity_mah: expected 400"),
        ("afe_v = [5.2, 5.0]", "afe_v = [5.0]", "supply.afe_v: expected one output voltage"),
        ("afe_v = [5.2, 5.0]", "afe_v = [5.0, 5.0]", "supply.afe_v[0]: expected at least 5.14 V"),
        ('charger = "bq25180"', 'charger = "tps7a20"', "supply.charger: expected a part of kind"),
        ("limit = 48e-3", 'limit = "48 mW"', "targets[...].limit: expected float, got str"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_was_expected(edit, old, new, message):
    path = edit(old, new)
    with pytest.raises(ConfigError) as error:
        load_board(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_importing_boards_is_light():
    code = "import boards, sys; print([m for m in sys.modules if m in ('numpy', 'scipy', 'pyocd')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_part_loads():
    for name in list_parts():
        assert load_part(name).name == name
