"""A port of general-purpose pins.

ST RM0434, chapter "General-purpose I/Os (GPIO)"; reset values from ST's register description
(STM32WB55_CM4.svd), except that it repeats port B's OSPEEDR and PUPDR for ports without debug pins:
0 there, *assumed*. *Assumed*, too: a pin that nobody drives or pulls reads 0, and one that a
peripheral has (alternate function) reads what it is driven or pulled to from outside. LCKR locks
nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from eegrig.hil.virtual.chip.stm32wb.block import Block

__all__ = ["Gpio"]

MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
BSRR, LCKR, AFRL, AFRH, BRR = 0x18, 0x1C, 0x20, 0x24, 0x28
OUTPUT, ANALOG = 1, 3  # modes in MODER

# Port -> its pins, and MODER, OSPEEDR and PUPDR after reset: the debug pins PA13-15, PB3, PB4.
_PORTS = {
    "A": (0xFFFF, 0xABFF_FFFF, 0x0C00_0000, 0x6400_0000),
    "B": (0xFFFF, 0xFFFF_FEBF, 0x0000_00C0, 0x0000_0100),
    "C": (0xFFFF, 0xFFFF_FFFF, 0, 0),
    "D": (0xFFFF, 0xFFFF_FFFF, 0, 0),
    "E": (0x001F, 0x0000_03FF, 0, 0),
    "H": (0x000B, 0x0000_00CF, 0, 0),
}


class Gpio(Block):
    """A port: pins that are driven from outside, by the port itself, or pulled.

    Parameters
    ----------
    port : str
        One of A to E, and H.
    on_output : callable
        ``on_output(pin, level)``: the port puts out another level, or begins to. An open drain that
        is let go puts out 1.
    on_edge : callable
        ``on_edge(pin, level)``: IDR reads another level.
    """

    def __init__(
        self,
        port: str,
        *,
        on_output: Callable[[int, int], None],
        on_edge: Callable[[int, int], None],
    ) -> None:
        self.name = f"GPIO{port}"
        self.base = 0x4800_0000 + 0x400 * (ord(port) - ord("A"))
        self._pins, self._moder, self._ospeedr, self._pupdr = _PORTS[port]
        self._pairs = _doubled(self._pins)
        self._on_output = on_output
        self._on_edge = on_edge
        self._driven = self._high = 0
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does, without a call; who drives a pin goes on."""
        self._registers = {
            MODER: self._moder,
            OTYPER: 0,
            OSPEEDR: self._ospeedr,
            PUPDR: self._pupdr,
            IDR: 0,
            ODR: 0,
            LCKR: 0,
            AFRL: 0,
            AFRH: 0,
        }
        self._sort_pins()
        self._registers[IDR] = self._levels()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register; BSRR and BRR read 0."""
        return self._registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset == BSRR:  # where both are asked for, setting wins
            self._put_out(self._registers[ODR] & ~(value >> 16) | value & 0xFFFF)
        elif offset == BRR:
            self._put_out(self._registers[ODR] & ~value)
        elif offset == ODR:
            self._put_out(value)
        elif offset in (MODER, PUPDR):
            self._registers[offset] = value & self._pairs
            before = self._outputs
            self._sort_pins()
            self._tell(self._on_output, self._outputs & ~before, self._registers[ODR])
            self._settle()
        elif offset == OTYPER:
            self._registers[OTYPER] = value & self._pins
            self._settle()
        elif offset == OSPEEDR:
            self._registers[OSPEEDR] = value & self._pairs
        elif offset in (LCKR, AFRL, AFRH):
            self._registers[offset] = value

    def _put_out(self, value: int) -> None:
        value &= self._pins
        changed = (self._registers[ODR] ^ value) & self._outputs
        self._registers[ODR] = value
        if changed:
            self._tell(self._on_output, changed, value)
            self._settle()

    # ---- pins

    def drive(self, pin: int, level: int | None) -> None:
        """Drive a pin from outside, against whatever the port does; None lets go of it."""
        bit = 1 << pin
        self._driven = self._driven & ~bit if level is None else self._driven | bit
        self._high = self._high | bit if level else self._high & ~bit
        self._settle()

    def _sort_pins(self) -> None:
        """Note which pins are outputs, analog, pulled up: no access should look at all 16."""
        mode, pull = self._registers[MODER], self._registers[PUPDR]
        self._outputs = self._analog = self._pulled_up = 0
        for pin in range(16):
            bit, field = 1 << pin & self._pins, mode >> 2 * pin & 3
            if field == OUTPUT:
                self._outputs |= bit
            elif field == ANALOG:
                self._analog |= bit
            if pull >> 2 * pin & 3 == 1:
                self._pulled_up |= bit

    def _levels(self) -> int:
        odr = self._registers[ODR]
        strong = self._outputs & ~(self._registers[OTYPER] & odr)
        own = odr & strong | self._pulled_up & ~strong
        # The Schmitt trigger of an analog pin is off, and reads 0.
        return (self._high & self._driven | own & ~self._driven) & self._pins & ~self._analog

    def _settle(self) -> None:
        before = self._registers[IDR]
        levels = self._registers[IDR] = self._levels()
        if before != levels:
            self._tell(self._on_edge, before ^ levels, levels)

    @staticmethod
    def _tell(whom: Callable[[int, int], None], pins: int, levels: int) -> None:
        pin = 0
        while pins >> pin:
            if pins >> pin & 1:
                whom(pin, levels >> pin & 1)
            pin += 1


def _doubled(pins: int) -> int:
    """Return a mask of the two bits that each pin has in MODER and its like."""
    return sum(3 << 2 * pin for pin in range(16) if pins >> pin & 1)
