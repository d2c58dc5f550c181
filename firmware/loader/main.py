# Runs after boot.py: starts the application of the slot that boot.py chose. One that is new gets a
# single chance: unless it confirms itself, the next boot runs the old one again.
import sys

import machine
import slots

_TRIAL_TIMEOUT_MS = 8000  # a trial that hangs so long is reset


def _start():
    active, _, trial = slots.read()
    if trial == slots.TRIED:
        slots.write(active, slots.FAILED)
    if trial != slots.NEW:
        __import__("boot")
        __import__("main")
        return
    slots.write(active, slots.TRIED)
    try:
        slots.watchdog = machine.WDT(timeout=_TRIAL_TIMEOUT_MS)
        __import__("boot")
        __import__("main")
    except Exception as error:
        sys.print_exception(error)  # pyright: ignore[reportAttributeAccessIssue]  # MicroPython has it
    machine.reset()


if __name__ == "__main__":  # not where a slot without a `main` ends up here
    _start()
