"""What the firmware loads is charged for as it runs, wherever it comes from."""

from __future__ import annotations

import dataclasses

import pytest

from eegrig.boards.ports import stock_runtime
from eegrig.hil.virtual.micropython.cpu_time.cpu import CpuModel
from eegrig.hil.virtual.micropython.rpc import Op
from eegrig.host.image.mpycross import compile_module
from tests.hil.virtual.micropython.conftest import Machine, file_system

STM32 = stock_runtime("stm32", "NUCLEO_WB55")
BYTECODE = stock_runtime("zephyr", "nrf52840dk_nrf52840")
JUMP_NS = 1_000_000  # code that is charged by its jumps shows
MS = 1_000_000
LOOP = "def loop(n):\n    for _ in range(n):\n        pass\n"


def pass_us() -> float:
    """Return about what a pass of an empty loop takes where it is priced: 169 instructions."""
    return 169 * STM32.prices.cycles_per_instruction / 64


@pytest.fixture
def boot(tmp_path):
    """Return a function that boots a board with sources, some compiled to priced bytecode."""
    machines: list[Machine] = []

    def booted(main: str, known: bool = True, **sources: str) -> Machine:
        files: dict[str, str | bytes] = {"main.py": main}
        compiled = {}
        for name, source in sources.items():
            path = name.replace("__", "/")
            if path.endswith("_py"):
                files[path[:-3] + ".py"] = source
            else:
                data = compile_module(source.encode(), f"{path}.py", BYTECODE)
                files[f"{path}.mpy"] = compiled[f"{path}.mpy"] = data
        machine = Machine(tmp_path, STM32)
        machine.path.write_bytes(file_system(files))
        model = CpuModel.of_image(compiled if known else {}, STM32, 64e6)
        machine.start(dataclasses.replace(model, jump_ns=JUMP_NS))
        machine.run(20.0)
        machines.append(machine)
        return machine

    yield booted
    for machine in machines:
        machine.close()


TIMED = "import time\na = time.ticks_us()\n{}\nprint(time.ticks_diff(time.ticks_us(), a))"


def test_a_module_of_the_image_costs_what_its_bytecode_does(boot):
    machine = boot("import part\n" + TIMED.format("part.loop(1000)"), part=LOOP)
    assert int(machine.lines[0]) == pytest.approx(1000 * pass_us(), rel=0.15)


def test_a_source_is_charged_by_its_jumps(boot):
    machine = boot("import part\n" + TIMED.format("part.loop(1000)"), part_py=LOOP)
    assert int(machine.lines[0]) == pytest.approx(1_000_000, rel=0.01)


def test_bytecode_that_is_none_of_the_image_is_charged_by_its_jumps(boot):
    code = "import part\n" + TIMED.format("part.loop(1000)")
    assert int(boot(code, known=False, part=LOOP).lines[0]) == pytest.approx(1_000_000, rel=0.01)


def test_both_in_one_program_are_charged_each_in_its_way(boot):
    main = "import part, other\n" + "\n".join(
        TIMED.format(call) for call in ("part.loop(1000)", "other.loop(100)", "part.loop(1000)")
    )
    first, other, second = map(int, boot(main, part=LOOP, other_py=LOOP).lines[:3])
    assert first == pytest.approx(second, abs=2)
    assert first == pytest.approx(1000 * pass_us(), rel=0.15)
    assert other == pytest.approx(100_000, rel=0.01)


@pytest.mark.parametrize(
    "statement",
    [
        "import package.part as part",
        "from package import part",
        "from package.part import loop\nclass part:\n    loop = loop",
        "part = __import__('package.part').part",
        "import package.user\npart = package.user.part",
        "import sys, package\nfrom package.deep.part import loop\nclass part:\n    loop = loop",
    ],
)
def test_every_way_to_import_finds_the_priced_one(boot, statement):
    machine = boot(
        statement + "\n" + TIMED.format("part.loop(1000)"),
        package____init__="",
        package__part=LOOP,
        package__user="from . import part",
        package__deep____init__="from .part import loop",
        package__deep__part=LOOP,
    )
    assert int(machine.lines[0]) == pytest.approx(1000 * pass_us(), rel=0.15)


def test_a_file_is_read_as_it_is(boot):
    machine = boot(
        "import part, os\n"
        "data = open('part.mpy', 'rb').read()\n"
        "print(len(data) == os.stat('part.mpy')[6], data == part.own)\n",
        part="own = open('part.mpy', 'rb').read()",
    )
    assert machine.lines[0] == "True True"


def test_a_module_sees_nothing_of_it(boot):
    machine = boot("import part\n", part="import sys\nprint(__name__, __file__, sorted(globals()))")
    assert machine.lines[0] == "part part.mpy ['__file__', '__name__', 'sys']"


def test_an_error_names_the_line_of_the_source(boot):
    lines = boot("import part\npart.f()", part="def f():\n\n    return 1 // 0\n").lines
    assert lines[:4] == [
        "Traceback (most recent call last):",
        '  File "main.py", line 2, in <module>',
        '  File "part.py", line 3, in f',
        "ZeroDivisionError: divide by zero",
    ]


@pytest.mark.parametrize("kind", ["part", "part_py"])
def test_a_busy_loop_of_either_kind_lets_the_world_go_on(tmp_path, kind):
    source = (
        "from machine import Pin\n"
        "flag = False\n"
        "def on_edge(pin):\n"
        "    global flag\n"
        "    flag = True\n"
        "Pin('A4', Pin.IN).irq(on_edge, Pin.IRQ_FALLING)\n"
        "while not flag:\n"
        "    pass\n"
        "import time\n"
        "print(time.ticks_ms())\n"
    )
    files: dict[str, str | bytes] = {"main.py": "import part"}
    image = {}
    if kind == "part":
        image["part.mpy"] = compile_module(source.encode(), "part.py", BYTECODE)
        files["part.mpy"] = image["part.mpy"]
    else:
        files["part.py"] = source
    machine = Machine(tmp_path, STM32)
    machine.path.write_bytes(file_system(files))
    machine.loop.call_at_ns(500 * MS, machine.interpreter.interrupt, 0)
    machine.start(CpuModel.of_image(image, STM32, 64e6))
    machine.run(1.0)
    assert machine.lines[0] in ("500", "501")
    machine.close()


def test_ctrl_c_ends_a_busy_loop_of_the_image(tmp_path):
    data = compile_module(b"while True:\n    pass\n", "part.py", BYTECODE)
    machine = Machine(tmp_path, STM32)
    machine.path.write_bytes(file_system({"main.py": "import part", "part.mpy": data}))
    machine.start(CpuModel.of_image({"part.mpy": data}, STM32, 64e6))
    machine.run(0.5)
    machine.interpreter.console_input(b"\x03")
    machine.run(0.5)
    assert "KeyboardInterrupt" in machine.text
    assert machine.text.endswith(">>> ")
    machine.close()


@pytest.mark.parametrize(
    "statement",
    [
        "exec('for _ in range(100): pass')",
        "exec(compile('for _ in range(100): pass', 'x', 'exec'))",
        "eval('[0 for _ in range(100)]')",
        "import asyncio\nasync def work():\n    await asyncio.sleep(0)\nasyncio.run(work())",
    ],
)
def test_what_the_image_compiles_itself_takes_time(boot, statement):
    machine = boot("import part", part=TIMED.format(statement))
    assert int(machine.lines[0]) > 90 * JUMP_NS / 1000 / (100 if "asyncio" in statement else 1)


def test_a_native_function_takes_the_time_of_bytecode(boot):
    """Native code tells nothing of its jumps; an endless loop of it would stop time for ever."""
    native = "import micropython\n@micropython.native\n" + LOOP
    assert int(boot(native + TIMED.format("loop(100)")).lines[0]) == pytest.approx(1e5, rel=0.05)
    code = "import part\n" + TIMED.format("part.loop(100)")
    assert int(boot(code, part_py=native).lines[0]) == pytest.approx(1e5, rel=0.05)


def test_a_collection_and_a_hash_take_time(boot):
    main = "import gc, hashlib\n" + "\n".join(
        TIMED.format(call)
        for call in ("gc.collect()", "h = hashlib.sha256(bytes(1000))", "h.digest()")
    )
    collect, update, digest = map(int, boot(main).lines[:3])
    calls = STM32.calls
    assert collect > calls.collect / 64
    allocated = (1000 * STM32.prices.allocated_byte) * STM32.prices.cycles_per_instruction / 64
    assert update > 1000 * calls.sha256_byte / 64
    assert update < 1000 * calls.sha256_byte / 64 + 4 * allocated
    assert digest == pytest.approx(64 * calls.sha256_byte / 64, rel=0.3)


def test_work_of_the_bluetooth_host_costs_its_time_with_the_next_notification(boot):
    machine = boot(
        "import part",
        part="import bluetooth, time\nble = bluetooth.BLE()\nble.active(True)\n"
        "while True:\n    time.sleep_ms(100)\n    ble.gatts_notify(1, 16, b'x')\n",
    )
    active = machine.hardware.active_ns

    def busy_ns() -> int:
        before = len(active)
        machine.run(0.1)
        return sum(stop - start for start, stop in active[before:])

    busy_ns()
    idle_ns = busy_ns()
    for _ in range(3):  # which one event reports
        machine.interpreter.host_work()
    assert busy_ns() - idle_ns == round(STM32.calls.packet_completed / 64e6 * 1e9)
    assert busy_ns() == idle_ns


HANDLERS = """
import micropython
import time
from machine import SPI, Pin

spi = SPI(1, baudrate=4_000_000)
frame = bytearray(9)

def work(n):
    for _ in range(n):
        spi.readinto(frame)

def hard(pin):
    work({hard})
    micropython.schedule(soft, {soft})

def soft(n):
    work(n)

Pin("A4", Pin.IN).irq(hard, Pin.IRQ_FALLING, hard=True)
while True:
    time.sleep_ms(1000)
"""


@pytest.mark.parametrize("where", ["hard", "soft"])
def test_loops_and_transfers_in_interrupts_and_callbacks_are_charged(tmp_path, where):
    """Each time round, and the first transfer of a size too, though the heap is locked."""
    busy_ns = []
    for n in (1, 5, 9):
        source = HANDLERS.format(**{"hard": 0, "soft": 0, where: n})
        data = compile_module(source.encode(), "part.py", BYTECODE)
        folder = tmp_path / str(n)
        folder.mkdir()
        machine = Machine(folder, STM32)
        machine.hardware.answers[Op.SPI] = lambda request: bytes(request.size)
        machine.path.write_bytes(file_system({"main.py": "import part", "part.mpy": data}))
        machine.start(CpuModel.of_image({"part.mpy": data}, STM32, 64e6))
        machine.run(1.5)
        before = len(machine.hardware.active_ns)
        machine.interpreter.interrupt(0)
        machine.run(0.1)
        spans = machine.hardware.active_ns[before:]
        busy_ns.append(sum(stop - start for start, stop in spans))
        assert machine.text == ""
        machine.close()
    one, five, nine = busy_ns
    assert five - one == nine - five
    call = STM32.prices.call + STM32.prices.builtin_method_load + 2 * STM32.prices.global_load
    each_us = (
        STM32.calls.spi_transfer
        + STM32.calls.spi_end
        + (call + 169) * STM32.prices.cycles_per_instruction
    ) / 64
    assert (five - one) / 4 / 1000 == pytest.approx(each_us, rel=0.05)
