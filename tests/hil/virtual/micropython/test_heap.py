"""What a heap of 64-bit words takes on the board: heaps made by hand, and an image's code."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual.micropython.heap.port_heap import PortHeap, names_bytes
from eegrig.hil.virtual.micropython.heap.prices import PORT_BLOCK, Types, price_pieces
from eegrig.hil.virtual.micropython.heap.tables import BLOCK, HeapPlace
from eegrig.host.image.mpycross import compile_module

from .conftest import MODEL, RUNTIME, cpu_model

TYPES = Types(*range(0x7F00_0000_1000, 0x7F00_0000_8000, 0x1000))
ROM, HEAP_AT, TABLE = 0x7F00_0001_0000, 0x7F00_2000_0000, 64
BLOCKS = 4 * TABLE


class Pieces:
    """A heap in the making: pieces in their order, and some blocks between them that are free."""

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.blocks = bytearray()

    def add(self, content: bytes, gap: int = 1) -> int:
        """Put a piece there; return its address."""
        self.kinds += [0] * gap
        self.blocks += bytes(gap * BLOCK)
        at = HEAP_AT + len(self.blocks)
        n = -(-len(content) // BLOCK)
        self.kinds += [1] + [2] * (n - 1)
        self.blocks += content + bytes(n * BLOCK - len(content))
        return at

    def add_words(self, *words: int) -> int:
        return self.add(struct.pack(f"<{len(words)}Q", *words))

    @property
    def used(self) -> int:
        return BLOCK * sum(kind != 0 for kind in self.kinds)

    def image(self, offset: int = 0) -> tuple[HeapPlace, bytes]:
        """Return it as it lies in memory, its start `offset` bytes behind a whole block."""
        kinds = self.kinds + [0] * (BLOCKS - len(self.kinds))
        table = bytes(
            kinds[i] | kinds[i + 1] << 2 | kinds[i + 2] << 4 | kinds[i + 3] << 6
            for i in range(0, BLOCKS, 4)
        )
        front = (bytes(offset) + table).ljust(4 * BLOCK, b"\0")
        place = HeapPlace(HEAP_AT - len(front), HEAP_AT + BLOCKS * BLOCK, HEAP_AT)
        return place, front + bytes(self.blocks).ljust(BLOCKS * BLOCK, b"\0")

    def prices(self, functions: dict[bytes, int] | None = None, stand_ins: int = 0) -> list[int]:
        """Return the bytes on the board, piece by piece."""
        place, image = self.image()
        heap = place.read(image, self.used)
        classes = np.array([stand_ins], np.uint64)
        return list(price_pieces(heap, TYPES, functions or {}, classes).blocks * PORT_BLOCK)


@pytest.mark.parametrize("offset", [0, 16])
def test_a_heap_is_read_wherever_its_start_is(offset):
    pieces = Pieces()
    pieces.add(b"a" * 33)
    at = pieces.add(b"b" * 32, gap=3)
    place, image = pieces.image(offset)
    heap = place.read(image, pieces.used)
    assert list(heap.sizes) == [2, 1]
    assert heap.content(1) == b"b" * 32
    addresses = np.array([at, at + 8, at + 32, 5], np.uint64)
    assert list(heap.pieces_of(addresses)) == [1, -1, -1, -1]
    assert heap.rooms(4) == (at + 32, [(BLOCKS - 7) * BLOCK, 3 * BLOCK, BLOCK, 0])


def test_tables_that_do_not_say_what_is_in_use_are_those_of_another_interpreter():
    pieces = Pieces()
    pieces.add(b"a" * 33)
    place, image = pieces.image()
    with pytest.raises(InfrastructureError, match="keeps its heap in another order"):
        place.read(image, pieces.used + BLOCK)
    torn = bytearray(image)
    torn[0] = 0b10_00_00_10  # tails of nothing
    with pytest.raises(InfrastructureError, match="keeps its heap in another order"):
        place.read(bytes(torn), pieces.used)


def test_where_the_heap_is_is_what_mem_info_says():
    text = b"GC: total: 8192, used: 64, free: 8128\nGC memory layout; from 7f0020000000:\n"
    place = HeapPlace.told(text, 8192 + 128)
    assert place == HeapPlace(HEAP_AT - 128, HEAP_AT + 8192, HEAP_AT)
    for other, size in ((b"", 8320), (text, 8000), (text.replace(b"layout", b"map"), 8320)):
        with pytest.raises(InfrastructureError):
            HeapPlace.told(other, size)


def test_words_take_half_and_bytes_take_what_they_take():
    pieces = Pieces()
    words = [HEAP_AT, 3, 0xFFFF_FFFF_FFFF_FFFB, 0x2A, 1, 0, 0, 0, 5]
    text = b"Telegrams are bytes, wherever they come from and whoever reads them."
    pieces.add_words(*words)
    pieces.add(text)
    pieces.add(text[:33])
    pieces.add(bytes(4 * BLOCK))
    pieces.add(bytes(2 * BLOCK))
    assert pieces.prices() == [3 * 16, 80, 48, 128, 32]


def test_data_of_an_object_take_what_it_says_whatever_they_look_like():
    pieces = Pieces()
    zeros = pieces.add(bytes(100))
    pieces.add_words(TYPES.of_bytearray, 1 | 7 << 8, 93, zeros)
    numbers = pieces.add_words(*range(1, 41))
    pieces.add_words(TYPES.of_array, ord("l"), 40, numbers)
    halves = pieces.add(bytes(100))
    pieces.add_words(TYPES.of_array, ord("H"), 50, halves)
    letters = pieces.add(b"12")
    pieces.add_words(TYPES.of_str, 77, 2, letters)
    # One that has its data in the middle of another's has none of its own.
    pieces.add_words(TYPES.of_bytearray, 1, 20, zeros + 32)
    assert pieces.prices() == [112, 16, 160, 16, 112, 16, 16, 16, 16]


def test_a_function_of_the_image_takes_what_its_own_file_has():
    pieces = Pieces()
    copy, other = b"\x20\x00" * 45, b"\x21\x00" * 45
    pieces.add(copy)
    pieces.add(other)
    # Of small words, as the code of a function that nobody has made yet may be.
    small = pieces.add_words(1, 2, 3, 4, 5, 6)
    pieces.add_words(TYPES.of_function, ROM, ROM, small)
    functions = {copy + bytes(-len(copy) % BLOCK): 33}
    assert pieces.prices(functions) == [48, 96, 48, 16]


def test_names_are_counted_and_what_stands_in_has_no_attributes():
    pieces = Pieces()
    at = HEAP_AT + BLOCK
    pool = struct.pack("<8Q", ROM, 5, 2, 1, at + 8 * 8, at + 8 * 8 + 4, ROM, 0) + bytes(6)
    assert pieces.add(pool) == at
    stand_in = pieces.add_words(TYPES.of_class, ROM, ROM, ROM)
    own = pieces.add_words(TYPES.of_class, ROM, ROM, ROM)
    for kind in (stand_in, own):
        attributes = pieces.add_words(*[ROM] * 16)
        pieces.add_words(kind, 5, 8, attributes)
    assert pieces.prices(stand_ins=stand_in) == [0, 16, 16, 0, 16, 64, 16]
    place, image = pieces.image()
    prices = price_pieces(place.read(image, pieces.used), TYPES, {})
    assert prices.names == 1
    assert list(prices.classes) == [stand_in, own]


def test_tables_of_names_double_and_are_there_whole():
    assert [names_bytes(n, 2) for n in (0, 1, 20, 21, 60, 61)] == [0, 176, 176, 480, 480, 1072]
    # What micropython.qstr_info() said of the stock binary: 5 tables for 535 names, 4496 bytes.
    assert names_bytes(535, 2) == pytest.approx(4496, abs=5 * 16)


def test_a_heap_has_room_for_as_many_words_as_the_ports():
    free = RUNTIME.memory.free_at_prompt_bytes
    assert PortHeap(RUNTIME.memory, {}).size_here > 2 * free + 200 * 1024


# ---- code of the image, which says what it costs

MODULE = "".join(
    f"def f{n}(x):\n    y = [x]\n    for i in range(x):\n        y.append(i * {n})\n    return y\n"
    for n in range(40)
)
IMPORTING = """\
import gc
import module
del module
import sys
def free(n=10):
    if n:  # what is left on the stack is taken for pointers
        return free(n - 1)
    gc.collect()
    return gc.mem_free()
sys.modules.pop('module', None)
before = free()
import module
print(before - free())
"""


def test_code_that_says_what_it_costs_takes_no_more_than_its_own_file(machine):
    data = compile_module(MODULE.encode(), "module.py", RUNTIME)
    taken = []
    for model in (MODEL, cpu_model(**{"module.mpy": data})):
        machine.boot(IMPORTING, model=model, tree={"module.mpy": data})
        machine.run(1)
        (line,) = (line for line in machine.lines if line.isdigit())
        taken.append(int(line))
        machine.output.clear()
    plain, charging = taken
    assert plain > len(data)
    assert charging == pytest.approx(plain, abs=300)


FILLING = """\
import gc
kept = [None] * 2000
def fill():
    n = 0
    try:
        while True:
            kept[n] = {make}
            n += 1
    except MemoryError:
        return n
"""


@pytest.mark.parametrize(("make", "size"), [("bytearray(200)", 224), ("[0] * 50", 216)])
def test_code_of_the_image_finds_the_heap_full_where_it_is(machine, make, size):
    """It asks the port nothing meanwhile, and no jump is looked at."""
    data = compile_module(FILLING.format(make=make).encode(), "module.py", RUNTIME)
    main = "import gc, module\ngc.collect()\nprint(gc.mem_free())\nprint(module.fill())\n"
    machine.boot(main, model=cpu_model(**{"module.mpy": data}), tree={"module.mpy": data})
    machine.run(5)
    free, n = (int(line) for line in machine.lines if line.isdigit())
    assert n * size == pytest.approx(free, abs=0.05 * RUNTIME.memory.heap_bytes)
