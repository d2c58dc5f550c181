"""The real-time clock: calendar, alarms, wake-up timer, backup registers. ST RM0434, chapter RTC.

The calendar is worked out from virtual time when it is read, in cycles of RTCCLK since time 0.
*Assumed*: it runs whatever RCC_BDCR says; INITF and the write flags (WUTWF, ALRxWF) follow at
once, RSF after two cycles; the calendar starts again as soon as INIT falls; a date that does not
exist is the nearest that does; edges of RTCCLK/2..16 count from time 0.
Not modelled: DBP of PWR_CR1, calibration and shifts (CALR and SHIFTR are storage), tampers, time
stamps, outputs.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date

from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine
from eegrig.hil.virtual.clock import NS_PER_S, Cancellable, Clock

__all__ = ["Rtc"]

TR, DR, CR, ISR, PRER, WUTR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
ALRMAR, ALRMBR, WPR, SSR, SHIFTR, CALR = 0x1C, 0x20, 0x24, 0x28, 0x2C, 0x3C
TAMPCR, ALRMASSR, ALRMBSSR, OR, BKP0R, BKP19R = 0x40, 0x44, 0x48, 0x4C, 0x50, 0x9C
# CR
WUCKSEL, REFCKON, BYPSHAD, FMT = 7, 1 << 4, 1 << 5, 1 << 6
ALRAE, ALRBE, WUTE, ALRAIE, ALRBIE, WUTIE = (1 << bit for bit in (8, 9, 10, 12, 13, 14))
ADD1H, SUB1H = 1 << 16, 1 << 17
CR_MASK = 0x01FC_FF7F
# ISR
ALRAWF, ALRBWF, WUTWF, INITS, RSF, INITF, INIT = (1 << bit for bit in (0, 1, 2, 4, 5, 6, 7))
ALRAF, ALRBF, WUTF = 1 << 8, 1 << 9, 1 << 10
# Alarm registers
MSK1, MSK2, MSK3, WDSEL, MSK4 = 1 << 7, 1 << 15, 1 << 23, 1 << 30, 1 << 31
# Each alarm: its registers, its enable in CR, its flag.
ALARMS = ((ALRMAR, ALRMASSR, ALRAE, ALRAF), (ALRMBR, ALRMBSSR, ALRBE, ALRBF))

KEY1, KEY2 = 0xCA, 0x53
UNPROTECTED = {TAMPCR, OR, *range(BKP0R, BKP19R + 4, 4)}
RESET_VALUES = {DR: 0x2101, PRER: 0x007F_00FF, WUTR: 0xFFFF}
STORED = {CR, PRER, WUTR, ALRMAR, ALRMBR, SHIFTR, CALR, ALRMASSR, ALRMBSSR, *UNPROTECTED}

DAY_S = 86_400
CENTURY_DAYS = 36_525  # 2000 to 2099
FIRST_DAY = date(2000, 1, 1).toordinal()
RSF_CYCLES = 2
# Two 31sts are at most 61 days apart.
SEARCH_S = 62 * DAY_S


class Rtc(Block):
    """The RTC and the backup registers, which a system reset leaves alone.

    Parameters
    ----------
    clock : Clock
        Virtual time.
    wakeup : InterruptLine
        Level of the wake-up timer's interrupt, to EXTI line 19.
    alarm : InterruptLine
        Level of the alarms' interrupt, to EXTI line 17.
    lse_hz : int
        RTCCLK.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        wakeup: InterruptLine,
        alarm: InterruptLine,
        lse_hz: int = 32768,
    ) -> None:
        self.name, self.base = "RTC", 0x4000_2800
        self._clock = clock
        self._lines = {"wakeup": wakeup, "alarm": alarm}
        self._levels = dict.fromkeys(self._lines, False)
        self._hz = lse_hz
        self._wakeup_call: Cancellable | None = None
        self._alarm_calls: list[Cancellable | None] = [None, None]
        self.backup_reset()

    def reset(self) -> None:
        """Do what a system reset does: leave the initialisation mode, and little else."""
        self._frozen: dict[int, int] | None = None
        if self._setting is not None:
            self._start_calendar()
        self._rsf_cycle = self._cycle() + RSF_CYCLES

    def backup_reset(self) -> None:
        """Set everything as a reset of the backup domain does."""
        self._registers = dict.fromkeys(STORED, 0) | RESET_VALUES
        self._flags = 0
        self._keys = 0  # given so far; protected until it is both
        self._setting: dict[int, int] | None = {TR: 0, DR: RESET_VALUES[DR]}
        self._arm_wakeup()
        self.reset()
        self._update()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register; TR and SSR freeze the calendar's shadows until DR is read."""
        value = self.peek(offset)
        if offset == DR:
            self._frozen = None
        elif offset in (TR, SSR) and self._frozen is None:
            self._frozen = self._calendar()
        return value

    def peek(self, offset: int) -> int:
        """Return a register and freeze nothing."""
        if offset == ISR:
            return self._status()
        if offset in (TR, DR, SSR):
            shadows = None if self._registers[CR] & BYPSHAD else self._frozen
            return (shadows or self._calendar())[offset]
        return self._registers.get(offset, 0)

    def _status(self) -> int:
        control, status = self._registers[CR], self._flags
        status |= (
            (0 if control & ALRAE else ALRAWF)
            | (0 if control & ALRBE else ALRBWF)
            | (0 if control & WUTE else WUTWF)
        )
        if self._calendar()[DR] >> 16:
            status |= INITS
        if self._setting is not None:
            status |= INIT | INITF
        elif not control & BYPSHAD and self._cycle() >= self._rsf_cycle:
            status |= RSF
        return status

    def write(self, offset: int, value: int) -> None:
        """Write a register; WPR must have had its keys for most."""
        if offset == WPR:
            key = value & 0xFF
            self._keys = 2 if key == KEY2 and self._keys == 1 else 1 if key == KEY1 else 0
        elif offset in UNPROTECTED:
            self._registers[offset] = value
        elif offset == ISR:
            self._write_status(value)
        elif self._keys == 2:
            self._write_protected(offset, value)

    def _write_status(self, value: int) -> None:
        self._flags &= value
        if self._keys == 2:
            if not value & RSF:
                self._rsf_cycle = self._cycle() + RSF_CYCLES
            if value & INIT and self._setting is None:
                self._stop_calendar()
            elif not value & INIT and self._setting is not None:
                self._start_calendar()
        self._update()

    def _write_protected(self, offset: int, value: int) -> None:
        control = self._registers[CR]
        if offset == CR:
            self._write_control(value)
        elif offset in (TR, DR, PRER):
            if self._setting is not None:
                (self._registers if offset == PRER else self._setting)[offset] = value
        elif offset == WUTR:
            if not control & WUTE:
                self._registers[WUTR] = value & 0xFFFF
        elif offset in (ALRMAR, ALRMASSR, ALRMBR, ALRMBSSR):
            enable = ALRAE if offset in (ALRMAR, ALRMASSR) else ALRBE
            if not control & enable or self._setting is not None:
                self._registers[offset] = value
        elif offset in STORED:
            self._registers[offset] = value

    def _write_control(self, value: int) -> None:
        before = self._registers[CR]
        kept = 0 if self._setting is not None else FMT | REFCKON
        if before & WUTE:
            kept |= WUCKSEL
        self._registers[CR] = value & CR_MASK & ~kept | before & kept
        hours = bool(value & ADD1H) - bool(value & SUB1H)
        if hours:
            self._seconds += 3600 * hours
        changed = before ^ value
        if changed & WUTE:
            self._arm_wakeup()
        for index, (*_, enable, _flag) in enumerate(ALARMS):
            if changed & enable or hours:
                self._arm_alarm(index)
        self._update()

    def _update(self) -> None:
        control, flags = self._registers[CR], self._flags
        self._set("wakeup", bool(flags & WUTF and control & WUTIE))
        # ALRAIE and ALRBIE are four bits above their flags.
        self._set("alarm", bool(flags << 4 & control & (ALRAIE | ALRBIE)))

    def _set(self, line: str, level: bool) -> None:
        if level != self._levels[line]:
            self._levels[line] = level
            self._lines[line](level)

    # ---- time

    def _cycle(self) -> int:
        """Return the cycles of RTCCLK since time 0."""
        return self._clock.now_ns() * self._hz // NS_PER_S

    def _at_cycle(self, cycle: int, callback: Callable[..., None], *args: int) -> Cancellable:
        when_ns = -(-cycle * NS_PER_S // self._hz)
        return self._clock.call_at_ns(when_ns, callback, *args)

    @property
    def _dividers(self) -> tuple[int, int]:
        """Cycles of a tick of SSR, and ticks of a second."""
        prescalers = self._registers[PRER]
        return (prescalers >> 16 & 0x7F) + 1, (prescalers & 0x7FFF) + 1

    # ---- calendar

    def _stop_calendar(self) -> None:
        self._setting = self._calendar()
        self._arm_all_alarms()

    def _start_calendar(self) -> None:
        setting = self._setting
        assert setting is not None
        self._setting = None
        self._origin = self._cycle()
        day = _day(setting[DR])
        self._seconds = day * DAY_S + _second_of_day(setting[TR], self._registers[CR] & FMT)
        self._weekday_offset = (setting[DR] >> 13 & 7) - 1 - day
        self._rsf_cycle = self._origin + RSF_CYCLES
        self._arm_all_alarms()
        if self._registers[CR] & WUCKSEL >= 4:
            self._arm_wakeup()

    def _now(self) -> tuple[int, int]:
        """Return the second since 2000 and the tick in it."""
        cycles, ticks = self._dividers
        second, tick = divmod((self._cycle() - self._origin) // cycles, ticks)
        return self._seconds + second, tick

    def _calendar(self) -> dict[int, int]:
        if self._setting is not None:
            return {SSR: self._registers[PRER] & 0x7FFF} | self._setting
        second, tick = self._now()
        time, day = self._encoded(second)
        return {TR: time, DR: day, SSR: self._dividers[1] - 1 - tick}

    def _encoded(self, second: int) -> tuple[int, int]:
        """Return TR and DR at a second since 2000."""
        day, second = divmod(second, DAY_S)
        hour, minute = second // 3600, second // 60 % 60
        afternoon = 0
        if self._registers[CR] & FMT:
            afternoon, hour = hour // 12 << 22, (hour - 1) % 12 + 1
        time = afternoon | _bcd(hour) << 16 | _bcd(minute) << 8 | _bcd(second % 60)
        at = date.fromordinal(FIRST_DAY + day % CENTURY_DAYS)
        weekday = (day + self._weekday_offset) % 7 + 1
        return time, _bcd(at.year - 2000) << 16 | weekday << 13 | _bcd(at.month) << 8 | _bcd(at.day)

    # ---- wake-up timer

    def _arm_wakeup(self) -> None:
        if self._wakeup_call is not None:
            self._wakeup_call.cancel()
            self._wakeup_call = None
        control = self._registers[CR]
        if not control & WUTE:
            return
        count = self._registers[WUTR] + 1
        if control & 4:  # of ck_spre, once a second
            cycles, ticks = self._dividers
            step, phase = cycles * ticks, self._origin
            if control & 2:
                count += 0x1_0000
        else:
            step, phase = 16 >> (control & 3), 0
        edge = phase + ((self._cycle() - phase) // step + 1) * step
        self._wait_for_wakeup(edge + (count - 1) * step, count * step)

    def _wait_for_wakeup(self, cycle: int, period: int) -> None:
        self._wakeup_call = self._at_cycle(cycle, self._wake_up, cycle, period)

    def _wake_up(self, cycle: int, period: int) -> None:
        self._wait_for_wakeup(cycle + period, period)
        self._flags |= WUTF
        self._update()

    # ---- alarms

    def _arm_all_alarms(self) -> None:
        for index in range(len(ALARMS)):
            self._arm_alarm(index)

    def _arm_alarm(self, index: int) -> None:
        call = self._alarm_calls[index]
        if call is not None:
            call.cancel()
            self._alarm_calls[index] = None
        register, subsecond_register, enable, flag = ALARMS[index]
        if not self._registers[CR] & enable or self._setting is not None:
            return
        alarm, subsecond = self._registers[register], self._registers[subsecond_register]
        now, tick = self._now()
        second = self._matching_second(alarm, now)
        at = self._matching_tick(subsecond, tick + 1) if second == now else None
        if at is None:
            second, at = self._matching_second(alarm, now + 1), self._matching_tick(subsecond, 0)
        if second is None or at is None:
            return
        cycles, ticks = self._dividers
        cycle = self._origin + ((second - self._seconds) * ticks + at) * cycles
        self._alarm_calls[index] = self._at_cycle(cycle, self._ring, index, flag)

    def _ring(self, index: int, flag: int) -> None:
        self._arm_alarm(index)
        self._flags |= flag
        self._update()

    def _matching_second(self, alarm: int, second: int) -> int | None:
        """Return the first second from one on that an alarm matches."""
        end = second + SEARCH_S
        while second < end:
            time, day = self._encoded(second)
            differs = alarm ^ time
            if not alarm & MSK4 and alarm >> 24 & 0x3F != (
                day >> 13 & 7 if alarm & WDSEL else day & 0x3F
            ):
                step = DAY_S
            elif not alarm & MSK3 and differs & 0x7F_0000:
                step = 3600
            elif not alarm & MSK2 and differs & 0x7F00:
                step = 60
            elif not alarm & MSK1 and differs & 0x7F:
                step = 1
            else:
                return second
            second = (second // step + 1) * step
        return None

    def _matching_tick(self, subsecond: int, first: int) -> int | None:
        """Return the first tick of a second, from one on, that an alarm's sub-seconds match."""
        bits, ticks = subsecond >> 24 & 15, self._dividers[1]
        if not bits:
            return None if first else 0
        tick = first + (ticks - 1 - (subsecond & 0x7FFF) - first) % (1 << bits)
        return tick if tick < ticks else None


def _bcd(number: int) -> int:
    return number // 10 << 4 | number % 10


def _number(bcd: int) -> int:
    return (bcd >> 4) * 10 + (bcd & 15)


def _day(dr: int) -> int:
    """Return the day since 2000 that DR says."""
    year = 2000 + min(_number(dr >> 16 & 0xFF), 99)
    month = min(max(_number(dr >> 8 & 0x1F), 1), 12)
    day = min(max(_number(dr & 0x3F), 1), monthrange(year, month)[1])
    return date(year, month, day).toordinal() - FIRST_DAY


def _second_of_day(tr: int, twelve_hours: int) -> int:
    hour = _number(tr >> 16 & 0x3F)
    if twelve_hours:
        hour = hour % 12 + (12 if tr >> 22 & 1 else 0)
    return (hour * 60 + _number(tr >> 8 & 0x7F)) * 60 + _number(tr & 0x7F)
