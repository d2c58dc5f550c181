"""EXTI by its registers: ST RM0434, "Extended interrupt and event controller"."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.pins.exti import Exti

RTSR1, FTSR1, SWIER1, PR1, RTSR2, FTSR2, SWIER2, PR2 = (
    0x00,
    0x04,
    0x08,
    0x0C,
    0x20,
    0x24,
    0x28,
    0x2C,
)
IMR1, EMR1, IMR2, EMR2 = 0x80, 0x84, 0x90, 0x94
C2IMR1, C2EMR1, C2IMR2, C2EMR2 = 0xC0, 0xC4, 0xD0, 0xD4


class Nvic:
    """Positions 6 (EXTI4 is 10), 23 (lines 5 to 9), 3 (RTC wake-up): stm32wb55xx.h, IRQn_Type."""

    def __init__(self) -> None:
        self.levels: dict[int, bool] = {}
        self.requests = {position: self._request(position) for position in (3, 10, 23)}
        lines = {4: 10, 5: 23, 6: 23, 7: 23, 8: 23, 9: 23, 19: 3}
        self.exti = Exti(lines={line: self.requests[lines[line]] for line in lines})

    def _request(self, position):
        return lambda level: self.levels.__setitem__(position, level)


@pytest.fixture
def nvic() -> Nvic:
    return Nvic()


def test_registers_after_reset(nvic):  # STM32WB55_CM4.svd
    exti = nvic.exti
    assert (exti.name, exti.base) == ("EXTI", 0x5800_0800)
    others = {
        IMR1: 0x7FC0_0000, C2IMR1: 0x7FC0_0000, IMR2: 0x0001_FCFD, C2IMR2: 0x0001_FCFD,
    }  # fmt: skip
    for offset in range(0, 0xD8, 4):
        assert exti.read(offset) == others.get(offset, 0), hex(offset)
    assert nvic.levels == {}


def test_bits_of_lines_that_there_are_not_stay_0(nvic):  # masks: stm32wb55xx.h
    for offset in (RTSR1, FTSR1, RTSR2, FTSR2, IMR1, EMR1, IMR2, EMR2):
        nvic.exti.write(offset, 0xFFFF_FFFF)
    masks = [nvic.exti.read(offset) for offset in (RTSR1, FTSR1, RTSR2, FTSR2)]
    assert masks == [0x803F_FFFF, 0x803F_FFFF, 0x302, 0x302]
    masks = [nvic.exti.read(offset) for offset in (IMR1, EMR1, IMR2, EMR2)]
    assert masks == [0xFFFF_FFFF, 0x003E_FFFF, 0x0001_FFFF, 0x300]


@pytest.mark.parametrize(
    ("rtsr", "ftsr", "edges"), [(0, 0, []), (1, 0, [1]), (0, 1, [0]), (1, 1, [1, 0])]
)
def test_the_selected_edges_pend(nvic, rtsr, ftsr, edges):
    exti = nvic.exti
    exti.write(RTSR1, rtsr << 4)
    exti.write(FTSR1, ftsr << 4)
    seen = []
    for level in (1, 0):
        exti.edge(4, level)
        if exti.read(PR1) == 1 << 4:
            seen.append(level)
        exti.write(PR1, 1 << 4)
    assert seen == edges


def test_a_request_is_held_until_pr_is_cleared_by_writing_1(nvic):
    exti = nvic.exti
    exti.write(FTSR1, 1 << 4)
    exti.write(IMR1, exti.read(IMR1) | 1 << 4)
    exti.edge(4, 0)
    assert nvic.levels == {10: True}
    exti.edge(4, 1)
    exti.write(PR1, 0xFFFF_FFEF)
    assert nvic.levels == {10: True}
    exti.write(PR1, 1 << 4)
    assert nvic.levels == {10: False}
    assert exti.read(PR1) == 0


def test_a_masked_line_pends_and_requests_once_it_is_unmasked(nvic):
    exti = nvic.exti
    exti.write(RTSR1, 1 << 19)
    exti.edge(19, 1)
    assert exti.read(PR1) == 1 << 19
    assert nvic.levels == {}
    exti.write(IMR1, 1 << 19)
    assert nvic.levels == {3: True}
    exti.write(IMR1, 0)
    assert nvic.levels == {3: False}
    assert exti.read(PR1) == 1 << 19


def test_lines_of_a_group_share_a_request(nvic):
    exti = nvic.exti
    exti.write(RTSR1, 0x3E0)
    exti.write(IMR1, 0x3E0)
    exti.edge(5, 1)
    exti.edge(9, 1)
    exti.write(PR1, 1 << 5)
    assert nvic.levels == {23: True}
    exti.write(PR1, 1 << 9)
    assert nvic.levels == {23: False}


def test_software_makes_a_line_pend(nvic):
    exti = nvic.exti
    exti.write(IMR1, 1 << 7)
    exti.write(SWIER1, 1 << 7)
    assert exti.read(SWIER1) == 0
    assert exti.read(PR1) == 1 << 7
    assert nvic.levels == {23: True}
    exti.write(SWIER2, 1 << 1)
    assert exti.read(PR2) == 1 << 1


def test_lines_from_32_on_have_registers_of_their_own(nvic):
    exti = nvic.exti
    exti.write(RTSR2, 1 << 9)  # line 41, as rfcore_init does
    exti.write(C2EMR2, 1 << 9)
    exti.edge(41, 1)
    assert exti.read(PR2) == 1 << 9
    assert exti.read(PR1) == 0
    assert exti.read(C2EMR2) == 1 << 9
    exti.write(RTSR1, 1)
    assert exti.read(RTSR2) == 1 << 9


def test_a_direct_line_does_not_pend(nvic):
    nvic.exti.edge(36, 1)
    assert nvic.exti.read(PR2) == 0


def test_a_narrow_write_to_pr_clears_only_what_it_names(nvic):
    exti = nvic.exti
    exti.write(SWIER1, 0x0101)
    exti.store(PR1, 1, 1)
    assert exti.read(PR1) == 0x0100


def test_reset_drops_requests(nvic):
    exti = nvic.exti
    exti.write(IMR1, 1 << 4)
    exti.write(SWIER1, 1 << 4)
    exti.reset()
    assert nvic.levels == {10: False}
    assert exti.read(PR1) == 0
