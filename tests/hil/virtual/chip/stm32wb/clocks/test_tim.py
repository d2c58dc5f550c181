"""The timers by their registers: ST RM0434, "TIM1", "TIM2" and "TIM16/TIM17"."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.clocks.tim import Tim
from tests.hil.virtual.afe.conftest import FakeClock

CR1, CR2, SMCR, DIER, SR, EGR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
CCMR1, CCMR2, CCER, CNT, PSC, ARR, RCR = 0x18, 0x1C, 0x20, 0x24, 0x28, 0x2C, 0x30
CCR1, CCR2, CCR4, BDTR, AF1, AF2 = 0x34, 0x38, 0x40, 0x44, 0x60, 0x64
CEN, UDIS, URS, OPM, ARPE, UIFREMAP = 1, 2, 4, 8, 1 << 7, 1 << 11
UG = 1
US = 1000
BASES = {"TIM1": 0x4001_2C00, "TIM2": 0x4000_0000, "TIM16": 0x4001_4400, "TIM17": 0x4001_4800}


class Timer(Tim):
    """At 1 MHz: a count is a microsecond. Interrupts are noted with the time they are requested."""

    def __init__(self, name: str = "TIM2", hz: int = 1_000_000) -> None:
        self.clock = FakeClock()
        self.frequency = hz
        self.level = self.cc_level = False
        self.requests: list[int] = []
        self.cc_requests: list[int] = []
        super().__init__(
            name,
            BASES[name],
            clock=self.clock,
            hz=lambda: self.frequency,
            irq=self._note,
            cc_irq=self._note_cc if name == "TIM1" else None,
        )

    def _note(self, level: bool) -> None:
        if level and not self.level:
            self.requests.append(self.clock.now_ns())
        self.level = level

    def _note_cc(self, level: bool) -> None:
        if level and not self.cc_level:
            self.cc_requests.append(self.clock.now_ns())
        self.cc_level = level

    def run(self, ns: int) -> None:
        self.clock.run_until(self.clock.now_ns() + ns)

    def set(self, **registers: int) -> "Timer":
        for name, value in registers.items():
            self.write(globals()[name], value)
        return self


@pytest.mark.parametrize(
    ("name", "others"),  # STM32WB55_CM4.svd, and all ones of TIM2's ARR
    [
        ("TIM1", {ARR: 0xFFFF, AF1: 1, AF2: 1}),
        ("TIM2", {ARR: 0xFFFF_FFFF}),
        ("TIM16", {ARR: 0xFFFF, AF1: 1}),
        ("TIM17", {ARR: 0xFFFF, AF1: 1}),
    ],
)
def test_registers_after_reset(name, others):
    timer = Timer(name)
    assert (timer.name, timer.base) == (name, BASES[name])
    for offset in range(0, 0x6C, 4):
        assert timer.read(offset) == others.get(offset, 0), hex(offset)
    timer.run(1000 * US)
    assert timer.read(CNT) == timer.read(SR) == 0


def test_bits_that_a_timer_does_not_have_stay_0():
    timer = Timer("TIM16").set(ARR=0x1_2345, SMCR=7, CCR2=5, RCR=0x1FF)
    assert [timer.read(offset) for offset in (ARR, SMCR, CCR2, RCR)] == [0x2345, 0, 0, 0xFF]


def test_it_counts_to_arr_and_begins_anew():
    timer = Timer().set(ARR=9, CR1=CEN)
    timer.run(9 * US)
    assert (timer.read(CNT), timer.read(SR) & 1) == (9, 0)
    timer.run(US)
    assert (timer.read(CNT), timer.read(SR) & 1) == (0, 1)
    timer.run(3 * US - 1)
    assert timer.read(CNT) == 2
    timer.run(1)
    assert timer.read(CNT) == 3


def test_it_keeps_step_with_a_clock_that_is_no_whole_number_of_nanoseconds():
    timer = Timer(hz=64_000_000).set(ARR=99, PSC=0, CR1=CEN)
    timer.run(1_000_000_007)
    assert timer.read(CNT) == 64_000_000_448 // 1000 % 100
    timer = Timer(hz=64_000_000).set(PSC=6, EGR=UG, CR1=CEN)
    timer.run(1_000_000_000)
    assert timer.read(CNT) == 64_000_000 // 7


def test_the_prescaler_takes_effect_at_an_update():
    timer = Timer().set(ARR=9, CR1=CEN, PSC=3)
    timer.run(10 * US)
    assert timer.read(CNT) == 0
    timer.run(7 * US)
    assert timer.read(CNT) == 1
    timer.run(33 * US)
    assert timer.read(CNT) == 0
    timer.set(PSC=0, EGR=UG)
    timer.run(5 * US)
    assert timer.read(CNT) == 5


def test_arr_takes_effect_at_once_or_with_preload_at_an_update():
    timer = Timer().set(ARR=9, CR1=CEN)
    timer.run(3 * US)
    timer.set(ARR=4)
    timer.run(2 * US)
    assert timer.read(CNT) == 0
    timer.set(CR1=CEN | ARPE, ARR=9)
    timer.run(5 * US)
    assert timer.read(CNT) == 0
    timer.run(5 * US)
    assert timer.read(CNT) == 5


def test_a_counter_above_arr_wraps_at_its_width_without_an_update():
    timer = Timer("TIM16").set(CNT=0xFFFE, ARR=9, CR1=CEN)
    timer.run(3 * US)
    assert (timer.read(CNT), timer.read(SR) & 1) == (1, 0)


def test_an_arr_of_0_blocks_the_counter():
    timer = Timer().set(ARR=0, CR1=CEN)
    timer.run(5 * US)
    assert timer.read(CNT) == timer.read(SR) == 0
    timer.set(ARR=9)
    timer.run(5 * US)
    assert timer.read(CNT) == 5


def test_what_is_stopped_stands():
    timer = Timer().set(CR1=CEN)
    timer.run(5 * US)
    timer.set(CR1=0)
    timer.run(5 * US)
    assert timer.read(CNT) == 5
    timer.set(CR1=CEN)
    timer.run(5 * US)
    assert timer.read(CNT) == 10


def test_an_encoder_does_not_count_the_internal_clock():
    timer = Timer().set(SMCR=3, CR1=CEN)
    timer.run(5 * US)
    assert timer.read(CNT) == 0


def test_one_pulse_ends_at_the_update():
    timer = Timer().set(ARR=9, CR1=CEN | OPM)
    timer.run(25 * US)
    assert (timer.read(CR1), timer.read(CNT), timer.read(SR) & 1) == (OPM, 0, 1)


@pytest.mark.parametrize(("cr1", "flag"), [(0, 1), (URS, 0), (UDIS, 0)])
def test_software_updates(cr1, flag):
    timer = Timer().set(CR1=CEN | cr1)
    timer.run(5 * US)
    timer.set(EGR=UG)
    assert timer.read(CNT) == 0
    assert timer.read(SR) & 1 == flag
    assert timer.read(EGR) == 0


def test_disabled_updates_set_no_flag_and_load_nothing():
    timer = Timer().set(ARR=9, CR1=CEN | UDIS, PSC=3)
    timer.run(1_000_005 * US)
    assert (timer.read(CNT), timer.read(SR) & 1) == (5, 0)


def test_the_update_interrupt_comes_when_the_counter_overflows():
    timer = Timer().set(ARR=9, DIER=1, CR1=CEN)
    timer.run(35 * US)
    assert timer.requests == [10 * US]
    timer.set(SR=0xFFFF_FFFE)
    assert not timer.level
    timer.run(5 * US)
    assert timer.requests == [10 * US, 40 * US]
    timer.set(DIER=0)
    assert not timer.level


def test_a_flag_that_is_there_interrupts_once_it_is_enabled():
    timer = Timer().set(ARR=9, CR1=CEN)
    timer.run(11 * US)
    timer.set(DIER=1)
    assert timer.requests == [11 * US]


def test_writing_1_to_sr_clears_nothing():
    timer = Timer().set(ARR=9, CR1=CEN)
    timer.run(10 * US)
    timer.set(SR=0xFFFF)
    assert timer.read(SR) == 0x1F  # channels compare with 0
    timer.set(SR=0xFFFF & ~0x12)
    assert timer.read(SR) == 0x0D


def test_channels_match_their_compare_values():
    timer = Timer("TIM1").set(ARR=9, CCR1=3, CCR2=7, CCR4=50, DIER=6, CR1=CEN)
    timer.run(3 * US)
    assert timer.read(SR) == 0x02
    timer.run(4 * US)
    assert timer.read(SR) == 0x06
    timer.run(3 * US)  # above ARR: at the overflow, as with 0
    assert timer.read(SR) == 0x1F
    assert timer.cc_requests == [3 * US]
    assert timer.requests == []  # not asked for
    timer.set(SR=0)
    timer.run(8 * US)
    assert timer.cc_requests == [3 * US, 13 * US]


def test_an_input_channel_does_not_match():
    timer = Timer().set(ARR=9, CCR1=3, CCMR1=1, CR1=CEN)
    timer.run(5 * US)
    assert timer.read(SR) == 0


def test_a_timer_of_one_line_requests_all_on_it():
    timer = Timer("TIM2").set(ARR=9, CCR1=3, DIER=3, CR1=CEN)
    timer.run(4 * US)
    assert timer.requests == [3 * US]
    timer.set(SR=0)
    timer.run(8 * US)
    assert timer.requests == [3 * US, 10 * US]


def test_compare_values_with_preload_take_effect_at_an_update():
    timer = Timer().set(ARR=9, CCMR1=0x8, CCR1=3, CR1=CEN)
    timer.run(5 * US)
    assert timer.read(SR) & 2 == 0
    timer.run(5 * US)
    timer.set(SR=0)
    timer.run(3 * US)
    assert timer.read(SR) & 2 == 2


def test_software_makes_channels_match():
    timer = Timer("TIM16").set(DIER=2, EGR=0x1E)
    assert timer.read(SR) == 2
    assert timer.level


@pytest.mark.parametrize("wait", [1, 20])
def test_updates_are_repeated_as_rcr_says(wait):
    timer = Timer("TIM16").set(ARR=9, RCR=2, EGR=UG, SR=0, DIER=1, CR1=CEN)
    for _ in range(60 // wait):
        timer.run(wait * US)
    assert timer.requests == [30 * US]
    timer.set(SR=0)
    timer.run(1000 * US)
    assert timer.requests == [30 * US, 90 * US]


def test_repetitions_that_nobody_looked_at_are_counted():
    looked, not_looked = (Timer("TIM16").set(ARR=9, RCR=4, EGR=UG, SR=0, CR1=CEN) for _ in range(2))
    for _ in range(1234):
        looked.run(US)
        looked.read(CNT)
    not_looked.run(1234 * US)
    for timer in (looked, not_looked):
        timer.set(SR=0, DIER=1)
        timer.run(100 * US)
        assert timer.requests == [1250 * US]
        assert timer.read(CNT) == 4


def test_a_long_time_that_nobody_looked_at_is_no_long_work():
    timer = Timer(hz=64_000_000).set(ARR=1, CCR1=1, CR1=CEN)
    timer.run(3600 * 1_000_000_000)
    assert (timer.read(CNT), timer.read(SR) & 3) == (0, 3)


def test_the_update_flag_is_copied_into_the_count():
    timer = Timer("TIM1").set(ARR=9, CR1=CEN | UIFREMAP)
    timer.run(5 * US)
    assert timer.read(CNT) == 5
    timer.run(10 * US)
    assert timer.read(CNT) == 0x8000_0005


def test_a_changed_clock_counts_from_now_on():
    timer = Timer().set(DIER=1, ARR=99, CR1=CEN)
    timer.run(50 * US)
    timer.frequency = 10_000_000
    timer.clock_changed()
    timer.run(4 * US)
    assert timer.read(CNT) == 90
    timer.frequency = 0  # off
    timer.clock_changed()
    timer.run(100 * US)
    assert timer.read(CNT) == 90
    timer.frequency = 1_000_000
    timer.clock_changed()
    timer.run(20 * US)
    assert timer.requests == [164 * US]


def test_reset_stops_it_and_drops_the_request():
    timer = Timer().set(ARR=9, DIER=1, CR1=CEN)
    timer.run(10 * US)
    timer.reset()
    assert not timer.level
    timer.run(100 * US)
    assert [timer.read(offset) for offset in (CR1, DIER, SR, CNT)] == [0, 0, 0, 0]
    assert timer.requests == [10 * US]
