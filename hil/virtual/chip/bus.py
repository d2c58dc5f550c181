"""The system bus: who answers at which address, for the core and for the debugger alike."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from eegrig.hil.virtual.chip.signals import BusFault

__all__ = ["GRANULE", "Bus", "Memory", "Peripheral", "RegisterPage"]

Store = Callable[[int, int, int], None]

GRANULE = 64
"""Bytes that are looked at together when the bus asks whether a store hits code."""


@dataclass(frozen=True)
class Memory:
    """A stretch of memory.

    Attributes
    ----------
    base : int
        First address.
    buffer : mmap.mmap or bytearray
        The contents; its length is a multiple of 4096 (Unicorn maps pages).
    plain : bool
        RAM: a store is a store.
    store : callable or None
        For memory that is not plain: called with ``(address, size, value)`` for every store, it
        may raise BusFault. None refuses all stores.
    closed : callable or None
        Whether nobody gets at the contents for now, neither core nor debugger.
    """

    base: int
    buffer: mmap.mmap | bytearray
    plain: bool = False
    store: Store | None = None
    closed: Callable[[], bool] | None = None

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.base + len(self.buffer)


class RegisterPage(Protocol):
    """Whoever answers where no memory is: whole pages of 4096 bytes."""

    @property
    def base(self) -> int:
        """First address."""
        ...

    @property
    def size(self) -> int:
        """How many bytes."""
        ...

    def load(self, offset: int, size: int) -> int:
        """Read 1, 2 or 4 bytes at an offset from the base."""
        ...

    def store(self, offset: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes at an offset from the base."""
        ...


@dataclass(frozen=True)
class Peripheral:
    """RegisterPage: 32-bit accesses at offsets from `base`.

    Attributes
    ----------
    base, size : int
        Where it is; whole pages of 4096 bytes.
    read : callable
        ``read(offset) -> value``.
    write : callable
        ``write(offset, value)``.
    bytewise : callable or None
        ``bytewise(offset)``: whether a narrow store leaves the other bytes of that register alone.
    """

    base: int
    size: int
    read: Callable[[int], int]
    write: Callable[[int, int], None]
    bytewise: Callable[[int], bool] | None = None

    def load(self, offset: int, size: int) -> int:
        """Answer a load of any size."""
        return self.read(offset & ~3) >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def store(self, offset: int, size: int, value: int) -> None:
        """Take a store of any size: the other bytes are zero, or stay if they can."""
        if size == 4:
            self.write(offset, value & 0xFFFF_FFFF)
            return
        word, shift = offset & ~3, 8 * (offset & 3)
        mask = ((1 << 8 * size) - 1) << shift
        kept = self.read(word) & ~mask if self.bytewise is not None and self.bytewise(word) else 0
        self.write(word, kept | value << shift & mask)


class Bus:
    """Routes accesses to memories and peripherals.

    Attributes
    ----------
    memories, peripherals : list
        What is there; a chip's composition fills them before the core is made.
    quiet : range
        Addresses of peripherals that are not modelled: they read 0 and swallow writes. Real
        images touch many of them, and would lock up if nothing answered.
    on_quiet : callable
        Called with an address of those that is touched; for a core, of each page the first.
    code_changed : bool
        Set when code that the core has executed was overwritten; whoever changes memory past the
        bus sets it, too. `forget_code` clears it.
    on_code_changed : callable
        Called when a store on the bus has set it.
    """

    def __init__(self, quiet: range = range(0x4000_0000, 0x6000_0000)) -> None:
        self.memories: list[Memory] = []
        self.peripherals: list[RegisterPage] = []
        self.quiet = quiet
        self.on_quiet: Callable[[int], None] = lambda address: None
        self.code_changed = False
        self.on_code_changed: Callable[[], None] = lambda: None
        # One byte for each granule that the core has translated, by memory: some answer at two
        # addresses, which share theirs.
        self._code_maps: dict[int, bytearray] = {}

    # ---- what the core has translated

    def note_code(self, address: int, size: int) -> None:
        """Take note that the core executes what is there: a store to it changes code.

        Stores elsewhere do not: every exception stacks registers, and translating everything
        anew after each costs more than the program does.
        """
        memory = self.memory_at(address, size)
        if memory is not None:
            granules = _granules(memory, address, size)
            self.code_map(memory)[granules] = b"\1" * (granules.stop - granules.start)

    def code_map(self, memory: Memory) -> bytearray:
        """Return one byte for each 64 bytes of a memory, not 0 where the core has fetched code."""
        return self._code_maps.setdefault(
            id(memory.buffer), bytearray(len(memory.buffer) // GRANULE)
        )

    def forget_code(self) -> None:
        """Take note that the core has dropped all it had translated."""
        for code_map in self._code_maps.values():
            code_map[:] = bytes(len(code_map))
        self.code_changed = False

    def _stored(self, memory: Memory, address: int, size: int) -> None:
        code_map = self._code_maps.get(id(memory.buffer))
        if self.code_changed or code_map is None:
            return
        if any(code_map[_granules(memory, address, size)]):
            self.code_changed = True
            self.on_code_changed()

    # ---- accesses

    def memory_at(self, address: int, size: int) -> Memory | None:
        """Find the memory that holds all of ``address .. address + size``."""
        for memory in self.memories:
            if memory.base <= address and address + size <= memory.end:
                return memory
        return None

    def _readable(self, address: int, size: int) -> Memory | None:
        memory = self.memory_at(address, size)
        if memory is not None and memory.closed is not None and memory.closed():
            raise BusFault(f"the memory at {address:#010x} is read-protected")
        return memory

    def read(self, address: int, size: int) -> int:
        """Read `size` (1, 2 or 4) bytes.

        Raises
        ------
        BusFault
            If nothing is there.
        """
        memory = self._readable(address, size)
        if memory is not None:
            offset = address - memory.base
            return int.from_bytes(memory.buffer[offset : offset + size], "little")
        peripheral = self._peripheral_at(address)
        return 0 if peripheral is None else peripheral.load(address - peripheral.base, size)

    def write(self, address: int, size: int, value: int) -> None:
        """Write `size` (1, 2 or 4) bytes.

        Raises
        ------
        BusFault
            If nothing is there, or what is there refuses.
        """
        memory = self._readable(address, size)
        if memory is None:
            self._write_register(address, size, value)
            return
        if memory.plain:
            offset = address - memory.base
            memory.buffer[offset : offset + size] = value.to_bytes(size, "little")
            self._stored(memory, address, size)
        elif memory.store is not None:
            memory.store(address, size, value)
            self._stored(memory, address, size)
        else:
            raise BusFault(f"store to read-only memory at {address:#010x}")

    def read_block(self, address: int, size: int) -> bytes:
        """Read whole words.

        Raises
        ------
        BusFault
            If nothing is there.
        """
        memory = self._readable(address, size)
        if memory is not None:
            offset = address - memory.base
            return bytes(memory.buffer[offset : offset + size])
        words = (self.read(address + at, 4) for at in range(0, size, 4))
        return b"".join(word.to_bytes(4, "little") for word in words)

    def write_block(self, address: int, data: bytes) -> None:
        """Write whole words.

        Raises
        ------
        BusFault
            If nothing is there, or what is there refuses.
        """
        memory = self._readable(address, len(data))
        if memory is not None and memory.plain:
            offset = address - memory.base
            memory.buffer[offset : offset + len(data)] = data
            self._stored(memory, address, len(data))
            return
        for at in range(0, len(data), 4):
            self.write(address + at, 4, int.from_bytes(data[at : at + 4], "little"))

    def _peripheral_at(self, address: int) -> RegisterPage | None:
        for peripheral in self.peripherals:
            if peripheral.base <= address < peripheral.base + peripheral.size:
                return peripheral
        if address in self.quiet:
            self.on_quiet(address)
            return None
        raise BusFault(f"nothing answers at {address:#010x}")

    def _write_register(self, address: int, size: int, value: int) -> None:
        peripheral = self._peripheral_at(address)
        if peripheral is not None:
            peripheral.store(address - peripheral.base, size, value)


def _granules(memory: Memory, address: int, size: int) -> slice:
    first = (address - memory.base) // GRANULE
    last = (address - memory.base + max(size, 1) - 1) // GRANULE
    return slice(first, last + 1)
