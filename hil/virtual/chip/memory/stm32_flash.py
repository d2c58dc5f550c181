"""The STM32WB's flash interface: keys, programming in double words, erasing, option bytes.

Registers, bits and error rules: ST RM0434, chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable

from eegrig.hil.virtual.chip.memory import stm32_options as options
from eegrig.hil.virtual.chip.memory.double_word_flash import DoubleWordFlash, NotErased
from eegrig.hil.virtual.chip.memory.stm32_options import OptionBytes
from eegrig.hil.virtual.chip.signals import BusFault
from eegrig.hil.virtual.chip.stm32wb.block import Block

__all__ = ["IPCCBR", "Stm32Flash"]

ACR, KEYR, OPTKEYR, SR, CR = 0x00, 0x08, 0x0C, 0x10, 0x14
IPCCBR = 0x3C
# Registers that show option bytes, by offset -> offset of the option.
OPTION_REGISTERS = {
    0x20: options.OPTR,
    0x24: options.PCROP1ASR,
    0x28: options.PCROP1AER,
    0x2C: options.WRP1AR,
    0x30: options.WRP1BR,
    0x34: options.PCROP1BSR,
    0x38: options.PCROP1BER,
    0x3C: options.IPCCBR,
    0x80: options.SFR,
    0x84: options.SRRVR,
}
CPU2_OPTIONS = (0x80, 0x84)  # only CPU2's secure firmware may change them

EOP, OPERR, PROGERR, WRPERR, PGAERR, SIZERR, PGSERR, FASTERR = 1, 2, 8, 16, 32, 64, 128, 512
ERRORS = 0xC3FA
BSY = 1 << 16  # SR
# What earlier errors keep the next operation from starting (RM0434, PGSERR).
BLOCKING = PROGERR | WRPERR | PGAERR | SIZERR | FASTERR
PG, PER, MER, STRT, OPTSTRT, FSTPG = 1, 2, 4, 1 << 16, 1 << 17, 1 << 18
EOPIE, ERRIE, OBL_LAUNCH, OPTLOCK, LOCK = 1 << 24, 1 << 25, 1 << 27, 1 << 30, 1 << 31
CR_KEPT = PG | PER | MER | 0x7F8 | FSTPG | EOPIE | ERRIE | 1 << 26
# SFR: first page of the second processor, unless security is disabled (FSD, assumed).
SFSA, FSD = 0xFF, 1 << 8
KEYS = (0x4567_0123, 0xCDEF_89AB)
OPTION_KEYS = (0x0819_2A3B, 0x4C5D_6E7F)


class _Lock:
    """Two keys in order open it; a wrong one closes it until the next reset."""

    def __init__(self, keys: tuple[int, int]) -> None:
        self._keys = keys
        self.reset()

    def reset(self) -> None:
        self.closed = True
        self._next = 0

    def key(self, value: int) -> None:
        if not self.closed or self._next > 1:
            return
        if value != self._keys[self._next]:
            self._next = 2
            return
        self._next += 1
        self.closed = self._next < 2

    def close(self) -> None:
        if self._next == 2 and self.closed:
            return  # jammed by a wrong key
        self.reset()


class Stm32Flash(Block):
    """Guards flash memory and option bytes.

    The time an operation takes is charged when it starts. Fast programming (FSTPG) is not modelled
    and answered with FASTERR; CPU2's registers read 0.

    Parameters
    ----------
    flash : DoubleWordFlash
        The memory it controls.
    option_bytes : OptionBytes
        The option bytes.
    charge : callable
        Takes the nanoseconds of every operation.
    busy : callable
        Whether they are not over yet (BSY).
    debugged : callable
        Whether a debugger was connected since power came on: read protection then keeps
        everybody off the memory.
    erase_secrets : callable
        Called when read protection is given up, which erases everything.
    launch : callable
        Loads the option bytes and resets the system.
    """

    name = "FLASH"
    base = 0x5800_4000

    def __init__(
        self,
        flash: DoubleWordFlash,
        option_bytes: OptionBytes,
        *,
        charge: Callable[[int], None],
        busy: Callable[[], bool],
        debugged: Callable[[], bool],
        erase_secrets: Callable[[], None],
        launch: Callable[[], None],
    ) -> None:
        self._flash = flash
        self._options = option_bytes
        self._charge = charge
        self._busy = busy
        self._debugged = debugged
        self._erase_secrets = erase_secrets
        self._launch = launch
        self._lock, self._option_lock = _Lock(KEYS), _Lock(OPTION_KEYS)
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does."""
        self._acr, self._sr, self._cr = 0x600, 0, 0
        self._half: tuple[int, int] | None = None
        self._lock.reset()
        self._option_lock.reset()
        self._shown = dict(self._options.loaded)

    @property
    def closed(self) -> bool:
        """Whether read protection keeps everybody off the memory."""
        return self._options.protection_level > 0 and self._debugged()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register."""
        if offset in OPTION_REGISTERS:
            return self._shown[OPTION_REGISTERS[offset]]
        if offset == CR:
            return self._cr | LOCK * self._lock.closed | OPTLOCK * self._option_lock.closed
        if offset == SR:
            return self._sr | BSY * self._busy()
        return self._acr if offset == ACR else 0

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset == ACR:
            self._acr = value
        elif offset == KEYR:
            self._lock.key(value)
        elif offset == OPTKEYR:
            if not self._lock.closed:
                self._option_lock.key(value)
        elif offset == SR:
            self._sr &= ~value
        elif offset == CR:
            self._control(value)
        elif offset not in CPU2_OPTIONS and not self._option_lock.closed:
            self._change_option(offset, value)

    def _change_option(self, offset: int, value: int) -> None:
        if offset in OPTION_REGISTERS:
            self._shown[OPTION_REGISTERS[offset]] = value

    def _control(self, value: int) -> None:
        if self._lock.closed:
            return
        self._cr = value & CR_KEPT
        self._half = None
        if value & STRT:
            self._erase()
        if not self._option_lock.closed:
            if value & OPTSTRT:
                self._store_options()
            if value & OBL_LAUNCH:
                self._launch()
                return
        if value & OPTLOCK:
            self._option_lock.close()
        if value & LOCK:
            self._lock.close()
            self._option_lock.close()

    # ---- operations

    def store_to_flash(self, address: int, size: int, value: int) -> None:
        """Take a bus write into flash memory; what is wrong with it is told in SR.

        Raises
        ------
        BusFault
            If read protection is on and a debugger is connected.
        """
        if self.closed:
            raise BusFault(f"store to flash at {address:#010x}, which is read-protected")
        address = self._flash.base + address % self._flash.size
        if size != 4 or address & 3:
            self._fail(SIZERR)
        elif self._lock.closed or self._cr & (PG | PER | MER) != PG or self._sr & BLOCKING:
            self._fail(FASTERR if self._cr & FSTPG else PGSERR)
        elif not address & 4:
            self._half = (address, value & 0xFFFF_FFFF)
        elif self._half is None or self._half[0] != address - 4:
            self._fail(PGAERR)
        else:
            self._program(*self._half, value & 0xFFFF_FFFF)

    def _program(self, address: int, low: int, high: int) -> None:
        self._half = None
        if self._is_write_protected((address - self._flash.base) // self._flash.page_size):
            self._fail(WRPERR)
            return
        try:
            self._charge(self._flash.program_double(address, low, high))
        except NotErased:
            self._fail(PROGERR)
            return
        self._finish()

    def _erase(self) -> None:
        chosen = self._cr & (PG | PER | MER)
        if chosen not in (PER, MER) or self._sr & BLOCKING:
            self._fail(PGSERR)
        elif self.closed:
            self._fail(WRPERR)
        elif chosen == PER:
            page = self._cr >> 3 & 0xFF
            if self._is_write_protected(page):
                self._fail(WRPERR)
                return
            address = self._flash.base + page * self._flash.page_size
            self._charge(self._flash.erase_page(address))
            self._finish()
        elif any(self._is_write_protected(page) for page in range(self._secure_page)):
            self._fail(WRPERR)
        else:
            self._charge(self._flash.erase_all())
            self._finish()

    def _store_options(self) -> None:
        before = options.level(self._options.stored()[options.OPTR])
        after = options.level(self._shown[options.OPTR])
        if before == 2:
            self._fail(WRPERR)
            return
        if after < before:
            self._erase_secrets()
        self._options.store(self._shown)
        # An option page is erased and programmed like any other page.
        timing = self._flash.timing
        self._charge(timing.page_erase_ns + len(self._shown) * timing.word_ns)
        self._finish()

    @property
    def _secure_page(self) -> int:
        secure = self._options.loaded[options.SFR]
        return self._flash.size // self._flash.page_size if secure & FSD else secure & SFSA

    def _is_write_protected(self, page: int) -> bool:
        if page >= self._secure_page:
            return True  # CPU2's own
        for area in (options.WRP1AR, options.WRP1BR):
            value = self._options.loaded[area]
            if value & 0xFF <= page <= value >> 16 & 0xFF:
                return True
        return False

    def _finish(self) -> None:
        if self._cr & EOPIE:
            self._sr |= EOP

    def _fail(self, error: int) -> None:
        self._half = None
        self._sr |= error | (OPERR if self._cr & ERRIE else 0)
