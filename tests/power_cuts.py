"""Power cuts at every flash operation: of a plan, or of what a virtual board was seen to do.

`record` notes what is programmed and erased while it runs, `states_after_cuts` replays that up to
every point where the power may go, `Reader` says which files a board finds then.
"""

from __future__ import annotations

import contextlib
import operator
import random
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from littlefs import LittleFS, LittleFSError, UserContext

from eegrig.host.image.file_system import Erase, Operation, Program
from eegrig.host.image.layout import Layout, Volume
from eegrig.host.image.loader import SLOT_FILE, SLOTS
from eegrig.host.image.region import state_of

if TYPE_CHECKING:
    from eegrig.hil.virtual.chip.memory.nor_flash import NorFlash

UNIT = 32
"""Bytes LittleFS programs at a time."""
_FRONT = 64  # bytes of an erasure that are neither old nor erased


@contextlib.contextmanager
def record(flash: NorFlash, start: int) -> Iterator[list[Operation]]:
    """Note what a firmware does to the region of a flash memory that begins at `start`."""
    done: list[Operation] = []
    program, erase_page = flash.program, flash.erase_page

    def programmed(address: int, data: bytes) -> int:
        done.append(Program(address - start, bytes(data)))
        return program(address, data)

    def erased(address: int) -> int:
        page = address // flash.page_size * flash.page_size
        done.append(Erase(page - start, flash.page_size))
        return erase_page(address)

    replaced: dict[str, Callable[..., int]] = {"program": programmed, "erase_page": erased}
    for name, operation in replaced.items():
        setattr(flash, name, operation)
    try:
        yield done
    finally:
        for name in replaced:
            delattr(flash, name)


def states_after_cuts(
    before: bytes, operations: Sequence[Operation], granule: int, unit: int = UNIT
) -> Iterator[bytes]:
    """Yield the contents after a cut at every point of the operations, the last one torn.

    Every operation is cut before it. An erasure is torn in four ways: a quarter, half or nearly all
    of the block is erased and the bytes behind it are on their way, or bits all over it.
    Programming is cut before every `unit` of bytes, and within it: some granules, which is what the
    chip programs at a time, are done, and a part of the bits of the next.
    """
    rng = random.Random(len(operations))
    memory = bytearray(before)
    for operation in operations:
        yield bytes(memory)
        start = operation.offset
        if isinstance(operation, Erase):
            size = operation.size
            old = bytes(memory[start : start + size])
            for done in (size // 4, size // 2, size - granule, 0):
                front = size if done == 0 else min(_FRONT, size - done)
                weak = int.from_bytes(old[done : done + front]) | rng.getrandbits(8 * front)
                torn = b"\xff" * done + weak.to_bytes(front) + old[done + front :]
                memory[start : start + size] = torn
                yield bytes(memory)
            memory[start : start + size] = b"\xff" * size
            continue
        for at in range(0, len(operation.data), unit):
            if at:
                yield bytes(memory)
            data = operation.data[at : at + unit]
            done = rng.randrange(0, len(data), granule)
            _program(memory, start + at, data[:done])
            clean = memory[start + at + done : start + at + done + granule]
            torn = int.from_bytes(data[done : done + granule]) | rng.getrandbits(8 * granule)
            _program(memory, start + at + done, torn.to_bytes(granule))
            yield bytes(memory)
            memory[start + at + done : start + at + done + granule] = clean
            _program(memory, start + at + done, data[done:])
    yield bytes(memory)


def _program(memory: bytearray, start: int, data: bytes) -> None:
    """Clear bits: those that are cleared already stay."""
    end = start + len(data)
    bits = int.from_bytes(memory[start:end]) & int.from_bytes(data)
    memory[start:end] = bits.to_bytes(len(data))


class Reader:
    """Reads one state of a region after the other, as the board does when it boots.

    A slot that has a file system of its own and cannot be read is an empty one.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._boot = _VolumeReader(layout.boot, layout.block_size)
        self._slots = {
            name: _VolumeReader(volume, layout.block_size) for name, volume in layout.slots.items()
        }
        self._parts: list[object] = []
        self._line = b""
        self._files: dict[str, bytes] = {}

    def files(self, state: bytes) -> dict[str, bytes]:
        """Return the contents of every file by its path; the same object if nothing has changed.

        Raises
        ------
        LittleFSError
            If what the port mounts cannot be read: the board does not boot.
        """
        slots = {name: reader.files(state) for name, reader in self._slots.items()}
        line = state_of(state, self._layout).line if slots else b""
        boot = self._boot.files(state)
        if boot is None:
            raise LittleFSError(-84)
        parts = [boot, *slots.values()]
        same = self._parts and all(map(operator.is_, parts, self._parts))
        if same and line == self._line:
            return self._files
        self._parts, self._line = parts, line
        self._files = dict(boot)
        if slots:
            for path in [path for path in self._files if path.partition("/")[0] in SLOTS]:
                del self._files[path]
            self._files[SLOT_FILE] = line
        for name, files in slots.items():
            self._files |= {f"{name}/{path}": data for path, data in (files or {}).items()}
        return self._files


class _VolumeReader:
    """Reads one file system of one state after the other.

    What LittleFS reads decides what it finds: a state that is the same as the last one in every
    block that was read then holds the same files, and is not read again.
    """

    def __init__(self, volume: Volume, block_size: int) -> None:
        self._volume = volume
        self._block_size = block_size
        self._read: dict[int, bytes] = {}
        self._files: dict[str, bytes] | None = None

    def files(self, state: bytes) -> dict[str, bytes] | None:
        """Return the contents of every file by its path; None if it cannot be read."""
        start = self._volume.start
        if not self._read or any(
            state[start + at : start + at + self._block_size] != block
            for at, block in self._read.items()
        ):
            self._read_anew(self._volume.of(state))
        return self._files

    def _read_anew(self, state: bytes) -> None:
        memory = _Memory(state, self._block_size)
        try:
            self._files = self._read_files(memory, len(state))
        except (LittleFSError, FileNotFoundError):  # the latter: listed, and not there to be opened
            self._files = None
        self._read = {
            at: state[at : at + self._block_size]
            for at in (block * self._block_size for block in memory.blocks)
        }

    def _read_files(self, memory: _Memory, size: int) -> dict[str, bytes]:
        fs = LittleFS(
            context=memory,
            mount=False,
            block_size=self._block_size,
            block_count=size // self._block_size,
            read_size=UNIT,
            prog_size=UNIT,
            cache_size=self._block_size,
        )
        fs.mount()
        files: dict[str, bytes] = {}
        for root, _, names in fs.walk("/"):
            for name in names:
                path = f"{root.rstrip('/')}/{name}"
                with fs.open(path, "rb") as file:
                    files[path.lstrip("/")] = file.read()
        return files


class _Memory(UserContext):
    """Memory that knows which blocks were read, and refuses to be changed."""

    def __init__(self, state: bytes, block_size: int) -> None:
        super().__init__(buffer=bytearray(state))
        self.blocks: set[int] = set()
        self._block_size = block_size

    def read(self, cfg: Any, block: int, off: int, size: int) -> bytearray:
        self.blocks.add(block)
        start = block * self._block_size + off
        return self.buffer[start : start + size]

    def prog(self, cfg: Any, block: int, off: int, data: bytes) -> int:
        raise AssertionError("reading a file system wrote to it")

    def erase(self, cfg: Any, block: int) -> int:
        raise AssertionError("reading a file system erased a block")
