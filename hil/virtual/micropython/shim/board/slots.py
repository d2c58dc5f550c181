# What is set before the board starts: the figures of the CPU model, the interrupts' slots, the pipes.


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
