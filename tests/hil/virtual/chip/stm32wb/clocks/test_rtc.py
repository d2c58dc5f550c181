"""The RTC by register access: RM0434, chapter RTC; sequences as in the traces of the stock port."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.clocks.rtc import Rtc
from tests.hil.virtual.chip.stm32wb.fake_clock import FakeClock, Line

TR, DR, CR, ISR, PRER, WUTR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
ALRMAR, ALRMBR, WPR, SSR, TAMPCR, ALRMASSR, OR, BKP0R = (
    0x1C,
    0x20,
    0x24,
    0x28,
    0x40,
    0x44,
    0x4C,
    0x50,
)
INIT, RSF, WUTWF, WUTF, ALRAF, ALRBF = 1 << 7, 1 << 5, 1 << 2, 1 << 10, 1 << 8, 1 << 9
WUTE, WUTIE, ALRAE, ALRAIE, ALRBE, ALRBIE = 1 << 10, 1 << 14, 1 << 8, 1 << 12, 1 << 9, 1 << 13
MSK1, MSK2, MSK3, MSK4, WDSEL = 1 << 7, 1 << 15, 1 << 23, 1 << 31, 1 << 30
SECOND = 1_000_000_000


class Watch:
    def __init__(self) -> None:
        self.clock, self.wakeup, self.alarm = FakeClock(), Line(), Line()
        self.rtc = Rtc(clock=self.clock, wakeup=self.wakeup, alarm=self.alarm)
        self.read, self.write = self.rtc.read, self.rtc.write

    def unlock(self) -> None:
        self.write(WPR, 0xCA)
        self.write(WPR, 0x53)

    def set(self, dr: int, tr: int, prer: int = 0x7FFF) -> None:
        """As the stock port does; its board divides by 1 and 32768."""
        self.unlock()
        self.write(ISR, 0xFFFF_FFFF)
        assert self.read(ISR) & 0x40  # INITF
        self.write(PRER, prer)
        self.write(TR, tr)
        self.write(DR, dr)
        self.write(ISR, self.read(ISR) & ~INIT)

    def now(self) -> tuple[int, int]:
        time = self.read(TR)
        return self.read(DR), time


@pytest.fixture
def watch() -> Watch:
    watch = Watch()
    watch.set(0x26A102, 0x030405)  # Friday 2 January 2026, 3:04:05 (trace_rtc)
    return watch


def test_reset_values():
    watch = Watch()
    offsets = (TR, DR, CR, PRER, WUTR, WPR, BKP0R)
    assert [watch.read(offset) for offset in offsets] == [0, 0x2101, 0, 0x7F00FF, 0xFFFF, 0, 0]
    assert watch.read(ISR) == 7  # before RSF, which takes two cycles
    watch.clock.run_for(62_000)
    assert watch.read(ISR) == 7 | RSF


def test_the_calendar_runs_without_events(watch):
    assert watch.now() == (0x26A102, 0x030405)
    watch.clock.run_for(54 * SECOND + SECOND // 4)
    assert watch.read(SSR) == 32767 - 8192
    assert watch.now() == (0x26A102, 0x030459)
    watch.clock.run_for(SECOND)
    assert watch.now() == (0x26A102, 0x030500)
    assert watch.read(ISR) & 0x10  # INITS: the year is not 0
    assert watch.clock.calls_made == watch.clock.waiting == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (0x246228, 0x248229),  # Wednesday 28 February 2024: leap
        (0x25A228, 0x25C301),  # Friday 28 February 2025
        (0x257231, 0x268101),
        (0x99F231, 0x002101),  # the weekday is what it was set to: Monday (1) follows Sunday (7)
    ],
)
def test_days_follow_each_other(before, after):
    watch = Watch()
    watch.set(before, 0x235959)
    watch.clock.run_for(SECOND)
    assert watch.now() == (after, 0)


def test_a_date_that_does_not_exist_is_the_nearest_that_does():
    watch = Watch()
    watch.set(0x250039, 0)
    assert watch.now() == (0x250131 | 7 << 13, 0)


def test_prescalers_make_the_second():
    watch = Watch()
    watch.set(0x26A102, 0, prer=0x7F_00FF)  # 128 * 256, the reset value
    watch.clock.run_for(SECOND - 1)
    assert watch.read(SSR) == 0
    assert watch.now()[1] == 0
    watch.clock.run_for(1)
    assert watch.read(SSR) == 255
    assert watch.now()[1] == 1
    watch.set(0x26A102, 0, prer=0x3FFF)
    watch.clock.run_for(SECOND)
    assert watch.now()[1] == 2


def test_twelve_hours():
    watch = Watch()
    watch.unlock()
    watch.write(ISR, 0xFFFF_FFFF)
    watch.write(CR, 0x40)
    watch.set(0x26A102, 0x115959)
    watch.clock.run_for(SECOND)
    assert watch.now()[1] == 0x52_0000  # 12 PM
    watch.clock.run_for(3600 * SECOND)
    assert watch.now()[1] == 0x41_0000


def test_reading_the_time_freezes_the_date(watch):
    watch.clock.run_for(SECOND // 2)
    assert watch.read(SSR) == 32767 - 16384
    watch.clock.run_for(SECOND)
    assert watch.read(TR) == 0x030405
    assert watch.read(DR) == 0x26A102
    assert watch.read(TR) == 0x030406
    watch.read(DR)
    watch.write(CR, 0x20)  # BYPSHAD: no shadows
    watch.read(TR)
    watch.clock.run_for(SECOND)
    assert watch.read(TR) == 0x030407


def test_summer_time(watch):
    watch.write(CR, 1 << 16)
    assert watch.now()[1] == 0x040405
    watch.write(CR, 1 << 17)
    watch.write(CR, 1 << 17)
    assert watch.now()[1] == 0x020405
    assert watch.read(CR) == 0


def test_only_the_keys_open_the_registers():
    watch = Watch()
    watch.write(CR, 0x20)
    assert watch.read(CR) == 0
    watch.write(WPR, 0x53)
    watch.write(CR, 0x20)
    assert watch.read(CR) == 0
    watch.write(WPR, 0xCA)
    watch.write(CR, 0x20)
    watch.write(ISR, 0xFFFF_FFFF)
    assert watch.read(CR) == 0
    assert not watch.read(ISR) & 0x40
    watch.unlock()
    watch.write(CR, 0x20)
    assert watch.read(CR) == 0x20
    watch.write(WPR, 0xFF)  # a wrong key locks
    watch.write(CR, 0)
    assert watch.read(CR) == 0x20
    watch.write(BKP0R + 76, 0x1234_5678)  # BKP19R: not protected
    assert watch.read(BKP0R + 76) == 0x1234_5678


def test_time_and_prescalers_change_in_initialisation_mode_only(watch):
    watch.write(TR, 0)
    watch.write(DR, 0x2101)
    watch.write(PRER, 0)
    assert watch.now() == (0x26A102, 0x030405)
    assert watch.read(PRER) == 0x7FFF
    watch.write(ISR, 0xFFFF_FFFF)
    watch.clock.run_for(5 * SECOND)
    assert watch.now() == (0x26A102, 0x030405)  # it stands still


def test_synchronisation_takes_two_cycles(watch):
    watch.clock.run_for(SECOND)
    assert watch.read(ISR) & RSF
    watch.write(ISR, watch.read(ISR) & ~RSF)
    assert not watch.read(ISR) & RSF
    watch.clock.run_for(61_036)  # 2 / 32768 s
    assert watch.read(ISR) & RSF


@pytest.mark.parametrize(
    ("select", "wutr", "period_cycles"),
    [
        (3, 0x332, 819 * 2),  # the stock port for 50 ms (trace_wakeup)
        (2, 9, 10 * 4),
        (1, 9, 10 * 8),
        (0, 9, 10 * 16),
        (4, 1, 2 * 32768),
        (6, 1, (2 + 65536) * 32768),
    ],
)
def test_the_wake_up_timer_is_periodic(select, wutr, period_cycles):
    watch = Watch()
    watch.set(0x26A102, 0)
    watch.write(WUTR, wutr)
    watch.write(CR, WUTE | WUTIE | select)
    assert watch.clock.waiting == 1
    assert not watch.read(ISR) & WUTWF
    for turn in range(1, 4):
        due_ns = -(-turn * period_cycles * SECOND // 32768)
        watch.clock.run_until(due_ns - 1)
        assert not watch.read(ISR) & WUTF
        assert not watch.wakeup.level
        watch.clock.run_until(due_ns)
        assert watch.read(ISR) & WUTF
        assert watch.wakeup.level
        watch.write(ISR, 0xFFFF_FFFF & ~(WUTF | INIT))
        assert not watch.wakeup.level
    watch.write(CR, WUTIE | select)
    assert watch.clock.waiting == 0
    assert watch.read(ISR) & WUTWF


def test_the_first_wake_up_waits_for_an_edge_of_its_clock(watch):
    # RM0434: between WUT and WUT + 1 cycles of ck_wut; here of the calendar's second.
    watch.clock.run_for(SECOND // 4)
    watch.write(WUTR, 0)
    watch.write(CR, WUTE | 4)
    watch.clock.run_until(SECOND - 1)
    assert not watch.read(ISR) & WUTF
    watch.clock.run_until(SECOND)
    assert watch.read(ISR) & WUTF
    assert not watch.wakeup.level  # WUTIE is off


def test_the_timer_keeps_its_settings_while_it_runs(watch):
    watch.write(WUTR, 9)
    watch.write(CR, WUTE | 3)
    watch.write(WUTR, 1)
    watch.write(CR, WUTE | 1)
    assert watch.read(WUTR) == 9
    assert watch.read(CR) == WUTE | 3


@pytest.mark.parametrize(
    ("alarm", "seconds"),
    [
        (MSK4 | 0x030410, 5),  # 3:04:10 on any day
        (MSK4 | 0x030405, 86_400),  # this very second has begun
        (MSK4 | MSK3 | MSK2 | 0x00, 55),  # every full minute
        (0x03_000000 | 0x000000, 86_400 - (3 * 3600 + 4 * 60 + 5)),  # the 3rd, 0:00:00
        (WDSEL | 0x01_000000, 3 * 86_400 - (3 * 3600 + 4 * 60 + 5)),  # Monday
        (0x31_030405, 29 * 86_400),
        (MSK4 | MSK3 | MSK2 | MSK1, 1),  # every second
    ],
)
def test_an_alarm_rings_when_it_matches(watch, alarm, seconds):
    watch.write(ALRMAR, alarm)
    watch.write(CR, ALRAE | ALRAIE)
    assert watch.clock.waiting == 1
    watch.clock.run_until(seconds * SECOND - 1)
    assert not watch.read(ISR) & ALRAF
    watch.clock.run_until(seconds * SECOND)
    assert watch.read(ISR) & ALRAF
    assert watch.alarm.level
    watch.write(ISR, 0xFFFF_FFFF & ~(ALRAF | INIT))
    assert not watch.alarm.level
    watch.write(CR, 0)
    assert watch.clock.waiting == 0


def test_an_alarm_may_match_sub_seconds(watch):
    watch.write(ALRMAR, MSK4 | MSK3 | MSK2 | MSK1)
    watch.write(ALRMASSR, 14 << 24 | 0x3000)  # 14 bits: twice in 32768 ticks
    watch.write(CR, ALRAE | ALRAIE)
    # SSR is 0x7000, then 0x3000: 0xFFF and 0x4FFF ticks after the second.
    for ticks in (0xFFF, 0x4FFF, 0x8FFF):
        watch.clock.run_until(-(-ticks * SECOND // 32768) - 1)
        assert not watch.alarm.level
        watch.clock.run_for(1)
        assert watch.alarm.level
        watch.write(ISR, 0xFFFF_FFFF & ~(ALRAF | INIT))


def test_both_alarms_share_a_line(watch):
    watch.write(ALRMAR, MSK4 | 0x030406)
    watch.write(ALRMBR, MSK4 | 0x030407)
    watch.write(CR, ALRAE | ALRBE | ALRBIE)
    watch.clock.run_until(SECOND)
    assert watch.read(ISR) & (ALRAF | ALRBF) == ALRAF
    assert not watch.alarm.level
    watch.clock.run_until(2 * SECOND)
    assert watch.alarm.level
    watch.write(ALRMBR, 0)  # read-only while it is enabled
    assert watch.read(ALRMBR) == MSK4 | 0x030407


def test_an_alarm_moves_with_the_calendar(watch):
    watch.write(ALRMAR, MSK4 | 0x120000)
    watch.write(CR, ALRAE)
    watch.set(0x26A102, 0x115958)
    watch.clock.run_until(2 * SECOND)
    assert watch.read(ISR) & ALRAF


def test_a_system_reset_leaves_the_clock_running(watch):
    watch.write(BKP0R, 7)
    watch.write(WUTR, 9)
    watch.write(CR, WUTE | WUTIE | 4)
    watch.read(TR)  # frozen, until the reset
    watch.clock.run_for(5 * SECOND)
    watch.rtc.reset()
    assert not watch.read(ISR) & RSF
    assert watch.now() == (0x26A102, 0x030410)
    assert watch.read(BKP0R) == 7
    watch.write(ISR, 0xFFFF_FFFF)
    watch.rtc.reset()
    assert not watch.read(ISR) & INIT
    watch.clock.run_for(10 * SECOND)
    assert watch.wakeup.level


def test_a_backup_reset_clears_everything(watch):
    watch.write(BKP0R, 7)
    watch.write(WUTR, 0)
    watch.write(CR, WUTE | WUTIE | 4)
    watch.clock.run_for(2 * SECOND)
    assert watch.wakeup.level
    watch.rtc.backup_reset()
    assert not watch.wakeup.level
    assert watch.clock.waiting == 0
    assert watch.now() == (0x2101, 0)
    assert watch.read(BKP0R) == 0
    watch.write(CR, 0x20)
    assert watch.read(CR) == 0  # protected again


def test_an_alarm_that_never_matches_costs_nothing(watch):
    watch.write(ALRMAR, 0x31_250000)  # 25 o'clock
    watch.write(CR, ALRAE)
    assert watch.clock.waiting == 0
    watch.write(CR, 0)
    watch.write(ALRMAR, MSK4 | 0x030410)
    watch.write(ALRMASSR, 15 << 24 | 0x7FFF)  # more than the prescaler gives at 16384 a second
    watch.set(0x26A102, 0, prer=0x3FFF)
    watch.write(CR, ALRAE)
    assert watch.clock.waiting == 0


def test_calibration_is_storage(watch):
    watch.write(0x3C, 0x8123)
    assert watch.read(0x3C) == 0x8123
