"""The port's heap: what lies in the heap of this computer's MicroPython, as the board's would."""
