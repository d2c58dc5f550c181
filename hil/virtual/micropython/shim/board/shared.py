# What the other files share, as one module has it: what each of them is about.
now = 0  # local virtual time, ns
stopped = 0  # how long the clocks that `time` counts stood still, ns
horizon = 0  # nothing happens to this board before
# What the last reply brought along: bytes that the SPI device would send if it were read now, so that the read
# that every sample asks for needs no exchange of its own. `read_end` tells the simulator that it happened.
read_ahead = 0
read_end = 0
spi_setting = 0
# Conversions that the last reply told of in advance: where nothing else happens until then, waiting for one
# needs no exchange. The next request tells when the firmware slept and read.
_prefetched = 0
_taken = 0
_PREFETCHED = EVENT_AT // 8
_SKIPPED = SKIPPED_AT // 8
quiet = 1  # above 0 while the shim, not the firmware, is running: its instructions are free
_ticking = False
_exchange_out = None
_exchange_in = None

# The keyboard interrupt: asked for by the simulator; held back; pending, to be raised at the next jump.
_keyboard = False
_held_back = 0
_raising = False


def _find_pending():
    """Return the word of the interpreter's state that holds the exception to raise at the next jump.

    A port's Ctrl-C sets it from C; Python has no name for it. It stands in py/mpstate.h behind dict_locals and
    dict_globals, which are one dict while a module runs, nlr_top and nlr_jump_callback_top; sys.modules is the
    dict that the same structure contains.
    """
    word = uctypes.sizeof({"p": (uctypes.PTR, uctypes.UINT8)})
    kind = uctypes.UINT64 if word == 8 else uctypes.UINT32
    scope = id(globals())
    at = id(sys.modules)
    for _ in range(128):
        at -= word
        state = uctypes.struct(at, {"dicts": (uctypes.ARRAY, 2 | kind), "pending": kind | 4 * word})
        if state.dicts[0] == scope and state.dicts[1] == scope:
            if state.pending:
                break
            return state
    raise RuntimeError("this MicroPython keeps its state in another order: use the packaged one")


_state = _find_pending()

# Interrupt handlers by slot: (handler, argument, hard). What the port does in an interrupt of its own, and no
# handler sees, has the last number.
handlers = []  # None: without a handler, False: to be given to somebody else
once = bytearray(256)  # 1 where the argument is a timer that elapses but once
_pending = bytearray(64)
_n_pending = 0
_in_irq = 0
_masked = 0
# The heap is locked while a hard interrupt's handler runs, but not for what the shim does for it.
_heap_locked = False
_heap_locks = 0  # how often the firmware itself locked it
_heap_lock = _micropython.heap_lock
_heap_unlock = _micropython.heap_unlock

# What micropython.schedule queues, as deep as the port's own queue (set_depth)
DEPTH = 0
_queue = []
_head = 0
_queued = 0
_locked = 0
_in_files = 0  # above 0 while a file system is at work: no callback runs then, as on a board
_deferred = False
callbacks = 0  # counts handlers and callbacks: whoever looks for what they do looks again
_SCAN_RESULT = 5  # of ../../../board_bluetooth/irq.py
_ble_events = []
event_room = 0  # bytes of the port's event ring buffer; 0: there is none
_event_bytes = 0
ble_handler = None

# CPU model, set by configure(): nanoseconds
jump_ns = 0
allocation_ns = 0  # per byte
call_ns = {}
_interrupt_ns = 0
_dispatch_ns = 0
_host_work_ns = 0
heap_due = (
    1 << 40
)  # when so much has been allocated the port's heap may be full, and is looked after
HEAP_MARGIN = 4096  # bytes that may be allocated before anything looks
FASTEST_NS = 25  # a byte that bytecode allocates
keep_heap = None
_event_ns = 0
_allocated = 0
# Bytecode of the image says what it costs (`spend`). Where other code may run it is charged by its jumps, and those
# of the image are not: each stretch ends in one at most.
uncounted = 1  # whether such code may run now
foreign = 0  # whether it may run in callbacks, too, from now on
_credit = False  # the next jump belongs to a stretch that was charged
CHARGE = " charge"  # as ../../charging.py names it
