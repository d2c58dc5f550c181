# What differs between MicroPython's ports, and how a module can tell.
import machine

# stm32 stops all clocks but the calendar's in `lightsleep`, and an interrupt or the radio ends it.
# zephyr has no such function and rests in `sleep_ms`.
STOPS = hasattr(machine, "lightsleep")
# Both ports wait in a notification until the radio takes it. NimBLE, on stm32, may run out of
# memory for one (MP_ENOMEM in extmod/nimble/modbluetooth_nimble.c at 1c3c201149).
REFUSES = STOPS
ENOMEM = 12


def i2c(bus, hz):
    """Return an I2C bus; zephyr has its clock from the devicetree, and refuses another."""
    return machine.I2C(bus, freq=hz) if STOPS else machine.I2C(bus)
