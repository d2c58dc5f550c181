# Interrupts: running the handlers of those that came. The heap is locked meanwhile.


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
