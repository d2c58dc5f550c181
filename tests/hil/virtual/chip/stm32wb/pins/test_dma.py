"""DMA by register access: RM0434, chapters on DMA and DMAMUX."""

import pytest

from eegrig.hil.virtual.chip.bus import Bus, Memory
from eegrig.hil.virtual.chip.stm32wb.pins.dma import Dma, DmaChannel, Dmamux
from tests.hil.virtual.chip.stm32wb.fake_clock import Line

RAM = 0x2000_0000
ISR, IFCR = 0, 4
CCR, CNDTR, CPAR, CMAR = 8, 12, 16, 20  # channel 1; each further one is 20 further on
EN, TCIE, HTIE, TEIE, DIR, CIRC, PINC, MINC, MEM2MEM = 1, 2, 4, 8, 16, 32, 64, 128, 1 << 14
SPI1_RX, SPI1_TX = 6, 7  # request numbers, stm32wbxx_ll_dmamux.h


class System:
    def __init__(self) -> None:
        self.ram = bytearray(4096)
        self.bus = Bus()
        self.bus.memories.append(Memory(RAM, self.ram, plain=True))
        self.lines = [Line() for _ in range(14)]
        self.dma1 = Dma("DMA1", 0x4002_0000, bus=self.bus, irqs=self.lines[:7])
        self.dma2 = Dma("DMA2", 0x4002_0400, bus=self.bus, irqs=self.lines[7:])
        self.mux = Dmamux("DMAMUX1", 0x4002_0800, dmas=[self.dma1, self.dma2])

    def arm(self, control, n, *, index=0, cmar=RAM, cpar=0x4001_300C):
        at = 20 * index
        for register, value in ((CNDTR, n), (CPAR, cpar), (CMAR, cmar), (CCR, control | EN)):
            self.dma1.write(register + at, value)
        return self.dma1.channels[index]


def moved(channel: DmaChannel, n: int) -> bytes:
    """Move items from memory to the peripheral, as a peripheral does that takes no time."""
    data = channel.peek_memory(n)
    channel.advance(len(data) // channel.item_size)
    return data


@pytest.fixture
def system() -> System:
    return System()


def test_requests_find_the_channel_that_the_multiplexer_gives_them(system):
    system.mux.write(0x00, SPI1_RX)  # C0CR: DMA1 channel 1
    system.mux.write(0x1C, SPI1_TX)  # C7CR: DMA2 channel 1
    assert system.mux.read(0x1C) == SPI1_TX
    assert system.mux.channel(SPI1_RX) is None  # not enabled
    system.arm(MINC, 4)
    assert system.mux.channel(SPI1_RX) is system.dma1.channels[0]
    system.dma2.write(CNDTR, 1)
    system.dma2.write(CCR, DIR | EN)
    assert system.mux.channel(SPI1_TX) is system.dma2.channels[0]
    system.mux.write(0x00, 0)
    assert system.mux.channel(SPI1_RX) is None


def test_a_peripheral_may_wait_for_its_channel(system):
    told = []
    system.mux.watch(SPI1_RX, lambda: told.append(system.mux.channel(SPI1_RX)))
    system.mux.write(0x00, SPI1_RX)
    system.arm(MINC, 4, index=1)
    assert told == []
    system.arm(MINC, 4)
    assert told == [system.dma1.channels[0]]


def test_memory_to_peripheral_as_the_stock_port_has_it(system):
    system.ram[16:36] = bytes(range(20))
    system.arm(0x9A, 0x14, index=1, cmar=RAM + 16)  # CCR 0x9B, channel 2 (trace_spi)
    channel = system.dma1.channels[1]
    assert channel.peek_memory(20) == bytes(range(20))
    assert system.dma1.read(CNDTR + 20) == 20  # looking counts nothing
    assert moved(channel, 9) == bytes(range(9))
    assert system.dma1.read(CNDTR + 20) == 11
    assert system.dma1.read(ISR) == 0
    assert moved(channel, 11) == bytes(range(9, 20))
    assert system.dma1.read(CNDTR + 20) == 0
    assert system.dma1.read(ISR) == 0x70  # GIF2, TCIF2, HTIF2
    assert system.lines[1].level
    system.dma1.write(IFCR, 0x20)
    assert system.dma1.read(ISR) == 0x50
    assert not system.lines[1].level  # HTIE is off
    system.dma1.write(IFCR, 0x10)  # the global bit takes all
    assert system.dma1.read(ISR) == 0
    assert not channel.armed  # still enabled, but there is nothing left
    assert system.dma1.read(CCR + 20) & EN


def test_peripheral_to_memory_with_half_interrupt(system):
    channel = system.arm(MINC | HTIE | TCIE, 5, cmar=RAM + 7)
    channel.write_memory(b"ab")
    assert system.dma1.read(ISR) == 0
    channel.write_memory(b"c")
    assert system.dma1.read(ISR) == 5  # half of 5 is there with the third
    assert system.lines[0].level
    system.dma1.write(IFCR, 4)
    assert not system.lines[0].level
    channel.write_memory(b"de")
    assert system.dma1.read(ISR) == 3
    assert system.ram[6:13] == b"\0abcde\0"


def test_without_increment_one_place_serves_all(system):
    system.ram[0] = 0x5A
    assert moved(system.arm(DIR, 3), 3) == b"ZZZ"
    channel = system.arm(0, 3, index=2)
    channel.write_memory(b"xyz")
    assert system.ram[:2] == b"z\0"


@pytest.mark.parametrize(
    ("sizes", "seen"),
    [
        (0x000, b"\x01\x02"),  # byte to byte
        (0x100, b"\x01\0\x02\0"),  # memory 8, peripheral 16: filled with zeros
        (0x400, b"\x01\x03"),  # memory 16, peripheral 8: the low half
        (0x600, b"\x01\x02\0\0\x03\x04\0\0"),  # memory 16, peripheral 32
    ],
)
def test_sizes_may_differ(system, sizes, seen):
    # RM0434: programmable data width.
    system.ram[:4] = b"\x01\x02\x03\x04"
    assert moved(system.arm(DIR | MINC | sizes, 2), 2) == seen


def test_narrow_items_are_widened_in_memory(system):
    system.arm(MINC | 0x800, 2).write_memory(b"\x01\x02")  # MSIZE 32, PSIZE 8
    assert system.ram[:8] == b"\x01\0\0\0\x02\0\0\0"


def test_circular_begins_again(system):
    system.ram[:4] = b"abcd"
    channel = system.arm(DIR | MINC | CIRC, 4)
    moved(channel, 4)
    assert system.dma1.read(CNDTR) == 4
    assert system.dma1.read(ISR) == 7
    system.dma1.write(IFCR, 1)
    assert moved(channel, 2) == b"ab"
    assert system.dma1.read(ISR) == 5


def test_memory_to_memory_needs_no_request(system):
    system.ram[:8] = b"abcdefgh"
    # From CPAR to CMAR (DIR 0), half-words both ways.
    system.arm(MEM2MEM | PINC | MINC | 0x500 | TCIE, 4, cpar=RAM, cmar=RAM + 100)
    assert system.ram[100:108] == b"abcdefgh"
    assert system.lines[0].level
    system.arm(MEM2MEM | DIR | PINC | MINC, 2, index=1, cpar=RAM + 200, cmar=RAM + 4)
    assert system.ram[200:203] == b"ef\0"


def test_where_nothing_answers_the_channel_stops(system):
    channel = system.arm(MINC | TEIE, 4, cmar=0x6000_0000)
    channel.write_memory(b"ab")
    assert system.dma1.read(ISR) == 9
    assert system.lines[0].level
    assert not system.dma1.read(CCR) & EN
    channel = system.arm(DIR | MINC, 4, index=1, cmar=0x6000_0000)
    assert moved(channel, 4) == b""
    assert system.dma1.read(ISR) >> 4 == 9


def test_an_enabled_channel_keeps_its_settings(system):
    system.arm(MINC, 4)
    system.dma1.write(CNDTR, 9)
    system.dma1.write(CMAR, 0)
    system.dma1.write(CPAR, 0)
    system.dma1.write(CCR, EN | TCIE | DIR)
    assert system.dma1.read(CNDTR) == 4
    assert system.dma1.read(CMAR) == RAM
    assert system.dma1.read(CPAR) == 0x4001_300C
    assert system.dma1.read(CCR) == EN | TCIE | MINC


def test_reset_clears_everything(system):
    system.mux.write(0, SPI1_RX)
    system.arm(MINC | TCIE, 1).write_memory(b"a")
    assert system.lines[0].level
    system.dma1.reset()
    system.mux.reset()
    assert not system.lines[0].level
    registers = (ISR, CCR, CNDTR, CPAR, CMAR, 0x94, 0xA8)
    assert [system.dma1.read(register) for register in registers] == [0] * 7
    assert system.mux.read(0) == 0


def test_memory_to_memory_where_nothing_answers(system):
    system.arm(MEM2MEM | PINC | MINC, 4, cpar=0x6000_0000)
    assert system.dma1.read(ISR) == 9
    assert system.dma1.read(CNDTR) == 4


def test_the_request_generators_are_storage(system):
    system.mux.write(0x10C, 0x1F)
    assert system.mux.read(0x10C) == 0x1F
    assert system.mux.read(0x140) == 0
