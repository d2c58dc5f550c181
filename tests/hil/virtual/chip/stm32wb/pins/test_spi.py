"""The SPI by register access: RM0434, chapter 38; sequences as in the trace of the stock port."""

import pytest

from eegrig.hil.virtual.chip.bus import Bus, Memory
from eegrig.hil.virtual.chip.stm32wb.pins.dma import Dma, Dmamux
from eegrig.hil.virtual.chip.stm32wb.pins.spi import Spi
from tests.hil.virtual.chip.stm32wb.fake_clock import FakeClock, Line

RAM = 0x2000_0000
CR1, CR2, SR, DR = 0, 4, 8, 12
RXNE, TXE, MODF, OVR, BSY = 1, 2, 0x20, 0x40, 0x80
# The stock port at 8 MHz: SSM, SSI, BR /8, MSTR, SPE; 8 bits, FRXTH.
MASTER_8_MHZ, BYTES = 0x354, 0x1700
BYTE_NS = 1000
# DMA1: channel 1 receives, channel 2 sends (ports/stm32/dma.c).
ISR, IFCR = 0, 4
CCR1, CNDTR1, CMAR1, CCR2, CNDTR2, CMAR2 = 0x08, 0x0C, 0x14, 0x1C, 0x20, 0x28


class System:
    def __init__(self) -> None:
        self.clock, self.line = FakeClock(), Line()
        self.ram = bytearray(4096)
        bus = Bus()
        bus.memories.append(Memory(RAM, self.ram, plain=True))
        self.lines = [Line() for _ in range(7)]
        self.dma = Dma("DMA1", 0x4002_0000, bus=bus, irqs=self.lines)
        mux = Dmamux("DMAMUX1", 0x4002_0800, dmas=[self.dma])
        mux.write(0, 6)
        mux.write(4, 7)
        self.exchanges: list[tuple[int, bytes, float, int]] = []
        self.spi = Spi(
            "SPI1",
            0x4001_3000,
            clock=self.clock,
            kernel_hz=lambda: 64e6,
            exchange=self.exchange,
            dmamux=mux,
            irq=self.line,
        )
        self.read, self.write = self.spi.read, self.spi.write
        self.load, self.store = self.spi.load, self.spi.store

    def exchange(self, mosi: bytes, sck_hz: float, mode: int) -> bytes:
        self.exchanges.append((self.clock.now_ns(), mosi, sck_hz, mode))
        return bytes(byte ^ 0xFF for byte in mosi)

    def arm_tx(self, n: int, control: int = 0x9B) -> None:
        self.dma.write(CNDTR2, n)
        self.dma.write(CMAR2, RAM)
        self.dma.write(CCR2, control)

    def arm_rx(self, n: int, control: int = 0x8B) -> None:
        self.dma.write(CNDTR1, n)
        self.dma.write(CMAR1, RAM + 0x800)
        self.dma.write(CCR1, control)

    def fifos(self) -> tuple[int, int]:
        status = self.read(SR)
        return status >> 11 & 3, status >> 9 & 3


@pytest.fixture
def spi() -> System:
    system = System()
    system.write(CR2, BYTES)
    system.write(CR1, MASTER_8_MHZ)
    return system


def test_reset_values(spi):
    spi.spi.reset()
    assert [spi.read(offset) for offset in (CR1, CR2, SR, DR, 0x10)] == [0, 0x700, 2, 0, 7]


def test_a_polled_byte_takes_eight_clocks(spi):
    spi.store(DR, 1, 0x61)
    assert spi.exchanges == [(0, b"a", 8e6, 0)]
    assert spi.read(SR) == BSY | TXE
    spi.clock.run_until(BYTE_NS - 1)
    assert spi.read(SR) == BSY | TXE
    spi.clock.run_until(BYTE_NS)
    assert spi.read(SR) == TXE | RXNE | 1 << 9  # FRLVL: a quarter
    assert spi.load(DR, 1) == 0x9E
    assert spi.read(SR) == TXE
    assert spi.clock.waiting == 0


def test_the_fifos_hold_four_bytes(spi):
    for byte in range(5):  # the first goes to the shift register
        spi.store(DR, 1, byte)
    assert spi.fifos() == (3, 0)
    assert not spi.read(SR) & TXE
    spi.store(DR, 1, 99)  # no room
    spi.clock.run_until(BYTE_NS)
    assert spi.fifos() == (3, 1)
    assert not spi.read(SR) & TXE  # three bytes are over a half
    spi.clock.run_until(4 * BYTE_NS)
    assert spi.fifos() == (0, 3)
    assert spi.read(SR) & TXE
    spi.clock.run_until(5 * BYTE_NS)
    assert spi.read(SR) & (OVR | BSY) == OVR
    assert [mosi for _, mosi, *_ in spi.exchanges] == [bytes([byte]) for byte in range(5)]
    assert [spi.load(DR, 1) for _ in range(4)] == [0xFF, 0xFE, 0xFD, 0xFC]
    assert spi.read(SR) & OVR  # reading DR, then SR clears it: this is that SR
    assert not spi.read(SR) & OVR


def test_sixteen_bit_accesses_pack_two_bytes(spi):
    spi.store(DR, 2, 0x4241)
    assert spi.exchanges[0][1] == b"A"
    spi.write(CR2, 0x700)  # without FRXTH two bytes make RXNE
    spi.clock.run_until(BYTE_NS)
    assert not spi.read(SR) & RXNE
    spi.clock.run_until(2 * BYTE_NS)
    assert spi.exchanges[1][:2] == (BYTE_NS, b"B")
    assert spi.read(SR) & RXNE
    assert spi.load(DR, 2) == 0xBDBE


def test_frames_of_sixteen_bits_go_out_high_byte_first(spi):
    spi.write(CR2, 0xF00)
    spi.store(DR, 2, 0x1234)
    assert spi.exchanges[0][1] == b"\x12\x34"
    spi.clock.run_until(2 * BYTE_NS - 1)
    assert not spi.read(SR) & RXNE
    spi.clock.run_until(2 * BYTE_NS)
    assert spi.load(DR, 2) == 0xEDCB


def test_the_least_significant_bit_may_go_first(spi):
    spi.write(CR1, MASTER_8_MHZ | 0x80)
    spi.store(DR, 1, 0x01)
    assert spi.exchanges[0][1] == b"\x80"
    spi.clock.run_until(BYTE_NS)
    assert spi.load(DR, 1) == 0xFE


@pytest.mark.parametrize(
    ("cr1", "sck_hz", "mode"), [(0x344, 32e6, 0), (0x37D, 250e3, 1), (0x346, 32e6, 2)]
)
def test_rate_and_mode_are_those_of_cr1(spi, cr1, sck_hz, mode):
    spi.write(CR1, cr1)
    spi.store(DR, 1, 0)
    assert spi.exchanges == [(0, b"\0", sck_hz, mode)]


def test_both_ways_by_dma_it_is_one_exchange_and_one_event(spi):
    spi.ram[:20] = bytes(range(20))
    spi.arm_rx(20)
    spi.write(CR2, 0x1701)
    spi.arm_tx(20)
    spi.write(CR2, 0x1721)  # ERRIE
    assert spi.exchanges == []
    spi.write(CR2, 0x1723)
    assert spi.exchanges == [(0, bytes(range(20)), 8e6, 0)]
    assert spi.clock.waiting == 1
    assert spi.read(SR) == BSY | 3 << 11
    spi.clock.run_until(20 * BYTE_NS - 1)
    assert spi.dma.read(ISR) == 0
    assert spi.ram[0x800:0x814] == bytes(20)
    spi.clock.run_until(20 * BYTE_NS)
    assert spi.ram[0x800:0x814] == bytes(0xFF - byte for byte in range(20))
    assert spi.dma.read(ISR) == 0x77
    assert [line.level for line in spi.lines[:2]] == [True, True]
    assert spi.read(SR) == TXE
    assert spi.clock.calls_made == 1
    assert not spi.line.history


def test_the_half_of_a_transfer_interrupts_if_it_is_asked_to(spi):
    spi.arm_rx(5, 0x8F)  # HTIE, as in the trace of the stock port
    spi.write(CR2, 0x1701)
    spi.arm_tx(5)
    spi.write(CR2, 0x1703)
    spi.clock.run_until(3 * BYTE_NS - 1)
    assert spi.dma.read(ISR) == 0
    spi.clock.run_until(3 * BYTE_NS)
    assert spi.dma.read(ISR) == 0x55
    assert spi.ram[0x800:0x805] == b"\xff\xff\xff\0\0"
    assert spi.read(SR) == BSY | 3 << 11
    spi.clock.run_until(5 * BYTE_NS)
    assert spi.dma.read(ISR) == 0x77
    assert spi.ram[0x800:0x805] == b"\xff" * 5
    assert len(spi.exchanges) == 1
    assert spi.clock.calls_made == 2


def test_sending_alone_by_dma_overruns_the_receiver(spi):
    spi.ram[:10] = b"0123456789"
    spi.arm_tx(10)
    spi.write(CR2, 0x1702)
    assert spi.exchanges == [(0, b"0123456789", 8e6, 0)]
    spi.clock.run_until(10 * BYTE_NS)
    assert spi.dma.read(ISR) == 0x70
    # What HAL clears afterwards: four bytes in the FIFO, and OVR.
    assert spi.read(SR) == TXE | RXNE | OVR | 3 << 9
    assert [spi.load(DR, 1) for _ in range(4)] == [0xFF - byte for byte in b"0123"]
    spi.read(SR)
    assert spi.read(SR) == TXE


def test_a_channel_that_is_enabled_last_starts_the_transfer(spi):
    spi.write(CR2, 0x1703)
    spi.arm_rx(2)
    spi.arm_tx(2)
    assert len(spi.exchanges) == 1
    spi.clock.run_until(2 * BYTE_NS)
    assert spi.dma.read(ISR) == 0x77


def test_a_polled_byte_may_be_received_by_dma(spi):
    spi.arm_rx(1)
    spi.write(CR2, 0x1701)
    spi.store(DR, 1, 0)
    spi.clock.run_until(BYTE_NS)
    assert spi.ram[0x800] == 0xFF
    assert spi.dma.read(ISR) == 7


def test_packed_dma_ends_with_half_an_item(spi):
    spi.ram[:3] = b"abc"
    spi.arm_rx(2, 0x58B)  # 16 bits on both sides
    spi.arm_tx(2, 0x59B)
    spi.write(CR2, 0x6703)  # LDMARX, LDMATX, no FRXTH
    assert spi.exchanges[0][1] == b"abc"
    spi.clock.run_until(3 * BYTE_NS)
    assert spi.ram[0x800:0x804] == b"\x9e\x9d\x9c\0"
    assert spi.dma.read(ISR) == 0x77


def test_a_circular_channel_goes_on(spi):
    spi.ram[:2] = b"ab"
    spi.arm_tx(2, 0xB1)
    spi.write(CR2, 0x1702)
    spi.clock.run_until(5 * BYTE_NS)
    assert [at for at, *_ in spi.exchanges] == [0, 2 * BYTE_NS, 4 * BYTE_NS]


def test_switched_off_it_drops_what_is_under_way(spi):
    spi.arm_tx(4)
    spi.write(CR2, 0x1702)
    spi.write(CR1, MASTER_8_MHZ & ~0x40)
    assert spi.read(SR) == TXE
    assert spi.clock.waiting == 0


def test_the_line_is_the_level_of_the_enabled_flags(spi):
    spi.write(CR2, BYTES | 0x80)
    assert spi.line.level
    spi.write(CR2, BYTES | 0x40)
    assert not spi.line.level
    spi.store(DR, 1, 0)
    spi.clock.run_until(BYTE_NS)
    assert spi.line.level
    spi.load(DR, 1)
    assert not spi.line.level


def test_selected_by_another_it_is_master_no_longer(spi):
    spi.write(CR2, BYTES | 0x20)
    spi.write(CR1, 0x254)  # SSM without SSI
    assert spi.read(CR1) == 0x210
    assert spi.line.level
    assert spi.read(SR) & MODF
    spi.write(CR1, MASTER_8_MHZ)
    assert not spi.read(SR) & MODF
    assert not spi.line.level


def test_narrow_accesses_to_other_registers_leave_the_rest(spi):
    spi.store(CR2, 1, 0x40)
    assert spi.read(CR2) == 0x1740
    spi.store(CR1, 2, 0x314)
    assert spi.load(CR1, 1) == 0x14
    spi.write(CR2, 0x1200)  # frames of less than 4 bits are not to be had
    assert spi.read(CR2) == 0x1700
    spi.write(0x10, 0x1021)  # CRCPR is storage
    assert spi.read(0x10) == 0x1021
    spi.store(SR, 2, 0)
    assert spi.read(SR) == TXE


def test_where_there_is_no_memory_nothing_is_sent(spi):
    spi.dma.write(CNDTR2, 4)
    spi.dma.write(CMAR2, 0x6000_0000)
    spi.dma.write(CCR2, 0x9B)
    spi.write(CR2, 0x1702)
    assert spi.exchanges == []
    assert spi.dma.read(ISR) == 0x90  # TEIF2
    assert spi.lines[1].level
    assert not spi.read(SR) & BSY
