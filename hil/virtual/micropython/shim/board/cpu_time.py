# CPU time: what a stretch of the image says it costs, and what other code is charged for its jumps.


@micropython.native
def spend(ns):
    """Take what the stretch of the image that begins here costs."""
    global now
    now += ns
    if now >= horizon:
        _overdue(ns)


@micropython.native
def _spend_among_others(ns):
    """Do the same where other code is charged by its jumps."""
    global now, _credit
    _credit = True
    now += ns
    if now >= horizon:
        _overdue(ns)


@micropython.native
def _overdue(ns):
    """Let happen what happens to the board while a stretch goes on, and add its time anew."""
    global now
    if quiet or _in_irq:
        return
    now -= ns
    enter()
    work_among_interrupts(ns)
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
        if (now >= horizon or total > heap_due) and not _in_irq:
            _held_back += 1
            enter()
            call(SYNC)
            leave()
            _held_back -= 1
            if _keyboard and not (_locked or _held_back):
                _interrupt_firmware()
    _schedule(_tick, None)
