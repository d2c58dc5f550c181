"""Clock trees as ST RM0434 describes them, and what the stock MicroPython sets up."""

from __future__ import annotations

import pytest

from eegrig.hil.virtual.chip.stm32wb.clocks.rcc import (
    BDCR,
    BDRST,
    CFGR,
    CR,
    CSR,
    HSE_START_NS,
    LSE_START_NS,
    PLL_LOCK_NS,
    PLLCFGR,
    RMVF,
    STOPWUCK,
    Rcc,
    ResetFlag,
)
from eegrig.hil.virtual.clock import Cancellable

HSEON, HSERDY, PLLON, PLLRDY = 1 << 16, 1 << 17, 1 << 24, 1 << 25
HSE_BY_4_TIMES_24_BY_3 = 0x5700_1833  # what the stm32 port of MicroPython writes: 64 MHz


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return self.ns

    def call_at_ns(self, *_: object) -> Cancellable:
        raise AssertionError("nothing here costs an event")


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def changes() -> list[int]:
    return []


@pytest.fixture
def rcc(clock: Hand, changes: list[int]) -> Rcc:
    rcc = Rcc(clock, lambda: changes.append(rcc.hclk_hz))
    rcc.power_on_reset()
    return rcc


def set_bits(rcc: Rcc, offset: int, bits: int) -> None:
    rcc.write(offset, rcc.read(offset) | bits)


def at_64_mhz(rcc: Rcc, clock: Hand) -> None:
    set_bits(rcc, CR, HSEON)
    clock.ns += HSE_START_NS
    rcc.write(PLLCFGR, HSE_BY_4_TIMES_24_BY_3)
    set_bits(rcc, CR, PLLON)
    clock.ns += PLL_LOCK_NS
    set_bits(rcc, CFGR, 3)


def test_after_a_reset_the_core_runs_from_the_msi_at_4_mhz(rcc: Rcc) -> None:
    assert rcc.read(CR) == 0x63  # RM0434: 0x61, and the MSI is ready
    assert rcc.hclk_hz == rcc.pclk1_hz == rcc.pclk2_hz == 4_000_000


def test_oscillators_are_ready_after_their_time_and_not_before(rcc: Rcc, clock: Hand) -> None:
    set_bits(rcc, CR, HSEON)
    clock.ns += HSE_START_NS - 1
    assert not rcc.read(CR) & HSERDY
    clock.ns += 1
    assert rcc.read(CR) & HSERDY
    rcc.write(CR, rcc.read(CR) & ~HSEON)
    assert not rcc.read(CR) & HSERDY
    assert not rcc.read(CR) & PLLRDY


def test_a_ready_bit_that_is_written_back_means_nothing(rcc: Rcc, clock: Hand) -> None:
    set_bits(rcc, CR, HSEON | HSERDY)
    assert not rcc.read(CR) & HSERDY


def test_the_pll_as_micropython_sets_it_gives_64_mhz(
    rcc: Rcc, clock: Hand, changes: list[int]
) -> None:
    at_64_mhz(rcc, clock)
    assert rcc.read(CFGR) >> 2 & 3 == 3
    assert rcc.hclk_hz == 64_000_000
    assert changes == [64_000_000]


@pytest.mark.parametrize(
    ("hpre", "ppre1", "hclk_hz", "pclk1_hz"),
    [
        (0b0000, 0b000, 64_000_000, 64_000_000),
        (0b1000, 0b100, 32_000_000, 16_000_000),
        (0b0001, 0b000, 64_000_000 // 3, 64_000_000 // 3),
        (0b0110, 0b111, 6_400_000, 400_000),
        (0b1111, 0b000, 125_000, 125_000),
    ],
)
def test_the_buses_are_divided(
    rcc: Rcc, clock: Hand, hpre: int, ppre1: int, hclk_hz: int, pclk1_hz: int
) -> None:
    at_64_mhz(rcc, clock)
    set_bits(rcc, CFGR, hpre << 4 | ppre1 << 8)
    assert (rcc.hclk_hz, rcc.pclk1_hz) == (hclk_hz, pclk1_hz)


def test_a_stop_leaves_the_msi_or_the_hsi_if_chosen(rcc: Rcc, clock: Hand) -> None:
    at_64_mhz(rcc, clock)
    rcc.enter_stop()
    assert rcc.hclk_hz == 4_000_000
    assert not rcc.read(CR) & (HSEON | PLLON)
    at_64_mhz(rcc, clock)
    set_bits(rcc, CFGR, STOPWUCK)
    rcc.enter_stop()
    assert rcc.read(CFGR) >> 2 & 3 == 1
    assert rcc.hclk_hz == 16_000_000


def test_the_crystal_of_the_clock_survives_a_system_reset_only(rcc: Rcc, clock: Hand) -> None:
    rcc.write(BDCR, 0x8101)
    assert not rcc.read(BDCR) & 2
    clock.ns += LSE_START_NS
    assert rcc.read(BDCR) == 0x8103
    rcc.reset(ResetFlag.SOFTWARE)
    assert rcc.read(BDCR) == 0x8103
    rcc.write(BDCR, BDRST)
    assert rcc.read(BDCR) == BDRST
    rcc.power_on_reset()
    assert rcc.read(BDCR) == 0


def test_flags_of_resets_add_up_until_they_are_removed(rcc: Rcc) -> None:
    assert rcc.read(CSR) >> 24 << 24 == 0x0C00_0000  # power, pin
    rcc.reset(ResetFlag.SOFTWARE | ResetFlag.PIN)
    assert rcc.read(CSR) >> 24 << 24 == 0x1C00_0000
    set_bits(rcc, CSR, RMVF | 1)
    assert rcc.read(CSR) == 3  # the LSI is on, and ready
