# Callbacks: what micropython.schedule queues, and the events of the BLE handler.


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
