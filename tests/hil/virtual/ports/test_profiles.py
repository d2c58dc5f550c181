"""What firmware finds on each port, and what it does not."""

import ast
from pathlib import Path

import pytest

import eegrig.hil.virtual.micropython
from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import list_ports, load_port, stock_runtime
from eegrig.boards.ports.pins import pin_number
from eegrig.hil.virtual.board_bluetooth.irq import FORMATS
from eegrig.hil.virtual.micropython.interpreter import ResetCause
from tests.hil.virtual.ports.conftest import World

RUNTIMES = {
    "zephyr": stock_runtime("zephyr", "nrf52840dk_nrf52840"),
    "stm32": stock_runtime("stm32", "NUCLEO_WB55"),
}
SHIM = Path(eegrig.hil.virtual.micropython.__file__).parent / "shim"
TRY = """
for name in %r:
    try:
        __import__(name)
        print(name, "yes")
    except ImportError:
        print(name, "no")
"""


def imports(world, port, names, build=None):
    node = world.board(TRY % (names,), port=port, build=build)
    world.run(1.0)
    return {line.split()[0] for line in node.lines if line.endswith(" yes")}


# fmt: off
INTERPRETERS = [
    "_asyncio", "_thread", "argparse", "array", "asyncio", "binascii", "btree", "builtins",
    "cmath", "collections", "cryptolib", "deflate", "errno", "ffi", "framebuf", "gc", "hashlib",
    "heapq", "io", "json", "machine", "math", "micropython", "mip", "os", "platform", "random",
    "re", "requests", "select", "socket", "ssl", "struct", "sys", "termios", "time", "tls",
    "uasyncio", "uctypes", "vfs", "websocket",
]
# fmt: on
"""What MicroPython's unix port has, built in and frozen."""
(UNMODELLED,) = [
    set(ast.literal_eval(node.value))
    for node in ast.parse((SHIM / "_imports.py").read_text()).body
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "UNMODELLED"
]
BUILDS = [(port, build) for port in list_ports() for build in load_port(port).builds]


@pytest.mark.parametrize(("port", "build"), BUILDS)
def test_exactly_the_modules_of_the_build_can_be_imported(world, port, build):
    present = set(stock_runtime(port, build).modules.present)
    found = imports(world, port, sorted(present | set(INTERPRETERS)), build=build)
    assert found == present - UNMODELLED
    old_names = imports(world, port, ["u" + name for name in INTERPRETERS], build=build)
    assert old_names <= {"u" + name for name in present}


@pytest.mark.parametrize(
    ("port", "build", "lacking"),
    [
        ("stm32", "NUCLEO_WB55", "cryptolib tls ssl termios _thread websocket"),
        ("zephyr", "nrf52840dk_nrf52840", "cryptolib tls ssl termios asyncio json re select errno"),
        ("zephyr", "xiao_ble_nrf52840_sense", "cryptolib tls ssl termios cmath socket websocket"),
    ],
)
def test_what_a_stock_build_lacks_is_no_module(world, port, build, lacking):
    for name in lacking.split():
        node = world.board(f"import {name}", port=port, build=build)
        world.run(0.2)
        assert node.lines[-1] == f"ImportError: no module named '{name}'"


@pytest.mark.parametrize(
    "statement", ["from cmath import pi", "import cmath.x", "__import__('cmath')", "import ucmath"]
)
def test_however_it_is_imported(world, statement):
    node = world.board(
        f"try:\n    {statement}\nexcept ImportError:\n    print('no')", port="zephyr"
    )
    world.run(0.5)
    assert node.lines == ["no"]


def test_a_module_of_the_build_that_is_not_modelled_says_so(world):
    node = world.board("import stm", port="stm32")
    world.run(0.5)
    assert node.lines[-1] == "ImportError: 'stm' of the board's build is not modelled here"


@pytest.mark.parametrize(("port", "build"), BUILDS)
def test_modules_have_the_names_that_the_build_gives_them_and_no_others(world, port, build):
    """Listed ones in full, but for what a module of the shim does not have."""
    listed = stock_runtime(port, build).names
    names = {key: value for key, value in listed.items() if "." not in key and key != "builtins"}
    node = world.board(
        "import sys\n"
        f"for name in {sorted(names)}:\n"
        "    print(name, [n for n in dir(__import__(name)) if not n.startswith('_')])",
        port=port,
        build=build,
    )
    world.run(1.0)
    found = {line.split()[0]: ast.literal_eval(line.partition(" ")[2]) for line in node.lines}
    assert found.keys() == names.keys()
    for key, value in found.items():
        assert set(value) <= set(names[key]), key
        if key not in ("machine", "micropython"):
            assert set(value) == set(names[key]), key


@pytest.mark.parametrize(
    ("build", "names"),
    [
        ("nrf52840dk_nrf52840", "compile complex execfile frozenset input"),
        ("xiao_ble_nrf52840_sense", "complex"),
    ],
)
def test_builtins_that_the_build_lacks_are_not_defined(world, build, names):
    for name in names.split():
        node = world.board(f"{name}('1')", port="zephyr", build=build)
        world.run(0.2)
        assert node.lines[-1] == f"NameError: name '{name}' isn't defined"


def test_a_hash_has_sha256_only_and_its_digest_is_final(world):
    text = """
import hashlib
h = hashlib.sha256(b'abc')
print(h.digest()[:4], hasattr(h, 'copy'), hasattr(hashlib, 'sha1'), hasattr(hashlib, 'md5'))
for again in (h.digest, lambda: h.update(b'd')):
    try:
        again()
    except ValueError as error:
        print(error)
"""
    boards = [world.board(text, port=port) for port in ("stm32", "zephyr")]
    world.run(1.0)
    for node in boards:
        assert node.lines == [
            "b'\\xbax\\x16\\xbf' False False False",
            "hash is final",
            "hash is final",
        ]


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
        ("stm32", "os.VfsLfs1"),
        ("zephyr", "time.gmtime()"),
        ("zephyr", "sys.stdout.buffer"),
        ("zephyr", "micropython.mem_total()"),
        ("stm32", "sys.exc_info()"),
    ],
)
def test_what_a_port_lacks_is_an_attribute_error(world, port, expression):
    node = world.board(
        f"import machine, micropython, os, bluetooth, sys, time\n{expression}", port=port
    )
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


RANDOM = "import os\nprint(os.urandom(4), len(os.urandom(3000)))\n"


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
def test_random_bytes_go_on_over_a_reset_and_are_the_same_in_every_run(tmp_path, port):
    told = []
    for run in ("one", "other"):
        (tmp_path / run).mkdir()
        world = World(tmp_path / run)
        nodes = [world.board(RANDOM, port=port), world.board(RANDOM, port=port)]
        world.run(1.0)
        for node in nodes:
            node._reset(ResetCause.HARD)
        world.run(1.0)
        told.append([node.lines for node in nodes])
        world.close()
    assert told[0] == told[1]
    lines = [line for node in told[0] for line in node]
    assert len(set(lines)) == len(lines) == 4
    assert all(line.endswith(" 3000") for line in lines)


def test_random_starts_with_a_number_of_the_hardwares_where_the_build_does_so(world):
    text = "import random\nfor i in range(2):\n    print(random.getrandbits(30))\nrandom.seed()"
    stm32 = world.board(text, port="stm32")
    xiao = world.board(text, port="zephyr", build="xiao_ble_nrf52840_sense")
    world.run(1.0)
    for node in (stm32, xiao):
        node._reset(ResetCause.HARD)
    world.run(1.0)
    assert len(set(stm32.lines)) == 4
    numbers = [line for line in xiao.lines if line.isdigit()]
    assert numbers[:2] == numbers[2:]
    assert "ValueError: no default seed" in xiao.lines


def test_zephyr_has_locks_and_its_threads_are_not_modelled(world):
    text = "import _thread\nlock = _thread.allocate_lock()\nprint(lock.acquire(), lock.locked())\n"
    node = world.board(text + "_thread.start_new_thread(print, ())", port="zephyr")
    world.run(0.5)
    assert node.lines[0] == "True True"
    assert node.lines[-1] == "NotImplementedError: threads are not modelled on the virtual board"


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
def test_what_is_scheduled_runs_at_the_next_jump(world, port):
    node = world.board(
        "import micropython\n"
        "log = []\n"
        "for n in range(20):\n"
        "    micropython.schedule(log.append, n)\n"
        "    log.append('m')\n"
        "print(log == [x for n in range(20) for x in ('m', n)])\n",
        port=port,
    )
    world.run(1.0)
    assert node.lines == ["True"]


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
@pytest.mark.parametrize("pause", ["pass", "time.ticks_us()", "time.sleep_ms(1)"])
def test_a_callback_that_schedules_itself_leaves_the_main_program_its_share(world, port, pause):
    node = world.board(
        "import micropython, time\n"
        "ran = n = 0\n"
        "def again(_):\n"
        "    global ran\n"
        "    ran += 1\n"
        "    if n < 49:\n"
        "        micropython.schedule(again, None)\n"
        "micropython.schedule(again, None)\n"
        "for n in range(50):\n"
        f"    {pause}\n"
        "print(n, ran >= 49)\n",
        port=port,
    )
    world.run(1.0)
    assert node.lines == ["49 True"]


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
def test_the_world_goes_on_beside_a_callback_that_schedules_itself_for_ever(world, port):
    node = world.board(
        "import micropython, time\n"
        "n = 0\n"
        "def again(_):\n"  # without a jump, where time would be looked after
        "    global n\n"
        "    n += 1\n"
        "    micropython.schedule(again, None)\n"
        "micropython.schedule(again, None)\n"
        "t = time.ticks_us()\n"
        "time.sleep_ms(10)\n"
        "print(time.ticks_diff(time.ticks_us(), t) // 1000, n > 50)\n",
        port=port,
    )
    world.run(0.1)
    assert node.lines[0] == "10 True"
    node.interpreter.console_input(b"print(n > 500)\r")
    world.run(0.2)
    assert node.lines[-1] == "True"


@pytest.mark.parametrize(("port", "depth"), [("zephyr", 4), ("stm32", 8)])
def test_the_scheduler_is_as_deep_as_the_ports(world, port, depth):
    node = world.board(
        "import micropython\n"
        "def fill(_):\n"  # nothing else runs meanwhile
        "    n = 0\n"
        "    try:\n"
        "        for n in range(20):\n"
        "            micropython.schedule(print, n)\n"
        "    except RuntimeError as error:\n"
        "        print(error, n)\n"
        "micropython.schedule(fill, None)\n"
        "for _ in range(20):\n"
        "    pass\n",
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
