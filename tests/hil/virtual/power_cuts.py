"""Power cuts at every flash operation of something that was done once for real.

`record` notes what is programmed and erased while it runs; `cuts` replays that up to every point
where the power may go: between two operations, and in the middle of each one. What is left in the
memory is then for the test to judge, on the model (thousands in seconds, `FileSystems`) or by
booting a board.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from littlefs import LittleFS
from littlefs.context import UserContext

from hil.virtual.chip.nor_flash import NorFlash

__all__ = ["Cut", "FileSystems", "FlashOperation", "cuts", "record"]

T = TypeVar("T")


@dataclass(frozen=True)
class FlashOperation:
    """One operation of a flash controller.

    Attributes
    ----------
    address : int
    data : bytes or None
        What is programmed there; None: the page that holds the address is erased.
    size : int
        Bytes it changes.
    """

    address: int
    data: bytes | None
    size: int


@dataclass(frozen=True)
class Cut:
    """Where the power went.

    Attributes
    ----------
    number : int
        Counts the cuts of a run.
    operation : int
        Index of the operation it went in, or before.
    done : int
        Bytes of that operation that had come into effect.
    """

    number: int
    operation: int
    done: int


@contextlib.contextmanager
def record(flash: NorFlash) -> Iterator[list[FlashOperation]]:
    """Note every operation on a flash memory, whoever asks for it: firmware or debug probe.

    Yields
    ------
    list of FlashOperation
        Grows while the block runs.
    """
    operations: list[FlashOperation] = []
    depth = 0

    def noting(name: str, note: Callable[..., FlashOperation]) -> None:
        real = getattr(flash, name)

        def operate(*arguments: Any) -> Any:
            nonlocal depth
            if depth == 0:
                operations.append(note(*arguments))
            depth += 1
            try:
                return real(*arguments)
            finally:
                depth -= 1

        setattr(flash, name, operate)

    def erase(address: int) -> FlashOperation:
        return FlashOperation(address // flash.page_size * flash.page_size, None, flash.page_size)

    def program(address: int, data: Any) -> FlashOperation:
        return FlashOperation(address, bytes(data), len(data))

    def words(address: int, *values: int) -> FlashOperation:
        return program(address, b"".join(value.to_bytes(4, "little") for value in values))

    noting("program", program)
    noting("erase_page", erase)
    noting("erase_all", lambda: FlashOperation(flash.base, None, flash.size))
    names = ["program", "erase_page", "erase_all", "program_word"]
    noting("program_word", words)
    if hasattr(flash, "program_double"):
        noting("program_double", words)
        names.append("program_double")
    try:
        yield operations
    finally:
        for name in names:
            delattr(flash, name)


def cuts(
    before: bytes | bytearray,
    base: int,
    operations: list[FlashOperation],
    *,
    granule: int,
    every: int = 1,
) -> Iterator[tuple[Cut, bytearray]]:
    """Replay operations and stop at every point where the power may go.

    A programming operation is cut before it, and after each of its `granule`s, the last of which is
    torn: half of its bits are as they should be, half as they were. An erasure is cut before it,
    and when a part of the page is erased and the next bytes are neither old nor erased.

    Parameters
    ----------
    before : bytes
        The memory before the first operation.
    base : int
        Address of its first byte.
    operations : list of FlashOperation
    granule : int
        Bytes that are programmed at a time (`NorFlash.granule`).
    every : int
        Cut inside of every so many operations; before each of them in any case.

    Yields
    ------
    Cut
    bytearray
        What is left; the same object each time, to be read and not to be changed.
    """
    memory = bytearray(before)
    number = 0
    for index, operation in enumerate(operations):
        yield Cut(number, index, 0), memory
        number += 1
        start = operation.address - base
        if index % every == 0:
            whole = memory[start : start + operation.size]
            for done, torn in _inside(operation, whole, granule):
                memory[start : start + operation.size] = torn
                yield Cut(number, index, done), memory
                number += 1
            memory[start : start + operation.size] = whole
        _do(memory, start, operation)
    yield Cut(number, len(operations), 0), memory


def _do(memory: bytearray, start: int, operation: FlashOperation) -> None:
    if operation.data is None:
        memory[start : start + operation.size] = b"\xff" * operation.size
    else:
        for i, value in enumerate(operation.data):
            memory[start + i] &= value


def _inside(
    operation: FlashOperation, old: bytearray, granule: int
) -> Iterator[tuple[int, bytearray]]:
    """Yield what is left of an operation that is cut off, and how far it was."""
    size = operation.size
    if operation.data is None:
        # Cells rise from what they were; which ones first is nobody's to say.
        for done in (size // 4, size // 2, size - granule):
            torn = bytearray(b"\xff" * done + old[done:])
            for i in range(done, min(done + 64, size)):
                torn[i] |= 0xAA
            yield done, torn
        return
    data = operation.data
    for done in range(0, size, granule):
        torn = bytearray(old)
        for i in range(done):
            torn[i] &= data[i]
        for i in range(done, min(done + max(granule // 2, 1), size)):
            torn[i] &= data[i]
        yield done, torn


class _Tracked(UserContext):
    """Memory that notes which blocks were read."""

    def __init__(self, buffer: bytearray) -> None:
        super().__init__(buffer=buffer)
        self.blocks: set[int] = set()

    def read(self, cfg: Any, block: int, off: int, size: int) -> bytearray:
        self.blocks.add(block)
        start = block * cfg.block_size + off
        return self.buffer[start : start + size]


class FileSystems(Generic[T]):
    """Looks at many file systems that differ little from one to the next.

    A look that would read the same bytes as the last one has the same result, and is not taken.

    Parameters
    ----------
    size, block_size : int
        Of each file system, in bytes.
    look : callable
        Takes the mounted file system, reads what it wants, and returns what it makes of it.

    Attributes
    ----------
    looks : int
        How many were taken.
    """

    def __init__(self, size: int, block_size: int, look: Callable[[LittleFS], T]) -> None:
        self._size = size
        self._block_size = block_size
        self._look = look
        self._read: dict[int, bytes] | None = None
        self._result: T
        self.looks = 0

    def __call__(self, memory: bytes | bytearray) -> T:
        """Return what `look` makes of a file system."""
        n = self._block_size
        view = memoryview(memory)
        if self._read is None or any(
            view[block * n : block * n + n] != content for block, content in self._read.items()
        ):
            self.looks += 1
            context = _Tracked(bytearray(memory))
            fs = LittleFS(
                context=context,
                mount=False,
                block_size=n,
                block_count=self._size // n,
                read_size=n,
                prog_size=32,
                cache_size=n,
            )
            fs.mount()
            self._result = self._look(fs)
            self._read = {block: bytes(view[block * n : block * n + n]) for block in context.blocks}
        return self._result
