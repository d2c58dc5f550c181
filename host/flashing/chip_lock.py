"""Read-out protection: keeping everybody from a chip's flash memory, and giving that up again.

nRF52840: APPROTECT in UICR (product specification, UICR and CTRL-AP). STM32WB: read protection
(RDP) level 1 in the option bytes (RM0434, 3.4 and 3.6). Either is given up by erasing everything.
Tried on virtual chips; not on real ones yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from eegrig.boards.errors import BoardFault, ConfigError
from eegrig.host.flashing.probe import explained, is_locked, probe_session

if TYPE_CHECKING:
    from eegrig.boards.schema import Board

__all__ = ["lock", "mass_erase_unlock"]

_TIMEOUT_S = 15.0

_UICR_APPROTECT, _APPROTECT_ENABLED = 0x1000_1208, 0xFFFF_FF00
_NVMC_READY, _NVMC_CONFIG = 0x4001_E400, 0x4001_E504
_READ_ONLY, _WRITE = 0, 1
_CTRL_RESET, _CTRL_ERASEALL, _CTRL_ERASEALLSTATUS = 0x00, 0x04, 0x08

_KEYR, _OPTKEYR, _SR, _CR, _OPTR = (0x5800_4000 + at for at in (0x08, 0x0C, 0x10, 0x14, 0x20))
_STORED_OPTR = 0x1FFF_8000
_KEYS, _OPTION_KEYS = (0x4567_0123, 0xCDEF_89AB), (0x0819_2A3B, 0x4C5D_6E7F)
_SR_BUSY, _SR_ERRORS = 1 << 16, 0xC3FA
_CR_OPTSTRT, _CR_OBL_LAUNCH = 1 << 17, 1 << 27
_CR_LOCK, _CR_OPTLOCK = 1 << 31, 1 << 30
_RDP_OPEN, _RDP_LEVEL_1 = 0xAA, 0xBB


def lock(board: Board, probe: str | None = None) -> None:
    """Lock a board's chip, and check that it is.

    Level 1 of an STM32WB lets the firmware run again once the board has been without power.

    Parameters
    ----------
    board : Board
    probe : str, optional
        pyOCD's id of the probe.

    Raises
    ------
    ConfigError
        If nothing is known about locking chips of this kind.
    BoardFault
        If the chip is locked already, or does not lock.
    InfrastructureError
        If there is no probe, or it stops answering.
    """
    lock_chip = _method(board).lock
    with probe_session(board, probe) as session:
        uid = str(session.probe.unique_id)
        with explained(uid, "locking the chip"):
            lock_chip(session.target)
    # Only a new connection tells: the protection comes with a reset.
    with probe_session(board, uid, locked_too=True) as session:
        if not is_locked(session.target, board, uid):
            raise BoardFault(f"the chip of {board.name} behind {uid} did not lock: try again")


def mass_erase_unlock(board: Board, probe: str | None = None) -> bool:
    """Unlock a board's chip by erasing everything in it; a chip that is open is left as it is.

    One that is open still, and locked from its next reset on, counts as locked: that is what
    locking leaves that was cut off.

    Parameters
    ----------
    board : Board
    probe : str, optional
        pyOCD's id of the probe.

    Returns
    -------
    bool
        Whether it was locked, and is erased now.

    Raises
    ------
    ConfigError
        If nothing is known about locking chips of this kind.
    BoardFault
        If the chip does not open.
    InfrastructureError
        If there is no probe, or it stops answering.
    """
    method = _method(board)
    with probe_session(board, probe, locked_too=True) as session:
        uid = str(session.probe.unique_id)
        if not is_locked(session.target, board, uid):
            with explained(uid, "asking the chip whether it will be locked"):
                if not method.locks_at_reset(session.target):
                    return False
        with explained(uid, "erasing the chip to unlock it"):
            method.unlock(session.target)
    with probe_session(board, uid, locked_too=True) as session:
        if is_locked(session.target, board, uid):
            raise BoardFault(
                f"the chip of {board.name} behind {uid} stays locked: take its power away for a "
                "moment and try again"
            )
    return True


class _Method(NamedTuple):
    """How a kind of chip is locked, unlocked, and asked whether its next reset will lock it."""

    lock: Callable[[Any], None]
    unlock: Callable[[Any], None]
    locks_at_reset: Callable[[Any], bool]


def _method(board: Board) -> _Method:
    try:
        return _METHODS[board.mcu.pyocd_target]
    except KeyError:
        known = ", ".join(sorted(_METHODS))
        raise ConfigError(
            f"locking and unlocking an {board.mcu.pyocd_target} is not known here, only: {known}"
        ) from None


def _lock_nrf52(target: Any) -> None:
    target.write32(_NVMC_CONFIG, _WRITE)
    target.write32(_UICR_APPROTECT, _APPROTECT_ENABLED)
    _wait(lambda: target.read32(_NVMC_READY) & 1)
    target.write32(_NVMC_CONFIG, _READ_ONLY)
    target.reset()


def _unlock_nrf52(target: Any) -> None:
    port = target.ctrl_ap
    port.write_reg(_CTRL_ERASEALL, 1)
    _wait(lambda: port.read_reg(_CTRL_ERASEALLSTATUS) == 0)
    port.write_reg(_CTRL_RESET, 1)
    port.write_reg(_CTRL_RESET, 0)
    port.write_reg(_CTRL_ERASEALL, 0)


def _nrf52_locks_at_reset(target: Any) -> bool:
    """Tell whether UICR has what `_lock_nrf52` writes: it takes effect with a reset."""
    return bool(target.read32(_UICR_APPROTECT) & 0xFF == _APPROTECT_ENABLED & 0xFF)


def _lock_stm32wb(target: Any) -> None:
    _set_read_protection(target, _RDP_LEVEL_1)


def _unlock_stm32wb(target: Any) -> None:
    _set_read_protection(target, _RDP_OPEN)


def _set_read_protection(target: Any, value: int) -> None:
    from pyocd.core import exceptions

    target.halt()
    if not _give_keys(target):
        # Keys that somebody gave in part: the next one is a wrong one, which bars the register
        # until a reset (RM0434, 3.3.6).
        target.reset_and_halt()
        _give_keys(target)
    target.write32(_SR, _SR_ERRORS)
    target.write32(_OPTR, target.read32(_OPTR) & ~0xFF | value)
    target.write32(_CR, _CR_OPTSTRT)
    _wait(lambda: not target.read32(_SR) & _SR_BUSY)
    try:
        target.write32(_CR, _CR_OBL_LAUNCH)  # resets the chip, which may cost the answer
    except exceptions.TransferError:
        target.dp.clear_sticky_err()


def _give_keys(target: Any) -> bool:
    """Open the flash interface's registers where they are closed; return whether they are open."""
    locks = ((_CR_LOCK, _KEYR, _KEYS), (_CR_OPTLOCK, _OPTKEYR, _OPTION_KEYS))
    for bit, register, keys in locks:
        if target.read32(_CR) & bit:
            for key in keys:
                target.write32(register, key)
    return not target.read32(_CR) & (_CR_LOCK | _CR_OPTLOCK)


def _stm32wb_locks_at_reset(target: Any) -> bool:
    """Tell whether the option bytes as they are stored lock it: OPTR shows what was last written.

    Both can differ from what is in force, which is what was stored when power came on.
    """
    return bool(target.read32(_STORED_OPTR) & 0xFF != _RDP_OPEN)


def _wait(done: Callable[[], Any]) -> None:
    from pyocd.core import exceptions
    from pyocd.utility.timeout import Timeout

    with Timeout(_TIMEOUT_S) as timeout:
        while timeout.check():
            if done():
                return
    raise exceptions.TimeoutError("the chip stays busy")


_METHODS = {
    "nrf52840": _Method(_lock_nrf52, _unlock_nrf52, _nrf52_locks_at_reset),
    "stm32wb55xg": _Method(_lock_stm32wb, _unlock_stm32wb, _stm32wb_locks_at_reset),
}
