# Inside MicroPython: the link to the simulator, virtual time, interrupts and the CPU-time model.
#
# One request is answered by one reply, both of fixed size (the numbers are those of ../rpc.py). Between them
# the firmware runs as fast as the PC can, on a local time that the CPU model advances; the simulator never
# lets anything happen to the board at a time that the firmware has passed already: `horizon` says until when
# nothing will. The hot path allocates nothing, and is native code where the interpreter can make it: that is
# a third of the time of a frame, and native code takes no jumps that would be charged to the firmware.
#
# Over 500 lines: what runs in the hot path reaches its neighbours as globals of one module, without a lookup.
import builtins
import os as _os
import sys
from array import array

import micropython
import uctypes

_micropython = micropython  # the real one: `schedule` stands in for its namesake later on
_schedule = _micropython.schedule
_mem_total = _micropython.mem_total

FRAME = 2048
HEADER = 64
EVENT_AT = 1024 + HEADER
IRQ_AT = FRAME - 32
MAX_COMING = 16
SKIPPED_AT = FRAME - MAX_COMING * 16

(
    HELLO,
    SYNC,
    WAIT,
    SPI,
    PIN_WRITE,
    PIN_READ,
    PIN_IRQ,
    ADC,
    FLASH_ERASE,
    FLASH_WRITE,
    RESET,
    BLE_ACTIVE,
    BLE_REGISTER,
    BLE_ADVERTISE,
    BLE_READ,
    BLE_WRITE,
    BLE_BUFFER,
    BLE_NOTIFY,
    BLE_DISCONNECT,
    WDT,
    REPL,
    TIMER,
    SLEEP_RESET,
    I2C,
    PWM,
    BLE_ANSWER,
    BLE_CONFIG,
    BLE_INDICATE,
    BLE_SCAN,
    BLE_CONNECT,
    BLE_DISCOVER,
    BLE_REMOTE_READ,
    BLE_REMOTE_WRITE,
    BLE_EXCHANGE_MTU,
    BLE_PAIR,
    BLE_PASSKEY,
    BLE_CHANNEL,
    CONSOLE_READ,
    CONSOLE_WRITE,
    CONSOLE_INTERRUPT_CHAR,
    RANDOM,
) = range(41)
_SCAN_RESULT = 5
INTERRUPTED = -1000  # a blocking request came back early, to let an interrupt run: ask again
FOREVER = -1
IDLE, STOP = range(2)  # how deep `wait_until` sleeps: CPU clock off, all clocks off

# Both frames are arrays of 64-bit integers, for their headers, and byte buffers, for their payload.
# Type "l": reading an element of type "q" makes a new object, whatever its value.
_request = array("l", bytes(FRAME))
_reply = array("l", bytes(FRAME))
_request_bytes = uctypes.bytearray_at(uctypes.addressof(_request), FRAME)
_reply_bytes = uctypes.bytearray_at(uctypes.addressof(_reply), FRAME)
out = memoryview(_request_bytes)[HEADER:SKIPPED_AT]
data = memoryview(_reply_bytes)[HEADER:EVENT_AT]
_event = memoryview(_reply_bytes)[EVENT_AT:IRQ_AT]


class _Slicer:
    def __getitem__(self, key):
        return key


ALL = _Slicer()[:]  # x[ALL] is x[:], without a new object for every use in native code

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
_coming = 0
_taken = 0
_COMING = EVENT_AT // 8
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
HOST_WORK = 255
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
own_bytes = 0  # of the heap that are the shim's
_event_ns = 0
_allocated = 0
# Bytecode of the image says what it costs (`spend`). Where other code may run it is charged by its jumps, and those
# of the image are not: each stretch ends in one at most.
uncounted = 1  # whether such code may run now
foreign = 0  # whether it may run in callbacks, too, from now on
_credit = False  # the next jump belongs to a stretch that was charged
CHARGE = " charge"  # as ../charging.py names it


def configure(figures):
    """Take the figures of the CPU model."""
    global jump_ns, allocation_ns, _interrupt_ns, _dispatch_ns, _host_work_ns, _event_ns
    jump_ns = figures["jump_ns"]
    allocation_ns = figures["allocation_ns"]
    call_ns.update(figures["call_ns"])
    _interrupt_ns = call_ns["interrupt"]
    _dispatch_ns = call_ns["dispatch"]
    _host_work_ns = call_ns["packet_completed"]
    _event_ns = call_ns["ble_event"]


def take_slot():
    """Return a slot for an interrupt handler; one that was given back if no interrupt of its old owner may come."""
    if not _n_pending:
        for slot in range(len(handlers)):
            if handlers[slot] is False:
                handlers[slot] = None
                return slot
    if len(handlers) == HOST_WORK:
        raise MemoryError("no room for another interrupt handler")
    handlers.append(None)
    return len(handlers) - 1


def give_slot(slot):
    """Give a slot back."""
    handlers[slot] = False
    once[slot] = 0


def connect(read_fd, write_fd):
    """Open the two pipes to the simulator."""
    global _exchange_in, _exchange_out
    _exchange_in = open(read_fd, "rb").readinto
    _exchange_out = open(write_fd, "wb").write


@micropython.native
def enter():
    """Go from the firmware's code to the shim's: charge for what was allocated, stop counting."""
    global quiet, now, _heap_locked
    if _raising:
        _take_back()
    quiet += 1
    if quiet == 1:
        if _heap_locked:
            _heap_locked = False
            _heap_unlock()
        now += (_mem_total() - _allocated) * allocation_ns


@micropython.native
def leave():
    """Go back to the firmware's code; raises KeyboardInterrupt if the simulator asked for it."""
    global quiet, _allocated, _ticking, _deferred, _keyboard, _heap_locked
    interrupted = False
    if _deferred and quiet == 1:
        _deferred = False
        _attend()
        if _keyboard:
            interrupted = not (_in_irq or _locked or _held_back)
            _keyboard = _deferred = not interrupted
    quiet -= 1
    if not quiet:
        if uncounted and not _ticking and jump_ns:
            _ticking = True
            _schedule(_tick, None)
        _allocated = _mem_total()
        if _in_irq or _heap_locks:
            _heap_locked = True
            _heap_lock()
    if interrupted:
        raise KeyboardInterrupt


@micropython.native
def call(op, a=0, b=0, c=0, size=0):
    """Ask the simulator; returns the value it answers. Between `enter` and `leave` only."""
    global now, stopped, horizon, read_ahead, read_end, _deferred, _coming, _taken, _keyboard
    q = _request
    q[0] = op | _taken << 8
    q[1] = now
    q[2] = a
    q[3] = b
    q[4] = c
    q[5] = size
    q[6] = read_end
    read_end = 0
    r = _reply
    try:
        _exchange_out(q)
        left = FRAME - _exchange_in(r)
    except OSError:
        left = FRAME
    if left:
        _os.system("kill -9 $PPID")  # the simulator is gone: end, whatever the firmware catches
    now = r[0]
    horizon = r[1]
    value = r[2]
    read_ahead = r[6]
    if b and op == WAIT:
        stopped += now - q[1]  # before any handler reads the time
    if r[3]:
        _collect(r[3])
    _taken = 0
    n = r[5]
    _coming = -n if n < 0 else 0
    if n > 0:
        _take_event(bytes(_event[:n]))
    if r[7]:
        _keyboard = _deferred = True
    if r[4]:  # the caller takes its bytes out first: a handler's own request would replace them
        _deferred = True
    elif _n_pending or _queued or _ble_events:
        _attend()
    return value


@micropython.native
def _attend():
    """Run what the last reply brought along."""
    if _n_pending and not _in_irq and not _masked:
        _interrupt()
    if (_queued or _ble_events) and not _locked and not _in_irq and not _in_files:
        _dispatch()


@micropython.native
def _run_soon():
    """Have what is queued run at the firmware's next jump, or in its next call."""
    global horizon, _deferred
    horizon = 0  # a jump beyond the horizon asks the simulator, and runs what waits
    _deferred = True


def _take_event(event):
    """Queue an event for the handler; the ring buffer drops what it has no room for."""
    global _event_bytes
    size = len(event) - 2  # the question's number is ours
    if event_room and _event_bytes + size > event_room:
        # A scan result makes room for anything else, as the port does it.
        if event[0] == _SCAN_RESULT or not _ble_events or _ble_events[0][0] != _SCAN_RESULT:
            return
        _event_bytes -= len(_ble_events.pop(0)) - 2
    _event_bytes += size
    _ble_events.append(event)


def reply_size():
    """Return how many bytes of `data` the last reply filled."""
    return _reply[4]


@micropython.native
def _collect(n):
    global _n_pending
    for i in range(n):
        if _n_pending < 64:
            _pending[_n_pending] = _reply_bytes[IRQ_AT + i]
            _n_pending += 1


@micropython.native
def _interrupt():
    """Run the handlers of the interrupts that came, as the port would."""
    global _n_pending, _in_irq, now, quiet, callbacks
    i = 0
    while i < _n_pending:
        number = _pending[i]
        i += 1
        if number == HOST_WORK:
            now += _host_work_ns
            continue
        slot = handlers[number]
        if not slot:
            continue
        handler, argument, hard = slot
        if once[number]:
            argument._ended()
        if not hard:
            _enqueue(handler, argument)  # dropped when the queue is full, as on a board
            continue
        _in_irq = 1
        callbacks += 1
        now += _interrupt_ns
        was = quiet
        quiet = 1
        leave()
        try:
            handler(argument)
            quiet = was
            _end_of_handler()
        except BaseException as error:
            quiet = was
            _end_of_handler()
            sys.stdout.write("Uncaught exception in hard interrupt handler\n")
            sys.print_exception(error)
            if handlers[number] is slot:
                handlers[number] = None
        _in_irq = 0
    _n_pending = 0


@micropython.native
def _end_of_handler():
    global _heap_locked
    if _heap_locked:
        _heap_locked = False
        _heap_unlock()


@micropython.native
def heap_lock():
    """Stand in for micropython.heap_lock: what the shim itself needs is had all the same."""
    global _heap_locks, _heap_locked
    _heap_locks += 1
    if not _heap_locked:
        _heap_locked = True
        _heap_lock()


@micropython.native
def heap_unlock():
    """Stand in for micropython.heap_unlock; returns how often it is locked still."""
    global _heap_locks, _heap_locked
    if _heap_locks:
        _heap_locks -= 1
    if _heap_locked and not _heap_locks and not _in_irq:
        _heap_locked = False
        _heap_unlock()
    return _heap_locks + _in_irq


def free_heap():
    """Unlock the heap, whoever locked it: the code has ended, and the prompt needs it."""
    global _heap_locks
    _heap_locks = 0
    _end_of_handler()


@micropython.native
def _enqueue(function, argument):
    global _queued
    if _queued == DEPTH:
        return False
    i = (_head + _queued) % DEPTH
    entry = _queue[i]
    entry[0] = function
    entry[1] = argument
    _queued += 1
    return True


def set_depth(depth):
    """Make the scheduler's queue."""
    global DEPTH
    DEPTH = depth
    _queue.extend([[None, None] for _ in range(depth)])


@micropython.native
def schedule(function, argument):
    """Stand in for micropython.schedule."""
    if not _enqueue(function, argument):
        raise RuntimeError("schedule queue full")
    if not _in_irq and not _locked:
        _run_soon()


@micropython.native
def _dispatch():
    """Run what was scheduled; one callback never runs inside another.

    What callbacks schedule themselves waits for the firmware's next jump (py/scheduler.c, MicroPython 1c3c201149).
    """
    global _head, _queued, _locked, now, quiet, _event_bytes, callbacks
    _locked = 1
    left = _queued
    was = quiet
    turn = False
    while left or _ble_events:
        # In turns, as the port's queue is first in, first out: neither starves the other.
        turn = not turn
        callbacks += 1
        if left and (turn or not _ble_events):
            left -= 1
            function, argument = _queue[_head]
            _head = (_head + 1) % DEPTH
            _queued -= 1
            now += _dispatch_ns
        else:
            function, argument = ble_handler, _ble_events.pop(0)
            _event_bytes -= len(argument) - 2
            if function is None:
                continue
            now += _event_ns
        quiet = 1
        leave()
        try:
            function(argument)
            enter()
        except BaseException as error:
            quiet = was
            _end_of_handler()
            sys.print_exception(error)
        quiet = was
    _locked = 0
    if _queued:
        _run_soon()


@micropython.native
def charge(name):
    """Charge what a function of the port costs beyond its call."""
    global now
    now += call_ns[name]


@micropython.native
def charge_for(name, n):
    """Charge it so many times."""
    global now
    now += call_ns[name] * n


_told_frames = ()  # the places in a reply of the frames it tells of in advance
_told_size = 0
_first_frame = None


def _tell_size(size):
    global _told_frames, _told_size, _first_frame
    view = memoryview(_reply_bytes)
    at = EVENT_AT + 24 + 8 * MAX_COMING
    _told_frames = [view[at + size * i : at + size * (i + 1)] for i in range(MAX_COMING)]
    _first_frame = view[HEADER : HEADER + size]
    _told_size = size


@micropython.native
def _skip(when):
    """Sleep until the next conversion that the last reply told of; returns whether it did."""
    global now, horizon, read_ahead, read_end, _coming, _taken, _n_pending
    r = _reply
    i = _taken
    due = r[_COMING + 3 + i]
    if now >= due or 0 <= when <= due:
        return False
    q = _request
    q[_SKIPPED + 2 * i] = now
    q[_SKIPPED + 2 * i + 1] = read_end
    read_end = 0
    now = due
    _taken = i + 1
    _coming -= 1
    horizon = r[_COMING + 3 + i + 1] if _coming else r[_COMING]
    size = r[_COMING + 2]
    if size != _told_size:
        _tell_size(size)
    _first_frame[ALL] = _told_frames[i]
    read_ahead = size
    _pending[_n_pending] = r[_COMING + 1]
    _n_pending += 1
    _attend()
    return True


@micropython.native
def wait_until(when, deep=IDLE, console=0):
    """Sleep until a time, or for ever if negative, or until something happened; with `console`, until there is
    console input, too."""
    global _deferred
    if _n_pending and not _in_irq and not _masked:
        _interrupt()
        _deferred = True  # for who sleeps but once
    elif (_queued or _ble_events) and not _locked and not _in_irq:
        _dispatch()
        if (
            _queued and now >= horizon
        ):  # what callbacks schedule again and again must not hide the world
            call(SYNC)
    elif not _coming or deep or not _interrupt_ns or not _skip(when):
        call(WAIT, when, deep, console)


@micropython.native
def sleep_until(when):
    """Sleep until a time, running what happens on the way; a keyboard interrupt ends it."""
    while now < when:
        wait_until(when)
        if _keyboard and interruptible():
            break


@micropython.native
def lock(value):
    """Hold scheduled callbacks back, or let them come (at the next `leave`); returns the old state."""
    global _locked, _deferred
    old = _locked
    _locked = value
    if not value and (_queued or _ble_events):
        _deferred = True
    return old


def mask(value):
    """Hold interrupts back, or let them come; returns the old state."""
    global _masked
    old = _masked
    _masked = value
    if not value and _n_pending and not _in_irq:
        _interrupt()
        if _queued:
            _run_soon()
    return old


# --- the keyboard interrupt


def interruptible():
    """Say whether a keyboard interrupt would be raised here: not in a handler or a callback."""
    return not (_in_irq or _locked or _held_back)


def interrupted():
    """Say whether `leave` is going to raise KeyboardInterrupt."""
    return _keyboard and interruptible()


def forget_interrupt():
    """Drop a keyboard interrupt that came too late for the code it was meant for."""
    global _keyboard, _raising
    _keyboard = _raising = False
    _state.pending = 0


@micropython.native
def _take_back():
    """Keep a KeyboardInterrupt that was not raised yet out of the code that follows: `leave` raises it."""
    global _raising, _keyboard, _deferred
    _raising = False
    if _state.pending:
        _state.pending = 0
        _keyboard = _deferred = True


@micropython.native
def hold_back():
    """Keep keyboard interrupts and callbacks off the code of a block device: it runs inside a file system's C code.

    A callback there could use the same file system, whose state is half-way; on a board none runs before that code
    has returned.
    """
    global _held_back, _keyboard, _deferred, _in_files
    try:
        _in_files += 1
        _held_back += 1
        if _raising:
            _take_back()
    except KeyboardInterrupt:  # at the jump above, where this is bytecode
        _keyboard = _deferred = True


@micropython.native
def in_files():
    """Say whether a file system is at work: whoever asks is a hard interrupt's handler then."""
    return _in_files


def set_interrupt_char(char):
    """Stand in for micropython.kbd_intr."""
    enter()
    call(CONSOLE_INTERRUPT_CHAR, char)
    leave()


@micropython.native
def let_come():
    """End `hold_back`: what it took back is pending again, callbacks come at the next jump after the C code."""
    global _held_back, _in_files
    if _queued or _ble_events:
        _run_soon()
    _in_files -= 1
    if _keyboard and _held_back == 1 and not (_in_irq or _locked):
        _interrupt_firmware()
    _held_back -= 1  # no jump comes between this and the C code


def _interrupt_firmware():
    """Have KeyboardInterrupt raised at the next jump: whoever calls this is a callback, whose exceptions go nowhere."""
    global _keyboard, _raising
    _keyboard = False
    _raising = True
    _state.pending = id(KeyboardInterrupt())


# --- CPU time


@micropython.native
def spend(ns):
    """Take what the stretch of the image that begins here costs."""
    global now
    now += ns
    if now >= horizon:
        _overdue()


@micropython.native
def _spend_among_others(ns):
    """Do the same where other code is charged by its jumps."""
    global now, _credit
    _credit = True
    now += ns
    if now >= horizon:
        _overdue()


@micropython.native
def _overdue():
    """Let happen what happens to the board before the time that its code has come to."""
    if quiet or _in_irq:
        return
    enter()
    call(SYNC)
    leave()


@micropython.native
def expect(other_code):
    """Say whether code that does not tell what it costs (1) may run from here on, or not (0)."""
    global uncounted
    uncounted = other_code or foreign
    setattr(builtins, CHARGE, _spend_among_others if uncounted else spend)
    enter()
    leave()  # which sees to it that jumps are told of


def expect_anywhere():
    """Say that such code may run from here on, in callbacks too."""
    global foreign
    foreign = 1
    expect(1)


# A scheduled callback that schedules itself again runs at every jump the interpreter takes.


@micropython.native
def _tick(_):
    global now, _credit, _ticking, _held_back, _allocated
    if quiet or not uncounted:
        _ticking = False  # `leave` starts it again
        return
    if _credit:
        _credit = False
    else:
        total = _mem_total()
        now += jump_ns + (total - _allocated) * allocation_ns
        _allocated = total
        if now >= horizon and not _in_irq:
            _held_back += 1
            enter()
            call(SYNC)
            leave()
            _held_back -= 1
            if _keyboard and not (_locked or _held_back):
                _interrupt_firmware()
    _schedule(_tick, None)
