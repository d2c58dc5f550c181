"""What firmware finds on each port, and what it does not."""

import ast
from pathlib import Path

import pytest

import hil.virtual.micropython
from boards.errors import ConfigError
from boards.ports import stock_runtime
from hil.virtual.micropython.runtime import pin_number
from hil.virtual.radio.irq import FORMATS

RUNTIMES = {
    "zephyr": stock_runtime("zephyr", "nrf52840dk_nrf52840"),
    "stm32": stock_runtime("stm32", "NUCLEO_WB55"),
}
SHIM = Path(hil.virtual.micropython.__file__).parent / "shim"
TRY = """
for name in %r:
    try:
        __import__(name)
        print(name, "yes")
    except ImportError:
        print(name, "no")
"""


def imports(world, port, names):
    node = world.board(TRY % (names,), port=port)
    world.run(1.0)
    return {line.split()[0] for line in node.lines if line.endswith(" yes")}


def test_zephyr_has_the_modules_of_the_basic_feature_level_only(world):
    here = ("struct", "binascii", "time", "machine", "bluetooth", "os", "sys", "gc", "io", "math")
    lacking = ("json", "asyncio", "select", "errno", "random", "re", "heapq", "socket")
    assert imports(world, "zephyr", here + lacking) == set(here)


def test_stm32_has_those_of_the_extra_level_and_no_sockets(world):
    here = ("json", "asyncio", "select", "errno", "random", "re", "heapq", "uctypes", "cmath")
    assert imports(world, "stm32", (*here, "socket", "ssl")) == set(here)


@pytest.mark.parametrize("name", ["ujson", "uctypes", "cmath", "_thread"])
def test_nothing_can_be_had_from_a_module_that_cannot_be_hidden(world, name):
    port = "stm32" if name == "_thread" else "zephyr"
    node = world.board(f"import {name}\nprint({name}.anything)", port=port)
    world.run(1.0)
    assert node.lines[-1] == f"ImportError: no module named '{name}'"


def test_a_module_of_that_name_in_flash_memory_can_be_imported(world):
    node = world.board("import json\nprint(json.here)", port="zephyr", lib__json="here = 'own'")
    world.run(1.0)
    assert node.lines == ["own"]


@pytest.mark.parametrize(
    ("port", "expression"),
    [
        ("zephyr", "machine.lightsleep(1)"),
        ("zephyr", "machine.unique_id()"),
        ("zephyr", "machine.freq()"),
        ("zephyr", "machine.disable_irq()"),
        ("zephyr", "os.uname()"),
        ("zephyr", "bluetooth.BLE().gap_pair(0)"),
        ("zephyr", "bluetooth.BLE().gattc_read(0, 1)"),
        ("zephyr", "bluetooth.BLE().l2cap_listen(1, 2)"),
        ("stm32", "machine.ADC('C0').read_uv()"),
        ("stm32", "os.system('ls')"),
        ("stm32", "os.getenv('PATH')"),
    ],
)
def test_what_a_port_lacks_is_an_attribute_error(world, port, expression):
    node = world.board(f"import machine, os, bluetooth\n{expression}", port=port)
    world.run(1.0)
    assert node.lines[-1].startswith("AttributeError: ")


def test_a_board_says_what_it_is(world):
    text = "import sys, os\nprint(sys.platform, sys.implementation._machine)\n"
    stm32 = world.board(text + "print(os.uname().machine)", name="cap")
    zephyr = world.board(text, port="zephyr", name="band")
    world.run(1.0)
    assert stm32.lines == ["pyboard cap with stm32wb55", "cap with stm32wb55"]
    assert zephyr.lines == ["zephyr zephyr-band with nrf52840"]
    assert "cap with stm32wb55" in stm32.text.splitlines()[-3]


def test_the_computers_files_are_out_of_reach(world):
    node = world.board("import os\nprint('flash' in os.listdir('/'))\nos.stat('/etc')")
    world.run(1.0)
    assert node.lines[0] == "True"
    assert node.lines[-1] == "OSError: [Errno 19] ENODEV"


def test_random_numbers_are_the_same_in_every_run(world):
    text = "import os, random\nprint(os.urandom(4), random.getrandbits(30))"
    one, other = world.board(text), world.board(text)
    world.run(1.0)
    assert one.lines == other.lines


@pytest.mark.parametrize(("port", "depth"), [("zephyr", 4), ("stm32", 8)])
def test_the_scheduler_is_as_deep_as_the_ports(world, port, depth):
    node = world.board(
        "import micropython\n"
        "n = 0\n"
        "try:\n"
        "    for n in range(20):\n"
        "        micropython.schedule(print, n)\n"
        "except RuntimeError as error:\n"
        "    print(error, n)\n",
        port=port,
    )
    world.run(1.0)
    assert f"schedule queue full {depth}" in node.lines


def test_pins_have_numbers_by_port():
    assert pin_number("gpio1:2", RUNTIMES["zephyr"].pins) == 34
    assert pin_number("C13", RUNTIMES["stm32"].pins) == 45


@pytest.mark.parametrize(
    ("port", "pin"), [("zephyr", "A4"), ("zephyr", "gpio0:32"), ("stm32", "A16"), ("stm32", "I1")]
)
def test_a_pin_the_port_has_not_is_refused(port, pin):
    with pytest.raises(
        ConfigError, match=r"pin '.*' is not one of the port: expected one like '.*'"
    ):
        pin_number(pin, RUNTIMES[port].pins)


def test_both_ends_know_the_same_events():
    tree = ast.parse((SHIM / "bluetooth.py").read_text())
    tables = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_FORMATS"
    ]
    assert tables == [{int(irq): text for irq, text in FORMATS.items()}]
