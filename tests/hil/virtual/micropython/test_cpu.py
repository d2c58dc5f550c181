"""What the shim gets of a runtime's prices and of an image."""

import ast
import zlib

import pytest

from eegrig.boards import list_boards, load_board
from eegrig.boards.ports import board_runtime, stock_runtime
from eegrig.hil.virtual.micropython.cpu_time.bytecode import Module
from eegrig.hil.virtual.micropython.cpu_time.cpu import CpuModel, cpu_assumptions
from eegrig.host.image.application import build_application
from eegrig.host.image.mpycross import compile_module

STM32 = stock_runtime("stm32", "NUCLEO_WB55")
ZEPHYR = stock_runtime("zephyr", "nrf52840dk_nrf52840")
SMALL = compile_module(b"def f(): pass", "small.py", ZEPHYR)


def test_calls_and_jumps_take_the_cycles_of_the_runtime():
    model = CpuModel.of_image({}, STM32, 64e6)
    assert model.call_ns["interrupt"] == round(STM32.calls.interrupt / 64e6 * 1e9)
    cycles = STM32.prices.unpriced_jump * STM32.prices.cycles_per_instruction
    assert model.jump_ns == round(cycles / 64e6 * 1e9)
    slower = CpuModel.of_image({}, STM32, 32e6)
    assert slower.jump_ns == pytest.approx(2 * model.jump_ns, abs=1)


def test_code_that_nobody_counted_takes_time_all_the_same():
    # Otherwise `while True: pass` would stop virtual time for ever.
    assert all(CpuModel.of_image({}, r, 64e6).jump_ns > 1000 for r in (STM32, ZEPHYR))


def test_a_file_is_known_by_what_is_in_it():
    [file] = CpuModel.of_image({"small.mpy": SMALL}, STM32, 64e6).files
    assert (file.size, file.checksum) == (len(SMALL), zlib.crc32(SMALL))
    assert len(Module.parse(file.copy).names) == len(Module.parse(SMALL).names) + 1


def test_what_is_no_bytecode_is_left_to_the_interpreter_and_does_not_matter_to_the_rest():
    senseless = bytearray(SMALL)
    senseless[-1] = 0x00  # in place of the last function's last opcode
    files = {"native.mpy": b"M\x06\x12\x1f", "a.mpy": bytes(senseless), "b.mpy": SMALL}
    [file] = CpuModel.of_image(files, STM32, 64e6).files
    assert file.size == len(SMALL)


def test_the_shim_gets_integers_and_where_each_copy_is():
    model = CpuModel.of_image({"small.mpy": SMALL}, STM32, 64e6)
    literal, copies = model.for_shim()
    figures = ast.literal_eval(literal)
    assert all(isinstance(ns, int) for ns in figures["call_ns"].values())
    [((size, checksum), at)] = figures["copies"].items()
    assert (size, checksum) == (len(SMALL), zlib.crc32(SMALL))
    assert copies[at:] == model.files[0].copy


def test_what_the_file_itself_would_take_is_known_of_every_function_of_its_copy():
    model = CpuModel.of_image({"small.mpy": SMALL}, STM32, 64e6)
    [copy] = [Module.parse(file.copy) for file in model.files]
    theirs = [code.encode() for code in copy.body.walk()]
    own = [len(code.encode()) for code in Module.parse(SMALL).body.walk()]
    assert model.function_sizes == dict(zip(theirs, own, strict=True))
    assert all(len(code) > size for code, size in model.function_sizes.items())
    assert all(code in model.files[0].copy for code in theirs)


@pytest.mark.parametrize("name", list_boards())
def test_every_file_of_every_image_is_priced(name):
    board = load_board(name)
    files = {
        path: data for path, data in build_application(board).files.items() if path.endswith(".mpy")
    }
    model = CpuModel.of_image(files, board_runtime(board), board.mcu.clock_hz)
    assert len(model.files) == len(files)


def test_what_is_told_of_the_prices_names_their_spread_and_what_is_assumed():
    counted, spread = cpu_assumptions(STM32)[0], STM32.prices.spread
    assert "counted in the stock binary" in counted.source
    assert (counted.unit, counted.value) == ("x/÷", spread)
    taken_over, assumed = cpu_assumptions(ZEPHYR)
    assert "taken over from the stm32 port" in taken_over.source
    assert (taken_over.unit, taken_over.value) == ("x/÷", 1.25)
    assert assumed.value == len(ZEPHYR.assumed("prices", "calls"))
