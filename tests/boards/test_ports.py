"""Facts of ports and builds: each has a source, and a board's runtime is made of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import eegrig.boards.ports
from eegrig.boards import Board, list_boards, load_board
from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import Row, board_runtime, list_ports, load_port, stock_runtime
from eegrig.boards.ports.pins import pin_literal, pin_number
from eegrig.boards.ports.port import read_port

FOLDER = Path(eegrig.boards.ports.__file__).parent
BUILDS = [(port, build) for port in list_ports() for build in load_port(port).builds]


def with_options(name: str, **options: int) -> Board:
    board = load_board(name)
    return msgspec.structs.replace(board, mcu=msgspec.structs.replace(board.mcu, options=options))


@pytest.fixture
def edit(tmp_path):
    """Return a function that writes a copy of a port's file with one text replaced."""

    def replaced(name: str, old: str, new: str) -> Path:
        text = (FOLDER / f"{name}.toml").read_text()
        assert text.count(old) == 1, old
        path = tmp_path / f"{name}.toml"
        path.write_text(text.replace(old, new))
        return path

    return replaced


# ------------------------------------------------------------------- sources
@pytest.mark.parametrize(("port", "build"), BUILDS)
def test_every_fact_has_a_source_or_says_that_it_is_assumed(port, build):
    rows = [row for section in stock_runtime(port, build).rows.values() for row in section.values()]
    assert len(rows) > 40
    assert all((row.source is None) != (row.assumed is None) for row in rows)


@pytest.mark.parametrize("port", list_ports())
def test_a_source_names_its_revision(port):
    described = load_port(port)
    for sections in (described.facts, *(build.facts for build in described.builds.values())):
        for section, rows in sections.items():
            for key, row in rows.items():
                words = (row.source or "@").replace("1c3c201149:", "@")
                foreign = ("Nordic", "ST RM", "the stock binary", "mpy-cross")
                assert "@" in words or words.startswith(foreign), f"{section}.{key}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'platform = { value = "zephyr", source = ',
            'platform = { value = "zephyr", comment = ',
            "facts[...][...].comment: unknown key; keys here are: assumed, source, spread, value",
        ),
        (
            'acl_packets = { value = 3, assumed = "CONFIG',
            'acl_packets = { value = 3 } # { value = 3, assumed = "CONFIG',
            'facts.bluetooth.acl_packets: expected source = "file and revision" or assumed = "why,'
            ' from where", one of them; got nothing that says it',
        ),
        (
            'platform = { value = "zephyr", source = "',
            'platform = { value = "zephyr", assumed = "a guess", source = "',
            "facts.system.platform: expected source",
        ),
        (
            "simple = { value = 15, spread = 1.1, ",
            "simple = { value = 15, ",
            "facts.prices.simple: expected a spread: 1.2 is x/÷ 1.2, one sigma",
        ),
        ("simple = { value = 15,", "simple = { value = -1,", "builds.nrf52840dk_nrf52840:"),
        (
            "spread = { value = 1.25, spread = 1.1",
            "spread = { value = 0.8, spread = 1.1",
            "builds.nrf52840dk_nrf52840:",
        ),
        ("acl_packets = { value = 3,", "acl_packets = { value = 0,", "builds.nrf52840dk_nrf52840:"),
        ("acl_packets = { value = 3,", "acl_packtes = { value = 3,", "builds.nrf52840dk_nrf52840:"),
        ('name = "zephyr"\n', 'name = "zephir"\n', "name: expected 'zephyr', the file's name"),
        (
            'sets = ["memory.heap_bytes"]',
            'sets = ["memory.heap"]',
            "options.MICROPY_HEAP_SIZE.sets: expected keys of facts that are whole numbers",
        ),
        ("least = 16384", "least = 262144", "options.MICROPY_HEAP_SIZE.most: expected at least"),
        (
            'source = "subsys/bluetooth/common/Kconfig of Zephyr @0141b449"\n\n[options.BT_ATT',
            "\n[options.BT_ATT",
            "options.BT_BUF_ACL_TX_SIZE: expected source",
        ),
    ],
)
def test_a_port_file_that_is_wrong_is_refused_with_its_key(edit, old, new, message):
    path = edit("zephyr", old, new)
    with pytest.raises(ConfigError) as error:
        read_port(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


# ------------------------------------------------------------------- what the stock builds are
def test_what_the_stock_builds_of_the_boards_are():
    stm32 = stock_runtime("stm32", "NUCLEO_WB55")
    zephyr = stock_runtime("zephyr", "nrf52840dk_nrf52840")
    assert (stm32.memory.heap_bytes, zephyr.memory.heap_bytes) == (154_048, 98_304)
    assert stm32.memory.free_at_prompt_bytes == 149_424
    assert (stm32.bluetooth.acl_packets, zephyr.bluetooth.acl_packets) == (1, 3)
    assert (stm32.bluetooth.acl_octets, zephyr.bluetooth.acl_octets) == (251, 27)
    assert (stm32.bluetooth.host_pdus, zephyr.bluetooth.host_pdus) == (1, 3)
    assert (stm32.bluetooth.link_octets_max, zephyr.bluetooth.link_octets_max) == (251, 27)
    assert (stm32.bluetooth.acl_timeout_ms, zephyr.bluetooth.acl_timeout_ms) == (100, None)
    for runtime in (stm32, zephyr):
        assert not runtime.bluetooth.enforces_subscription


def test_prices_of_cpu_time_are_counted_on_stm32_and_taken_over_on_zephyr():
    stm32 = stock_runtime("stm32", "NUCLEO_WB55")
    zephyr = stock_runtime("zephyr", "nrf52840dk_nrf52840")
    assert len(stm32.assumed("prices", "calls")) <= 20
    assert all(row.assumed for s in ("prices", "calls") for row in zephyr.rows[s].values())
    # An instruction of the interpreter's takes 37.2 ns and 31 ns at 64 MHz.
    assert stm32.prices.cycles_per_instruction / 64e6 == pytest.approx(37.2e-9, rel=0.005)
    assert zephyr.prices.cycles_per_instruction / 64e6 == pytest.approx(31e-9, rel=0.005)
    assert zephyr.prices.jump / stm32.prices.jump == pytest.approx(1.155, rel=0.02)
    assert (stm32.prices.spread, zephyr.prices.spread) == (1.2, 1.25)


def test_what_is_assumed_of_a_runtime_can_be_listed():
    assumed = stock_runtime("zephyr", "nrf52840dk_nrf52840").assumed("bluetooth")
    assert "v4.4 not read" in assumed["bluetooth.acl_packets"].assumed
    assert "memory.heap_bytes" not in assumed


@pytest.mark.parametrize("name", list_boards())
def test_what_boards_ask_for_beyond_their_stock_build_is_drivers_alone(name):
    """A devicetree of its own is what every Zephyr board has; Bluetooth and the heap are stock."""
    board = load_board(name)
    runtime = board_runtime(board)
    assert (runtime.port, runtime.build) == (board.mcu.port, board.mcu.build)
    stock = stock_runtime(runtime.port, runtime.build)
    changed = {section for section in stock.rows if stock.rows[section] != runtime.rows[section]}
    assert changed <= {"drivers"}
    assert all(value is True for value in runtime.options.values())


# ------------------------------------------------------------------- options beyond stock
def test_an_option_changes_its_fact_and_says_so():
    runtime = board_runtime(with_options("headband8", MICROPY_HEAP_SIZE=163_840))
    assert runtime.memory.heap_bytes == 163_840
    assert runtime.options == {"MICROPY_HEAP_SIZE": 163_840}
    assert runtime.row("memory.heap_bytes") == Row(
        value=163_840,
        source="mcu.options.MICROPY_HEAP_SIZE of the board; the stock build has 98304",
    )
    assert board_runtime(load_board("headband8")).memory.heap_bytes == 98_304


def test_the_host_has_as_many_buffers_as_the_controller_unless_asked_for():
    more = board_runtime(with_options("headband8", BT_BUF_ACL_TX_COUNT=20)).bluetooth
    assert (more.acl_packets, more.host_pdus) == (20, 20)
    both = board_runtime(with_options("headband8", BT_ATT_TX_COUNT=6, BT_BUF_ACL_TX_COUNT=20))
    assert (both.bluetooth.acl_packets, both.bluetooth.host_pdus) == (20, 6)
    assert list(both.options) == ["BT_BUF_ACL_TX_COUNT", "BT_ATT_TX_COUNT"]


# ------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "headband8",
            'build = "nrf52840dk_nrf52840"',
            'build = "nrf52840dk"',
            "mcu.build: unknown build 'nrf52840dk' (did you mean 'nrf52840dk_nrf52840'?); builds"
            " are: nrf52840dk_nrf52840, xiao_ble_nrf52840_sense",
        ),
        ("headband8", 'build = "nrf52840dk_nrf52840"\n', "", "mcu.build: missing"),
        (
            "headband8",
            'port = "zephyr"',
            'port = "nrf"',
            "mcu.port: expected one of zephyr, the ports that run on nrf52840, got nrf",
        ),
        (
            "headband8",
            "SPI = true",
            "SPI = true\nBT_BUF_ACL_COUNT = 20",
            "mcu.options.BT_BUF_ACL_COUNT: the zephyr port has no such option (did you mean"
            " 'BT_BUF_ACL_TX_COUNT'?); options are: BT_BUF_ACL_TX_COUNT,",
        ),
        (
            "headband8",
            "SPI = true",
            "SPI = true\nBT_CTLR_DATA_LENGTH_MAX = 255",
            "mcu.options.BT_CTLR_DATA_LENGTH_MAX: expected 27 to 251, got 255",
        ),
        (
            "headband8",
            "SPI = true",
            'SPI = true\nBT_ATT_TX_COUNT = "many"',
            "mcu.options.BT_ATT_TX_COUNT: expected 1 to 255, got 'many'",
        ),
        ("headband8", "SPI = true", "SPI = 1", "mcu.options.SPI: expected true or false, got 1"),
        (
            "headband8",
            "SPI = true",
            "SPI = false",
            "afe.pins.spi: the zephyr port's build nrf52840dk_nrf52840 has no SPI driver; ask"
            " for it with mcu.options.SPI = true or name a build that has it",
        ),
        ("headband8", "ADC = true\n", "", "afe.pins.battery: the zephyr port's build"),
        ("headband8", "FLASH_MAP = true\n", "", "mcu.filesystem: the zephyr port's build"),
        ("forehead2-nirs", "I2C = true\n", "", "optics.pins.i2c: the zephyr port's build"),
        (
            "headphone8",
            "[afe]\n",
            "[mcu.options]\nBT_ATT_TX_COUNT = 20\n\n[afe]\n",
            "mcu.options.BT_ATT_TX_COUNT: the stm32 port has no such option; options are: none",
        ),
        (
            "headphone8",
            "clock_hz = 64e6",
            "clock_hz = 64e6\nheap_size = 102400",
            "mcu.heap_size: unknown key",
        ),
    ],
)
def test_a_board_that_asks_for_what_its_runtime_lacks_is_refused(tmp_path, name, old, new, message):
    text = (Path(eegrig.boards.__file__).parent / name / "board.toml").read_text()
    assert old in text
    path = tmp_path / "board.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        load_board(path)
    assert str(error.value).startswith(f"{path}: {message}")


def test_a_runtime_that_nobody_described():
    with pytest.raises(
        ConfigError, match=r"mcu\.port: unknown port 'unix';.* ports are: stm32, zephyr"
    ):
        stock_runtime("unix", "standard")
    with pytest.raises(ConfigError, match=r"unknown port 'zephir' \(did you mean 'zephyr'"):
        load_port("zephir")


# ---------------------------------------------------------------------- pins
def test_a_pin_goes_by_the_name_that_the_build_gives_it():
    pins = stock_runtime("stm32", "NUCLEO_WB55").pins
    taken = msgspec.structs.replace(pins, board_names=["D1=A5", "A5=C2"])
    assert pin_literal("A4", taken) == "A4"
    assert pin_literal("A5", taken) == "D1"
    nameless = msgspec.structs.replace(pins, board_names=["A5=C2"])
    with pytest.raises(ConfigError, match="pin A5: the build gives that name to C2"):
        pin_literal("A5", nameless)


@pytest.mark.parametrize(
    ("port", "build", "pin", "literal", "number"),
    [
        ("stm32", "NUCLEO_WB55", "B3", "B3", 19),
        ("zephyr", "nrf52840dk_nrf52840", "gpio1:2", ("gpio1", 2), 34),
    ],
)
def test_a_pin_is_written_in_the_form_of_its_port_and_has_a_number(
    port, build, pin, literal, number
):
    pins = stock_runtime(port, build).pins
    assert pin_literal(pin, pins) == literal
    assert pin_number(pin, pins) == number
    with pytest.raises(ConfigError, match="pin 'Q' is not one of the port: expected one like"):
        pin_number("Q", pins)
