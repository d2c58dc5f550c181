"""Streams take whatever has a buffer, and count bytes (py/stream.c of MicroPython 1c3c201149)."""

from __future__ import annotations

import pytest

from .conftest import run_alone

BUFFERS = """
import sys
from array import array
from machine import SPI, I2C

words = array("H", (0x4241, 0x4443))
raw = sys.stdout.buffer


def attempt(function, *args):
    try:
        found = function(*args)
    except Exception as error:
        found = type(error).__name__
    log.append(found)


log = []
good = ((words,), (memoryview(words),), ("\\u00f1",), (b"abcdef", 3), (b"abcdef", 1, 3), (words, 3))
for stream in (sys.stdout, raw):
    for args in good + ((5,), ([65],)):
        attempt(stream.write, *args)
print()
print(log)
into = array("H", (0, 0, 0))
log = []
attempt(sys.stdin.buffer.readinto, into)
attempt(sys.stdin.buffer.readinto, into, 2)
attempt(sys.stdin.buffer.readinto, b"constant")
print(log, into)
"""


def test_the_console_takes_any_buffer_and_counts_bytes(world):
    node = world.board(BUFFERS, port="stm32")
    world.run(0.5)
    node.interpreter.console_input(b"ABCDEFxy")
    world.run(0.5)
    first, counts, rest = node.lines[:3]
    assert first == "ABCDABCDñabcbcdABC" * 2
    assert counts == str([4, 4, 2, 3, 3, 3, "TypeError", "TypeError"] * 2)
    assert rest == f"[6, 2, 'TypeError'] array('H', {[0x7978, 0x4443, 0x4645]})"


def test_buses_take_any_buffer(world):
    node = run_alone(
        world,
        "from array import array\n"
        "from machine import SPI\n"
        "spi = SPI(1)\n"
        "into = array('H', (1, 2))\n"
        "spi.readinto(into)\n"
        "print(into)\n"
        "spi.readinto(into, 0xA5)\n"
        "spi.write(into)\n"
        "try:\n"
        "    spi.write_readinto(b'123', bytearray(2))\n"
        "except ValueError as error:\n"
        "    print(error)\n"
        "try:\n"
        "    spi.readinto(b'12')\n"
        "except TypeError:\n"
        "    print('no place')\n",
    )
    assert node.lines == [
        "array('H', [0, 0])",
        "buffers must be the same length",
        "no place",
    ]


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
def test_bluetooth_takes_any_buffer_and_counts_bytes(world, port):
    node = run_alone(
        world,
        "import bluetooth\n"
        "from array import array\n"
        "ble = bluetooth.BLE()\n"
        "ble.active(True)\n"
        "C = (bluetooth.UUID(0x2A6E), bluetooth.FLAG_READ | bluetooth.FLAG_NOTIFY)\n"
        "((handle,),) = ble.gatts_register_services(((bluetooth.UUID(0x181A), (C,)),))\n"
        "words = array('H', (0x4241, 0x4443))\n"
        "for value in (words, memoryview(words), '\\u00f1', bytearray(b'12')):\n"
        "    ble.gatts_write(handle, value)\n"
        "    print(ble.gatts_read(handle))\n"
        "try:\n"
        "    ble.gatts_write(handle, 5)\n"
        "except TypeError:\n"
        "    print('no buffer')\n"
        "for value in (5, [1]):\n"
        "    try:\n"
        "        ble.gatts_notify(0, handle, value)\n"
        "    except TypeError:\n"
        "        print('no buffer')\n"
        "print(ble.gatts_read(handle))\n",
        port,
    )
    assert node.lines == [
        "b'ABCD'",
        "b'ABCD'",
        "b'\\xc3\\xb1'",
        "b'12'",
        *["no buffer"] * 3,
        "b'12'",
    ]
