"""The STM32WB55: identity, flash interface, option bytes, read protection."""

import pytest

from eegrig.hil.virtual.chip.free_running import CoreClock
from eegrig.hil.virtual.chip.memory.double_word_flash import NotErased
from eegrig.hil.virtual.chip.signals import BusFault, PowerLost, WireError
from eegrig.hil.virtual.chip.stm32wb.clocks.rcc import ResetFlag
from eegrig.hil.virtual.chip.stm32wb55 import FLASH_BASE, SRAM2_ALIAS, SRAM2_BASE, TIMING, Stm32wb55
from eegrig.hil.virtual.clock import VirtualLoop
from tests.hil.virtual.chip.conftest import Debugger

KEYR, OPTKEYR, SR, CR, OPTR, WRP1AR, SFR = (
    0x5800_4000 + at for at in (0x08, 0x0C, 0x10, 0x14, 0x20, 0x2C, 0x80)
)  # fmt: skip
KEYS, OPTION_KEYS = (0x4567_0123, 0xCDEF_89AB), (0x0819_2A3B, 0x4C5D_6E7F)
PG, PER, MER, STRT, OPTSTRT, EOPIE, OBL_LAUNCH = (
    1, 2, 4, 1 << 16, 1 << 17, 1 << 24, 1 << 27
)  # fmt: skip
LOCK, OPTLOCK = 1 << 31, 1 << 30
EOP, PROGERR, WRPERR, PGAERR, SIZERR, PGSERR = 1, 8, 16, 32, 64, 128


class Board:
    """The chip, driven over its bus."""

    def __init__(self, chip: Stm32wb55 | None = None) -> None:
        self.chip = chip or Stm32wb55()

    def read(self, address: int) -> int:
        return self.chip.bus.read(address, 4)

    def write(self, *pairs: tuple[int, int]) -> None:
        for address, value in pairs:
            self.chip.bus.write(address, 4, value)

    def unlock(self, *, option_bytes: bool = False) -> None:
        self.write(*((KEYR, key) for key in KEYS))
        if option_bytes:
            self.write(*((OPTKEYR, key) for key in OPTION_KEYS))

    def program(self, address: int, low: int, high: int) -> None:
        self.write((CR, PG), (address, low), (address + 4, high), (CR, 0))

    def connect(self) -> None:
        self.chip.dap.write_dp(4, 0x5000_0000)


@pytest.fixture
def board() -> Board:
    return Board()


def test_it_says_what_it_is():
    board = Board(Stm32wb55(seed="a"))
    assert board.read(0xE004_2000) == 0x2001_6495
    assert board.read(0x1FFF_75E0) & 0xFFFF == 1024
    assert board.chip.bus.read_block(0x1FFF_7590, 12) == board.chip.device_id
    assert board.chip.device_id != Stm32wb55(seed="b").device_id
    assert board.read(OPTR) & 0xFF == 0xAA


# ---- RM0434 3.3: memories


def test_flash_is_seen_at_0_and_at_its_own_address(board):
    board.chip.flash.program(FLASH_BASE + 0x1000, b"12345678")
    assert (
        board.read(0x1000) == board.read(FLASH_BASE + 0x1000) == int.from_bytes(b"1234", "little")
    )


def test_both_addresses_of_sram2_are_the_same_memory(board):
    board.write((SRAM2_BASE + 0x40, 0x1234_5678))
    assert board.read(SRAM2_ALIAS + 0x40) == 0x1234_5678


# ---- RM0434 3.3.5 to 3.3.8: erasing and programming


def test_the_control_register_opens_with_both_keys_in_order(board):
    assert board.read(CR) == LOCK | OPTLOCK
    board.write((CR, PG))
    assert board.read(CR) == LOCK | OPTLOCK
    board.unlock()
    assert board.read(CR) == OPTLOCK
    board.write((CR, LOCK))
    assert board.read(CR) & LOCK


def test_a_wrong_key_locks_until_the_next_reset(board):
    board.write((KEYR, KEYS[1]))
    board.unlock()
    assert board.read(CR) & LOCK
    board.write((CR, LOCK))
    board.unlock()
    assert board.read(CR) & LOCK
    board.chip.reset()
    board.unlock()
    assert not board.read(CR) & LOCK


def test_a_double_word_is_programmed_when_its_second_half_comes(board):
    board.unlock()
    board.write((CR, PG), (FLASH_BASE, 0x1111_1111))
    assert board.read(FLASH_BASE) == 0xFFFF_FFFF
    before = board.chip.elapsed_ns
    board.write((FLASH_BASE + 4, 0x2222_2222))
    assert board.chip.elapsed_ns - before == TIMING.word_ns
    assert board.read(FLASH_BASE) == 0x1111_1111
    assert board.read(FLASH_BASE + 4) == 0x2222_2222
    assert board.read(SR) == 0


def test_the_end_of_an_operation_is_told_only_where_its_interrupt_is_enabled(board):
    board.unlock()
    board.write((CR, PG | EOPIE), (FLASH_BASE, 0), (FLASH_BASE + 4, 0))
    assert board.read(SR) == EOP
    board.write((SR, EOP))
    assert board.read(SR) == 0


def test_progerr_programming_over_what_is_not_erased(board):
    board.unlock()
    board.program(FLASH_BASE, 0x0000_FFFF, 0xFFFF_FFFF)
    board.program(FLASH_BASE, 0x0000_0FFF, 0xFFFF_FFFF)
    assert board.read(SR) == PROGERR
    assert board.read(FLASH_BASE) == 0x0000_FFFF
    board.write((SR, PROGERR))
    board.program(FLASH_BASE, 0, 0)  # zero is always allowed
    assert board.read(SR) == 0
    assert board.read(FLASH_BASE) == 0


def test_pgserr_without_pg_and_after_an_error_that_was_not_cleared(board):
    board.write((FLASH_BASE, 0))
    assert board.read(SR) == PGSERR
    board.unlock()
    board.write((SR, PGSERR))
    board.chip.bus.write(FLASH_BASE, 2, 0)
    assert board.read(SR) == PGSERR | SIZERR or board.read(SR) == SIZERR
    board.program(FLASH_BASE, 0, 0)
    assert board.read(SR) & PGSERR
    assert board.read(FLASH_BASE) == 0xFFFF_FFFF
    board.write((SR, 0x3FA), (CR, PG | PER | STRT))
    assert board.read(SR) == PGSERR


def test_pgaerr_words_of_different_double_words(board):
    board.unlock()
    board.write((CR, PG), (FLASH_BASE, 0), (FLASH_BASE + 12, 0))
    assert board.read(SR) == PGAERR
    assert board.read(FLASH_BASE + 8) == 0xFFFF_FFFF


def test_sizerr_bytes_and_half_words(board):
    board.unlock()
    board.write((CR, PG))
    board.chip.bus.write(FLASH_BASE, 1, 0)
    assert board.read(SR) == SIZERR


def test_a_page_erase_erases_4_kib(board):
    board.chip.flash.program(FLASH_BASE, bytes(3 * 0x1000))
    board.unlock()
    before = board.chip.elapsed_ns
    board.write((CR, PER | 1 << 3 | STRT))
    assert board.chip.elapsed_ns - before == TIMING.page_erase_ns
    assert board.read(SR) == 0
    pages = [set(board.chip.flash_bytes(FLASH_BASE + at * 0x1000, 0x1000)) for at in range(3)]
    assert pages == [{0}, {0xFF}, {0}]


def test_a_mass_erase_erases_everything(board):
    board.chip.flash.program(FLASH_BASE, bytes(0x2000))
    board.unlock()
    board.write((CR, MER | STRT))
    assert set(board.chip.flash_bytes(FLASH_BASE, 0x10_0000)) == {0xFF}


def test_wrperr_where_the_other_processor_keeps_its_stack(board):
    page = board.read(SFR) & 0xFF
    address = FLASH_BASE + page * 0x1000
    board.unlock()
    board.program(address, 0, 0)
    assert board.read(SR) == WRPERR
    board.write((SR, WRPERR), (CR, PER | page << 3 | STRT))
    assert board.read(SR) == WRPERR
    assert board.read(address) == 0xFFFF_FFFF
    board.write((SR, WRPERR))
    board.program(address - 8, 0, 0)
    assert board.read(SR) == 0


def test_power_that_goes_in_a_double_word_leaves_it_torn(board):
    board.unlock()
    board.chip.faults.lose_power_after(words=1)
    with pytest.raises(PowerLost):
        board.program(FLASH_BASE, 0x1111_1111, 0x2222_2222)
    assert board.chip.flash_bytes(FLASH_BASE, 8) == b"\x11" * 4 + b"\xff" * 4


def test_firmware_programs_double_words_once(board):
    flash = board.chip.flash
    assert flash.program(FLASH_BASE + 4, b"1234") == TIMING.word_ns
    assert flash.program(FLASH_BASE + 8, b"\xff" * 16) == 0
    assert flash.program(FLASH_BASE + 16, b"x" * 12) == 2 * TIMING.word_ns
    assert flash.view(FLASH_BASE, 8) == b"\xff\xff\xff\xff1234"
    with pytest.raises(NotErased):
        flash.program(FLASH_BASE, b"1234")


# ---- RM0434 3.4 and 3.5: option bytes and protection


def test_option_bytes_come_into_force_when_they_are_loaded(board):
    board.unlock(option_bytes=True)
    assert board.read(CR) == 0
    board.write((WRP1AR, 2 << 16 | 1), (CR, OPTSTRT))
    board.program(FLASH_BASE + 0x1000, 0, 0)
    assert board.read(SR) == 0
    resets = []
    board.chip.on_reset.append(lambda: resets.append(1))
    board.write((CR, OBL_LAUNCH))
    assert resets == [1]
    board.unlock()
    for page, expected in ((0, 0), (1, WRPERR), (2, WRPERR), (3, 0)):
        board.program(FLASH_BASE + page * 0x1000 + 64, 0, 0)
        assert board.read(SR) == expected, page
        board.write((SR, 0x3FA))


def test_option_bytes_are_locked_on_their_own(board):
    board.unlock()
    board.write((OPTR, 0), (CR, OPTSTRT))
    assert board.read(OPTR) & 0xFF == 0xAA
    board.chip.power_cycle()
    assert board.read(OPTR) & 0xFF == 0xAA


def test_read_protection_keeps_a_debugger_off_flash_and_sram2(board):
    board.chip.flash.program(FLASH_BASE, b"secret!!")
    board.chip.lock()
    assert board.read(FLASH_BASE) == int.from_bytes(b"secr", "little")  # nobody is connected yet
    board.connect()
    for address in (0, FLASH_BASE, SRAM2_BASE, SRAM2_ALIAS):
        with pytest.raises(BusFault, match="read-protected"):
            board.read(address)
    board.read(0x2000_0000)
    board.unlock()
    board.write((CR, PER | STRT))
    assert board.read(SR) == WRPERR
    assert board.chip.flash_bytes(FLASH_BASE, 8) == b"secret!!"
    # Not even code that a debugger loads can read it.
    debugger = board.chip
    debugger.bus.write_block(0x2000_0000, bytes.fromhex("086800be"))  # ldr r0, [r1]; bkpt
    board.write((0xE000_EDF0, 0xA05F_0003))
    for register, value in ((1, FLASH_BASE), (15, 0x2000_0000)):
        board.write((0xE000_EDF8, value), (0xE000_EDF4, 0x1_0000 | register))
    board.write((0xE000_EDF0, 0xA05F_0001))
    board.read(0xE000_EDF0)
    board.write((0xE000_EDF0, 0xA05F_0003), (0xE000_EDF4, 0))
    assert board.read(0xE000_EDF8) == 0


def test_giving_up_read_protection_erases_everything(board):
    board.chip.flash.program(FLASH_BASE, b"secret!!")
    board.chip.lock()
    board.connect()
    board.unlock(option_bytes=True)
    board.write((OPTR, board.read(OPTR) & ~0xFF | 0xAA), (CR, OPTSTRT))
    assert board.chip.flash_bytes(FLASH_BASE, 8) == b"\xff" * 8
    board.write((CR, OBL_LAUNCH))
    assert board.read(FLASH_BASE) == 0xFFFF_FFFF


def test_protection_level_2_closes_the_bus_for_good(board):
    board.unlock(option_bytes=True)
    board.write((OPTR, board.read(OPTR) & ~0xFF | 0xCC), (CR, OPTSTRT | OBL_LAUNCH))
    assert board.chip.locked
    board.connect()
    with pytest.raises(WireError):
        board.chip.dap.read_ap(0xC)
    board.unlock(option_bytes=True)
    board.write((OPTR, board.read(OPTR) & ~0xFF | 0xAA), (CR, OPTSTRT))
    board.chip.power_cycle()
    assert board.chip.locked


def test_contents_and_options_are_kept_in_the_directory(tmp_path):
    first = Stm32wb55(tmp_path)
    first.flash.program(FLASH_BASE, b"12345678")
    first.lock()
    first.close()
    second = Board(Stm32wb55(tmp_path))
    assert second.chip.flash_bytes(FLASH_BASE, 8) == b"12345678"
    assert second.read(OPTR) & 0xFF == 0xBB
    second.chip.close()


def test_code_overwritten_at_the_other_address_of_its_memory_is_executed_as_it_is_now():
    board = Debugger(Stm32wb55())
    board.load(0x2001, 0xBE00, at=SRAM2_ALIAS)
    board.resume()
    assert board.halted()
    board.write(SRAM2_BASE, 0xBE00_2007)
    board.set(15, SRAM2_ALIAS)
    board.resume()
    assert board.halted()
    assert board.get(0) == 7


# ---- RM0434 3.3.6: BSY


def test_it_is_busy_while_its_controller_is_told_so():
    chip, busy = Stm32wb55(), [True, False]
    chip._controller._busy = busy.pop
    assert chip.bus.read(SR, 4) == 0
    assert chip.bus.read(SR, 4) == 1 << 16


# ---- RM0434 8.1: resets, and what CSR says of them


class Nothing:
    vdda_v = 3.3

    """A board with nothing on it."""

    def console_bytes(self, data: bytes) -> None: ...

    def output(self, port: str, pin: int, level: int) -> None: ...

    def spi(self, mosi: bytes, sck_hz: float, mode: int) -> bytes:
        return bytes(len(mosi))

    def volts(self, port: str, pin: int) -> float:
        return 0.0

    def random(self, n: int) -> bytes:
        return bytes(n)

    def unmodelled(self, name: str, address: int) -> None: ...


def test_every_reset_says_what_it_was():
    loop = VirtualLoop()
    chip = Stm32wb55(clock=CoreClock(loop), outside=Nothing())

    def flags() -> ResetFlag:
        found = ResetFlag(chip.bus.read(0x5800_0094, 4) & 0x7E00_0000)
        chip.bus.write(0x5800_0094, 4, 1 << 23)  # RMVF
        return found

    assert flags() == ResetFlag.PIN | ResetFlag.POWER
    chip.reset()
    assert flags() == ResetFlag.PIN
    chip.bus.write(0xE000_ED0C, 4, 0x05FA_0004)  # AIRCR
    assert flags() == ResetFlag.PIN | ResetFlag.SOFTWARE
    chip.bus.write(0x4000_3000, 4, 0xCCCC)  # the watchdog, 4096 counts of 125 us
    loop.call_at_ns(600_000_000, loop.stop)
    loop.run_forever()
    assert flags() == ResetFlag.PIN | ResetFlag.WATCHDOG
    chip.leave("standby")
    chip.requested_reset()
    assert flags() == 0
    assert chip.bus.read(0x5800_0488, 4) & 1 << 8  # C1SBF
    chip.power_cycle()
    assert flags() == ResetFlag.PIN | ResetFlag.POWER
    loop.close()
