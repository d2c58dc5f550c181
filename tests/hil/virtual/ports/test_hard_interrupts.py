"""Hard interrupts in the middle of what a file system does."""

from __future__ import annotations

import pytest
from littlefs import LittleFS

from .conftest import PAGE, World

BLOCKS = {"zephyr": 4096, "stm32": 512}
PORTS = pytest.mark.parametrize("port", list(BLOCKS))

USES_FILES = """
import os, time
from machine import Timer

before = open("before", "rb")
kept = open("kept", "wb")
DATA = b"x" * 40
busy = False
ran = refused = other = written = 0


def use(_):
    global ran, refused, other, written
    inside = busy
    try:
        if ACTION == 0:
            kept.write(DATA)
        elif ACTION == 1:
            kept.flush()
        elif ACTION == 2:
            before.read(0)
        elif ACTION == 3:
            os.remove("before")
        else:
            os.stat("before")
        written += ACTION == 0
    except OSError as error:
        if error.errno != 16:
            other += 1
        refused += inside
    except MemoryError:
        refused += inside
    ran += inside


timer = Timer(-1, period=3, callback=use, hard=True)
for i in range(20):
    busy = True
    with open("file%d" % i, "w") as file:
        file.write("y" * 1500)
    busy = False
    time.sleep_ms(7)
timer.deinit()
kept.close()
print(ran > 5, refused > 5, other, written * 40 - os.stat("kept")[6])
for i in range(20):
    with open("file%d" % i) as file:
        if file.read() != "y" * 1500:
            print("lost", i)
getattr(os, "sync", int)()
"""
ACTIONS = {"write": 0, "flush": 1, "read": 2, "remove": 3, "stat": 4}


def file_system(node, port: str) -> LittleFS:
    fs = LittleFS(block_size=BLOCKS[port], block_count=0, mount=False)
    fs.context.buffer = bytearray(node.flash.data)
    fs.mount()
    return fs


@PORTS
@pytest.mark.parametrize("action", list(ACTIONS))
def test_a_handler_that_uses_files_inside_a_file_system_operation_destroys_nothing(
    world: World, port: str, action: str
) -> None:
    text = USES_FILES.replace("ACTION", str(ACTIONS[action]))
    node = world.board(text, port=port, tree={"before": "as it was"})
    world.run(30)
    assert node.lines == ["True True 0 0"]
    fs = file_system(node, port)
    with fs.open("before") as file:
        assert file.read() == "as it was"
    for i in range(20):
        with fs.open(f"file{i}") as file:
            assert file.read() == "y" * 1500


@PORTS
def test_a_handler_writes_to_an_open_file_where_no_operation_is_under_way(
    world: World, port: str
) -> None:
    node = world.board(
        "import time\n"
        "from machine import Timer\n"
        "kept = open('kept', 'wb')\n"
        "DATA = b'x' * 1000\n"
        "def use(_):\n"
        "    kept.write(DATA)\n"
        "    kept.flush()\n"
        "timer = Timer(-1, period=400, callback=use, hard=True)\n"
        "time.sleep_ms(1900)\n"
        "timer.deinit()\n"
        "kept.close()\n"
        "with open('kept', 'rb') as file:\n"
        "    print(file.read() == DATA * 4)\n",
        port=port,
    )
    world.run(4)
    assert node.lines == ["True"]


@PORTS
def test_a_handler_runs_in_the_middle_of_a_write_with_the_heap_locked(
    world: World, port: str
) -> None:
    node = world.board(
        "import time\n"
        "from machine import Timer\n"
        "inside = locked = 0\n"
        "busy = False\n"
        "def hard(_):\n"
        "    global inside, locked\n"
        "    inside += busy\n"
        "    try:\n"
        "        bytearray(10)\n"
        "    except MemoryError:\n"
        "        locked += busy\n"
        "timer = Timer(-1, period=5, callback=hard, hard=True)\n"
        "with open('f', 'w') as file:\n"
        "    busy = True\n"
        "    file.write('x' * 20000)\n"
        "    busy = False\n"
        "timer.deinit()\n"
        "print(inside > 3, inside == locked)\n",
        port=port,
    )
    world.run(5)
    assert node.lines == ["True True"]


def test_stm32_runs_no_handler_while_it_erases_and_writes_back_a_page(world: World) -> None:
    node = world.board(
        "import os, time\n"
        "from array import array\n"
        "from machine import Timer\n"
        "times = array('i', bytes(4000))\n"
        "n = 0\n"
        "def hard(_):\n"
        "    global n\n"
        "    times[n] = time.ticks_us()\n"
        "    n += 1\n"
        "timer = Timer(-1, period=2, callback=hard, hard=True)\n"
        "with open('f', 'w') as file:\n"
        "    file.write('x' * 20000)\n"
        "timer.deinit()\n"
        "print(*times[:n])\n"
    )
    world.run(5)
    ran_ns = [int(us) * 1000 for us in node.lines[0].split()]
    assert len(ran_ns) > 5
    operations = [op for op in node.flash.operations if op[1] < ran_ns[-1]]
    pages: dict[int, list[int]] = {}
    for kind, start_ns, address in operations:
        if kind == "erase":
            pages[address] = [start_ns]
        else:
            pages[address // PAGE * PAGE].append(start_ns)
    assert len(pages) > 2
    for starts_ns in pages.values():
        if len(starts_ns) > 1:
            assert not [t for t in ran_ns if starts_ns[0] + 2000 < t < starts_ns[-1]]
