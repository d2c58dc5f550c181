"""The peripherals of one chip, wired to each other as ST RM0434 has them.

Positions in the vector table and DMA requests are the manual's (tables "vector table" and "DMAMUX
input mapping").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from eegrig.hil.virtual.chip.bus import Bus, RegisterPage
from eegrig.hil.virtual.chip.stm32wb.address_map import block_name, register_pages
from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine
from eegrig.hil.virtual.chip.stm32wb.clocks.iwdg import Iwdg
from eegrig.hil.virtual.chip.stm32wb.clocks.polling import Polls
from eegrig.hil.virtual.chip.stm32wb.clocks.pwr import Pwr
from eegrig.hil.virtual.chip.stm32wb.clocks.rcc import Rcc, ResetFlag
from eegrig.hil.virtual.chip.stm32wb.clocks.rtc import Rtc
from eegrig.hil.virtual.chip.stm32wb.clocks.tim import Tim
from eegrig.hil.virtual.chip.stm32wb.hsem import Hsem
from eegrig.hil.virtual.chip.stm32wb.ipcc import Ipcc
from eegrig.hil.virtual.chip.stm32wb.pins.adc import Adc
from eegrig.hil.virtual.chip.stm32wb.pins.dma import Dma, Dmamux
from eegrig.hil.virtual.chip.stm32wb.pins.exti import Exti
from eegrig.hil.virtual.chip.stm32wb.pins.gpio import Gpio
from eegrig.hil.virtual.chip.stm32wb.pins.spi import Spi
from eegrig.hil.virtual.chip.stm32wb.pins.syscfg import Syscfg
from eegrig.hil.virtual.chip.stm32wb.pins.usart import Usart
from eegrig.hil.virtual.chip.stm32wb.plain import Plain
from eegrig.hil.virtual.chip.stm32wb.rng import Rng
from eegrig.hil.virtual.chip.stm32wb.second_processor import SecondProcessor
from eegrig.hil.virtual.clock import Clock

__all__ = ["Surroundings", "System"]

PORTS = "ABCDEH"
PIN_LINES = 16
# EXTI lines of one interrupt -> its position in the vector table.
EXTI_POSITIONS: dict[tuple[int, ...], int] = {
    **{(line,): 6 + line for line in range(5)},
    tuple(range(5, 10)): 23,
    tuple(range(10, 16)): 40,
    (16, 31, 33): 1,
    (17,): 41,
    (18,): 2,
    (19,): 3,
}
RTC_ALARM_LINE, RTC_WAKEUP_LINE = 17, 19
DMA1_POSITIONS, DMA2_POSITIONS = range(11, 18), range(55, 62)
ADC1, RNG, HSEM, IPCC_RECEIVED, IPCC_FREED = 18, 53, 46, 44, 45
SPI1, USART1, LPUART1 = 34, 36, 37
TIM1_UPDATE, TIM1_TRIGGER, TIM1_COMPARE, TIM2 = 25, 26, 27, 28


class Surroundings(Protocol):
    """What is around the chip on its board.

    Attributes
    ----------
    vdda_v : float
        Its analogue supply, which is the converter's reference.
    """

    vdda_v: float

    def console_bytes(self, data: bytes) -> None:
        """Take what USART1 sends."""
        ...

    def output(self, port: str, pin: int, level: int) -> None:
        """Take the level that a pin puts out."""
        ...

    def spi(self, mosi: bytes, sck_hz: float, mode: int) -> bytes:
        """Exchange bytes on SPI1."""
        ...

    def volts(self, port: str, pin: int) -> float:
        """Return the voltage at a pin that the converter looks at."""
        ...

    def random(self, n: int) -> bytes:
        """Return so many octets of noise."""
        ...

    def unmodelled(self, name: str, address: int) -> None:
        """Take note of the first access to a peripheral that is not there."""
        ...


class System:
    """All peripherals.

    Parameters
    ----------
    bus : Bus
    clock : Clock
        The core's.
    outside : Surroundings
    interrupt : callable
        ``interrupt(position, asserted)``: an interrupt request, by position in the vector table.
    frequency_changed : callable
        Called with the core's new frequency in hertz.
    reset : callable
        Resets the system: the watchdog has bitten.
    table : callable
        Returns where the second processor's reference table is.
    polls : Polls
        Told of the core's accesses.
    more : sequence of Block
        Blocks that are there anyway: the flash interface.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        outside: Surroundings,
        *,
        interrupt: Callable[[int, bool], None],
        frequency_changed: Callable[[int], None],
        reset: Callable[[], None],
        table: Callable[[], int],
        polls: Polls,
        more: Sequence[Block] = (),
    ) -> None:
        def line(position: int) -> InterruptLine:
            return lambda asserted: interrupt(position, asserted)

        self._outside = outside
        self._polls = polls
        self._told: set[str] = set()
        bus.on_quiet = self._unmodelled
        self._timers: list[Tim] = []
        self.rcc = rcc = Rcc(clock, self._clocks_changed)
        self._frequency_changed = frequency_changed
        self.ipcc = Ipcc(line(IPCC_RECEIVED), line(IPCC_FREED))
        self.second_processor = SecondProcessor(
            bus, self.ipcc, clock, table=table, random=outside.random
        )
        self.pwr = Pwr(start_second_processor=self.second_processor.start)
        self.syscfg = Syscfg()
        requests = {lines: line(position) for lines, position in EXTI_POSITIONS.items()}
        self.exti = Exti(lines={one: each for lines, each in requests.items() for one in lines})
        self.ports = {port: self._port(port) for port in PORTS}
        self.dma1 = Dma("DMA1", 0x4002_0000, bus=bus, irqs=[line(n) for n in DMA1_POSITIONS])
        self.dma2 = Dma("DMA2", 0x4002_0400, bus=bus, irqs=[line(n) for n in DMA2_POSITIONS])
        self.dmamux = Dmamux("DMAMUX1", 0x4002_0800, dmas=(self.dma1, self.dma2))
        self.usart1 = Usart(
            "USART1",
            0x4001_3800,
            clock=clock,
            kernel_hz=lambda: rcc.kernel_hz(0, rcc.pclk2_hz),
            on_output=outside.console_bytes,
            irq=line(USART1),
        )
        self.lpuart1 = Usart(
            "LPUART1",
            0x4000_8000,
            clock=clock,
            kernel_hz=lambda: rcc.kernel_hz(10, rcc.pclk1_hz),
            on_output=lambda data: None,
            irq=line(LPUART1),
            low_power=True,
        )
        self.spi1 = Spi(
            "SPI1",
            0x4001_3000,
            clock=clock,
            kernel_hz=lambda: rcc.pclk2_hz,
            exchange=outside.spi,
            dmamux=self.dmamux,
            irq=line(SPI1),
        )
        self.adc = Adc(
            clock=clock,
            volts=outside.volts,
            vdda_v=outside.vdda_v,
            kernel_hz=lambda: rcc.sysclk_hz,
            irq=line(ADC1),
        )
        self.rtc = Rtc(
            clock=clock,
            wakeup=lambda level: self.exti.edge(RTC_WAKEUP_LINE, level),
            alarm=lambda level: self.exti.edge(RTC_ALARM_LINE, level),
        )
        self.rng = Rng(random=outside.random, clock=clock, irq=line(RNG))
        self.iwdg = Iwdg(clock=clock, reset=reset)
        self.hsem = Hsem(irq=line(HSEM))
        self._timers = self._make_timers(clock, line)
        self._plain: list[Block] = [
            self.syscfg, self.exti, *self.ports.values(), self.dma1, self.dma2, self.dmamux,
            self.usart1, self.lpuart1, self.spi1, self.adc, self.rng, self.iwdg, self.hsem,
            self.ipcc, Plain("USB", 0x4000_6800), Plain("USB SRAM", 0x4000_6C00),
            *self._timers,
        ]  # fmt: skip
        self._blocks = [*self._plain, self.rcc, self.pwr, self.rtc, *more]

    def pages(self) -> list[RegisterPage]:
        """Return what the bus has to have."""
        return register_pages(self._blocks, self._unmodelled, self._polls)

    def reset(self, flags: ResetFlag) -> None:
        """Do what a system reset does."""
        self.second_processor.reset()
        for block in self._plain:
            block.reset()
        self.pwr.reset()
        self.rtc.reset()
        self.rcc.reset(flags)

    def power_on_reset(self) -> None:
        """Do what power that comes does."""
        self.reset(ResetFlag.PIN)
        self.pwr.power_on_reset()
        self.rtc.backup_reset()
        self.rcc.power_on_reset()

    def _clocks_changed(self) -> None:
        self._frequency_changed(self.rcc.hclk_hz)
        for timer in self._timers:
            timer.clock_changed()

    def _port(self, port: str) -> Gpio:
        return Gpio(
            port,
            on_output=lambda pin, level: self._outside.output(port, pin, level),
            on_edge=lambda pin, level: self._edge(port, pin, level),
        )

    def _edge(self, port: str, pin: int, level: int) -> None:
        if self.syscfg.port_of(pin) == port:
            self.exti.edge(pin, level)

    def _make_timers(self, clock: Clock, line: Callable[[int], InterruptLine]) -> list[Tim]:
        """Return the timers; TIM1 shares two of its positions with TIM16 and TIM17."""
        rcc = self.rcc
        bus1, bus2 = (lambda: _timer_hz(rcc, rcc.pclk1_hz)), (lambda: _timer_hz(rcc, rcc.pclk2_hz))
        update, trigger = _Either(line(TIM1_UPDATE)), _Either(line(TIM1_TRIGGER))
        return [
            Tim(
                "TIM1",
                0x4001_2C00,
                clock=clock,
                hz=bus2,
                irq=update.line(0),
                cc_irq=line(TIM1_COMPARE),
            ),
            Tim("TIM2", 0x4000_0000, clock=clock, hz=bus1, irq=line(TIM2)),
            Tim("TIM16", 0x4001_4400, clock=clock, hz=bus2, irq=update.line(1)),
            Tim("TIM17", 0x4001_4800, clock=clock, hz=bus2, irq=trigger.line(1)),
        ]

    def _unmodelled(self, address: int) -> None:
        name = block_name(address)
        if name not in self._told:
            self._told.add(name)
            self._outside.unmodelled(name, address)


class _Either:
    """One interrupt that two peripherals request."""

    def __init__(self, line: InterruptLine) -> None:
        self._line = line
        self._levels = [False, False]

    def line(self, which: int) -> InterruptLine:
        def request(asserted: bool) -> None:
            self._levels[which] = asserted
            self._line(any(self._levels))

        return request


def _timer_hz(rcc: Rcc, pclk_hz: int) -> int:
    """Return the clock of timers on a bus: twice the bus's where that is divided (RM0434, RCC)."""
    return pclk_hz if pclk_hz == rcc.hclk_hz else 2 * pclk_hz
