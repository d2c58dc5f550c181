"""The interrupt controller and the system timer, without a core."""

from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.virtual.chip.cortex_m.nvic import LOWEST, Exc, Nvic
from eegrig.hil.virtual.chip.cortex_m.systick import NEVER, SysTick

ISER, ICER, ISPR, IABR, IPR = 0xE000_E100, 0xE000_E180, 0xE000_E200, 0xE000_E300, 0xE000_E400
AIRCR, ICSR, SHPR3, STIR = 0xE000_ED0C, 0xE000_ED04, 0xE000_ED20, 0xE000_EF00
CSR, RVR, CVR = 0xE000_E010, 0xE000_E014, 0xE000_E018

numbers = st.integers(0, 47)


@given(
    priorities=st.dictionaries(numbers, st.integers(0, 255)),
    enabled=st.sets(numbers),
    pending=st.sets(numbers),
    active=st.sets(numbers, max_size=3),
    group=st.integers(0, 7),
    primask=st.integers(0, 1),
    basepri=st.integers(0, 255),
)
def test_what_interrupts_is_the_most_urgent_of_all_that_may(
    priorities, enabled, pending, active, group, primask, basepri
):
    nvic = Nvic(48, 3)
    nvic.write(AIRCR, 0x05FA_0000 | group << 8)
    for number, priority in priorities.items():
        word = nvic.read(IPR + (number & ~3))
        shift = 8 * (number & 3)
        nvic.write(IPR + (number & ~3), word & ~(0xFF << shift) | priority << shift)
    for number in enabled:
        nvic.write(ISER + 4 * (number // 32), 1 << number % 32)
    for number in pending:
        nvic.write(ISPR + 4 * (number // 32), 1 << number % 32)
    nvic.active = {Exc.EXTERNAL + number for number in active}

    def urgency(number: int) -> tuple[int, int, int]:
        priority = priorities.get(number, 0) & 0xE0
        below = (2 << group) - 1
        return priority & ~below, priority, number

    level = min((urgency(number)[0] for number in active), default=LOWEST)
    if basepri & 0xE0:
        level = min(level, basepri & 0xE0 & ~((2 << group) - 1))
    if primask:
        level = min(level, 0)
    candidates = sorted(urgency(number) for number in enabled & pending)
    # Among those of one group the lower subpriority goes first.
    expected = candidates[0] if candidates and candidates[0][0] < level else None
    found = nvic.next_exception((primask, 0, basepri))
    assert found == (None if expected is None else Exc.EXTERNAL + expected[2])


@given(chosen=st.sets(st.integers(0, 63)))
def test_enable_pend_and_active_bits_read_as_written(chosen):
    nvic = Nvic(48, 3)
    for bank in (ISER, ISPR):
        for word in range(2):
            bits = sum(1 << n - 32 * word for n in chosen if n // 32 == word)
            nvic.write(bank + 4 * word, bits)
            there = sum(1 << n - 32 * word for n in chosen if n // 32 == word and n < 48)
            assert nvic.read(bank + 4 * word) == there
    nvic.write(ICER, 0xFFFF_FFFF)
    assert nvic.read(ISER) == 0
    assert nvic.read(IABR) == 0


def test_system_exceptions_are_pended_and_prioritised_in_the_system_control_block():
    nvic = Nvic(48, 4)
    nvic.write(SHPR3, 0x40F0_0000)
    nvic.write(ICSR, 1 << 28 | 1 << 26)
    assert nvic.next_exception((0, 0, 0)) == Exc.SYSTICK
    assert nvic.read(ICSR) >> 12 & 0x1FF == Exc.SYSTICK
    nvic.write(ICSR, 1 << 25)
    assert nvic.next_exception((0, 0, 0)) == Exc.PENDSV
    assert nvic.next_exception((0, 0, 0xF0)) is None
    nvic.hold_interrupts = True
    assert nvic.next_exception((0, 0, 0)) is None


def test_the_software_trigger_pends():
    nvic = Nvic(48, 4)
    nvic.write(STIR, 7)
    assert nvic.pending == {Exc.EXTERNAL + 7}
    assert nvic.next_exception((0, 0, 0)) is None
    nvic.write(ISER, 1 << 7)
    assert nvic.next_exception((0, 0, 0)) == Exc.EXTERNAL + 7


@given(reload=st.integers(1, 0xFF_FFFF), start=st.integers(0, 10**9), data=st.data())
def test_the_timer_counts_down_and_expires_every_reload_and_one_cycles(reload, start, data):
    timer = SysTick()
    timer.write(RVR, reload, start)
    timer.write(CVR, 5, start)
    timer.write(CSR, 7, start)
    now = start + data.draw(st.integers(1, 5 * (reload + 1)))
    elapsed = now - start
    assert timer.read(CVR, now) == -elapsed % (reload + 1)
    assert timer.expire(now) == (elapsed >= reload + 1)
    assert not timer.expire(now)
    assert bool(timer.read(CSR, now) >> 16) == (elapsed >= reload + 1)
    assert timer.read(CSR, now) >> 16 == 0


def test_a_timer_that_stands_keeps_its_value():
    timer = SysTick()
    timer.write(RVR, 100, 0)
    timer.write(CVR, 0, 0)
    timer.write(CSR, 5, 0)
    timer.write(CSR, 4, 31)
    assert timer.alarm == NEVER
    assert timer.read(CVR, 1000) == 70
    timer.write(CSR, 5, 2000)
    assert timer.read(CVR, 2010) == 60
    assert not timer.expire(2070)  # it expires without an interrupt
    assert timer.read(CSR, 2070) >> 16 == 1
