# Inside MicroPython: the link to the simulator, virtual time, interrupts and the CPU-time model.
#
# The files of this folder are one module, `_board`: ../../shim_folder.py puts them together, and says why.
#
# One request is answered by one reply, both of fixed size. Between them the firmware runs as fast as the PC can, on a
# local time that the CPU model advances; the simulator never lets anything happen to the board at a time that the
# firmware has passed already: `horizon` says until when nothing will. The hot path allocates nothing, and is native
# code where the interpreter can make it: that is a third of the time of a frame, and native code takes no jumps that
# would be charged to the firmware.
#
# This file has the two frames. In place of the line NUMBERS come the numbers of ../../rpc.py.
import builtins
import os as _os
import sys
from array import array

import micropython
import uctypes

_micropython = micropython  # the real one: `schedule` stands in for its namesake later on
_schedule = _micropython.schedule
_mem_total = _micropython.mem_total

# NUMBERS
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
