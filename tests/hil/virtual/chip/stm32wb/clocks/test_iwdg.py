"""The independent watchdog by its registers: ST RM0434, "Independent watchdog"."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.clocks.iwdg import Iwdg
from tests.hil.virtual.afe.conftest import FakeClock

KR, PR, RLR, SR, WINR = 0x00, 0x04, 0x08, 0x0C, 0x10
RELOAD, UNLOCK, START = 0xAAAA, 0x5555, 0xCCCC
MS = 1_000_000


class Watchdog(Iwdg):
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.resets: list[int] = []
        super().__init__(clock=self.clock, reset=lambda: self.resets.append(self.clock.now_ns()))

    def set_up(self, prescaler: int, reload: int) -> None:
        self.write(KR, UNLOCK)
        self.write(PR, prescaler)
        self.write(RLR, reload)

    def run(self, ns: int) -> None:
        self.clock.run_until(self.clock.now_ns() + ns)


@pytest.fixture
def iwdg() -> Watchdog:
    return Watchdog()


def test_registers_after_reset(iwdg):
    assert (iwdg.name, iwdg.base) == ("IWDG", 0x4000_3000)
    assert [iwdg.read(offset) for offset in (KR, PR, RLR, SR, WINR)] == [0, 0, 0xFFF, 0, 0xFFF]
    iwdg.run(100_000 * MS)
    assert iwdg.resets == []


def test_registers_are_written_after_their_key_only(iwdg):
    iwdg.write(PR, 3)
    iwdg.write(RLR, 5)
    assert (iwdg.read(PR), iwdg.read(RLR)) == (0, 0xFFF)
    iwdg.set_up(3, 0x1005)
    assert (iwdg.read(PR), iwdg.read(RLR)) == (3, 5)
    iwdg.write(KR, RELOAD)
    iwdg.write(PR, 1)
    iwdg.write(WINR, 1)
    assert (iwdg.read(PR), iwdg.read(WINR)) == (3, 0xFFF)


# Shortest and longest times: (RLR + 1) * 4 * 2**PR / 32 kHz, a PR of 7 like 6.
@pytest.mark.parametrize(
    ("prescaler", "reload", "ns"),
    [
        (0, 0, 125_000),
        (0, 0xFFF, 512 * MS),
        (3, 0xFFF, 4096 * MS),
        (6, 0, 8 * MS),
        (6, 0xFFF, 32_768 * MS),
        (7, 0xFFF, 32_768 * MS),
    ],
)
def test_it_resets_when_the_count_is_through(iwdg, prescaler, reload, ns):
    iwdg.set_up(prescaler, reload)
    iwdg.write(KR, START)
    iwdg.run(ns - 1)
    assert iwdg.resets == []
    assert iwdg.running
    iwdg.run(1)
    assert iwdg.resets == [ns]
    assert not iwdg.running
    iwdg.run(100_000 * MS)
    assert len(iwdg.resets) == 1


def test_feeding_begins_anew(iwdg):
    iwdg.set_up(0, 79)  # 10 ms
    iwdg.write(KR, START)
    for _ in range(5):
        iwdg.run(9 * MS)
        iwdg.write(KR, RELOAD)
    iwdg.run(10 * MS)
    assert iwdg.resets == [55 * MS]


def test_starting_twice_does_not_begin_anew_and_feeding_does_not_start(iwdg):
    iwdg.set_up(0, 79)
    iwdg.write(KR, RELOAD)
    assert not iwdg.running
    iwdg.write(KR, START)
    iwdg.run(5 * MS)
    iwdg.write(KR, START)
    iwdg.run(5 * MS)
    assert iwdg.resets == [10 * MS]


def test_a_new_reload_value_counts_from_the_next_feeding(iwdg):
    iwdg.write(KR, START)
    iwdg.set_up(0, 79)
    iwdg.run(11 * MS)
    assert iwdg.resets == []
    iwdg.write(KR, RELOAD)
    iwdg.run(10 * MS)
    assert iwdg.resets == [21 * MS]


def test_a_new_prescaler_counts_what_is_left(iwdg):
    iwdg.set_up(0, 79)  # 80 counts of 125 us
    iwdg.write(KR, START)
    iwdg.write(KR, UNLOCK)
    iwdg.run(5 * MS)
    iwdg.write(PR, 1)  # 40 counts of 250 us
    iwdg.run(100 * MS)
    assert iwdg.resets == [15 * MS]


def test_feeding_before_the_window_resets(iwdg):
    iwdg.set_up(0, 79)
    iwdg.write(WINR, 39)
    iwdg.write(KR, START)
    iwdg.run(5 * MS)  # the counter reads 39
    iwdg.write(KR, RELOAD)
    assert iwdg.resets == []
    iwdg.run(5 * MS - 1)  # it reads 40
    iwdg.write(KR, RELOAD)
    assert iwdg.resets == [10 * MS - 1]


def test_a_reset_of_the_system_stops_it(iwdg):
    iwdg.set_up(0, 79)
    iwdg.write(KR, START)
    iwdg.reset()
    iwdg.run(1000 * MS)
    assert iwdg.resets == []
    assert iwdg.read(RLR) == 0xFFF
