"""A serial port: USART1 and LPUART1, asynchronous. ST RM0434, chapters 36 and 37.

*Assumed*: the sender outside keeps to the rate set here, and makes no errors (PE, FE and NE never
rise); a byte reaches the shift register at once; enabling the transmitter sends no idle frame.
Not modelled: DMA, flow control, synchronous, LIN, IrDA and smartcard modes, breaks, character
match, receiver timeout.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine
from eegrig.hil.virtual.clock import NS_PER_S, Cancellable, Clock

__all__ = ["Usart"]

CR1, CR2, CR3, BRR, RQR = 0x00, 0x04, 0x08, 0x0C, 0x18
ISR, ICR, RDR, TDR, PRESC = 0x1C, 0x20, 0x24, 0x28, 0x2C
# CR1
UE, RE, TE, IDLEIE, RXNEIE, TCIE, TXEIE = 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7
PCE, M0, OVER8, M1, FIFOEN, TXFEIE, RXFFIE = (1 << bit for bit in (10, 12, 15, 28, 29, 30, 31))
# CR3
EIE, OVRDIS, TXFTIE, RXFTIE = 1, 1 << 12, 1 << 23, 1 << 28
# ISR
ORE, IDLE, RXNE, TC, TXE, BUSY = 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 16
TEACK, REACK, TXFE, RXFF, RXFT, TXFT = (1 << bit for bit in (21, 22, 23, 24, 26, 27))
# Flags that ICR clears, each with its own bit; TXFE and TCBGT are not kept here.
CLEARABLE = 0x0012_3B5F
RXFRQ, TXFRQ = 1 << 3, 1 << 4
# Register and bit that enable an interrupt, and the flags that then make it.
INTERRUPTS = (
    (CR1, RXNEIE, RXNE | ORE),
    (CR1, TXEIE, TXE),
    (CR1, TCIE, TC),
    (CR1, IDLEIE, IDLE),
    (CR3, EIE, ORE),
    (CR1, TXFEIE, TXFE),
    (CR1, RXFFIE, RXFF),
    (CR3, RXFTIE, RXFT),
    (CR3, TXFTIE, TXFT),
)

FIFO_DEPTH = 8
THRESHOLDS = (1, 2, 4, 6, 7, 8, 8, 8)  # RXFTCFG, TXFTCFG; the last two are reserved
PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256, 256, 256, 256, 256)
STOP_BITS = (1.0, 0.5, 2.0, 1.5)


class Usart(Block):
    """A USART or LPUART with a FIFO of 8 when FIFOEN is set, else of 1.

    Parameters
    ----------
    name, base
        As for `Block`.
    clock : Clock
        Virtual time.
    kernel_hz : callable
        The clock before PRESC.
    on_output : callable
        Takes what was sent, when its last stop bit is over.
    irq : InterruptLine
        The interrupt.
    low_power : bool
        An LPUART: BRR counts 256ths of a clock cycle.
    """

    def __init__(
        self,
        name: str,
        base: int,
        *,
        clock: Clock,
        kernel_hz: Callable[[], float],
        on_output: Callable[[bytes], None],
        irq: InterruptLine,
        low_power: bool = False,
    ) -> None:
        self.name, self.base = name, base
        self.polled = frozenset({ISR})
        self._clock = clock
        self._kernel_hz = kernel_hz
        self._on_output = on_output
        self._irq = irq
        self._low_power = low_power
        self._line = False
        self._sending: Cancellable | None = None
        self._arriving: Cancellable | None = None
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does; what is on the wires is lost."""
        self._registers = dict.fromkeys(range(0, 0x30, 4), 0)
        self._stop()

    def _stop(self) -> None:
        for call in (self._sending, self._arriving):
            if call is not None:
                call.cancel()
        self._sending = self._arriving = None
        self._flags = TC
        self._tx: deque[int] = deque()
        self._rx: deque[int] = deque()
        self._incoming: deque[int] = deque()
        self._update()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register; reading RDR takes a byte out of the receiver."""
        if offset == ISR:
            return self._status()
        if offset == RDR:
            byte = self._rx[0] if self._rx else self._registers[RDR]
            if self._rx:
                self._registers[RDR] = self._rx.popleft()
                self._update()
            return byte
        return self._registers.get(offset, 0)

    def peek(self, offset: int) -> int:
        """Return a register without taking a byte."""
        return self._registers[RDR] if offset == RDR else self.read(offset)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset == TDR:
            self._send(value & 0x1FF)
        elif offset == ICR:
            self._flags &= ~(value & CLEARABLE)
        elif offset == RQR:
            if value & RXFRQ:
                self._rx.clear()
            if value & TXFRQ:
                self._tx.clear()
        elif offset in (ISR, RDR):
            return
        elif offset in self._registers:
            was_on = self._registers[CR1] & UE
            self._registers[offset] = value
            if was_on and not self._registers[CR1] & UE:
                self._stop()  # what is under way is dropped, and the flags with it
        self._update()

    def _status(self) -> int:
        control, status = self._registers[CR1], self._flags
        depth = FIFO_DEPTH if control & FIFOEN else 1
        if self._rx:
            status |= RXNE
        if len(self._tx) < depth:
            status |= TXE
        if self._incoming:
            status |= BUSY
        if control & UE:
            status |= (TEACK if control & TE else 0) | (REACK if control & RE else 0)
        if control & FIFOEN:
            status |= (0 if self._tx else TXFE) | (RXFF if len(self._rx) == depth else 0)
            thresholds = self._registers[CR3]
            if len(self._rx) >= THRESHOLDS[thresholds >> 25 & 7]:
                status |= RXFT
            if depth - len(self._tx) >= THRESHOLDS[thresholds >> 29 & 7]:
                status |= TXFT
        return status

    def _update(self) -> None:
        status = self._status()
        level = any(
            self._registers[register] & enable and status & flags
            for register, enable, flags in INTERRUPTS
        )
        if level != self._line:
            self._line = level
            self._irq(level)

    # ---- time on the wire

    def _frame_ns(self) -> int:
        """Return how long a frame takes; 0 while no rate is set."""
        divider = self._registers[BRR]
        clock_hz = self._kernel_hz() / PRESCALERS[self._registers[PRESC] & 15]
        if self._low_power:
            clock_hz *= 256
        elif self._registers[CR1] & OVER8:
            clock_hz *= 2
            divider = divider & 0xFFF0 | divider << 1 & 0xF
        if not divider or not clock_hz:
            return 0
        bits = 1 + self._data_bits() + STOP_BITS[self._registers[CR2] >> 12 & 3]
        return round(bits * divider * NS_PER_S / clock_hz)

    def _data_bits(self) -> int:
        """Return the bits between start and stop, the parity bit among them."""
        control = self._registers[CR1]
        return 7 if control & M1 else 9 if control & M0 else 8

    def _send(self, data: int) -> None:
        control = self._registers[CR1]
        if not control & UE or not control & TE:
            return
        if len(self._tx) == (FIFO_DEPTH if control & FIFOEN else 1):
            self._tx.pop()  # TXE said that there is no room: overwritten
        self._tx.append(data)
        self._flags &= ~TC
        if self._sending is None:
            self._shift()

    def _shift(self) -> None:
        frame_ns = self._frame_ns()
        if self._tx and frame_ns:
            when_ns = self._clock.now_ns() + frame_ns
            self._sending = self._clock.call_at_ns(when_ns, self._sent, self._tx.popleft())

    def _sent(self, data: int) -> None:
        self._sending = None
        self._shift()
        if self._sending is None:
            self._flags |= TC
        self._update()
        bits = self._data_bits() - bool(self._registers[CR1] & PCE)
        self._on_output(bytes([data & (1 << bits) - 1 & 0xFF]))

    @property
    def arriving(self) -> int:
        """Number of bytes that are still to come from outside."""
        return len(self._incoming)

    def receive(self, data: bytes) -> None:
        """Let bytes come from outside, one after the other at the baud rate.

        Nobody hears them while the receiver is off: they are lost.
        """
        control = self._registers[CR1]
        if not data or not control & UE or not control & RE:
            return
        was_quiet = not self._incoming
        self._incoming.extend(data)
        if was_quiet:
            if self._arriving is not None:
                self._arriving.cancel()  # the line was about to count as idle
            self._await(self._arrived)

    def _await(self, callback: Callable[[], None]) -> None:
        frame_ns = self._frame_ns()
        self._arriving = None
        if frame_ns:
            self._arriving = self._clock.call_at_ns(self._clock.now_ns() + frame_ns, callback)
        else:
            self._incoming.clear()

    def _arrived(self) -> None:
        data = self._incoming.popleft()
        if self._registers[CR1] & RE:
            self._take(data)
        self._await(self._arrived if self._incoming else self._quiet)
        self._update()

    def _take(self, data: int) -> None:
        if len(self._rx) < (FIFO_DEPTH if self._registers[CR1] & FIFOEN else 1):
            self._rx.append(data)
        elif self._registers[CR3] & OVRDIS:
            self._rx[-1] = data
        else:
            self._flags |= ORE  # what is in RDR stays

    def _quiet(self) -> None:
        self._arriving = None
        if self._registers[CR1] & RE:
            self._flags |= IDLE
        self._update()
