"""What a piece of this computer's heap takes on the board, whose words are half as large.

A piece is words (pointers, numbers, names: half as many bytes there, and as many blocks, for both
have four words in one), or bytes, which take as many there as here. It is bytes where an object
says so that has its data there, and where it is a function's bytecode; a function of the image is
priced as the image's own file has it, not as the copy that charges for its time. What is left is
told by its content: words of 64 bits have nothing in their upper 16 (addresses have 47, and numbers
so large are rare), where data mostly have something.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from eegrig.hil.virtual.micropython.heap.tables import BLOCK, Heap

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PORT_BLOCK", "Prices", "Types", "price_pieces"]

PORT_BLOCK: Final = 16
"""Bytes of a block of the ports, of 32 bits: four words."""

_ITEM_BYTES: Final = np.ones(256, np.int64)
"""Of an array on the ports, by its type code."""
for _size, _codes in ((2, b"hH"), (4, b"iIlLfOP"), (8, b"qQd")):
    _ITEM_BYTES[list(_codes)] = _size

# Words of the structures of py/objarray.h, objstr.h, objfun.h and qstr.h.
_KIND, _TYPE_CODE, _LENGTH, _DATA = range(4)
_CODE_BITS = 8  # of the word that has the room behind an array's items above them
_POOL_ALLOC, _POOL_NAMES, _POOL_HEAD = 2, 3, 6
_UPPER = 48  # the first bit that an address has not
_WORD = 8
_EMPTY_BLOCKS = 4  # a piece of so many that holds nothing yet is a buffer


class Types(NamedTuple):
    """Addresses of types: of objects that have data in a piece of its own, and of classes."""

    of_bytearray: int
    of_array: int
    of_str: int
    of_bytes: int
    of_function: int
    of_generator: int
    of_class: int

    @classmethod
    def unpack(cls, data: bytes) -> Types:
        """Take them as the shim tells them."""
        return cls(*struct.unpack_from(f"<{len(cls._fields)}Q", data))


@dataclass(frozen=True)
class Prices:
    """What pieces take on the board.

    Attributes
    ----------
    blocks : ndarray
        Blocks of the port's, by piece; 0 where the interpreter keeps names, which it counts.
    names : int
        How many names it keeps.
    classes : ndarray
        Addresses of the classes that there are.
    """

    blocks: NDArray[np.int64]
    names: int
    classes: NDArray[np.uint64]


def price_pieces(
    heap: Heap,
    types: Types,
    functions: Mapping[bytes, int],
    stand_ins: NDArray[np.uint64] | None = None,
) -> Prices:
    """Return what the pieces of a heap take on the board.

    Parameters
    ----------
    heap : Heap
    types : Types
    functions : mapping of bytes to int
        Functions of the image's copies, filled up with zeros to whole blocks, and the bytes that
        each takes in the image's own file.
    stand_ins : ndarray or None
        Addresses of the classes that stand in for the port's C code: an object of one takes a
        block, whatever it has of attributes.
    """
    blocks = heap.sizes.copy()  # of words
    first = heap.words[heap.heads]
    kinds = first[:, _KIND]
    told = np.zeros(len(blocks), bool)
    pools = _pools(heap)
    blocks[pools] = 0
    told[pools] = True
    for kind, bytes_of in (
        (types.of_bytearray, _bytes_of_array),
        (types.of_array, _bytes_of_array),
        (types.of_str, _bytes_of_text),
        (types.of_bytes, _bytes_of_text),
    ):
        _price_data(heap, blocks, told, first[kinds == kind], bytes_of)
    bytecode = np.zeros(len(blocks), bool)
    for kind in (types.of_function, types.of_generator):
        pieces = heap.pieces_of(first[kinds == kind][:, _DATA])
        bytecode[pieces[pieces >= 0]] = True
    empty, data = _by_content(heap)
    in_bytes = ~told & (bytecode | empty | data)
    blocks[in_bytes] = 2 * heap.sizes[in_bytes] - _is_half_empty(heap)[in_bytes]
    # Few pieces begin as a function does: the others need not be compared.
    begins = np.frombuffer(b"".join(content[:_WORD] for content in functions), np.uint64)
    for piece in np.flatnonzero(in_bytes & ~empty & np.isin(first[:, 0], begins)):
        size = functions.get(heap.content(int(piece)))
        if size is not None:
            blocks[piece] = -(-size // PORT_BLOCK)
    if stand_ins is not None:
        attributes = heap.pieces_of(first[np.isin(kinds, stand_ins)][:, _DATA])
        blocks[attributes[attributes >= 0]] = 0
    names = int(heap.words[heap.heads[pools], _POOL_NAMES].sum())
    classes = heap.base + heap.heads[kinds == types.of_class] * BLOCK
    return Prices(blocks, names, classes.astype(np.uint64))


def _price_data(
    heap: Heap,
    blocks: NDArray[np.int64],
    told: NDArray[np.bool_],
    owners: NDArray[np.uint64],
    bytes_of: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> None:
    """Price the pieces in which some objects have their data."""
    pieces = heap.pieces_of(owners[:, _DATA])
    there = pieces >= 0
    blocks[pieces[there]] = -(-bytes_of(owners[there].astype(np.int64)) // PORT_BLOCK)
    told[pieces[there]] = True


def _bytes_of_array(objects: NDArray[np.int64]) -> NDArray[np.int64]:
    codes = objects[:, _TYPE_CODE] & (1 << _CODE_BITS) - 1
    room = objects[:, _TYPE_CODE] >> _CODE_BITS
    size: NDArray[np.int64] = _ITEM_BYTES[codes] * (objects[:, _LENGTH] + room)
    return size


def _bytes_of_text(objects: NDArray[np.int64]) -> NDArray[np.int64]:
    size: NDArray[np.int64] = objects[:, _LENGTH] + 1  # and a 0
    return size


def _pools(heap: Heap) -> NDArray[np.int64]:
    """Return the pieces in which the interpreter keeps names: they point into themselves."""
    large: NDArray[np.int64] = np.flatnonzero(heap.sizes >= 2)
    at = heap.heads[large]
    room = heap.words[at, _POOL_ALLOC].astype(np.int64)
    hashes = heap.base + at * BLOCK + 8 * (_POOL_HEAD + room)  # behind the names
    found: NDArray[np.int64] = large[heap.words[at + 1, 0].astype(np.int64) == hashes]
    return found


def _by_content(heap: Heap) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which pieces are empty buffers, and which hold what looks like data."""
    words = heap.words
    upper = words >> np.uint64(_UPPER)
    is_large = (upper != 0) & (upper != 0xFFFF)  # a negative number has them all set

    def count(marked: NDArray[np.bool_]) -> NDArray[np.int32]:
        sums = np.append(0, np.cumsum(marked.reshape(-1), dtype=np.int32)[3::4])
        total: NDArray[np.int32] = sums[heap.heads + heap.sizes] - sums[heap.heads]
        return total

    filled, large = count(words != 0), count(is_large)
    begins = words[heap.heads, _KIND]
    is_object = (begins != 0) & ~is_large[heap.heads, _KIND]
    empty = (filled == 0) & (heap.sizes >= _EMPTY_BLOCKS)
    return empty, (2 * large > filled) & ~is_object


def _is_half_empty(heap: Heap) -> NDArray[np.int64]:
    """Return 1 for pieces whose last block is in use up to its middle only, 0 for others."""
    last = heap.words[heap.heads + heap.sizes - 1]
    half: NDArray[np.bool_] = (last[:, 2:] == 0).all(axis=1) & (last[:, :2] != 0).any(axis=1)
    return half.astype(np.int64)
