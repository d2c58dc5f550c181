"""The serial ports by register access: RM0434, chapters 36 (USART) and 37 (LPUART)."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.pins.usart import Usart
from tests.hil.virtual.chip.stm32wb.fake_clock import FakeClock, Line

CR1, CR2, CR3, BRR, RQR, ISR, ICR, RDR, TDR, PRESC = 0, 4, 8, 12, 0x18, 0x1C, 0x20, 0x24, 0x28, 0x2C
ORE, IDLE, RXNE, TC, TXE = 8, 16, 32, 64, 128
UE_RE_TE_RXNEIE = 0x2D  # what the stock port writes to CR1 (notes, section 4)
# 64 MHz / 556 (0x22C) = 115108 baud; 10 bits of 556 cycles are 5560 cycles = 86875 ns.
FRAME_NS = 86_875


class Port:
    def __init__(self, *, low_power: bool = False) -> None:
        self.clock, self.line = FakeClock(), Line()
        self.sent: list[tuple[int, bytes]] = []
        self.usart = Usart(
            "USART1",
            0x4001_3800,
            clock=self.clock,
            kernel_hz=lambda: 64e6,
            on_output=lambda data: self.sent.append((self.clock.now_ns(), data)),
            irq=self.line,
            low_power=low_power,
        )
        self.read, self.write = self.usart.read, self.usart.write

    def has(self, flags: int) -> int:
        return self.read(ISR) & flags


@pytest.fixture
def port() -> Port:
    port = Port()
    port.write(BRR, 0x22C)
    port.write(CR1, UE_RE_TE_RXNEIE)
    return port


def test_status_after_reset_and_acknowledged_enables(port):
    assert Port().read(ISR) == 0xC0  # reset value
    assert port.read(ISR) == 0x6000C0  # with TEACK and REACK: what the port waits for
    port.write(CR1, 0xD)  # the bits follow TE and RE
    port.write(CR1, 0x9)
    assert port.has(0x60_0000) == 0x20_0000
    port.write(CR1, 0xC)  # UE off: neither
    assert port.read(ISR) == 0xC0


def test_bytes_take_their_time_on_the_wire(port):
    port.write(TDR, 0x41)
    assert port.has(TXE | TC) == TXE  # in the shift register already
    port.write(TDR, 0x42)
    assert port.has(TXE | TC) == 0
    port.clock.run_until(FRAME_NS - 1)
    assert port.has(TXE | TC) == 0
    port.clock.run_until(FRAME_NS)
    assert port.has(TXE | TC) == TXE
    port.clock.run_until(2 * FRAME_NS)
    assert port.has(TXE | TC) == TXE | TC
    assert port.sent == [(FRAME_NS, b"A"), (2 * FRAME_NS, b"B")]
    assert port.clock.waiting == 0  # an idle line costs nothing


@pytest.mark.parametrize(
    ("cr1", "cr2", "cycles"),
    [
        (0x0, 0x0000, 5560),  # 1 + 8 + 1
        (0x1000, 0x0000, 11 * 556),  # M0: 9 data bits
        (0x1000_0000, 0x0000, 9 * 556),  # M1: 7 data bits
        (0x0, 0x2000, 11 * 556),  # 2 stop bits
        (0x0, 0x1000, 5282),  # half a stop bit: 9.5 * 556
        (0x8000, 0x0000, 2760),  # OVER8: 0x22C is 0x228 = 552 half cycles
    ],
)
def test_the_frame_is_as_long_as_its_bits(cr1, cr2, cycles):
    port = Port()
    port.write(BRR, 0x22C)
    port.write(CR2, cr2)
    port.write(CR1, 0x9 | cr1)
    port.write(TDR, 0x41)
    port.clock.run_for(1_000_000)
    assert port.sent == [(round(cycles * 15.625), b"A")]


def test_a_low_power_port_counts_256ths_and_the_prescaler_divides():
    port = Port(low_power=True)
    # Of the stock port at 9600 baud (trace_uart): 256 * 32 MHz / 0xD0555 = 9600.0 baud.
    port.write(PRESC, 1)
    port.write(BRR, 0xD0555)
    port.write(CR1, 0x9)
    port.write(TDR, 0x55)
    port.clock.run_for(2_000_000)
    assert port.sent == [(1_041_666, b"U")]


def test_parity_takes_the_top_bit(port):
    port.write(CR1, 0x0)
    port.write(CR1, 0x409)  # PCE, 8 bits: 7 of data
    port.write(TDR, 0xC1)
    port.clock.run_for(FRAME_NS)
    assert port.sent[0][1] == b"A"


def test_received_bytes_come_one_after_the_other(port):
    port.usart.receive(b"hi")
    port.clock.run_until(FRAME_NS - 1)
    assert not port.has(RXNE)
    assert not port.line.level
    port.clock.run_until(FRAME_NS)
    assert port.has(RXNE)
    assert port.line.level
    assert port.usart.peek(RDR) == 0  # looking does not take
    assert port.read(RDR) == ord("h")
    assert not port.line.level
    port.clock.run_until(2 * FRAME_NS)
    assert port.usart.load(RDR, 1) == ord("i")
    assert not port.has(ORE | IDLE)
    port.clock.run_until(3 * FRAME_NS)  # one idle frame
    assert port.has(IDLE)
    assert port.clock.waiting == 0
    port.write(ICR, IDLE)
    assert not port.has(IDLE)


def test_a_byte_that_finds_no_room_is_lost_and_said_to_be(port):
    port.write(CR1, 0xD)
    port.usart.receive(b"abc")
    port.clock.run_for(3 * FRAME_NS)
    assert port.has(ORE)
    assert not port.line.level
    port.write(CR3, 1)  # EIE
    assert port.line.level
    port.write(ICR, ORE)
    assert not port.line.level
    assert port.read(RDR) == ord("a")
    assert not port.has(RXNE)


def test_overrun_detection_can_be_off(port):
    port.write(CR3, 1 << 12)
    port.usart.receive(b"ab")
    port.clock.run_for(2 * FRAME_NS)
    assert not port.has(ORE)
    assert port.read(RDR) == ord("b")


def test_the_idle_flag_waits_for_the_end_of_all(port):
    port.usart.receive(b"a")
    port.clock.run_until(FRAME_NS)
    port.read(RDR)
    port.clock.run_until(FRAME_NS + 1000)
    port.usart.receive(b"b")
    port.clock.run_until(2 * FRAME_NS + 1000)
    assert port.has(RXNE | IDLE) == RXNE


def test_the_line_is_the_level_of_the_enabled_flags(port):
    port.write(CR1, 0xD | TXE)  # TXEIE has the place of TXE
    assert port.line.level
    port.write(TDR, 1)
    port.write(TDR, 2)
    assert not port.line.level
    port.write(CR1, 0xD | TC)
    port.clock.run_for(2 * FRAME_NS)
    assert port.line.level
    port.write(ICR, TC)
    assert not port.line.level


def test_with_fifo_eight_bytes_wait(port):
    port.write(CR1, 0)
    port.write(CR1, 0x2000_000D)
    assert port.has(1 << 23)  # TXFE
    for byte in range(9):  # one of them is in the shift register
        assert port.has(TXE)
        port.write(TDR, byte)
    assert not port.has(TXE)
    port.clock.run_for(9 * FRAME_NS)
    assert b"".join(data for _, data in port.sent) == bytes(range(9))
    port.usart.receive(bytes(range(9)))
    port.clock.run_for(8 * FRAME_NS)
    assert port.has(1 << 24 | ORE) == 1 << 24  # RXFF
    port.clock.run_for(FRAME_NS)
    assert port.has(ORE)
    assert [port.read(RDR) for _ in range(8)] == list(range(8))


def test_requests_flush(port):
    port.usart.receive(b"a")
    port.clock.run_for(FRAME_NS)
    port.write(RQR, 1 << 3)
    assert not port.has(RXNE)
    assert not port.line.level


def test_off_it_neither_sends_nor_hears(port):
    port.write(TDR, 1)
    port.write(TDR, 2)
    port.usart.receive(b"x")
    port.write(CR1, 0)
    assert port.read(ISR) == 0xC0
    assert port.clock.waiting == 0
    port.usart.receive(b"x")
    port.write(TDR, 3)
    assert port.clock.waiting == 0


def test_without_a_rate_nothing_moves():
    port = Port()
    port.write(CR1, 0xD)
    port.write(TDR, 1)
    port.usart.receive(b"x")
    assert port.clock.waiting == 0


def test_the_fifo_has_thresholds(port):
    port.write(CR1, 0)
    port.write(CR3, 1 << 25 | 1 << 28 | 7 << 29)  # two bytes received interrupt
    port.write(CR1, 0x2000_000D)
    port.usart.receive(b"ab")
    port.clock.run_for(FRAME_NS)
    assert not port.line.level
    port.clock.run_for(FRAME_NS)
    assert port.has(1 << 26)
    assert port.line.level
    assert port.has(1 << 27)  # TXFT: all of it is empty
    port.write(TDR, 1)
    port.write(TDR, 2)
    assert not port.has(1 << 27)
    port.write(RQR, 1 << 4)
    assert port.has(1 << 27)
    port.write(CR3, 1 << 23 | 7 << 29)
    assert port.line.level


def test_a_full_transmitter_is_overwritten(port):
    for byte in b"abc":
        port.write(TDR, byte)
    port.clock.run_for(3 * FRAME_NS)
    assert b"".join(data for _, data in port.sent) == b"ac"


def test_status_is_not_written(port):
    port.write(ISR, 0)
    port.write(RDR, 0xFF)
    assert port.read(ISR) == 0x6000C0
    assert port.read(RDR) == 0


def test_what_is_still_to_come_is_counted(port):
    port.usart.receive(b"abc")
    assert port.usart.arriving == 3
    port.clock.run_for(2 * FRAME_NS)
    assert port.usart.arriving == 1
