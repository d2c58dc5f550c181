"""A GPIO port by its registers: ST RM0434, "General-purpose I/Os"."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.pins.gpio import Gpio

MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
BSRR, LCKR, AFRL, AFRH, BRR = 0x18, 0x1C, 0x20, 0x24, 0x28


class Port(Gpio):
    def __init__(self, port: str = "C") -> None:
        self.outputs: list[tuple[int, int]] = []
        self.edges: list[tuple[int, int]] = []
        super().__init__(
            port,
            on_output=lambda pin, level: self.outputs.append((pin, level)),
            on_edge=lambda pin, level: self.edges.append((pin, level)),
        )

    def level(self, pin: int) -> int:
        return self.read(IDR) >> pin & 1

    def mode(self, pin: int, mode: int) -> None:
        self.write(MODER, self.read(MODER) & ~(3 << 2 * pin) | mode << 2 * pin)

    def pull(self, pin: int, pull: int) -> None:
        self.write(PUPDR, self.read(PUPDR) & ~(3 << 2 * pin) | pull << 2 * pin)


# MODER, OSPEEDR, PUPDR: STM32WB55_CM4.svd. IDR: PA13 and PA15 are pulled up, PA14 down, PB4 up.
@pytest.mark.parametrize(
    ("port", "base", "moder", "ospeedr", "pupdr", "idr"),
    [
        ("A", 0x48000000, 0xABFFFFFF, 0x0C000000, 0x64000000, 0xA000),
        ("B", 0x48000400, 0xFFFFFEBF, 0x000000C0, 0x00000100, 0x0010),
        ("C", 0x48000800, 0xFFFFFFFF, 0, 0, 0),
        ("D", 0x48000C00, 0xFFFFFFFF, 0, 0, 0),
        ("E", 0x48001000, 0x000003FF, 0, 0, 0),
        ("H", 0x48001C00, 0x000000CF, 0, 0, 0),
    ],
)
def test_a_port_after_reset(port, base, moder, ospeedr, pupdr, idr):
    gpio = Port(port)
    assert (gpio.name, gpio.base, gpio.size) == (f"GPIO{port}", base, 0x400)
    values = [gpio.read(offset) for offset in range(0, 0x2C, 4)]
    assert values == [moder, 0, ospeedr, pupdr, idr, 0, 0, 0, 0, 0, 0]


def test_an_output_follows_odr_bsrr_and_brr_and_tells_only_what_changes():
    gpio = Port()
    gpio.mode(5, 1)
    gpio.write(BSRR, 1 << 5)
    gpio.write(BSRR, 1 << 5)
    gpio.write(BSRR, 1 << 5 | 1 << 21)  # setting wins over resetting (BSRR)
    gpio.write(BSRR, 1 << 21)
    gpio.write(ODR, 0xFFFF)
    gpio.write(BRR, 1 << 5)
    assert gpio.outputs == [
        (5, 0),
        (5, 1),
        (5, 0),
        (5, 1),
        (5, 0),
    ]  # the first: it became an output
    assert gpio.edges == [(5, 1), (5, 0), (5, 1), (5, 0)]
    assert gpio.read(ODR) == 0xFFDF
    assert gpio.read(BSRR) == gpio.read(BRR) == 0


def test_a_pin_that_becomes_an_output_puts_out_what_odr_holds():
    gpio = Port()
    gpio.write(ODR, 1)
    assert gpio.outputs == []
    gpio.mode(0, 1)
    assert gpio.outputs == [(0, 1)]
    gpio.mode(0, 0)
    gpio.write(ODR, 0)
    assert gpio.outputs == [(0, 1)]
    assert gpio.edges == [(0, 1), (0, 0)]


def test_an_input_reads_what_drives_it_else_its_pull_else_0():
    gpio = Port()
    gpio.mode(4, 0)
    assert gpio.level(4) == 0
    gpio.pull(4, 1)
    assert gpio.level(4) == 1
    gpio.drive(4, 0)
    assert gpio.level(4) == 0
    gpio.drive(4, None)
    gpio.pull(4, 2)
    assert gpio.read(IDR) == 0
    gpio.drive(4, 1)
    assert gpio.read(IDR) == 0x10
    assert gpio.edges == [(4, 1), (4, 0), (4, 1), (4, 0), (4, 1)]


def test_an_analog_pin_reads_0_until_it_is_an_input():
    gpio = Port()
    gpio.drive(4, 1)
    assert gpio.read(IDR) == 0
    assert gpio.edges == []
    gpio.mode(4, 0)
    assert gpio.edges == [(4, 1)]


def test_what_drives_an_output_from_outside_wins():
    gpio = Port()
    gpio.mode(1, 1)
    gpio.drive(1, 1)
    assert gpio.level(1) == 1
    assert gpio.outputs == [(1, 0)]


def test_an_open_drain_that_is_let_go_reads_its_pull():
    gpio = Port()
    gpio.write(OTYPER, 1 << 8)
    gpio.mode(8, 1)
    gpio.write(BSRR, 1 << 8)
    assert gpio.level(8) == 0
    gpio.pull(8, 1)
    assert gpio.level(8) == 1
    gpio.drive(8, 0)
    assert gpio.level(8) == 0
    gpio.drive(8, None)
    gpio.write(BRR, 1 << 8)
    assert gpio.level(8) == 0
    assert gpio.outputs == [(8, 0), (8, 1), (8, 0)]


def test_a_pin_with_an_alternate_function_puts_out_nothing_of_odr():
    gpio = Port("B")
    gpio.write(AFRL, 7 << 24)  # PB6: USART1_TX is AF7
    gpio.mode(6, 2)
    gpio.write(ODR, 1 << 6)
    assert gpio.outputs == []
    assert (gpio.read(AFRL), gpio.level(6)) == (7 << 24, 0)


def test_pins_that_the_port_does_not_have_stay_0():
    gpio = Port("H")  # PH0, PH1 and PH3 only
    gpio.write(ODR, 0xFFFF)
    gpio.write(PUPDR, 0x5555_5555)
    gpio.write(MODER, 0)
    assert gpio.read(ODR) == 0x000B
    assert gpio.read(PUPDR) == 0x0000_0045
    assert gpio.read(IDR) == 0x000B


def test_narrow_stores_leave_the_other_bytes():
    gpio = Port()
    gpio.write(MODER, 0)
    gpio.store(MODER + 1, 1, 0x55)
    assert gpio.read(MODER) == 0x5500
    gpio.store(BSRR, 2, 0x00F0)
    assert gpio.load(ODR, 2) == 0x00F0
    gpio.store(BSRR + 2, 2, 0x0030)
    assert gpio.load(ODR, 1) == 0xC0


def test_reset_forgets_the_registers_and_keeps_what_drives():
    gpio = Port()
    gpio.drive(4, 1)
    gpio.write(OSPEEDR, 0xFF)
    gpio.write(LCKR, 0x1)
    gpio.mode(4, 0)
    gpio.mode(5, 1)
    gpio.write(ODR, 0x20)
    gpio.reset()
    assert [gpio.read(offset) for offset in range(0, 0x2C, 4)] == [0xFFFF_FFFF] + [0] * 10
    gpio.mode(4, 0)
    assert gpio.level(4) == 1
