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


def test_a_blank_boards_file_system_does_not_tell_when_it_was_made(world):
    for text in ("import os; print(os.stat('main.py')[7:])", ""):
        node = world.board("")
        node.flash.blank()
        world.run(8.0)
        node.interpreter.console_input(text.encode() + b"\r")
        world.run(0.5)
    first, second = world.nodes
    assert first.flash.data == second.flash.data
    day = 946_684_800
    assert f"({day}, {day}, {day})" in first.text
