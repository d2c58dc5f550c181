"""HSEM by its registers: ST RM0434, "Hardware semaphore"."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.hsem import Hsem

R, RLR, C1IER, C1ICR, C1ISR, C1MISR = 0x000, 0x080, 0x100, 0x104, 0x108, 0x10C
C2IER, C2ICR, C2ISR, C2MISR, CR, KEYR = 0x110, 0x114, 0x118, 0x11C, 0x140, 0x144
LOCKED_BY_CPU1 = 0x8000_0400  # LOCK, COREID 4, PROCID 0: stm32wbxx_ll_hsem.h
CPU1, CPU2 = 0x400, 0x800


class Semaphores(Hsem):
    def __init__(self) -> None:
        self.level = False
        super().__init__(irq=lambda level: setattr(self, "level", level))


@pytest.fixture
def hsem() -> Semaphores:
    return Semaphores()


def test_registers_after_reset(hsem):
    assert (hsem.name, hsem.base) == ("HSEM", 0x5800_1400)
    assert not any(hsem.peek(offset) for offset in range(0, 0x400, 4))


def test_reading_rlr_locks_and_locks_again_for_who_has_it(hsem):
    assert hsem.read(RLR + 4 * 5) == LOCKED_BY_CPU1
    assert hsem.read(RLR + 4 * 5) == LOCKED_BY_CPU1  # machine.freq locks 5 twice
    assert hsem.read(R + 4 * 5) == LOCKED_BY_CPU1
    assert [hsem.read(R + 4 * n) for n in (4, 5, 6)] == [0, LOCKED_BY_CPU1, 0]


def test_who_has_it_frees_it_by_writing_without_lock(hsem):
    hsem.read(RLR + 4 * 3)
    hsem.write(R + 4 * 3, CPU2)
    hsem.write(R + 4 * 3, CPU1 | 1)  # another process
    assert hsem.read(R + 4 * 3) == LOCKED_BY_CPU1
    hsem.write(R + 4 * 3, CPU1)
    assert hsem.read(R + 4 * 3) == 0


def test_locking_in_two_steps_names_a_process(hsem):
    hsem.write(R, 0x8000_0000 | CPU1 | 7)
    assert hsem.read(R) == 0x8000_0407
    hsem.write(R, 0x8000_0000 | CPU1 | 8)  # it is locked
    assert hsem.read(R) == 0x8000_0407
    assert hsem.read(RLR) == 0x8000_0407
    hsem.write(R, CPU1)
    assert hsem.read(R) == 0x8000_0407
    hsem.write(R, CPU1 | 7)
    assert hsem.read(R) == 0


def test_a_lock_in_another_cores_name_is_not_taken(hsem):
    hsem.write(R, 0x8000_0000 | CPU2)
    assert hsem.read(R) == 0


def test_a_freed_semaphore_interrupts_if_that_is_asked_for(hsem):
    hsem.write(C1IER, 1 << 3)
    hsem.read(RLR + 4 * 3)
    assert not hsem.level
    hsem.write(R + 4 * 3, CPU1)
    assert hsem.level
    assert hsem.read(C1ISR) == hsem.read(C1MISR) == 1 << 3
    assert (hsem.read(C2ISR), hsem.read(C2MISR)) == (1 << 3, 0)
    hsem.write(C1ICR, 1 << 3)
    assert not hsem.level
    assert hsem.read(C1ISR) == 0
    hsem.write(C2IER, 1 << 3)  # its status is there already, and its interrupt not the first's
    assert hsem.read(C2MISR) == 1 << 3
    assert not hsem.level
    hsem.write(C2ICR, 1 << 3)
    assert hsem.read(C2ISR) == 0


def test_only_freeing_sets_the_status(hsem):
    hsem.write(R, CPU1)
    hsem.read(RLR)
    hsem.write(R, CPU1 | 1)
    assert hsem.read(C1ISR) == 0


def test_the_key_frees_all_semaphores_of_a_core(hsem):
    hsem.read(RLR)
    hsem.read(RLR + 4 * 31)
    hsem.write(KEYR, 0x5A5A_0000)
    assert hsem.read(KEYR) == 0x5A5A_0000
    hsem.write(CR, 0x1234_0000 | CPU1)
    assert hsem.read(R + 4 * 31) == LOCKED_BY_CPU1
    hsem.write(CR, 0x5A5A_0000 | CPU2)
    assert hsem.read(R + 4 * 31) == LOCKED_BY_CPU1
    hsem.write(CR, 0x5A5A_0000 | CPU1)
    assert [hsem.read(R + 4 * n) for n in (0, 31)] == [0, 0]
    assert hsem.read(C1ISR) == 0x8000_0001


def test_a_narrow_write_beside_rlr_locks_nothing(hsem):
    hsem.store(RLR, 1, 0)
    assert hsem.read(R) == 0


def test_reset_frees_all_and_drops_the_request(hsem):
    hsem.write(C1IER, 1)
    hsem.read(RLR)
    hsem.write(R, CPU1)
    hsem.read(RLR + 4)
    assert hsem.level
    hsem.reset()
    assert not hsem.level
    assert hsem.read(R + 4) == 0
