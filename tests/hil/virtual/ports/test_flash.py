"""The ports' block devices for their own flash memory, and what they make of what is in it."""

from __future__ import annotations

import pytest
from littlefs import LittleFS

from eegrig.hil.virtual.micropython.interpreter import ResetCause

from .conftest import ERASE_NS, PAGE, PROGRAM_NS, SIZE, Node, World

MS = 1_000_000
TICK_MS = 512
KINDS = ("erase", *["program"] * 4)  # a page is programmed in four pieces


def run(world: World, text: str, seconds: float = 2.0, port: str = "stm32") -> Node:
    node = world.board(text, port=port)
    world.run(seconds)
    return node


def done(node: Node) -> list[tuple[str, int]]:
    """Return what was done to which page."""
    return [(kind, address // PAGE) for kind, _, address in node.flash.operations]


# ---- pyb.Flash, as ports/stm32/storage.c of 1c3c201149 has it


def test_the_whole_device_has_a_partition_table_before_the_flash_memory(world):
    node = run(
        world,
        "import pyb\n"
        "f = pyb.Flash()\n"
        "print(f, f.ioctl(4, 0), f.ioctl(5, 0))\n"
        "table = bytearray(512)\n"
        "print(f.readblocks(0, table), table[450], table[454:462], table[510:])\n"
        "print(f.readblocks(1, table), sum(table))\n"
        "print(f.writeblocks(0, table), f.writeblocks(9, table))\n"
        "print(f.readblocks(256, table), table[8:16])\n"
        "print(f.readblocks(255 + 257, table), f.writeblocks(256 + 256, table))\n"
        "print(f.readblocks(0, table, 0), f.writeblocks(0, table, 0))\n"
        "print(f.ioctl(1, 1), f.ioctl(1, 0))\n",
    )
    assert node.lines == [
        "Flash() 512 512",
        "0 1 bytearray(b'\\x00\\x01\\x00\\x00\\x00\\x01\\x00\\x00') bytearray(b'U\\xaa')",
        "0 0",
        "0 0",
        "0 bytearray(b'littlefs')",
        "-5 -5",
        "-5 -5",
        "-1 0",
    ]
    assert node.flash.operations == []


def test_a_part_of_the_flash_memory(world):
    node = run(
        world,
        "import pyb\n"
        "f = pyb.Flash(start=4096, len=1024)\n"
        "print(f, f.ioctl(4, 0), f.ioctl(5, 0), f.ioctl(6, 0), f.ioctl(3, 0), f.ioctl(9, 0))\n"
        "print(f.ioctl(1, 1), f.ioctl(2, 0))\n"
        "data = bytearray(b'x' * 512)\n"
        "print(f.writeblocks(1, data), f.writeblocks(2, data, 0), f.readblocks(2, data, 0))\n"
        "whole = pyb.Flash(start=0)\n"
        "print(whole, whole.readblocks(9, data, 500), bytes(data[:13]))\n"
        "for options in ({'start': 100}, {'start': 131072}, {'len': 100}, {'len': 0},\n"
        "                {'start': 4096, 'len': 131072}, {'start': -512}):\n"
        "    try:\n"
        "        pyb.Flash(**options)\n"
        "    except ValueError:\n"
        "        print('refused', end=' ')\n"
        "print()\n",
    )
    assert node.lines[:4] == [
        "Flash(start=4096, len=1024) 2 512 0 0 None",
        "0 0",
        "0 -14 -14",
        f"Flash(start=0, len={SIZE}) 0 b'xxxxxxxxxxxx\\xff'",
    ]
    assert node.lines[4].split() == ["refused"] * 6


def test_the_other_port_has_no_such_module(world):
    node = run(
        world, "try:\n    import pyb\nexcept ImportError as error:\n    print(error)", port="zephyr"
    )
    assert node.lines == ["no module named 'pyb'"]


# ---- the page in RAM, as ports/stm32/flashbdev.c has it

WRITE = """
import os, pyb, time
f = pyb.Flash(start=65536)
block = bytearray(b"new!" * 128)
def write(n):
    f.writeblocks(n, block)
"""


def test_what_is_written_is_in_ram_first_then_the_page_is_erased_then_written_back(world):
    node = run(world, WRITE + "write(0)\nstart = time.ticks_ms()\ntime.sleep(6)\nprint(start)", 7.0)
    (start_ms,) = map(int, node.lines)
    assert done(node) == [(kind, 16) for kind in KINDS]
    erased_ms, written_ms = (node.flash.operations[n][1] // MS for n in (0, 1))
    # At the first tick, and at the first one that is 5 s later than the last change.
    assert erased_ms % TICK_MS == 1
    assert erased_ms - start_ms < TICK_MS
    assert written_ms % TICK_MS == 1
    assert 5000 <= written_ms - start_ms < 5000 + TICK_MS
    page = node.flash.data[65536 : 65536 + PAGE]
    assert page == b"new!" * 128 + b"\xff" * (PAGE - 512)


def test_the_other_blocks_of_the_page_are_gone_with_the_power_until_it_is_written_back(world):
    node = world.board(
        WRITE + "for n in range(8):\n    write(n)\nos.sync()\nwrite(3)\ntime.sleep(9)"
    )
    world.run(2.0)
    assert done(node)[-1] == ("erase", 16)
    node.interpreter.stop()
    assert node.flash.data[65536 : 65536 + PAGE] == b"\xff" * PAGE


def test_a_change_puts_off_the_writing_back_and_not_the_erasing(world):
    node = run(
        world, WRITE + "for n in range(8):\n    write(n)\n    time.sleep(1)\ntime.sleep(6)", 15
    )
    assert done(node) == [(kind, 16) for kind in KINDS]
    erased_ns, written_ns = (node.flash.operations[n][1] for n in (0, 1))
    assert erased_ns < 1000 * MS
    assert 12_000 * MS <= written_ns < 12_600 * MS


@pytest.mark.parametrize("sync", ["os.sync()", "f.ioctl(3, 0)", "f.ioctl(2, 0)"])
def test_a_sync_writes_it_back_at_once_and_takes_the_time_of_the_chip(world, sync):
    node = run(
        world,
        WRITE
        + f"write(0)\nt = time.ticks_us()\n{sync}\nprint(time.ticks_diff(time.ticks_us(), t))",
    )
    assert done(node) == [(kind, 16) for kind in KINDS]
    expected_us = (ERASE_NS + PAGE * PROGRAM_NS) / 1000
    assert int(node.lines[0]) == pytest.approx(expected_us, rel=0.01)


def test_a_change_in_another_page_writes_the_one_in_ram_back_first(world):
    node = run(
        world,
        WRITE
        + "write(0)\nwrite(8)\nwrite(0)\ndata = bytearray(4)\n"
        + "f.readblocks(8, data, 0)\nprint(data)\nf.readblocks(0, data, 0)\nprint(data)",
        0.3,
    )
    assert done(node) == [*((kind, 16) for kind in KINDS), *((kind, 17) for kind in KINDS)]
    assert node.lines == ["bytearray(b'new!')"] * 2


def test_what_is_read_is_what_was_written_wherever_it_is(world):
    node = run(
        world,
        WRITE + "write(7)\ndata = bytearray(2048)\nprint(f.readblocks(6, data), data[508:516], "
        "data[1020:1028])\ntime.sleep_ms(600)\nprint(f.readblocks(7, data, 510), data[:4])",
    )
    assert node.lines == [
        "0 bytearray(b'\\xff\\xff\\xff\\xffnew!') bytearray(b'new!\\xff\\xff\\xff\\xff')",
        "0 bytearray(b'w!\\xff\\xff')",
    ]


def test_the_page_waits_as_long_as_light_sleep_stops_the_clock(world):
    node = run(
        world,
        WRITE + "import machine\ntime.sleep_ms(522 - time.ticks_ms() % 512)\nwrite(0)\n"
        "for n in range(20):\n    machine.lightsleep(1000)\n"
        "print('woke')\ntime.sleep(1)",
        23.0,
    )
    assert node.lines == ["woke"]
    assert done(node) == [("erase", 16)]
    assert node.flash.operations[0][1] > 20_000 * MS


def test_a_reset_loses_it_and_a_soft_reset_does_not(world):
    program = WRITE + (
        "import machine\n"
        "data = bytearray(4)\nf.readblocks(0, data, 0)\nprint(machine.reset_cause(), data)\n"
        "if machine.reset_cause() == machine.PWRON_RESET:\n    write(0)\n    machine.%s()\n"
    )
    hard = world.board(program % "reset", name="hard")
    soft = world.board(program % "soft_reset", name="soft")
    world.run(1.0)
    empty, new = bytearray(b"\xff" * 4), bytearray(b"new!")
    assert hard.lines == [f"1 {empty}", f"2 {empty}"]
    assert soft.lines == [f"1 {empty}", "MPY: sync filesystems", "MPY: soft reboot", f"0 {new}"]
    assert hard.flash.operations == []


# ---- what is mounted


def test_blocks_of_another_size_are_not_mounted_and_the_board_ends_at_the_prompt(world):
    node = world.board("print('it runs')")
    fs = LittleFS(block_size=4096, block_count=SIZE // 4096, read_size=32, prog_size=32)
    with fs.open("main.py", "w") as file:
        file.write("print('it runs')")
    node.flash.path.write_bytes(bytes(fs.context.buffer))
    world.run(1.0)
    assert node.lines == ["MPY: can't mount flash"]
    assert node.text.rstrip().endswith(">>>")
    assert node.flash.operations == []
    assert node.flash.data == bytes(fs.context.buffer)


def test_a_file_system_at_the_start_of_the_region_is_mounted_as_long_as_it_says(world):
    node = world.board(
        "import os, pyb, vfs\n"
        "print(os.statvfs('/flash')[:3], vfs.mount()[0][1])\n"
        "rest = pyb.Flash(start=32768)\n"
        "vfs.VfsLfs2.mkfs(rest)\nvfs.mount(vfs.VfsLfs2(rest), '/rest')\n"
        "open('/rest/x', 'w').write('kept')\nprint(os.listdir('/rest'), os.getcwd())"
    )
    fs = LittleFS(block_size=512, block_count=64, read_size=32, prog_size=32, cache_size=128)
    fs.context.buffer.extend(b"\xff" * (SIZE - 32768))
    with fs.open("main.py", "wb") as file:
        file.write(node.flash._fs.open("main.py", "rb").read())
    node.flash.path.write_bytes(bytes(fs.context.buffer))
    world.run(1.0)
    assert node.lines[0].startswith("(512, 512, 64) /flash")
    assert node.lines[1] == "['x'] /flash"


def test_a_blank_stm32_board_gets_a_fat_file_system_with_its_files(world):
    node = world.board("")
    node.flash.blank()
    world.run(1.0)
    assert node.lines == []
    boot = node.flash.data[:512]
    assert (boot[54:59], boot[510:]) == (b"FAT  ", b"\x55\xaa")
    node.interpreter.console_input(
        b"import os; print(sorted(os.listdir('/flash')), os.statvfs('/flash')[0], os.getcwd())\r"
        b"f = open('main.py', 'w'); f.write('print(\"mine\")'); f.close()\r"
    )
    world.run(1.0)
    assert "['README.txt', 'boot.py', 'main.py', 'pybcdc.inf'] 512 /flash" in node.text
    node.interpreter.on_reset(ResetCause.HARD)
    world.run(1.0)
    assert node.lines[-1] == "mine"


def test_a_blank_zephyr_board_gets_an_empty_littlefs(world):
    node = world.board("", port="zephyr")
    node.flash.blank()
    world.run(1.0)
    assert node.lines == []
    node.interpreter.console_input(
        b"import os; print(os.listdir(), os.statvfs('/flash')[:3], os.getcwd())\r"
        b"f = open('main.py', 'w'); f.write('print(\"mine\")'); f.close()\r"
    )
    world.run(1.0)
    assert f"[] (4096, 4096, {SIZE // 4096}) /flash" in node.text
    fs = LittleFS(
        block_size=4096, block_count=SIZE // 4096, read_size=32, prog_size=32, mount=False
    )
    fs.context.buffer[:] = node.flash.data
    fs.mount()
    assert fs.listdir("/") == ["main.py"]
    node.interpreter.on_reset(ResetCause.HARD)
    world.run(1.0)
    assert node.lines[-1] == "mine"
