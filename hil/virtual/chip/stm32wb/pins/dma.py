"""The DMA controllers and their request multiplexer. ST RM0434, chapters on DMA and DMAMUX.

A peripheral moves whole blocks at the times it knows, so that a transfer costs no event here.
*Assumed*: a memory-to-memory transfer takes no time; GIF is the or of the other flags of its
channel; HTIF comes with the item that completes the half.
Not modelled: priorities, synchronisation and request generators of the multiplexer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from eegrig.hil.virtual.chip.bus import Bus
from eegrig.hil.virtual.chip.signals import BusFault
from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine

__all__ = ["Dma", "DmaChannel", "Dmamux"]

ISR, IFCR = 0x00, 0x04
CCR, CNDTR, CPAR, CMAR = 0x00, 0x04, 0x08, 0x0C
FIRST, STRIDE = 0x08, 0x14
# ISR, of channel 1
GIF, TCIF, HTIF, TEIF = 1, 2, 4, 8
# CCR; the interrupt enables are where the flags are in ISR.
EN, TCIE, HTIE, TEIE, DIR, CIRC, PINC, MINC = (1 << bit for bit in range(8))
MEM2MEM = 1 << 14
CCR_MASK = 0x7FFF
LIVE = EN | TCIE | HTIE | TEIE  # what may change while EN is set

CXCR_MASK, REQUEST_MASK = 0x1FFF_033F, 0x3F
FIRST_GENERATOR, N_GENERATORS = 0x100 // 4, 4


class DmaChannel:
    """A channel of a controller: what a peripheral asks to move data.

    Amounts are items: what one request moves, PSIZE wide at the peripheral and MSIZE wide in
    memory. A peripheral looks (`peek_memory`) when a transfer begins and tells how far it is
    (`advance`) later.

    Attributes
    ----------
    remaining : int
        Items still to come (CNDTR).
    control : int
        CCR.
    on_enabled : callable or None
        Told when EN rises.
    """

    def __init__(self, bus: Bus, irq: InterruptLine) -> None:
        self._bus = bus
        self._irq = irq
        self._line = False
        self.on_enabled: Callable[[], None] | None = None
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does."""
        self.control = self.remaining = self._cpar = self._cmar = self.flags = 0
        self._reload = self._done = 0
        self._update()

    @property
    def armed(self) -> bool:
        """Whether it answers a request."""
        return bool(self.control & EN and self.remaining)

    @property
    def item_size(self) -> int:
        """Bytes of an item at the peripheral."""
        return 1 << min(self.control >> 8 & 3, 2)

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register of the channel."""
        if offset == CCR:
            return self.control
        if offset == CNDTR:
            return self.remaining
        return {CPAR: self._cpar, CMAR: self._cmar}.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register of the channel; most are read-only while EN is set."""
        if offset == CCR:
            self._write_control(value & CCR_MASK)
        elif not self.control & EN:
            if offset == CNDTR:
                self.remaining = value & 0xFFFF
            elif offset == CPAR:
                self._cpar = value
            elif offset == CMAR:
                self._cmar = value

    def _write_control(self, value: int) -> None:
        rises = value & EN and not self.control & EN
        self.control = value if not self.control & EN else self.control & ~LIVE | value & LIVE
        self._update()
        if not rises:
            return
        self._reload, self._done = self.remaining, 0
        if value & MEM2MEM:
            if self.remaining:
                self._move_memory()
        elif self.on_enabled is not None:
            self.on_enabled()

    def clear(self, flags: int) -> None:
        """Clear flags, all of them with GIF."""
        self.flags &= ~(15 if flags & GIF else flags)
        self._update()

    def _raise(self, flags: int) -> None:
        self.flags |= flags
        self._update()

    def _update(self) -> None:
        level = bool(self.flags & self.control & (TCIF | HTIF | TEIF))
        if level != self._line:
            self._line = level
            self._irq(level)

    # ---- transfers

    def peek_memory(self, n: int) -> bytes:
        """Return the next `n` items for the peripheral, and stay where it is.

        Empty if there is nothing at their address: a transfer error, which ends the transfer.
        """
        size, increment = self._memory_side
        try:
            data = self._load(self._cmar + self._done * size * increment, size, increment, n)
        except BusFault:
            self._fail()
            return b""
        return _resized(data, size, self.item_size)

    def write_memory(self, data: bytes) -> None:
        """Move items, no more than remain, from the peripheral to memory."""
        size, increment = self._memory_side
        n = len(data) // self.item_size
        data = _resized(data, self.item_size, size)
        try:
            self._store(self._cmar + self._done * size * increment, size, increment, data)
        except BusFault:
            self._fail()
            return
        self.advance(n)

    def advance(self, n: int) -> None:
        """Count `n` items, no more than remain, as moved: flags and interrupts."""
        if not n:
            return
        half_was_due = self._done * 2 < self._reload
        self._done += n
        self.remaining -= n
        flags = HTIF if half_was_due and self._done * 2 >= self._reload else 0
        if not self.remaining:
            flags |= TCIF
            if self.control & CIRC:
                self.remaining, self._done = self._reload, 0
        if flags:
            self._raise(flags)

    @property
    def _memory_side(self) -> tuple[int, int]:
        """Size of an item in memory, and whether the address grows."""
        return 1 << min(self.control >> 10 & 3, 2), self.control >> 7 & 1

    @property
    def _peripheral_side(self) -> tuple[int, int]:
        return self.item_size, self.control >> 6 & 1

    def _move_memory(self) -> None:
        source, target = (self._cpar, *self._peripheral_side), (self._cmar, *self._memory_side)
        if self.control & DIR:
            source, target = target, source
        try:
            data = self._load(*source, self.remaining)
            self._store(*target, _resized(data, source[1], target[1]))
        except BusFault:
            self._fail()
            return
        self.advance(self.remaining)

    def _fail(self) -> None:
        self.control &= ~EN
        self._raise(TEIF)

    def _load(self, address: int, size: int, increment: int, n: int) -> bytes:
        if self._bus.memory_at(address, size * n) is not None:
            if increment:
                return self._bus.read_block(address, size * n)
            return self._bus.read_block(address, size) * n
        reads = (self._bus.read(address + i * size * increment, size) for i in range(n))
        return b"".join(value.to_bytes(size, "little") for value in reads)

    def _store(self, address: int, size: int, increment: int, data: bytes) -> None:
        memory = self._bus.memory_at(address, len(data))
        if memory is not None and memory.plain and increment:
            self._bus.write_block(address, data)
            return
        for at in range(0, len(data), size):
            value = int.from_bytes(data[at : at + size], "little")
            self._bus.write(address + at * increment, size, value)


def _resized(data: bytes, size: int, wanted: int) -> bytes:
    """Make little-endian items narrower, or wider with zeros."""
    if size == wanted:
        return data
    narrow, fill = min(size, wanted), bytes(max(wanted - size, 0))
    return b"".join(data[at : at + narrow] + fill for at in range(0, len(data), size))


class Dma(Block):
    """A controller of seven channels.

    Parameters
    ----------
    name, base
        As for `Block`.
    bus : Bus
        Where the memory is.
    irqs : sequence of InterruptLine
        The interrupt of each channel.

    Attributes
    ----------
    channels : tuple of DmaChannel
        Channel 1 is the first.
    """

    def __init__(self, name: str, base: int, *, bus: Bus, irqs: Sequence[InterruptLine]) -> None:
        self.name, self.base = name, base
        self.channels = tuple(DmaChannel(bus, irq) for irq in irqs)

    def reset(self) -> None:
        """Set the registers as a system reset does."""
        for channel in self.channels:
            channel.reset()

    def read(self, offset: int) -> int:
        """Read a register."""
        if offset == ISR:
            flags = 0
            for index, channel in enumerate(self.channels):
                if channel.flags:
                    flags |= (channel.flags | GIF) << 4 * index
            return flags
        index, register = divmod(offset - FIRST, STRIDE)
        return self.channels[index].read(register) if 0 <= index < len(self.channels) else 0

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset == IFCR:
            for index, channel in enumerate(self.channels):
                if value >> 4 * index & 15:
                    channel.clear(value >> 4 * index & 15)
            return
        index, register = divmod(offset - FIRST, STRIDE)
        if 0 <= index < len(self.channels):
            self.channels[index].write(register, value)


class Dmamux(Block):
    """The multiplexer that gives each channel the request of one peripheral.

    Parameters
    ----------
    name, base
        As for `Block`.
    dmas : sequence of Dma
        Its channel 0 is channel 1 of the first, and so on through all.
    """

    def __init__(self, name: str, base: int, *, dmas: Sequence[Dma]) -> None:
        self.name, self.base = name, base
        self._channels = [channel for dma in dmas for channel in dma.channels]
        self._watchers: dict[int, Callable[[], None]] = {}
        for index, channel in enumerate(self._channels):
            channel.on_enabled = partial(self._enabled, index)
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does."""
        self._cxcr = [0] * len(self._channels)
        self._generators = [0] * N_GENERATORS
        self._routes: dict[int, list[DmaChannel]] = {}

    def read(self, offset: int) -> int:
        """Read a register; the flags of what is not modelled read 0."""
        index = offset // 4
        if index < len(self._cxcr):
            return self._cxcr[index]
        if 0 <= index - FIRST_GENERATOR < N_GENERATORS:
            return self._generators[index - FIRST_GENERATOR]
        return 0

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        index = offset // 4
        if index < len(self._cxcr):
            self._cxcr[index] = value & CXCR_MASK
            self._route()
        elif 0 <= index - FIRST_GENERATOR < N_GENERATORS:
            self._generators[index - FIRST_GENERATOR] = value

    def _route(self) -> None:
        self._routes = {}
        for control, channel in zip(self._cxcr, self._channels, strict=True):
            if control & REQUEST_MASK:
                self._routes.setdefault(control & REQUEST_MASK, []).append(channel)

    def channel(self, request: int) -> DmaChannel | None:
        """Return the channel that answers a request now."""
        for channel in self._routes.get(request, ()):
            if channel.armed:
                return channel
        return None

    def watch(self, request: int, callback: Callable[[], None]) -> None:
        """Call back whenever the channel of a request is enabled."""
        self._watchers[request] = callback

    def _enabled(self, index: int) -> None:
        watcher = self._watchers.get(self._cxcr[index] & REQUEST_MASK)
        if watcher is not None:
            watcher()
