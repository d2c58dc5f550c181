"""An image is reproducible, says what is in it, and refuses to be made wrong."""

import os
import struct
import subprocess
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from intelhex import IntelHex
from littlefs import LittleFS

from eegrig.boards import list_boards, load_board, load_part
from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import board_runtime, stock_runtime
from eegrig.boards.ports.pins import bus_literal, pin_literal
from eegrig.hil.virtual.micropython.process import micropython_executable
from eegrig.host.image.application import default_firmware
from eegrig.host.image.board_config import board_config_source
from eegrig.host.image.firmware_image import build_image, read_image
from eegrig.host.image.manifest import MANIFEST, encode_manifest, image_hash

ZEPHYR = stock_runtime("zephyr", "nrf52840dk_nrf52840")
STM32 = stock_runtime("stm32", "NUCLEO_WB55")
MAIN = "from eeg import app\n\napp.run()\n"


@pytest.fixture
def firmware(tmp_path) -> Path:
    root = tmp_path / "firmware"
    (root / "eeg").mkdir(parents=True)
    (root / "boot.py").write_text("import gc\n")
    (root / "main.py").write_text(MAIN)
    (root / "eeg" / "__init__.py").write_text("")
    (root / "eeg" / "app.py").write_text("import board_config\n\n\ndef run():\n    return 1\n")
    return root


@pytest.fixture
def board():
    return load_board("headband8")


def test_it_fills_the_region_of_the_board_and_holds_compiled_modules(board, firmware):
    image = build_image(board, firmware)
    assert image.address == board.mcu.filesystem.start
    assert len(image.data) == board.mcu.filesystem.size
    assert 0 < image.used_bytes < len(image.data)
    assert [entry.path for entry in image.files] == [
        "board_config.mpy",
        "boot.mpy",
        "build_info.mpy",
        "eeg/__init__.mpy",
        "eeg/app.mpy",
        "main.mpy",
    ]
    files = read_image(image.data).application_files
    assert files["eeg/app.mpy"][:2] == b"M\x06"
    assert b"eeg/app.py" in files["eeg/app.mpy"]  # the name tracebacks show


def test_the_loader_is_at_the_root_and_starts_the_application_in_slot_a(board, firmware):
    contents = read_image(build_image(board, firmware).data)
    root = {path for path in contents.files if "/" not in path}
    assert root == {"boot.py", "main.py", "slots.mpy", "slot"}
    assert contents.files["slot"] == b"a\n"
    assert contents.slot_state.next_boot == "a"
    assert set(contents.application_files) == {
        path.removeprefix("a/") for path in contents.files if "/" in path
    }


def test_a_firmware_without_a_boot_script_gets_an_empty_one(board, firmware):
    (firmware / "boot.py").unlink()
    assert "boot.mpy" in read_image(build_image(board, firmware).data).application_files


def test_the_same_sources_give_the_same_bytes_wherever_and_whenever(board, firmware, tmp_path):
    first = build_image(board, firmware)
    for path in firmware.rglob("*.py"):
        os.utime(path, (1, 1))
    moved = firmware.rename(tmp_path / "elsewhere")
    assert build_image(board, moved).data == first.data


def test_one_changed_line_changes_bytes_and_hash(board, firmware):
    before = build_image(board, firmware)
    app = firmware / "eeg" / "app.py"
    app.write_text(app.read_text().replace("return 1", "return 2"))
    after = build_image(board, firmware)
    assert after.image_hash != before.image_hash
    assert after.data != before.data


def test_the_hash_is_over_paths_and_contents_of_all_files_but_the_generated_identity():
    files = {"b.py": b"2", "a.mpy": b"1", "build_info.mpy": b"x", MANIFEST: b"y"}
    by_hand = sha256(
        b"a.mpy\0" + sha256(b"1").digest() + b"b.py\0" + sha256(b"2").digest()
    ).digest()
    assert image_hash(files) == by_hand
    assert image_hash({**files, "build_info.mpy": b"other"}) == by_hand
    assert image_hash({**files, "b.py": b"3"}) != by_hand


def test_the_board_can_read_version_and_hash_as_a_module(board, firmware):
    image = build_image(board, firmware, compile=False, version="1.2.3")
    module: dict[str, object] = {}
    exec(image.application.files["build_info.py"], module)
    assert module["VERSION"] == "1.2.3" == image.version
    assert module["IMAGE_HASH"] == image.image_hash
    assert len(image.image_hash) == 32


def test_the_board_can_read_its_configuration_as_a_module(board):
    constants: dict[str, object] = {}
    exec(board_config_source(board), constants)
    assert constants["NAME"] == "headband8"
    assert constants["CHANNELS"] == tuple(board.afe.channels)
    assert constants["GAIN"] == 24
    assert constants["VREF_UV"] == 4_500_000
    assert constants["RATES"] == (250, 500)
    assert constants["DEFAULT_RATE"] == 250
    assert constants["SPI_ID"] == "spi0"
    assert constants["SPI_HZ"] == 4_000_000
    assert constants["PIN_DRDY"] == ("gpio0", 15)
    assert constants["PIN_BATTERY"] == ("adc", 0)
    assert constants["PIN_PWDN"] == ("gpio0", 18)
    assert constants["BATTERY_DIVIDER"] == 2
    assert constants["AFE_DRIVER"] == "ads1299"
    assert constants["BLE_NAME"] == board.radio.name
    assert constants["ADV_INTERVAL_US"] == 250_000
    assert constants["MTU"] == 247


@pytest.mark.parametrize(
    ("pin", "runtime", "literal"),
    [("gpio0:12", ZEPHYR, ("gpio0", 12)), ("adc:0", ZEPHYR, ("adc", 0)), ("A12", STM32, "A12")],
)
def test_pins_are_given_as_their_port_takes_them(pin, runtime, literal):
    assert pin_literal(pin, runtime.pins) == literal


def test_a_pin_whose_name_the_build_gives_to_another_goes_by_the_builds_own():
    assert STM32.pins.aliases["A4"] == "C3"
    assert pin_literal("A4", STM32.pins) == "D10"
    assert pin_literal("D0", STM32.pins) == "SW2"


def test_a_pin_that_the_build_has_no_name_for_is_refused():
    with pytest.raises(ConfigError, match=r"^pin D2: the build gives that name to C6 and none"):
        pin_literal("D2", STM32.pins)


@pytest.mark.parametrize(
    ("spi", "runtime", "literal"), [("spi1", ZEPHYR, "spi1"), ("spi2", STM32, 2)]
)
def test_buses_are_given_as_their_port_takes_them(spi, runtime, literal):
    assert bus_literal(spi, runtime.pins) == literal


def drivers_in(image) -> set[str]:
    return {
        entry.path.removeprefix("eeg/drivers/").removesuffix(".mpy")
        for entry in image.files
        if entry.path.startswith("eeg/drivers/")
    }


@pytest.mark.parametrize(
    ("name", "drivers"),
    [
        ("headband8", {"ads129x", "ads1299"}),
        ("headphone8", {"ads129x", "ads1298"}),
        ("hairclip1", {"ads129x", "ads1292r"}),
        ("forehead2-nirs", {"ads129x", "ads1292r", "adpd4101", "optics"}),
    ],
)
def test_a_board_gets_the_drivers_it_needs_and_no_others(name, drivers):
    assert drivers_in(build_image(load_board(name))) == {"__init__", *drivers}


def test_a_driver_nobody_wrote_is_refused_by_key(board):
    firmware = msgspec.structs.replace(board.firmware, afe_driver="ads1300")
    with pytest.raises(ConfigError, match=r"no driver 'ads1300' .*there are ad.*ads1299"):
        build_image(msgspec.structs.replace(board, firmware=firmware))


def test_optics_without_a_driver_or_on_a_port_whose_clock_stops_are_refused():
    board = load_board("forehead2-nirs")
    nobody = msgspec.structs.replace(board.firmware, optics_driver=None)
    with pytest.raises(ConfigError, match="name the driver of the optical"):
        build_image(msgspec.structs.replace(board, firmware=nobody))
    stm32 = msgspec.structs.replace(board.mcu, port="stm32", build="NUCLEO_WB55", options={})
    with pytest.raises(ConfigError, match="which stands still in the sleep"):
        board_config_source(msgspec.structs.replace(board, mcu=stm32))


def test_channels_of_muscles_are_known_by_their_names():
    board = load_board("earpatch2")
    constants: dict[str, object] = {}
    exec(board_config_source(board), constants)
    assert constants["KIND"] == 2
    masked = msgspec.structs.replace(board.afe, channels=["TP9", "Masseter"])
    with pytest.raises(ConfigError, match=r"Masseter is of kind emg.*EMG\.\.\."):
        board_config_source(msgspec.structs.replace(board, afe=masked))


def test_one_count_of_light_is_the_parts_charge_over_the_pulses_time():
    constants: dict[str, object] = {}
    board = load_board("forehead2-nirs")
    optics = msgspec.structs.replace(board.optics, pulses=40, pulse_us=3, tia_ohm=50e3)
    exec(board_config_source(msgspec.structs.replace(board, optics=optics)), constants)
    settings = constants["OPTICS"]
    mantissa, exponent = settings["lsb"]
    charge_c = load_part("adpd4101")["charge_per_code"].si  # at 100 kOhm
    expected_a = 2 * charge_c / (40 * 3e-6)
    assert mantissa * 10.0**exponent / expected_a == pytest.approx(1, rel=1e-8)
    assert settings["names"] == "S1_D1 760,S1_D1 850,S2_D2 760,S2_D2 850"
    assert settings["settings"] == (2, 2, 25_000, 100_000, 40, 3, 50_000)


def test_caches_hidden_files_and_stubs_stay_out(board, firmware):
    (firmware / "__pycache__").mkdir()
    (firmware / "__pycache__" / "main.cpython-311.pyc").write_bytes(b"x")
    (firmware / ".hidden").write_text("x")
    (firmware / "eeg" / "app.pyi").write_text("x")
    (firmware / "table.bin").write_bytes(b"\1\2\3")
    files = build_image(board, firmware).application.files
    assert files["table.bin"] == b"\1\2\3"
    assert not any(name.endswith((".pyc", ".pyi", ".hidden")) for name in files)


# ---- reading back


def test_an_image_that_was_read_back_is_intact(board, firmware):
    image = build_image(board, firmware)
    contents = read_image(image.data)
    assert contents.intact
    assert contents.manifest == image.manifest
    assert contents.entries == image.files
    assert contents.image_hash == image.image_hash


def test_a_changed_file_is_not_what_the_manifest_says(board, firmware):
    (firmware / "table.bin").write_bytes(b"table " * 1000)
    image = build_image(board, firmware)
    at = image.data.index(b"table table")
    contents = read_image(image.data[:at] + b"T" + image.data[at + 1 :])
    assert not contents.intact
    assert contents.manifest is not None


def test_an_image_without_a_manifest_can_be_listed(board, firmware):
    image = build_image(board, firmware)
    at = image.data.index(encode_manifest(image.manifest)[:40])
    contents = read_image(image.data[:at] + b"#" + image.data[at + 1 :])
    assert contents.manifest is None
    assert not contents.intact
    assert "main.mpy" in contents.application_files


@pytest.mark.parametrize("data", [b"", b"x" * 4097, b"\xff" * 8192])
def test_what_holds_no_file_system_is_a_configuration_error(data):
    with pytest.raises(ConfigError):
        read_image(data)


# ---- writing


def test_it_is_written_raw_or_as_intel_hex_at_its_address(board, firmware, tmp_path):
    image = build_image(board, firmware)
    image.write(tmp_path / "image.bin")
    assert (tmp_path / "image.bin").read_bytes() == image.data
    image.write(tmp_path / "image.hex")
    hex_file = IntelHex(str(tmp_path / "image.hex"))
    assert hex_file.minaddr() == image.address
    assert hex_file.tobinstr() == image.data
    assert sorted(path.name for path in tmp_path.glob("image*")) == ["image.bin", "image.hex"]


def test_a_place_that_cannot_be_written_is_named(board, firmware, tmp_path):
    with pytest.raises(ConfigError, match=r"^cannot write .*image\.bin: No such"):
        build_image(board, firmware).write(tmp_path / "missing" / "image.bin")


# ---- what it refuses


def test_a_syntax_error_has_file_and_line(board, firmware):
    (firmware / "eeg" / "app.py").write_text("def run():\n    return 1\n\nclass :\n")
    with pytest.raises(ConfigError, match=r"^eeg/app\.py:4: SyntaxError"):
        build_image(board, firmware)


def test_a_syntax_error_is_found_in_the_scripts_that_stay_source(board, firmware):
    (firmware / "main.py").write_text("import (\n")
    with pytest.raises(ConfigError, match=r"^main\.py:1: SyntaxError"):
        build_image(board, firmware)


def test_a_directory_without_main_is_no_firmware(board, tmp_path):
    with pytest.raises(ConfigError, match=r"no main\.py"):
        build_image(board, tmp_path)


def test_an_image_that_does_not_fit_names_every_file_with_its_size(board, firmware):
    (firmware / "eeg" / "big.bin").write_bytes(bytes(270_000))
    with pytest.raises(ConfigError) as error:
        build_image(board, firmware)
    message = str(error.value)
    assert "headband8" in message
    assert "262144" in message
    assert message.index("a/eeg/big.bin 270000") < message.index("a/main.mpy ")
    assert "\n" not in message


def test_the_firmware_of_this_package_builds_for_every_board(board):
    assert (default_firmware() / "main.py").is_file()
    image = build_image(board)
    assert read_image(image.data).intact


# ---- as other readers of LittleFS see it


VFS = """
import sys, vfs
class Device:  # as the port's, over a file
    def __init__(self, data, block):
        self.data, self.block = data, block
    def readblocks(self, n, buf, offset=0):
        at = n * self.block + offset
        buf[:] = self.data[at : at + len(buf)]
    def writeblocks(self, n, buf, offset=0):
        raise OSError(30)
    def ioctl(self, op, arg):
        return {4: len(self.data) // self.block, 5: self.block}.get(op, 0)
def show(vfs, path):
    for entry in vfs.ilistdir(path):
        below = path + "/" + entry[0]
        if entry[1] == 0x4000:
            show(vfs, below)
        else:
            print(below, len(vfs.open(below, "rb").read()))
data = open(sys.argv[1], "rb").read()
for volume in sys.argv[3:]:
    start, size = map(int, volume.split("+"))
    show(vfs.VfsLfs2(Device(data[start : start + size], int(sys.argv[2]))), "")
"""


@pytest.mark.parametrize("name", list_boards())
def test_the_interpreter_and_littlefs_python_mount_it_with_the_ports_blocks(tmp_path, name):
    """The reader of a board's MicroPython, and one of another project."""
    board = load_board(name)
    image = build_image(board)
    block = board_runtime(board).storage.block_octets
    assert block == {"zephyr": 4096, "stm32": 512}[board.mcu.port]
    # What the port mounts is at the start, and says itself how long it is.
    assert image.data[8:16] == b"littlefs"
    assert struct.unpack_from("<II", image.data, 24) == (block, image.layout.boot.size // block)
    volumes = [image.layout.boot, *(v for v in image.layout.slots.values() if v.name == "a")]
    found: dict[str, int] = {}
    for volume in volumes:
        fs = LittleFS(block_size=block, block_count=volume.size // block, mount=False)
        fs.context.buffer[:] = volume.of(image.data)
        fs.mount()
        for root, _, names in fs.walk("/"):
            for file in names:
                path = f"{root.rstrip('/')}/{file}"
                found[path] = fs.stat(path).size
    (tmp_path / "image").write_bytes(image.data)
    (tmp_path / "show.py").write_text(VFS)
    where = [f"{volume.start}+{volume.size}" for volume in volumes]
    printed = subprocess.run(
        [micropython_executable(), "show.py", "image", str(block), *where],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shown = {path: int(size) for path, size in (line.split() for line in printed.splitlines())}
    assert shown == found
    slot = "" if image.layout.divided else "/a"
    application = image.application.files
    assert {f"{slot}/{path}": len(data) for path, data in application.items()}.items() <= (
        found.items()
    )
    assert {"/boot.py", "/main.py", "/slots.mpy"} <= set(found)
    assert ("/slot" in found) is not image.layout.divided
