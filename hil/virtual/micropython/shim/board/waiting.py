# Charging what a function of the port costs; sleeping until a time, or until something happens; and holding back what
# happens.


@micropython.native
def charge(name):
    """Charge what a function of the port costs beyond its call."""
    global now
    now += call_ns[name]


@micropython.native
def work(name, n=1):
    """Charge what takes the port long, so many times: interrupts break into it, callbacks do not.

    To be called before there is anything in a request: a handler's own would replace it.
    """
    global now
    ns = call_ns[name] * n
    if _in_irq or now + ns < horizon:
        now += ns
    else:
        work_among_interrupts(ns)


_LEAST_STEP_NS = 1_000  # what is to happen now happens once time goes on


@micropython.native
def work_among_interrupts(ns):
    """Let time go by in which the processor works, and interrupts have their turn."""
    global now
    locked = lock(1)
    while ns and now + ns >= horizon:
        step = max(horizon - now, _LEAST_STEP_NS)
        if step > ns:
            step = ns
        now += step
        ns -= step
        call(SYNC)  # whose handlers take time of their own
    now += ns
    lock(locked)


_prefetched_frames = ()  # the places in a reply of the frames it tells of in advance
_prefetched_size = 0
_first_frame = None


def _tell_size(size):
    global _prefetched_frames, _prefetched_size, _first_frame
    view = memoryview(_reply_bytes)
    at = EVENT_AT + 24 + 8 * MAX_PREFETCHED
    _prefetched_frames = [view[at + size * i : at + size * (i + 1)] for i in range(MAX_PREFETCHED)]
    _first_frame = view[HEADER : HEADER + size]
    _prefetched_size = size


@micropython.native
def _skip(when):
    """Sleep until the next conversion that the last reply told of; returns whether it did."""
    global now, horizon, read_ahead, read_end, _prefetched, _taken, _n_pending
    r = _reply
    i = _taken
    due = r[_PREFETCHED + 3 + i]
    if now >= due or 0 <= when <= due:
        return False
    q = _request
    q[_SKIPPED + 2 * i] = now
    q[_SKIPPED + 2 * i + 1] = read_end
    read_end = 0
    now = due
    _taken = i + 1
    _prefetched -= 1
    horizon = r[_PREFETCHED + 3 + i + 1] if _prefetched else r[_PREFETCHED]
    size = r[_PREFETCHED + 2]
    if size != _prefetched_size:
        _tell_size(size)
    _first_frame[ALL] = _prefetched_frames[i]
    read_ahead = size
    _pending[_n_pending] = r[_PREFETCHED + 1]
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
    elif not _prefetched or deep or not _interrupt_ns or not _skip(when):
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
