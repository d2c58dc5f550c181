# The keyboard interrupt: raised at the next jump, or held back from the code of a file system.


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
