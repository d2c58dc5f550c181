"""What the firmware's instructions cost: CPU time of MicroPython on a 64 MHz Cortex-M4.

No interpreter on a PC can tell how long a microcontroller takes. The stock interpreter does tell
how often it jumps and how many bytes it allocates; what lies between two jumps is counted in the
bytecode (`hil.virtual.micropython.bytecode`). The prices are fitted to published runs of
MicroPython's own benchmarks on five boards; no board of ours was measured, so every figure that
rests on them carries `UNCERTAINTY`. A measurement on a real board replaces this file and nothing
else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hil.virtual.micropython.bytecode import Events, Function

__all__ = ["ASSUMPTIONS", "UNCERTAINTY", "CpuModel"]

# Cycles per event at 64 MHz on an nRF52840 or an STM32WB55 (scale 1.05 on the STM32F405 fit of 13
# benchmarks and 6 loops, leave-one-out error x/÷ 1.22): MicroPython commit f2040bfc7e, pull
# requests #16015, #18069 and #18073, shaoziyang/micropython_benchmarks 1.9.4-479.
_CYCLES = Events(
    jumps=139, operations=166, attributes=292, subscripts=258, calls=1347, iterations=315
)
# 597 cycles per allocation, amortised collection included; an object is about 32 bytes on the
# 64-bit interpreter that runs here.
_CYCLES_PER_BYTE = 597 / 32

UNCERTAINTY = 1.5
"""One-sigma geometric factor of CPU time: 1.35 for prices and board, the rest for counting a
handler's branches once each."""

ASSUMPTIONS = (
    "CPU time of MicroPython is priced per bytecode event, fitted to published benchmarks of other "
    "boards (x/÷ 1.5)",
    "hard interrupt latency 18 µs (10 to 40), notify call 200 µs (x/÷ 2), SPI call 15 µs plus the "
    "transfer (8 to 30)",
)

# Microseconds on top of the call itself, which the bytecode counts.
_API_US = {
    "spi": 8.0,  # 15 µs in all for a transfer (8 to 30), derived
    "gatts_notify": 200.0,  # mynewt-nimble #1870: 300 µs for 240 bytes on an unnamed MCU
    "gatts_read": 20.0,  # assumed
    "gatts_write": 40.0,  # assumed
    "adc": 40.0,  # assumed: SAADC acquisition and driver
    "pin": 2.0,  # assumed
    "ticks": 1.0,  # assumed
    "sleep": 6.0,  # assumed: k_poll and the switch to the idle thread
    "idle": 4.0,  # assumed
    "flash_read": 10.0,  # assumed: a read of the block device with the file system's work on it
}
_IRQ_US = 18.0  # edge to handler, 10 to 40; derived from published figures of other ports
_DISPATCH_US = 10.0  # assumed: from the scheduler's queue to the first instruction


@dataclass(frozen=True)
class CpuModel:
    """Prices of one firmware image on one CPU.

    Attributes
    ----------
    clock_hz : float
        CPU clock.
    jump_ns : int
        Mean cost of what lies between two jumps, over the whole image, in nanoseconds.
    costs : dict of str to (int, int)
        By function name: cost of running its body once, in nanoseconds, and the jumps in it. For
        the handlers that interrupts and the scheduler start.
    """

    clock_hz: float
    jump_ns: int
    costs: dict[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of_functions(cls, functions: Iterable[Function], clock_hz: float) -> CpuModel:
        """Return the model of an image with these functions.

        Parameters
        ----------
        functions : iterable of Function
            From the image's ``.mpy`` files.
        clock_hz : float
            CPU clock in hertz.
        """
        costs: dict[str, tuple[int, int]] = {}
        total = Events()
        for function in functions:
            total += function.events
            cost = round(_cycles(function.events) / clock_hz * 1e9)
            if cost > costs.get(function.name, (0, 0))[0]:
                costs[function.name] = (cost, function.events.jumps)
        # Code that nobody could count is not free: time would stand still in an endless loop.
        cycles = max(_cycles(total), _CYCLES.jumps) / max(total.jumps, 1)
        jump_ns = round(cycles / clock_hz * 1e9)
        return cls(clock_hz, jump_ns, costs)

    def for_shim(self) -> str:
        """Return the figures as the Python literal that the shim reads."""
        return repr(
            {
                "jump_ns": self.jump_ns,
                "allocation_ns": round(_CYCLES_PER_BYTE / self.clock_hz * 1e9),
                "irq_ns": round(_IRQ_US * 1e3),
                "dispatch_ns": round(_DISPATCH_US * 1e3),
                "api_ns": {name: round(us * 1e3) for name, us in _API_US.items()},
                "costs": self.costs,
            }
        )


def _cycles(events: Events) -> float:
    return float(
        events.jumps * _CYCLES.jumps
        + events.operations * _CYCLES.operations
        + events.attributes * _CYCLES.attributes
        + events.subscripts * _CYCLES.subscripts
        + events.calls * _CYCLES.calls
        + events.iterations * _CYCLES.iterations
    )
