"""What a board's code sees is the board: no modules, files or clock of the computer it runs on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from .conftest import World, run_alone

BUILDS = pytest.mark.parametrize(
    ("port", "build"),
    [
        ("stm32", None),
        ("zephyr", "nrf52840dk_nrf52840"),
        ("zephyr", "xiao_ble_nrf52840_sense"),
    ],
)


@BUILDS
def test_modules_are_modules_and_show_nothing_of_the_shim(world, port, build):
    node = run_alone(
        world,
        "import gc, sys, machine, os, vfs, time, bluetooth, micropython, hashlib\n"
        "for m in (sys, machine, os, vfs, time, bluetooth, micropython, hashlib):\n"
        "    hidden = [n for n in dir(m) if n[0] == '_' and n[:2] != '__']\n"
        "    print(m, type(m) is type(gc), hidden, '__file__' in dir(m))\n"
        "print([n for n in sys.modules if n in ('_start', '_port', '_builtin')])\n"
        "print('array' in dir(bluetooth), 'struct' in dir(bluetooth))\n",
        port,
        build=build,
    )
    names = ("sys", "machine", "os", "vfs", "time", "bluetooth", "micropython", "hashlib")
    assert node.lines == [
        *(f"<module '{name}'> True [] False" for name in names),
        "[]",
        "False False",
    ]


@BUILDS
def test_a_module_that_was_let_go_of_comes_back_as_the_ports(world, port, build):
    node = run_alone(
        world,
        "import sys, vfs, machine\n"
        "for name in list(sys.modules):\n"
        "    del sys.modules[name]\n"
        "import vfs as again, machine as machine_again\n"
        "print(again is vfs, machine_again is machine, hasattr(again, 'VfsPosix'))\n"
        "for name in ('_board', '_start', '_empty', 'ffi', 'termios'):\n"
        "    try:\n"
        "        __import__(name)\n"
        "        print(name)\n"
        "    except ImportError:\n"
        "        pass\n",
        port,
        build=build,
    )
    assert node.lines == ["True True False"]


@BUILDS
def test_the_same_run_gives_the_same_flash_whatever_the_computers_clock_says(tmp_path, port, build):
    def flash_of_a_run(folder: Path) -> bytes:
        folder.mkdir()
        world = World(folder)
        node = world.board(
            "import os\n"
            "for name in ('a', 'b'):\n"
            "    with open(name, 'w') as file:\n"
            "        file.write(name)\n"
            "print(os.stat('a')[7:])\n",
            port=port,
            build=build,
        )
        world.run(8.0)
        world.close()
        assert node.lines == ["(0, 0, 0)"]
        return node.flash.data

    first = flash_of_a_run(tmp_path / "first")
    time.sleep(1.1)  # file times are whole seconds
    assert flash_of_a_run(tmp_path / "second") == first


FAT = """
import os, time, vfs
try:
    import pyb, machine
    machine.RTC().datetime((2024, 2, 29, 4, 13, 37, 58, 0))
    device = pyb.Flash()
except ImportError:
    class Disk:
        data = bytearray(512 * 64)

        def readblocks(self, block, buf):
            buf[:] = self.data[block * 512 : block * 512 + len(buf)]

        def writeblocks(self, block, buf):
            self.data[block * 512 : block * 512 + len(buf)] = buf

        def ioctl(self, op, arg):
            return 64 if op == 4 else 512 if op == 5 else None

    device = Disk()
    vfs.VfsFat.mkfs(device)
    vfs.mount(device, "/disk")
    os.chdir("/disk")
with open("new", "w") as file:
    file.write("a")
time.sleep_ms(2100)
os.mkdir("folder")
with open("folder/a long name.text", "w") as file:
    file.write("}]" * 2000)
    file.flush()
    time.sleep_ms(6000)
    file.write("}]")
with open("new", "a") as file:
    file.write("b")
os.rename("new", "older")
text = open("folder/a long name.text").read()
for name in ("folder", "folder/a long name.text", "older"):
    print(name, os.stat(name)[8])
print(text == "}]" * 2001, open("older").read())
if hasattr(device, "data"):
    from hashlib import sha256
    print(sha256(device.data).digest())
    os.chdir("/flash")
else:
    os.sync()
"""


def fat_of_a_run(folder: Path, port: str, build: str | None) -> tuple[list[str], bytes]:
    """Let a board write to FAT, on its flash memory where a blank board has it there."""
    folder.mkdir()
    world = World(folder)
    node = world.board(FAT, port=port, build=build)
    if port == "stm32":
        node.flash.blank()
        world.run(8.0)
        node.interpreter.console_input(b"\x05" + FAT.encode() + b"\x04")
    world.run(12.0)
    world.close()
    lines = [line for line in node.lines if not line.startswith(("===", "paste"))]
    return lines, node.flash.data


@BUILDS
def test_files_in_fat_have_the_time_of_the_boards_clock_and_none_of_the_computers(
    tmp_path, port, build
):
    first = fat_of_a_run(tmp_path / "first", port, build)
    time.sleep(2.1)  # file times are two seconds
    assert fat_of_a_run(tmp_path / "second", port, build) == first
    lines, _ = first
    if port == "stm32":
        made = 1_709_213_880  # 2024-02-29 13:38:00
        times = [made, made + 6, made + 6]
    else:
        times = [1_514_764_800] * 3  # always 2018-01-01
    names = ("folder", "folder/a long name.text", "older")
    assert lines[-5 if port == "zephyr" else -4 :][:4] == [
        *(f"{name} {at}" for name, at in zip(names, times, strict=True)),
        "True ab",
    ]


def test_a_blank_boards_file_system_has_the_time_of_its_clock(tmp_path):
    def flash_of_a_run(folder: Path) -> tuple[str, bytes]:
        folder.mkdir()
        world = World(folder)
        node = world.board("")
        node.flash.blank()
        world.run(8.0)
        node.interpreter.console_input(b"import os; print(os.stat('main.py')[7:])\r")
        world.run(0.5)
        world.close()
        return node.text, node.flash.data

    first = flash_of_a_run(tmp_path / "first")
    time.sleep(2.1)
    assert flash_of_a_run(tmp_path / "second") == first
    day = 946_684_800
    assert f"({day}, {day}, {day})" in first[0]
