"""What a power cut leaves a flash memory with: every state between a list of operations."""

import random
from collections.abc import Iterator, Sequence

from littlefs import LittleFS, UserContext

from host.file_system import Erase, Operation

UNIT = 32
"""Bytes LittleFS programs at a time."""


def states_after_cuts(
    before: bytes, operations: Sequence[Operation], granule: int, unit: int = UNIT
) -> Iterator[bytes]:
    """Yield the contents after a cut at every point of the operations, the last one torn.

    An erasure is torn in two ways: half the block is erased, or bits all over it. Programming is
    cut before every `unit` of bytes, and within it: some granules, which is what the chip
    programs at a time, are done, and a part of the bits of the next.
    """
    rng = random.Random(len(operations))
    memory = bytearray(before)
    for operation in operations:
        yield bytes(memory)
        if isinstance(operation, Erase):
            start, size = operation.offset, operation.size
            old = bytes(memory[start : start + size])
            memory[start : start + size // 2] = b"\xff" * (size // 2)
            yield bytes(memory)
            weak = int.from_bytes(old) | rng.getrandbits(8 * size)
            memory[start : start + size] = weak.to_bytes(size)
            yield bytes(memory)
            memory[start : start + size] = b"\xff" * size
        else:
            for at in range(0, len(operation.data), unit):
                start = operation.offset + at
                data = operation.data[at : at + unit]
                if at:
                    yield bytes(memory)
                done = rng.randrange(0, len(data), granule)
                memory[start : start + done] = data[:done]
                torn = int.from_bytes(data[done : done + granule]) | rng.getrandbits(8 * granule)
                memory[start + done : start + done + granule] = torn.to_bytes(granule)
                yield bytes(memory)
                memory[start : start + len(data)] = data
    yield bytes(memory)


class Reader:
    """Reads the file system of one state after the other, as the board does when it boots.

    What LittleFS reads decides what it finds: a state that is the same as the last one in every
    block that was read then holds the same files, and is not read again.
    """

    def __init__(self, block_size: int) -> None:
        self._block_size = block_size
        self._read: dict[int, bytes] = {}
        self._files: dict[str, bytes] = {}

    def files(self, state: bytes) -> dict[str, bytes]:
        """Return the contents of every file by its path."""
        if not self._read or any(
            state[at : at + self._block_size] != block for at, block in self._read.items()
        ):
            self._read_anew(state)
        return self._files

    def _read_anew(self, state: bytes) -> None:
        memory = _Memory(state, self._block_size)
        fs = LittleFS(
            context=memory,
            mount=False,
            block_size=self._block_size,
            block_count=len(state) // self._block_size,
            read_size=UNIT,
            prog_size=UNIT,
            cache_size=self._block_size,
        )
        fs.mount()
        self._files = {}
        for root, _, names in fs.walk("/"):
            for name in names:
                path = f"{root.rstrip('/')}/{name}"
                with fs.open(path, "rb") as file:
                    self._files[path.lstrip("/")] = file.read()
        self._read = {
            at: state[at : at + self._block_size]
            for at in (block * self._block_size for block in memory.blocks)
        }


class _Memory(UserContext):
    """Memory that knows which blocks were read, and refuses to be changed."""

    def __init__(self, state: bytes, block_size: int) -> None:
        super().__init__(buffer=bytearray(state))
        self.blocks: set[int] = set()
        self._block_size = block_size

    def read(self, cfg, block, off, size):
        self.blocks.add(block)
        start = block * self._block_size + off
        return self.buffer[start : start + size]

    def prog(self, cfg, block, off, data):
        raise AssertionError("reading a file system wrote to it")

    def erase(self, cfg, block):
        raise AssertionError("reading a file system erased a block")
