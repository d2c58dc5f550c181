"""The heap is the port's: in its bytes, and full where the port's would be."""

from __future__ import annotations

import re

import pytest

from eegrig.boards.ports import stock_runtime
from eegrig.hil.virtual.micropython.interpreter import ResetCause

from .conftest import World

BUILDS = [
    ("stm32", "NUCLEO_WB55"),
    ("zephyr", "nrf52840dk_nrf52840"),
    ("zephyr", "xiao_ble_nrf52840_sense"),
]
FULL = 0.03  # of the heap: how exactly it is known when it is full

TAKEN = """\
import gc
def taken(make):
    gc.collect()
    before = gc.mem_free()
    kept = make()
    gc.collect()
    return before - gc.mem_free()
for _ in range(3):
    taken(int)
"""


def numbers(world: World, main: str, port: str, build: str | None = None) -> list[int]:
    node = world.board(main, port=port, build=build)
    world.run(3.0)
    lines = [line for line in node.lines if line.lstrip("-").isdigit()]
    assert lines, node.text
    return [int(line) for line in lines]


@pytest.mark.parametrize(("port", "build"), BUILDS)
def test_firmware_finds_what_the_build_leaves_it(world, port, build):
    text = "import gc\ngc.collect()\nprint(gc.mem_free())\nprint(gc.mem_free() + gc.mem_alloc())"
    memory = stock_runtime(port, build).memory
    free, total = numbers(world, text, port, build)
    assert free == pytest.approx(memory.free_at_prompt_bytes, rel=0.01)
    assert total == memory.pool_bytes


@pytest.mark.parametrize("port", ["stm32", "zephyr"])
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        ("bytearray(10000)", 10_000 + 16),
        ("bytes(10000)", 10_000 + 16),
        ("'x' * 10000", 10_000 + 16),
        ("array.array('H', items)", 10_000 + 16),
        ("array.array('l', items)", 20_000 + 16),
        ("[None] * 2500", 4 * 2500 + 16),
        ("tuple(items)", 4 * 5000 + 16),
        ("[i + 0.5 for i in range(500)]", 4 * 512 + 16 * 500),
        ("[bytearray(20) for _ in range(100)]", 4 * 128 + (16 + 32) * 100),
        ("[memoryview(data)[5:900] for _ in range(100)]", 4 * 128 + 16 * 100),
    ],
)
def test_words_take_four_bytes_and_bytes_take_one(world, port, make, expected):
    text = (
        f"{TAKEN}import array\ndata = bytes(1000)\nitems = [0] * 5000\nprint(taken(lambda: {make}))"
    )
    (taken,) = numbers(world, text, port)
    assert taken == pytest.approx(expected, rel=0.03, abs=100)


@pytest.mark.parametrize("port", ["stm32", "zephyr"])
@pytest.mark.parametrize(
    ("make", "size"),
    [
        ("bytearray(500)", 16 + 512),
        ("[None] * 125", 16 + 512),
        ("[bytearray(200), [None] * 60]", 32 + 16 + 208 + 16 + 240),
        ("bytearray(5000)", 16 + 5008),
        ("[None] * 1250", 16 + 5008),
    ],
)
def test_the_heap_is_full_where_the_ports_would_be(world, port, make, size):
    text = (
        "import gc\nkept = [None] * 400\ngc.collect()\nfree = gc.mem_free()\nn = 0\n"
        f"try:\n    while True:\n        kept[n] = {make}\n        n += 1\n"
        "except MemoryError:\n    pass\n"
        "print(free)\nprint(n)\n"
        # What was let go is there again, to the byte or nearly.
        "kept = None\ngc.collect()\nprint(gc.mem_free())\n"
    )
    free, n, again = numbers(world, text, port)
    memory = stock_runtime(port, BUILDS[port == "zephyr"][1]).memory
    assert n * size == pytest.approx(free, abs=FULL * memory.heap_bytes + size)
    assert again == pytest.approx(free + 4 * 400, abs=700)


@pytest.mark.parametrize("port", ["stm32", "zephyr"])
def test_one_buffer_takes_all_that_is_free_and_no_more(world, port):
    text = (
        "import gc\ngc.collect()\n"
        "try:\n    bytearray(gc.mem_free() + 3000)\n    print(1)\n"
        "except MemoryError:\n    print(0)\n"
        "gc.collect()\nlarge = bytearray(gc.mem_free() - 1500)\nprint(len(large))\n"
        "print(gc.mem_free())\n"
    )
    larger, size, left = numbers(world, text, port)
    assert larger == 0
    assert size > 80_000
    assert 1000 < left < 2000


@pytest.mark.parametrize("port", ["stm32", "zephyr"])
def test_garbage_is_no_end_of_the_heap(world, port):
    text = (
        "import gc\ngc.collect()\nfree = gc.mem_free()\n"
        "large = bytearray(free - 8000)\n"
        "for i in range(300):\n    bytearray(1000)\n    [None] * 250\n"
        "print(i)\nlarge = None\ngc.collect()\nprint(free - gc.mem_free())\n"
    )
    last, lost = numbers(world, text, port)
    assert last == 299
    assert abs(lost) < 200


def test_garbage_counts_until_it_is_collected(world):
    text = (
        "import gc\ngc.collect()\nfree = gc.mem_free()\n"
        "bytearray(20000)\nprint(free - gc.mem_free())\n"
        "gc.collect()\nprint(free - gc.mem_free())\n"
    )
    garbage, lost = numbers(world, text, "stm32")
    assert garbage == pytest.approx(20_000, abs=100)
    assert abs(lost) < 200


def test_a_soft_reset_gives_all_of_it_back(world):
    text = "import gc\ngc.collect()\nprint(gc.mem_free())\nkept = [bytearray(1000)] + [None] * 9000"
    node = world.board(text, port="stm32")
    world.run(1.0)
    node._reset(ResetCause.SOFT)
    world.run(1.0)
    first, second = (int(line) for line in node.lines)
    assert second == pytest.approx(first, abs=200)


def test_an_automatic_collection_comes_after_as_many_bytes_as_firmware_says(world):
    text = (
        "import gc\nprint(gc.threshold())\ngc.threshold(8010)\nprint(gc.threshold())\n"
        "gc.collect()\nleast = free = gc.mem_free()\n"
        "for i in range(200):\n    [None] * 50\n    least = min(least, gc.mem_free())\n"
        "print(free - least)\ngc.threshold(-1)\nprint(gc.threshold())\n"
    )
    none, asked, most, none_again = numbers(world, text, "stm32")
    assert (none, asked, none_again) == (-1, 8000, -1)
    assert 6000 < most < 10_000


def test_mem_info_says_the_same(world):
    text = (
        "import gc, micropython\ngc.collect()\nmicropython.mem_info()\n"
        "print(gc.mem_free(), gc.mem_alloc())\n"
    )
    node = world.board(text, port="stm32")
    world.run(1.0)
    told, said = node.lines
    total, used, free = (int(number) for number in re.findall(r"\d+", told))
    assert told == f"GC: total: {total}, used: {used}, free: {free}"
    assert total == used + free == sum(map(int, said.split()))
    assert free == pytest.approx(int(said.split()[0]), abs=200)


def test_what_the_ports_bluetooth_takes_is_taken(world):
    text = (
        "import gc, bluetooth\nfrom bluetooth import UUID\nble = bluetooth.BLE()\n"
        "def left():\n    gc.collect()\n    return gc.mem_free()\n"
        "services = (UUID(0x1800 + 1), ((UUID(0x2A00), 2), (UUID(0x2A01), 2)))\n"
        "handles = ((0, 0),)\na = left()\na = left()\nble.active(True)\nb = left()\n"
        "handles = ble.gatts_register_services((services,))\nc = left()\n"
        "ble.gatts_set_buffer(handles[0][0], 1000)\nd = left()\n"
        "ble.active(False)\ne = left()\n"
        "print(a - b)\nprint(b - c)\nprint(c - d)\nprint(a - e)\n"
    )
    active, registered, buffer, off = numbers(world, text, "stm32")
    facts = stock_runtime("stm32", "NUCLEO_WB55").bluetooth
    assert active == pytest.approx(facts.heap_bytes_active, abs=160)
    expected = facts.heap_bytes_service + 2 * (facts.heap_bytes_value + 32)
    assert registered == pytest.approx(expected, abs=128)
    assert buffer == pytest.approx(1000 - 32, abs=64)
    assert abs(off) < 200


def test_objects_of_the_ports_own_take_a_block_each(world):
    text = (
        f"{TAKEN}from machine import Pin\nprint(taken(lambda: [Pin('A%d' % i) for i in range(8)]))"
    )
    (taken,) = numbers(world, text, "stm32")
    assert taken <= 8 * 16 + 16 + 48 + 64


@pytest.mark.parametrize("port", ["stm32", "zephyr"])
def test_the_prompt_works_when_the_firmware_has_left_nothing(world, port):
    text = (
        "kept = []\ntry:\n    while True:\n        kept.append(bytearray(100))\n"
        "except MemoryError:\n    pass\nkept.append\n"
    )
    node = world.board(text, port=port)
    world.run(3.0)
    for line in ("print(len(kept) > 500)", "[0] * 9000", "print(6 * 7)", "del kept", "print(1)"):
        node.interpreter.console_input(line.encode() + b"\r")
        world.run(1.0)
    lines = node.lines
    assert "True" in lines
    assert "42" in lines
    assert lines[-1] == "1"
    assert lines.count("MemoryError: memory allocation failed, allocating 72000 bytes") == 1
