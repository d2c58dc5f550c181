"""Events are counted in what mpy-cross really writes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.ports import stock_runtime
from hil.virtual.micropython.bytecode import BytecodeError, Events, functions_of_mpy
from host.mpycross import compile_module

SOURCE = b"""
LIMIT = 3
TEXT = "a long text that is an object of its own"
TABLE = (1, 2.5, b"bytes", "text", (3, 4), None, ...)

def straight(a, b):
    return a + b * a - b

def attributes(thing):
    thing.x = thing.y

def subscripts(items):
    items[0] = items[1]

def calls(f):
    f()
    f(1, key=2)
    f(*f)
    f.method(3)

def loop(n):
    for i in range(n):
        pass

def over(items):
    for item in items:
        item

def outer(n):
    def inner():
        return n
    return inner
"""


@pytest.fixture(scope="module")
def compiled():
    return compile_module(SOURCE, "example.py", stock_runtime("zephyr", "nrf52840dk_nrf52840"))


@pytest.fixture(scope="module")
def functions(compiled):
    return {function.name: function.events for function in functions_of_mpy(compiled)}


def test_every_function_is_found_by_its_name_in_order(compiled):
    names = [function.name for function in functions_of_mpy(compiled)]
    assert names[1:] == [
        "straight",
        "attributes",
        "subscripts",
        "calls",
        "loop",
        "over",
        "outer",
        "inner",
    ]


def test_operations_are_counted(functions):
    assert functions["straight"] == Events(operations=3)


def test_attribute_look_ups_are_counted(functions):
    assert functions["attributes"] == Events(attributes=2)


def test_subscripts_are_counted(functions):
    assert functions["subscripts"] == Events(subscripts=2)


def test_calls_are_counted_whatever_their_arguments(functions):
    assert functions["calls"].calls == 4
    assert functions["calls"].jumps == functions["calls"].operations == 0


def test_loops_are_jumps_or_iterations(functions):
    assert functions["loop"].jumps == 2
    assert functions["loop"].iterations == 0
    assert functions["over"].iterations >= 2
    assert functions["over"].jumps == 1


def test_closures_are_decoded_to_their_end(functions):
    assert functions["inner"] == Events()


def test_adding_up_adds_every_count():
    one = Events(1, 2, 3, 4, 5, 6)
    assert one + one == Events(2, 4, 6, 8, 10, 12)


def test_the_whole_firmware_can_be_counted():
    from boards import load_board
    from host.application import build_application

    application = build_application(load_board("headband8"))
    names = set()
    for path, data in application.files.items():
        if path.endswith(".mpy"):
            names |= {function.name for function in functions_of_mpy(data)}
    # The handlers that interrupts and the scheduler start are charged by name.
    assert {"_on_drdy", "_fetch", "_ship", "_irq", "finish"} <= names


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
        functions_of_mpy(data)


def test_a_file_cut_off_anywhere_is_refused(compiled):
    for size in range(len(compiled)):
        with pytest.raises(BytecodeError):
            functions_of_mpy(compiled[:size])


def test_native_code_is_refused():
    source = b"import micropython\n@micropython.native\ndef f(a):\n    return a\n"
    with pytest.raises(BytecodeError, match="native code"):
        functions_of_mpy(compile_module(source, "native.py", stock_runtime("stm32", "NUCLEO_WB55")))


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_flipped_byte_never_ends_in_another_error(compiled, at, byte):
    broken = bytearray(compiled)
    broken[at % len(broken)] = byte
    with contextlib.suppress(BytecodeError):
        functions_of_mpy(bytes(broken))
