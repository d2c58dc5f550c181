"""Who answers where (ST RM0434, memory map): blocks put together to pages of the bus.

What is not modelled reads 0 and swallows what is written; the first access to it is told, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eegrig.hil.virtual.chip.bus import RegisterPage
from eegrig.hil.virtual.chip.stm32wb.block import Block
from eegrig.hil.virtual.chip.stm32wb.clocks.polling import Polls

__all__ = ["NAMES", "block_name", "register_pages"]

PAGE, GRANULE = 0x1000, 0x200
BLOCK = 0x400
"""No peripheral that has registers here is longer (RM0434, memory map)."""
NAMES = {
    0x4000_0000: "TIM2",
    0x4000_2400: "LCD",
    0x4000_2800: "RTC",
    0x4000_2C00: "WWDG",
    0x4000_3000: "IWDG",
    0x4000_3800: "SPI2",
    0x4000_5400: "I2C1",
    0x4000_5C00: "I2C3",
    0x4000_6000: "CRS",
    0x4000_6800: "USB",
    0x4000_6C00: "USB SRAM",
    0x4000_7C00: "LPTIM1",
    0x4000_8000: "LPUART1",
    0x4000_9400: "LPTIM2",
    0x4001_0000: "SYSCFG",
    0x4001_0200: "COMP",
    0x4001_2C00: "TIM1",
    0x4001_3000: "SPI1",
    0x4001_3800: "USART1",
    0x4001_4400: "TIM16",
    0x4001_4800: "TIM17",
    0x4001_5400: "SAI1",
    0x4002_0000: "DMA1",
    0x4002_0400: "DMA2",
    0x4002_0800: "DMAMUX1",
    0x4002_3000: "CRC",
    0x4002_4000: "TSC",
    0x4800_0000: "GPIOA",
    0x4800_0400: "GPIOB",
    0x4800_0800: "GPIOC",
    0x4800_0C00: "GPIOD",
    0x4800_1000: "GPIOE",
    0x4800_1C00: "GPIOH",
    0x5004_0000: "ADC",
    0x5006_0000: "AES1",
    0x5800_0000: "RCC",
    0x5800_0400: "PWR",
    0x5800_0800: "EXTI",
    0x5800_0C00: "IPCC",
    0x5800_1000: "RNG",
    0x5800_1400: "HSEM",
    0x5800_1800: "AES2",
    0x5800_2000: "PKA",
    0x5800_4000: "FLASH",
    0x9000_0000: "QUADSPI",
}
"""First address of each peripheral."""


def block_name(address: int) -> str:
    """Return the name of the peripheral an address belongs to, or what is known of it.

    >>> block_name(0x4000_5404)
    'I2C1'
    >>> block_name(0x4000_0404)  # TIM3 of other chips
    'peripheral 0x40000400'
    """
    first = max((base for base in NAMES if base <= address), default=0)
    if first and address - first < BLOCK:
        return NAMES[first]
    return f"peripheral {address & ~(BLOCK - 1):#010x}"


class _Page:
    """A page of 4096 bytes with up to eight blocks in it."""

    size = PAGE

    def __init__(
        self,
        base: int,
        granules: dict[int, Block],
        unmodelled: Callable[[int], None],
        polls: Polls | None,
    ) -> None:
        self.base = base
        self._granules = granules
        self._unmodelled = unmodelled
        self._polls = polls

    def load(self, offset: int, size: int) -> int:
        block = self._granules.get(offset // GRANULE)
        if block is None:
            self._unmodelled(self.base + offset)
            return 0
        at = self.base + offset - block.base
        value = block.load(at, size)
        if self._polls is not None:
            if at in block.polled:
                self._polls.read(self.base + offset, value)
            else:
                self._polls.other()
        return value

    def store(self, offset: int, size: int, value: int) -> None:
        if self._polls is not None:
            self._polls.other()
        block = self._granules.get(offset // GRANULE)
        if block is None:
            self._unmodelled(self.base + offset)
        else:
            block.store(self.base + offset - block.base, size, value)


def register_pages(
    blocks: Iterable[Block], unmodelled: Callable[[int], None], polls: Polls | None = None
) -> list[RegisterPage]:
    """Return the pages of the bus that hold some blocks, and all others there are names for.

    Parameters
    ----------
    blocks : iterable of Block
    unmodelled : callable
        Called with the address of each access that no block answers.
    polls : Polls, optional
        What is told of a running core's accesses.
    """
    pages: dict[int, dict[int, Block]] = {base & ~(PAGE - 1): {} for base in NAMES}
    for block in blocks:
        for address in range(block.base, block.base + block.size, GRANULE):
            page = address & ~(PAGE - 1)
            pages.setdefault(page, {})[(address - page) // GRANULE] = block
    return [_Page(base, granules, unmodelled, polls) for base, granules in sorted(pages.items())]
