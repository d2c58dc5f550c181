# Runs first. Part of the loader (docs/update.md): an update leaves these files alone.
import sys

import micropython
import slots

# An exception in an interrupt handler cannot allocate: its traceback needs room set aside.
micropython.alloc_emergency_exception_buf(100)
# First: a slot has a `boot` and a `main` of its own.
sys.path.insert(0, slots.path(slots.to_run()))
