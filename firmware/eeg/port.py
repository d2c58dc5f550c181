# What differs between MicroPython's ports: how the CPU rests, how a notification is refused, how
# the battery is measured.
from time import sleep_ms, time

import machine

# stm32 stops all clocks but the calendar's in `lightsleep`, and an interrupt or the radio ends it.
# zephyr has no such function and rests in `sleep_ms`.
STOPS = hasattr(machine, "lightsleep")
# Both ports wait in a notification until the radio takes it. NimBLE, on stm32, may run out of
# memory for one (MP_ENOMEM in extmod/nimble/modbluetooth_nimble.c at 1c3c201149).
REFUSES = STOPS
ENOMEM = 12


# Every conversion wakes a CPU in `lightsleep`: that often, before the main loop has a look.
_WAKES = 16


def idle(ms, attention):
    """Rest for so long; where interrupts wake, for some wakes or until `attention.wanted`."""
    if not STOPS:
        sleep_ms(ms)
        return
    sleep = machine.lightsleep
    for _ in range(_WAKES):
        if attention.wanted:
            break
        sleep(ms)
    attention.wanted = False


def rest(seconds):
    """Sleep for so long, whatever happens meanwhile."""
    if STOPS:
        end = time() + seconds
        while time() < end:
            machine.lightsleep(1000)
    else:
        sleep_ms(seconds * 1000)


def i2c(bus, hz):
    """Return an I2C bus; zephyr has its clock from the devicetree, and refuses another."""
    return machine.I2C(bus, freq=hz) if STOPS else machine.I2C(bus)


def adc_microvolts(adc, reference_uv):
    """Return what an ADC reads; `reference_uv` is its full scale where the port cannot tell."""
    if STOPS:
        return adc.read_u16() * (reference_uv // 1000) // 65535 * 1000
    return adc.read_uv()
