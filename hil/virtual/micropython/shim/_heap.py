# The heap as the firmware sees it: the port's bytes, of which the simulator knows how many ours are (../heap), and as
# much room as the port would leave.
#
# Words take twice the room here, bytes take the same. So there is room for as many words as the port has room for, and
# a wall in the middle of it: in front of the wall bytes have the room that they have there, which is what a large
# buffer needs in one piece. Where the wall has to be depends on what there is in the heap; it is looked after when so
# much has been allocated that the port's heap may be full. The wall is lists, for they can be made short at once.
import gc as _gc
import struct

import _board as _b
import _port
import micropython
import uctypes
from _builtin import mem_info as _mem_info

_STEP = 1024  # of the port's bytes: how near to its end a full heap is looked after
_NEAR = 8  # a part of the heap: if no more is free, the port is about to collect
_KEPT = 2048  # a wall that is so many bytes off stays where it is
_PIECE = 64  # bytes of the smallest piece of wall
_LIST = 32  # bytes of a list without its items
_SPARE = 1024  # bytes of room that is left in any case, for the shim
_PROMPT = 4096  # as many at the prompt, which has to work when the firmware has left none
_BLOCK = 16  # bytes of the port's
_NAME = "heap"  # as ../process.py reads it

_plugs = []  # a chain of tuples, a block each
_wall = []
_wall_bytes = 0
_spare = []
_released = 0  # of the shim's own bytes
_placed = -1  # how much was free when the wall was put where it is
_used = _free = 0  # in the port's bytes
_used_at_prompt = 0
_view = None
_file = None
_threshold = -1


def tell():
    """Print where the heap is, for the simulator."""
    _mem_info(1)


def find():
    """Have the simulator find the heap."""
    global _view

    def generator():
        yield

    kinds = (bytearray, type(_b._request), str, bytes, type(find), type(generator), type)
    struct.pack_into("<7Q", _b.out, 0, *[id(kind) for kind in kinds])
    _b.call(_b.HELLO, 0, 0, 0, 8 * len(kinds))
    _view = uctypes.bytearray_at(*struct.unpack_from("<2Q", _b.data))


def open_file():
    """Open what the simulator reads, before the PC's file system is gone."""
    global _file
    _file = open(_NAME, "wb")


@micropython.native
def _measure(own=0):
    """Learn what is allocated and what is free, in the port's bytes; takes nothing of the heap."""
    global _used, _free
    _file.seek(0)
    _file.write(_view)
    _b.call(_b.HEAP, _gc.mem_alloc(), _wall_bytes - _released, own)
    _used = _b.reply_word(0)
    _free = _b.reply_word(1)


@micropython.native
def _clear():
    global _wall_bytes
    for piece in _wall:
        piece.clear()
    _wall.clear()
    _wall_bytes = 0


@micropython.native
def _build(size):
    """Make wall of so many bytes, in as few pieces as there are places for."""
    global _wall_bytes
    piece = size
    while size >= _PIECE and piece >= _PIECE:
        piece = min(piece, size)
        try:
            _wall.append([None] * (piece // 8))
        except MemoryError:
            piece //= 2
            continue
        taken = (piece // 8 + 3) // 4 * 32 + _LIST
        size -= taken
        _wall_bytes += taken


@micropython.native
def _place(free):
    """Put the wall where it leaves so much of the port's bytes."""
    global _placed
    room = max(free, 0)
    if _placed >= 0 and -_KEPT < room - _placed < _KEPT and room > _KEPT:
        return
    _clear()
    _placed = room
    front = []
    try:
        front = [None] * (room // 8)
    except MemoryError:  # there is no such place: what there is is in pieces
        pass
    try:
        _build(_gc.mem_free() + 8 * len(front) - 2 * room - _SPARE - _released)
    finally:
        front.clear()


@micropython.native
def keep():
    """See to it that there is as much room as the port leaves."""
    _measure()
    if _free < (_used + _free) // _NEAR and _gc.isenabled():
        _gc.collect()
        _measure()
    _place(_free)
    _b.heap_due = _b._mem_total() + max(_free, _STEP)


def begin():
    """Take what is there as the shim's own, and leave the firmware room in one piece, behind all of it."""
    global _used_at_prompt, _plugs, _spare
    _gc.collect()
    _gc.threshold(-1)
    _spare = [None] * (_PROMPT // 8)
    _measure(1)
    room = _b.reply_word(2)
    while id(_plugs) < room:
        _plugs = (_plugs,)
    _measure(1)
    _used_at_prompt = _used
    _b.keep_heap = keep
    keep()


def release():
    """Give up what was kept for the prompt."""
    global _released, _placed
    _released = _PROMPT
    _spare.clear()
    _placed = -1
    keep()


@micropython.native
def mem_alloc():
    _b.enter()
    keep()
    _b.leave()
    return _used


@micropython.native
def mem_free():
    _b.enter()
    keep()
    _b.leave()
    return _free


@micropython.native
def collect():
    _b.enter()
    found = _gc.collect()
    keep()
    _b.charge("collect")
    _b.charge_for("collect_block", max(0, _used - _used_at_prompt) // _BLOCK)
    _b.leave()
    return found


def threshold(*amount):
    global _threshold
    if not amount:
        return _threshold
    (size,) = amount
    _gc.threshold(2 * size if size >= 0 else -1)
    _threshold = size // _BLOCK * _BLOCK if size >= 0 else -1


def mem_info(*verbose):
    free = mem_free()
    print("GC: total: %d, used: %d, free: %d" % (_used + free, _used, free))
