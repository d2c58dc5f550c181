# Whose turn it is: the firmware's, or the shim's, whose instructions are free. And the question to the simulator, with
# whose answer everything comes back that happens to the board.


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
        total = _mem_total()
        ns = (total - _allocated) * allocation_ns
        if _in_irq or now + ns < horizon:
            now += ns
        else:
            work_among_interrupts(ns)
        if total > heap_due and not _in_irq:
            keep_heap()


@micropython.native
def leave():
    """Go back to the firmware's code; raises KeyboardInterrupt if the simulator asked for it."""
    global quiet, horizon, _allocated, _ticking, _deferred, _keyboard, _heap_locked
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
        full = now + (heap_due - _allocated + HEAP_MARGIN) * FASTEST_NS
        if full < horizon:
            horizon = full  # a stretch beyond it asks the simulator, and the heap is looked after
        if _in_irq or _heap_locks:
            _heap_locked = True
            _heap_lock()
    if interrupted:
        raise KeyboardInterrupt


@micropython.native
def call(op, a=0, b=0, c=0, size=0):
    """Ask the simulator; returns the value it answers. Between `enter` and `leave` only."""
    global now, stopped, horizon, read_ahead, read_end, _deferred, _prefetched, _taken, _keyboard
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
    _prefetched = -n if n < 0 else 0
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


@micropython.native
def reply_word(i):
    """Return an integer of those that the last reply brought along."""
    return _reply[HEADER // 8 + i]


def reply_size():
    """Return how many bytes of `data` the last reply filled."""
    return _reply[4]
