"""What ``gc`` says on the board: the interpreter's heap here, in the port's bytes.

What the shim has taken before the firmware begins is none of the firmware's; from there on
everything is.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from eegrig.boards.ports import MemoryFacts
from eegrig.hil.virtual.micropython.heap.prices import PORT_BLOCK, Types, price_pieces
from eegrig.hil.virtual.micropython.heap.tables import BLOCK, HeapPlace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PortHeap", "names_bytes"]

_WORD_FACTOR: Final = 2
# More than the shim takes, 115 to 140 kB by build. What it leaves is wall (../shim/_heap.py).
_SHIM_HEAP: Final = 272 * 1024
_TABLES: Final = 259 / 256  # the collector's: three bits for each block of 32 bytes
_FIRST_POOL: Final = 20  # names
_POOL_HEAD, _POINTER, _LENGTH = 24, 4, 1  # bytes
_PLACE = struct.Struct("<2q")
_ROOMS: Final = 8  # as the shim knows it
_FIGURES = struct.Struct(f"<{3 + _ROOMS}q")


def names_bytes(count: int, hash_bytes: int) -> int:
    """Return what the tables of so many names take of the port's heap (``qstr_add``).

    Each table has room for twice as many names as the one before.

    >>> names_bytes(0, 2), names_bytes(20, 2), names_bytes(21, 2)
    (0, 176, 480)
    """
    taken, room = 0, _FIRST_POOL
    while count > 0:
        size = _POOL_HEAD + room * (_POINTER + hash_bytes + _LENGTH)
        taken += -(-size // PORT_BLOCK) * PORT_BLOCK
        count -= room
        room *= 2
    return taken


class PortHeap:
    """The heap of one interpreter, from its start to its end.

    Parameters
    ----------
    facts : MemoryFacts
        Of the runtime.
    functions : mapping of bytes to int
        Functions of the image's copies, and the bytes that each takes in the image's own file.

    Attributes
    ----------
    size_here : int
        Bytes that the interpreter is to be started with: room for as many words as the port has
        room for, and for the shim.
    """

    def __init__(self, facts: MemoryFacts, functions: Mapping[bytes, int]) -> None:
        self._facts = facts
        room = _WORD_FACTOR * facts.free_at_prompt_bytes + _SHIM_HEAP
        self.size_here = round(room * _TABLES) // BLOCK * BLOCK
        # As they are in whole blocks, whose rest the interpreter clears.
        self._functions = {
            code + bytes(-len(code) % BLOCK): size for code, size in functions.items()
        }
        self._place: HeapPlace | None = None
        self._types: Types | None = None
        self._own = 0, 0
        self._stand_ins: NDArray[np.uint64] | None = None

    def find(self, printed: bytes, types: bytes) -> bytes:
        """Take what the interpreter says when it starts.

        Parameters
        ----------
        printed : bytes
            By ``micropython.mem_info(1)``, among other things.
        types : bytes
            As `Types.unpack` takes them.

        Returns
        -------
        bytes
            Where in memory the shim is to look, and how many bytes.

        Raises
        ------
        InfrastructureError
            If this MicroPython is another one.
        """
        self._place = HeapPlace.told(printed, self.size_here)
        self._types = Types.unpack(types)
        return _PLACE.pack(self._place.start, self._place.stop - self._place.start)

    def figures(
        self, image: bytes, used_bytes: int, wall_bytes: int, own: int, held_bytes: int
    ) -> bytes:
        """Return what ``gc.mem_alloc()`` and ``gc.mem_free()`` say on the board.

        And where in the interpreter's heap the most is free in one piece, and how much is free in
        each of the largest pieces.

        Parameters
        ----------
        image : bytes
            What is at the place that `find` named.
        used_bytes : int
            ``gc.mem_alloc()`` of the interpreter at that time.
        wall_bytes : int
            What of it, in the port's bytes, is there to keep the firmware from having more room
            than the port has.
        own : int
            1 if all that is there is the shim's.
        held_bytes : int
            What the port's own code holds beside all this, of its heap.

        Raises
        ------
        InfrastructureError
            If the interpreter keeps its heap in another order.
        """
        assert self._place is not None
        assert self._types is not None
        heap = self._place.read(image, used_bytes)
        prices = price_pieces(heap, self._types, self._functions, self._stand_ins)
        taken = int(prices.blocks.sum()) - wall_bytes // PORT_BLOCK, prices.names
        if own:
            self._own = taken
            self._stand_ins = prices.classes
        blocks, names = (now - before for now, before in zip(taken, self._own, strict=True))
        facts = self._facts
        allocated = (
            facts.allocated_at_prompt_bytes + (blocks - -held_bytes // PORT_BLOCK) * PORT_BLOCK
        )
        allocated += names_bytes(names, facts.name_hash_bytes)
        room, sizes = heap.rooms(_ROOMS)
        return _FIGURES.pack(allocated, facts.pool_bytes - allocated, room, *sizes)
