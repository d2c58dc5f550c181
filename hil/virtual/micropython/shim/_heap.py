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
_PIECE = 32  # bytes of the smallest piece of wall
_HEADS = 64  # bytes of a piece without what it holds, in words
_SPARE = 1024  # bytes of room that is left in any case, for the shim
_PROMPT = 4096  # as many at the prompt, which has to work when the firmware has left none
_BLOCK = 16  # bytes of the port's
_NAME = "heap"  # as ../process.py reads it

_plugs = []  # a chain of tuples, a block each
_wall = []
_wall_bytes = 0  # as the simulator prices them: what files hold is bytes
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
    _b.call(_b.HEAP, _gc.mem_alloc(), _wall_bytes - _released // 2, own)
    _used = _b.reply_word(0)
    _free = _b.reply_word(1)


@micropython.native
def _take(size):
    """Return what takes so many bytes of the heap until it is closed, None if there is no place for it."""
    try:
        return BytesIO(size)
    except MemoryError:
        return None


@micropython.native
def _give(pieces):
    for piece in pieces:
        if piece is not None:
            piece.close()


@micropython.native
def _build(size):
    """Make wall of so many bytes; returns whether there was a place for it."""
    global _wall_bytes
    part = _take(size)
    if part is None:
        return False
    _wall.append(part)
    _wall_bytes += (size + 31) // 32 * 32 + _HEADS // 2
    return True


@micropython.native
def _place():
    """Put the wall where it leaves what is free of the port's bytes twice, in two places."""
    global _placed, _wall_bytes
    room = _free if _free > 0 else 0
    if _placed >= 0 and -_KEPT < room - _placed < _KEPT and room > _KEPT:
        return
    _give(_wall)
    _wall.clear()
    _wall_bytes = 0
    _placed = room
    _measure()
    largest = _b.reply_word(3)
    post = max(_STEP, _b.reply_word(4) + 32)  # there is no place for it but behind the first half
    collects = _gc.isenabled()
    _gc.disable()  # what the firmware has let go stays until the port would collect
    if room:
        # What is free elsewhere is in small pieces: a port's heap has such, too.
        halves = _take(room), _take(room)
        size = largest - 2 * room - post - _SPARE - _released
        if size >= _STEP:
            _build(size)
        _give(halves)
        half = _take(room)
        _build(post)
        _give((half,))
    else:
        size = largest
        while size >= _PIECE:
            left = _gc.mem_free() - _SPARE - _released
            if size > left:
                size = left
            if not _build(size):
                size //= 2
    if collects:
        _gc.enable()


@micropython.native
def keep(due=True):
    """See to it that there is as much room as the port leaves: now, or when it is due."""
    _measure()
    if _free < (_used + _free) // _NEAR and _gc.isenabled():
        _gc.collect()
        _measure()
    if due or _threshold < 0:  # a wall that is put elsewhere is so much allocated
        _place()
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
    keep(False)
    _b.leave()
    return _used


@micropython.native
def mem_free():
    _b.enter()
    keep(False)
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
