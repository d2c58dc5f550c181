"""PWR by its registers: ST RM0434, "Power control"."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.clocks.pwr import Pwr

CR1, CR2, CR3, CR4, SR1, SR2, SCR, CR5 = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18, 0x1C
PUCRA, PUCRH, C2CR1, C2CR3, EXTSCR = 0x20, 0x58, 0x80, 0x84, 0x88
C2BOOT = 1 << 15
C1SBF, C1STOPF, C2DS = 1 << 8, 1 << 9, 1 << 15


class Controller(Pwr):
    def __init__(self) -> None:
        self.starts = 0
        super().__init__(start_second_processor=self._start)

    def _start(self) -> None:
        self.starts += 1


@pytest.fixture
def pwr() -> Controller:
    return Controller()


def test_registers_after_reset(pwr):  # STM32WB55_CM4.svd
    assert (pwr.name, pwr.base) == ("PWR", 0x5800_0400)
    others = {CR1: 0x200, CR3: 0x8000, CR5: 0x4270, SR2: 2, C2CR3: 0x8000}
    for offset in range(0, 0x8C, 4):
        assert pwr.read(offset) == others.get(offset, 0), hex(offset)


def test_voltage_scaling_and_the_low_power_regulator_follow_at_once(pwr):
    pwr.write(CR1, 0x4400)  # range 2, low-power run
    assert pwr.read(CR1) == 0x4400
    assert pwr.read(SR2) & 0x600 == 0x200  # REGLPF, not VOSF
    pwr.write(CR1, 0x200)
    assert pwr.read(SR2) & 0x600 == 0


def test_reserved_bits_keep_their_reset_value(pwr):
    pwr.write(CR1, 0xFFFF_FFFF)
    pwr.write(CR2, 0xFFFF_FFFF)
    pwr.write(CR5, 0)
    pwr.write(PUCRA, 0xFFFF)
    pwr.write(PUCRH, 0xFFFF)
    assert pwr.read(CR1) == 0x4737
    assert pwr.read(CR2) == 0x45F
    assert pwr.read(CR5) == 0x4200
    assert pwr.read(PUCRA) == 0xBFFF  # PA14 is pulled down by SWCLK
    assert pwr.read(PUCRH) == 0xB


def test_the_smps_runs_or_is_bypassed_as_cr5_says(pwr):
    pwr.write(CR5, 0x4270)
    assert pwr.read(SR2) & 3 == 1
    pwr.write(CR5, 0xC270)
    assert pwr.read(SR2) & 3 == 2


def test_the_second_processor_starts_once_until_a_reset(pwr):
    pwr.write(CR4, 1)
    assert pwr.starts == 0
    pwr.write(CR4, C2BOOT)
    pwr.write(CR4, C2BOOT)
    pwr.write(CR4, 0)
    pwr.write(CR4, C2BOOT)
    assert pwr.starts == 1
    assert pwr.read(CR4) == C2BOOT
    pwr.reset()
    assert pwr.read(CR4) == 0
    pwr.write(CR4, C2BOOT)
    assert pwr.starts == 2


@pytest.mark.parametrize(
    ("lpms", "mode"),
    [(0, "stop0"), (1, "stop1"), (2, "stop2"), (3, "standby"), (4, "shutdown"), (7, "shutdown")],
)
def test_lpms_says_how_deep_deep_sleep_is(pwr, lpms, mode):
    pwr.write(CR1, 0x100 | lpms)
    assert pwr.stop_mode == mode


def test_flags_of_stop_and_standby_stay_until_they_are_cleared(pwr):
    pwr.note_stop("stop1")
    assert pwr.read(EXTSCR) == C1STOPF
    pwr.note_standby()
    pwr.reset()
    assert pwr.read(EXTSCR) == C1STOPF | C1SBF
    pwr.write(EXTSCR, 2)  # C2CSSF is not the first processor's
    assert pwr.read(EXTSCR) == C1STOPF | C1SBF
    pwr.write(EXTSCR, 1)
    assert pwr.read(EXTSCR) == 0
    pwr.note_stop("sleep")
    assert pwr.read(EXTSCR) == 0


def test_power_clears_all(pwr):
    pwr.note_standby()
    pwr.write(CR3, 0x8200)
    pwr.power_on_reset()
    assert (pwr.read(EXTSCR), pwr.read(CR3)) == (0, 0x8000)


def test_what_outlasts_standby_does_not_outlast_another_reset(pwr):
    for offset, value in ((CR1, 0x203), (CR3, 0x8200), (CR4, C2BOOT | 1), (PUCRA, 1)):
        pwr.write(offset, value)
    pwr.note_standby()
    pwr.reset()
    assert [pwr.read(offset) for offset in (CR1, CR3, CR4, PUCRA)] == [0x200, 0x8200, 1, 1]
    pwr.reset()
    assert [pwr.read(offset) for offset in (CR1, CR3, CR4, PUCRA)] == [0x200, 0x8000, 0, 0]
