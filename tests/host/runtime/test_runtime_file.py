"""A runtime says what it is, and one that cannot run on a board is refused in one line."""

import os
import random
from pathlib import Path

import msgspec
import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.host.runtime.origin import board_of
from eegrig.host.runtime.runtime_file import ForAnotherBoard, read_runtime
from tests.host.fake_runtime import (
    NRF,
    STACK,
    STM32,
    elf_bytes,
    nrf_bytes,
    runtime_bytes,
    write_runtime,
)

BOARD = load_board("headphone8")
STOCK = os.environ.get("EEGRIG_STM32_RUNTIME")


@pytest.mark.parametrize("suffix", [".hex", ".bin", ".dfu", ".elf"])
def test_a_runtime_says_what_it_is(tmp_path, suffix):
    path = write_runtime(tmp_path / f"micropython{suffix}", runtime_bytes())
    runtime = read_runtime(path, BOARD)
    assert (runtime.version, runtime.date) == ("v1.26.1", "2025-09-11")
    assert (runtime.board_name, runtime.mcu) == ("NUCLEO-WB55", "STM32WB55RGV6")
    assert (runtime.stack, runtime.reset) == (STACK, STM32 + 0x4D1)
    assert (runtime.name, runtime.path) == ("micropython", path)
    assert runtime.bluetooth
    assert runtime.size == 8192
    assert [(one.address, one.data) for one in runtime.segments] == [(STM32, runtime_bytes())]
    assert runtime.warning is None


def test_only_an_elf_file_knows_its_functions(tmp_path):
    elf = read_runtime(write_runtime(tmp_path / "x.elf", runtime_bytes()), BOARD)
    assert [one.name for one in elf.symbols] == ["Reset_Handler"]
    assert elf.function_at(elf.reset) == "Reset_Handler"
    assert elf.function_at(STM32 + 0x4D0 + 71) == "Reset_Handler"
    assert elf.function_at(STM32 + 0x4D0 + 72) is None
    assert elf.function_at(STM32) is None
    flat = read_runtime(write_runtime(tmp_path / "x.bin", runtime_bytes()), BOARD)
    assert flat.symbols == ()
    assert flat.function_at(flat.reset) is None


def test_functions_of_a_file_that_is_gone_are_an_error(tmp_path):
    runtime = read_runtime(write_runtime(tmp_path / "x.elf", runtime_bytes()), BOARD)
    runtime.path.unlink()
    with pytest.raises(ConfigError, match="cannot read the runtime"):
        _ = runtime.symbols


def test_a_version_that_nobody_tried_is_warned_of(tmp_path):
    path = write_runtime(tmp_path / "x.bin", runtime_bytes(version="v1.28.0-preview.5.gabc"))
    runtime = read_runtime(path, BOARD)
    assert runtime.warning is not None
    assert "MicroPython v1.28.0-preview.5.gabc, which was never tried" in runtime.warning
    assert "\n" not in runtime.warning


def test_a_board_with_options_beyond_stock_runs_a_build_of_any_name(tmp_path):
    machine = "zephyr-mask2 with nRF52840"
    path = write_runtime(tmp_path / "x.bin", runtime_bytes(start=NRF, machine=machine))
    board = load_board("headband8")
    assert read_runtime(path, board).board_name == "zephyr-mask2"
    stock = msgspec.structs.replace(board, mcu=msgspec.structs.replace(board.mcu, options={}))
    with pytest.raises(ForAnotherBoard, match="zephyr-mask2"):
        read_runtime(path, stock)
    path.write_bytes(nrf_bytes())
    assert read_runtime(path, stock).board_name == "zephyr-nrf52840dk"


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        ("PYBv1.1 with STM32F405RG", "for PYBv1.1 with STM32F405RG, and headphone8 has an stm32w"),
        ("Generic ESP32 module with ESP32", "for Generic ESP32 module with ESP32, and headphone8"),
        ("USBDongle-WB55 with STM32WB55CGU6", "for USBDongle-WB55 .* that of another board"),
        ("NUCLEO-WB with STM32WB35CC", "for NUCLEO-WB with STM32WB35CC"),
    ],
)
def test_a_runtime_for_another_chip_or_board_is_refused(tmp_path, machine, message):
    path = write_runtime(tmp_path / "x.bin", runtime_bytes(machine=machine))
    with pytest.raises(ForAnotherBoard, match=message) as caught:
        read_runtime(path, BOARD)
    assert "micropython.org/download/NUCLEO_WB55" in str(caught.value)


def without_first_code(**options: int) -> bytes:
    """Return a runtime whose first code copies nothing."""
    content = bytearray(runtime_bytes(**options))
    content[0x500:0x520] = bytes(32)
    return bytes(content)


def test_another_compilers_first_code_is_not_judged(tmp_path):
    path = write_runtime(tmp_path / "x.bin", without_first_code()[:-64])
    assert read_runtime(path, BOARD).size == 8192 - 64


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (random.Random(1).randbytes(300_000), "does not begin as a program for an stm32wb55"),
        (b"\xff" * 8192, "does not begin as a program"),
        (runtime_bytes(stack=0x2004_0004), "initial stack 0x20040004"),
        (runtime_bytes(stack=0x2000_0000), "initial stack 0x20000000"),
        (runtime_bytes(stack=STACK + 2), "initial stack 0x2002effa"),
        (runtime_bytes(reset=0x4D0), "reset vector 0x080004d0"),
        (runtime_bytes(start=0x0900_0000), "reset vector 0x090004d1"),
        (b"123", "has nothing at 0x08000000"),
        (runtime_bytes()[:0x400], "is cut off: its first instruction is to be at 0x080004d0"),
        (runtime_bytes()[:-1], "is cut off: it is to reach to 0x08002000"),
        (without_first_code()[:0x700], "says of no MicroPython in it"),
        (runtime_bytes(version=None), "says of no MicroPython in it"),
        (runtime_bytes(bluetooth=False), "MicroPython v1.26.1 built without Bluetooth"),
        (runtime_bytes(size=0x8_0004), "overlaps the file-system region of headphone8"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_runtime_that_cannot_run_is_refused_and_where_to_get_one_is_said(
    tmp_path, content, message
):
    path = write_runtime(tmp_path / "x.bin", content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_runtime(path, BOARD)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    assert "micropython.org/download/NUCLEO_WB55" in text or "download it again" in text


def test_a_runtime_that_overlaps_the_wireless_stack_is_refused(tmp_path):
    path = tmp_path / "x.elf"
    path.write_bytes(elf_bytes([(STM32, runtime_bytes()), (0x080C_0000, b"1")]))
    with pytest.raises(ConfigError, match="overlaps the wireless stack of headphone8"):
        read_runtime(path, BOARD)


# ---- which board


def test_the_board_that_a_runtime_is_for_is_found(tmp_path):
    stm32 = write_runtime(tmp_path / "stm32.bin", runtime_bytes())
    assert board_of(stm32).mcu.build == "NUCLEO_WB55"
    nrf = write_runtime(tmp_path / "nrf.hex", nrf_bytes(), NRF)
    assert board_of(nrf).mcu.part == "nrf52840"


def test_a_runtime_for_none_of_the_boards_is_refused(tmp_path):
    machine = "PYBv1.1 with STM32F405RG"
    path = write_runtime(tmp_path / "pyb.bin", runtime_bytes(machine=machine))
    with pytest.raises(ForAnotherBoard, match=r"PYBv1\.1 with STM32F405RG, and none of the boards"):
        board_of(path)


def test_what_is_wrong_with_a_runtime_goes_before_that_it_is_for_another_board(tmp_path):
    path = write_runtime(tmp_path / "x.bin", runtime_bytes(bluetooth=False))
    with pytest.raises(ConfigError, match="built without Bluetooth") as caught:
        board_of(path)
    assert not isinstance(caught.value, ForAnotherBoard)


# ---- the real one, of whoever has it


@pytest.mark.skipif(
    STOCK is None, reason="EEGRIG_STM32_RUNTIME names no stock MicroPython for NUCLEO_WB55"
)
def test_the_stock_runtime_is_known(tmp_path):
    assert STOCK is not None
    runtime = read_runtime(Path(STOCK), BOARD)
    assert (runtime.board_name, runtime.mcu) == ("NUCLEO-WB55", "STM32WB55RGV6")
    # Nothing of it is more than it says: without its last doubleword it is not whole.
    (segment,) = runtime.segments
    path = write_runtime(tmp_path / "short.bin", segment.data.rstrip(b"\0")[:-8])
    with pytest.raises(ConfigError, match="is cut off: it is to reach to"):
        read_runtime(path, BOARD)
