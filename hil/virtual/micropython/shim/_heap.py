# The heap as the firmware sees it: the port's bytes, of which the simulator knows how many ours are (../heap), and as
# much room as the port would leave.
#
# Words take twice the room here, bytes take the same. So there is room for as many words as the port has room for, in
# two halves with a wall between them: a buffer, which needs its room in one piece, finds as much as it would there.
# Where the wall has to be depends on what there is in the heap; it is looked after when so much has been allocated that
# the port's heap may be full. The wall is files in memory, which give theirs back at once when they are closed.
import gc as _gc
import struct
from io import BytesIO

import _board as _b
import _port
import micropython
import uctypes
from _builtin import mem_info as _mem_info

_STEP = 1024  # of the port's bytes: how near to its end a full heap is looked after
_NEAR = 8  # a part of the heap: if no more is free, the port is about to collect
_KEPT = 2048  # a wall that is so many bytes off stays where it is
_PIECE = 128  # bytes of the smallest piece of wall, where there is to be no room at all
_HOLES = 4096  # as many else: what is free in smaller pieces stays, for a port's heap has such, too
_HEADS = 64  # bytes of a piece without what it holds, in words
_MARGIN = 41  # bytes that a file asks for beyond what is written to it (vstr_ensure_extra), and one
_ROOMS = 8  # that the simulator tells of
_SPARE = 1024  # bytes of room that is left in any case, for the shim
_PROMPT = 4096  # as many at the prompt, which has to work when the firmware has left none
_BLOCK = 16  # bytes of the port's
_NAME = "heap"  # as ../process.py reads it

_plugs = []  # a chain of tuples, a block each
_wall = []
_wall_bytes = 0
_objects = 0  # beside it: what belongs to the wall, and what is left of those before
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
    _b.call(_b.HEAP, _gc.mem_alloc(), _wall_bytes + (_objects - _released) // 2, own)
    _used = _b.reply_word(0)
    _free = _b.reply_word(1)


@micropython.native
def _grow(piece, size):
    """Have a piece take so many bytes, a multiple of 32; returns whether there was a place for them."""
    try:
        piece.seek(size - _MARGIN)
        piece.write(b"\0")
        return True
    except MemoryError:
        return False


@micropython.native
def _build(piece, size):
    """Make a piece wall of so many bytes; returns whether there was a place for it."""
    global _wall_bytes
    size &= -32
    if not _grow(piece, size):
        piece.close()
        return False
    _wall.append(piece)
    _wall_bytes += size
    return True


@micropython.native
def _fill(size, least):
    """Make wall of so many bytes, in the largest places that there are."""
    for i in range(_ROOMS):
        room = _b.reply_word(3 + i) - _HEADS
        if room > size:
            room = size
        if room >= least and _build(BytesIO(1), room):
            size -= room
    return size


@micropython.native
def _tear_down():
    global _wall_bytes
    for piece in _wall:
        piece.close()
    _wall.clear()
    _wall_bytes = 0


@micropython.native
def _wall_up():
    """Leave no place for anything but what the shim may need, less what the firmware has got of it."""
    spare = BytesIO(1)
    size = _SPARE + _released + 2 * _free & -32
    if size > 64:
        _grow(spare, size)
    size = left = _gc.mem_free()
    while left >= _PIECE:
        _measure()
        left = _fill(size, _PIECE)
        if left == size:
            break
        size = left
    spare.close()


@micropython.native
def _wall_between(room):
    """Leave two places of so many bytes, and what is free in small pieces."""
    # What is of objects lies in front of all, where it cannot be in the way the next time.
    post, first, second = BytesIO(1), BytesIO(1), BytesIO(1)
    _measure()
    _grow(first, room)
    _build(post, max(_STEP, _b.reply_word(4) + 32))  # it finds no place but behind the first
    _grow(second, room)
    _measure()
    _fill(_gc.mem_free() - _SPARE - _released, _HOLES)
    first.close()
    second.close()


@micropython.native
def _place():
    """Put the wall where it leaves what is free of the port's bytes twice, in two places."""
    global _placed, _objects, _used, _free
    room = _free & -32 if _free > 0 else 0
    if _placed >= 0 and -_KEPT < room - _placed < _KEPT and room > _KEPT:
        return
    used = _used
    free = _free
    others = _gc.mem_alloc() - _wall_bytes
    collects = _gc.isenabled()
    _gc.disable()  # what the firmware has let go stays until the port would collect
    _tear_down()
    _placed = room
    try:
        if room < _STEP:
            _wall_up()
        else:
            _wall_between(room)
    except MemoryError:  # for an object of ours: there is nothing left to wall up
        pass
    if collects:
        _gc.enable()
    _objects += _gc.mem_alloc() - _wall_bytes - others
    _used = used
    _free = free


@micropython.native
def _collect():
    global _objects
    found = _gc.collect()
    _objects = _HEADS * len(_wall)
    return found


@micropython.native
def keep(due=1):
    """See to it that there is as much room as the port leaves: now, or when it is due."""
    _measure()
    if _free < (_used + _free) // _NEAR and _gc.isenabled():
        _collect()
        _measure()
    if due or _threshold < 0:  # a wall that is put elsewhere is so much allocated
        _place()
    _b.heap_due = _b._mem_total() + max(_free - _b.HEAP_MARGIN, _STEP)


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


def make_room():
    """Give the prompt what was kept for it; it may ask again if that was not enough."""
    global _released, _placed, _objects
    _released = _PROMPT
    _spare.clear()
    others = _gc.mem_alloc() - _wall_bytes
    _tear_down()
    _objects += _gc.mem_alloc() - others
    _placed = -1
    _b.heap_due = _b._mem_total() + _PROMPT


@micropython.native
def mem_alloc():
    _b.enter()
    keep(0)
    _b.leave()
    return _used


@micropython.native
def mem_free():
    _b.enter()
    keep(0)
    _b.leave()
    return _free


@micropython.native
def collect():
    _b.enter()
    found = _collect()
    keep()
    _b.work("collect")
    _b.work("collect_block", max(0, _used - _used_at_prompt) // _BLOCK)
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
