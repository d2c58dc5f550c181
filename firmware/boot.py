# Runs first. An exception in an interrupt handler cannot allocate, so its traceback needs room set
# aside.
import micropython

micropython.alloc_emergency_exception_buf(100)
