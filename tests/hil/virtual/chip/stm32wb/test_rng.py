"""The random number generator by its registers: ST RM0434, "True random number generator"."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.rng import Rng
from tests.hil.virtual.afe.conftest import FakeClock

CR, SR, DR = 0x0, 0x4, 0x8
RNGEN, IE = 1 << 2, 1 << 3
# RM0440, section 26.5: 192 cycles of 16 MHz and 213 of 64 MHz, then 213 of 64 MHz.
FIRST_NS, NEXT_NS = 15_328, 3_328


class Generator(Rng):
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.level = False
        self.drawn = 0
        super().__init__(random=self._draw, clock=self.clock, irq=self._request_)

    def _draw(self, count: int) -> bytes:
        first = self.drawn
        self.drawn += count
        return bytes(range(first, self.drawn))

    def _request_(self, level: bool) -> None:
        self.level = level

    def after(self, ns: int) -> int:
        self.clock.run_until(self.clock.now_ns() + ns)
        return self.read(SR)


@pytest.fixture
def rng() -> Generator:
    return Generator()


def test_registers_after_reset(rng):
    assert (rng.name, rng.base) == ("RNG", 0x5800_1000)
    assert [rng.read(offset) for offset in (CR, SR, DR)] == [0, 0, 0]
    assert rng.after(1_000_000) == 0


def test_four_words_are_ready_at_a_time(rng):
    rng.write(CR, RNGEN)
    assert rng.after(FIRST_NS - 1) == 0
    assert rng.read(DR) == 0
    assert rng.after(1) == 1
    assert [rng.read(DR) for _ in range(3)] == [0x03020100, 0x07060504, 0x0B0A0908]
    assert rng.read(SR) == 1
    assert rng.read(DR) == 0x0F0E0D0C
    assert rng.after(NEXT_NS - 1) == 0
    assert rng.after(1) == 1
    assert rng.read(DR) == 0x13121110


def test_no_more_words_than_are_asked_for(rng):
    rng.write(CR, RNGEN)
    rng.after(1_000_000)
    assert rng.drawn == 16


def test_what_is_ready_can_be_read_when_it_is_off_and_no_more_comes(rng):
    rng.write(CR, RNGEN)
    rng.after(FIRST_NS)
    rng.write(CR, 0)
    assert rng.read(SR) == 1
    for _ in range(4):
        rng.read(DR)
    assert rng.after(1_000_000) == 0


def test_switching_it_off_stops_what_is_under_way(rng):
    rng.write(CR, RNGEN)
    rng.after(FIRST_NS - 1)
    rng.write(CR, 0)
    assert rng.after(1_000_000) == 0
    rng.write(CR, RNGEN)
    assert rng.after(FIRST_NS - 1) == 0
    assert rng.after(1) == 1


def test_enabling_it_twice_does_not_begin_anew(rng):
    rng.write(CR, RNGEN)
    rng.after(FIRST_NS - 1)
    rng.write(CR, RNGEN)
    assert rng.after(1) == 1


def test_the_interrupt_is_requested_while_a_word_is_ready(rng):
    rng.write(CR, RNGEN | IE)
    assert not rng.level
    rng.after(FIRST_NS)
    assert rng.level
    for _ in range(4):
        assert rng.level
        rng.read(DR)
    assert not rng.level
    rng.after(NEXT_NS)
    assert rng.level
    rng.write(CR, RNGEN)
    assert not rng.level


def test_reset_forgets_words_and_request(rng):
    rng.write(CR, RNGEN | IE)
    rng.after(FIRST_NS)
    rng.reset()
    assert not rng.level
    assert [rng.read(offset) for offset in (CR, SR, DR)] == [0, 0, 0]
    assert rng.after(1_000_000) == 0
