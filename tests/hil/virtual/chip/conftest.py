"""A chip without files, and code for it."""

from collections.abc import Iterator

import pytest

from eegrig.hil.virtual.chip.chip import Chip
from eegrig.hil.virtual.chip.nrf52840 import RAM_BASE, Nrf52840


class Debugger:
    """Drives a chip's debug registers over its bus, as a debug probe does."""

    DHCSR, DCRSR, DCRDR, DEMCR, DFSR = 0xE000EDF0, 0xE000EDF4, 0xE000EDF8, 0xE000EDFC, 0xE000ED30
    AIRCR = 0xE000ED0C
    KEY = 0xA05F0000

    def __init__(self, chip: Chip) -> None:
        self.chip = chip

    def read(self, address: int) -> int:
        return self.chip.bus.read(address, 4)

    def write(self, address: int, value: int) -> None:
        self.chip.bus.write(address, 4, value)

    def halt(self) -> None:
        self.write(self.DHCSR, self.KEY | 3)

    def resume(self) -> None:
        self.write(self.DHCSR, self.KEY | 1)

    def step(self) -> None:
        self.write(self.DHCSR, self.KEY | 5)

    def status(self) -> int:
        return self.read(self.DHCSR)

    def halted(self) -> bool:
        return bool(self.status() >> 17 & 1)

    def lockup(self) -> bool:
        return bool(self.status() >> 19 & 1)

    def get(self, register: int) -> int:
        self.write(self.DCRSR, register)
        return self.read(self.DCRDR)

    def set(self, register: int, value: int) -> None:
        self.write(self.DCRDR, value)
        self.write(self.DCRSR, 0x10000 | register)

    def system_reset(self, *, halt: bool = False) -> None:
        self.write(self.DEMCR, 1 if halt else 0)
        self.write(self.AIRCR, 0x05FA0004)

    def load(self, *halfwords: int, at: int = RAM_BASE) -> None:
        """Put code into RAM and the program counter on it."""
        self.halt()
        self.chip.bus.write_block(at, b"".join(h.to_bytes(2, "little") for h in halfwords))
        self.set(15, at)


@pytest.fixture
def chip() -> Iterator[Nrf52840]:
    chip = Nrf52840()
    yield chip
    chip.close()


@pytest.fixture
def debugger(chip) -> Debugger:
    return Debugger(chip)
