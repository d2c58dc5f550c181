"""An SPI in master mode, full duplex, polled and by DMA. ST RM0434, chapter 38.

*Assumed*: by DMA all of a transfer goes out back to back, memory is read when it begins and
written when it ends (or at its half, if that interrupts), and the transmitting channel completes
with the last bit, not four bytes earlier; what does not fit a FIFO is lost; an empty one reads 0;
clearing SPE drops what is under way and what waits to be sent; the NSS pin is high.
Not modelled: slave, receive-only and half-duplex modes, CRC, NSS pulses, TI mode.
"""

from __future__ import annotations

from collections.abc import Callable

from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine
from eegrig.hil.virtual.chip.stm32wb.pins.dma import HTIE, DmaChannel, Dmamux
from eegrig.hil.virtual.clock import NS_PER_S, Cancellable, Clock

__all__ = ["Spi"]

CR1, CR2, SR, DR, CRCPR = 0x00, 0x04, 0x08, 0x0C, 0x10
# CR1
MSTR, SPE, LSBFIRST, SSI, SSM = 1 << 2, 1 << 6, 1 << 7, 1 << 8, 1 << 9
# CR2
RXDMAEN, TXDMAEN, ERRIE, RXNEIE, TXEIE = 1, 2, 1 << 5, 1 << 6, 1 << 7
FRXTH, LDMARX, LDMATX = 1 << 12, 1 << 13, 1 << 14
# SR
RXNE, TXE, MODF, OVR, BSY = 1, 2, 1 << 5, 1 << 6, 1 << 7

FIFO_SIZE = 4
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Transfer:
    """What DMA has on the wire."""

    def __init__(self, tx: DmaChannel, miso: bytes) -> None:
        self.tx = tx
        self.left = tx.remaining
        self.miso = miso


class Spi(Block):
    """An SPI master.

    Parameters
    ----------
    name, base
        As for `Block`.
    clock : Clock
        Virtual time.
    kernel_hz : callable
        PCLK, before BR divides it.
    exchange : callable
        ``exchange(mosi, sck_hz, mode) -> miso``: bytes as they pass on the wire from now on, most
        significant bit first; frames of up to 8 bits are a byte, others two.
    dmamux : Dmamux
        Where its requests go.
    irq : InterruptLine
        The interrupt.
    rx_request, tx_request : int
        Its requests' numbers; the defaults are SPI1's.
    """

    def __init__(
        self,
        name: str,
        base: int,
        *,
        clock: Clock,
        kernel_hz: Callable[[], float],
        exchange: Callable[[bytes, float, int], bytes],
        dmamux: Dmamux,
        irq: InterruptLine,
        rx_request: int = 6,
        tx_request: int = 7,
    ) -> None:
        self.name, self.base = name, base
        self._clock = clock
        self._kernel_hz = kernel_hz
        self._exchange = exchange
        self._dmamux = dmamux
        self._irq = irq
        self._rx_request, self._tx_request = rx_request, tx_request
        self._line = False
        self._call: Cancellable | None = None
        dmamux.watch(rx_request, self._rx_channel_enabled)
        dmamux.watch(tx_request, self._start)
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does."""
        self._cr1, self._cr2, self._crcpr, self._flags = 0, 0x700, 7, 0
        self._dr_was_read = self._modf_was_read = False
        self._rx = bytearray()
        self._stop()
        self._update()

    def _stop(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._transfer: _Transfer | None = None
        self._tx = bytearray()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register, DR by 16 bits."""
        if offset == SR:
            status = self._status()
            if self._dr_was_read:  # OVR goes by reading DR, then SR
                self._dr_was_read = False
                self._flags &= ~OVR
                self._update()
            self._modf_was_read = bool(status & MODF)
            return status
        if offset == DR:
            return self._pop(2)
        return self.peek(offset)

    def peek(self, offset: int) -> int:
        """Return a register without what reading it does."""
        if offset == CR1:
            return self._cr1
        if offset == CR2:
            return self._cr2
        if offset == SR:
            return self._status()
        if offset == DR:
            return int.from_bytes(self._rx[:2], "little")
        return self._crcpr if offset == CRCPR else 0

    def load(self, offset: int, size: int) -> int:
        """Read `size` bytes: a byte of DR is one frame, 16 bits are two of up to 8 bits."""
        return self._pop(size) if offset == DR else super().load(offset, size)

    def write(self, offset: int, value: int) -> None:
        """Write a register, DR by 16 bits."""
        if offset == CR1:
            self._write_control(value & 0xFFFF)
        elif offset == CR2:
            self._cr2 = value & 0x7FFF
            if self._cr2 & 0x0F00 < 0x0300:
                self._cr2 = self._cr2 & ~0x0F00 | 0x0700  # DS of less than 4 bits means 8
            self._receive(b"")
            self._start()
        elif offset == DR:
            self._push(value, 2)
        elif offset == CRCPR:
            self._crcpr = value & 0xFFFF
        self._update()

    def store(self, offset: int, size: int, value: int) -> None:
        """Write `size` bytes: a byte of DR is one frame, 16 bits are two of up to 8 bits."""
        if offset == DR:
            self._push(value, size)
            self._update()
        else:
            super().store(offset, size, value)

    def _write_control(self, value: int) -> None:
        if self._modf_was_read:  # MODF goes by reading SR, then writing CR1
            self._modf_was_read = False
            self._flags &= ~MODF
        if value & MSTR and value & SSM and not value & SSI:
            self._flags |= MODF
            value &= ~(SPE | MSTR)
        if self._cr1 & SPE and not value & SPE:
            self._stop()
        self._cr1 = value
        self._start()

    def _status(self) -> int:
        waiting = FIFO_SIZE if self._transfer is not None else len(self._tx)
        status = self._flags | min(waiting, 3) << 11 | min(len(self._rx), 3) << 9
        if waiting <= FIFO_SIZE // 2:
            status |= TXE
        if len(self._rx) >= (1 if self._cr2 & FRXTH else 2):
            status |= RXNE
        if self._call is not None:
            status |= BSY
        return status

    def _update(self) -> None:
        control, status = self._cr2, self._status()
        level = bool(
            (control & TXEIE and status & TXE)
            or (control & RXNEIE and status & RXNE)
            or (control & ERRIE and status & (OVR | MODF))
        )
        if level != self._line:
            self._line = level
            self._irq(level)

    # ---- FIFOs

    @property
    def _frame_size(self) -> int:
        """Bytes of a frame in the FIFOs."""
        return 1 if self._cr2 & 0x0F00 <= 0x0700 else 2

    def _push(self, value: int, size: int) -> None:
        n = 2 if size > 1 else self._frame_size
        if len(self._tx) + n <= FIFO_SIZE:
            self._tx += (value & (1 << 8 * n) - 1).to_bytes(n, "little")
            self._start()

    def _pop(self, size: int) -> int:
        n = 2 if size > 1 else self._frame_size
        value = int.from_bytes(self._rx[:n], "little")
        del self._rx[:n]
        self._dr_was_read = bool(self._flags & OVR)
        self._update()
        return value

    def _receive(self, data: bytes) -> None:
        """Give what came in to DMA, and what that does not take to the FIFO."""
        if self._cr2 & RXDMAEN:
            channel = self._dmamux.channel(self._rx_request)
            if channel is not None:
                data = bytes(self._rx) + data
                self._rx.clear()
                size = channel.item_size
                if self._cr2 & LDMARX and size == 2:
                    data += bytes(len(data) % 2)  # the last frame has half an item
                n = min(len(data) // size, channel.remaining) * size
                if n:
                    channel.write_memory(data[:n])
                data = data[n:]
        room = (FIFO_SIZE - len(self._rx)) // self._frame_size * self._frame_size
        self._rx += data[:room]
        if len(data) > room:
            self._flags |= OVR

    def _rx_channel_enabled(self) -> None:
        self._receive(b"")
        self._update()

    # ---- the wire

    def _start(self) -> None:
        """Put what is to be sent on the wire, if that is free."""
        if self._call is not None or self._cr1 & (SPE | MSTR) != SPE | MSTR:
            return
        if self._tx:
            data = bytes(self._tx[: self._frame_size])
            del self._tx[: self._frame_size]
            self._call = self._after(len(data), self._frame_over, self._wire(data))
        elif self._cr2 & TXDMAEN:
            channel = self._dmamux.channel(self._tx_request)
            if channel is not None:
                self._start_dma(channel)

    def _start_dma(self, channel: DmaChannel) -> None:
        data = channel.peek_memory(channel.remaining)
        if not data:
            return  # there is no such memory, which the channel has told
        if self._cr2 & LDMATX and channel.item_size == 2 and self._frame_size == 1:
            data = data[:-1]
        transfer = self._transfer = _Transfer(channel, self._wire(data))
        interrupts = channel.control
        if self._cr2 & RXDMAEN:
            rx_channel = self._dmamux.channel(self._rx_request)
            interrupts |= rx_channel.control if rx_channel is not None else 0
        half = (transfer.left + 1) // 2
        if interrupts & HTIE and half < transfer.left:
            size = half * channel.item_size
            self._call = self._after(size, self._half_over, transfer, half, len(data) - size)
        else:
            self._call = self._after(len(data), self._transfer_over, transfer)

    def _wire(self, data: bytes) -> bytes:
        """Exchange what is in FIFO order: little-endian frames."""
        sck_hz = self._kernel_hz() / (2 << (self._cr1 >> 3 & 7))
        return self._turned(self._exchange(self._turned(data), sck_hz, self._cr1 & 3))

    def _turned(self, data: bytes) -> bytes:
        """Turn FIFO order into wire order, or back."""
        if self._cr1 & LSBFIRST:
            return data.translate(REVERSED)
        if self._frame_size == 1:
            return data
        turned = bytearray(data)
        turned[::2], turned[1::2] = data[1::2], data[::2]
        return bytes(turned)

    def _after(self, size: int, callback: Callable[..., None], *args: object) -> Cancellable:
        """Call back when `size` bytes of the FIFO have passed on the wire."""
        bits = size // self._frame_size * ((self._cr2 >> 8 & 15) + 1)
        wire_ns = round(bits * (2 << (self._cr1 >> 3 & 7)) * NS_PER_S / self._kernel_hz())
        return self._clock.call_at_ns(self._clock.now_ns() + wire_ns, callback, *args)

    def _frame_over(self, miso: bytes) -> None:
        self._call = None
        self._receive(miso)
        self._start()
        self._update()

    def _half_over(self, transfer: _Transfer, half: int, rest: int) -> None:
        self._call = self._after(rest, self._transfer_over, transfer)
        self._move(transfer, half)

    def _transfer_over(self, transfer: _Transfer) -> None:
        self._call = self._transfer = None
        self._move(transfer, transfer.left)
        self._start()  # a circular channel goes on
        self._update()

    def _move(self, transfer: _Transfer, n: int) -> None:
        size = n * transfer.tx.item_size
        data, transfer.miso = transfer.miso[:size], transfer.miso[size:]
        transfer.left -= n
        if transfer.tx.armed:  # else it was disabled meanwhile
            transfer.tx.advance(n)
        self._receive(data)
        self._update()
