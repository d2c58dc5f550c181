"""Which chip is on the other end of a debug probe, read from the chip itself."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

__all__ = ["ChipIdentity", "identify", "is_of_family", "is_read_protected", "may_be_of_family"]

ReadWord = Callable[[int], int]

_FICR = 0x1000_0000

# Nordic's CTRL-AP (nRF52840 product specification, 6.2.3, IDR); the revision is left out.
_CTRL_AP_IDR, _CTRL_AP_MASK = 0x0288_0000, 0x0FFF_FFFF

# STM32WB (ST RM0434): debug identity, flash option register, factory-programmed page.
_DBGMCU_IDCODE, _FLASH_OPTR = 0xE004_2000, 0x5800_4020
_UID96, _FLASH_SIZE = 0x1FFF_7590, 0x1FFF_75E0
_RDP_OPEN = 0xAA
_BDADDR = 2  # the stm32 port's number of the Bluetooth address among those it makes
_ST_FAMILIES = {0x494: "stm32wb15", 0x495: "stm32wb55", 0x496: "stm32wb50"}
_ST_SIZES = {256: "c", 320: "c", 512: "e", 640: "y", 1024: "g"}


@dataclass(frozen=True)
class ChipIdentity:
    """What a chip says it is.

    Attributes
    ----------
    part : str
        Part name, lower case, as pyOCD's target is called.
    unique_id : str
        The chip's own serial number, hexadecimal.
    radio_address : str or None
        Bluetooth address that MicroPython gives a board with this chip, from its serial number;
        None if the chip has none to give.
    """

    part: str
    unique_id: str
    radio_address: str | None = None


def identify(target: str, read_word: ReadWord) -> ChipIdentity | None:
    """Read the identity of a chip.

    Parameters
    ----------
    target : str
        pyOCD target; it decides where the identity is found.
    read_word : callable
        Reads the 32-bit word at an address.

    Returns
    -------
    ChipIdentity or None
        None if nothing is known about chips of this kind; pyOCD's own checks are then the only
        ones.
    """
    reader = _READERS.get(target)
    return None if reader is None else reader(read_word)


def _identify_nrf52(read_word: ReadWord) -> ChipIdentity:
    """Read FICR (nRF52840 product specification).

    INFO.PART is at 0x100, DEVICEID at 0x60, DEVICEADDRTYPE at 0xA0 and DEVICEADDR behind it: where
    that is random, Zephyr shows it as a static address (its controller, hci_vendor.c).
    """
    low, high = read_word(_FICR + 0x60), read_word(_FICR + 0x64)
    address = None
    if read_word(_FICR + 0xA0) & 1:
        octets = read_word(_FICR + 0xA4) | (read_word(_FICR + 0xA8) & 0xFFFF) << 32
        address = _written((octets | 0b11 << 46).to_bytes(6, "big"))
    return ChipIdentity(f"nrf{read_word(_FICR + 0x100):x}", f"{high:08x}{low:08x}", address)


def _identify_stm32wb(read_word: ReadWord) -> ChipIdentity:
    """Read DEV_ID of DBGMCU_IDCODE, the flash size in KiB, and the 96-bit unique ID.

    The public address is the locally administered one that the stm32 port makes of the ID
    (mp_hal_generate_laa_mac in its mphalport.c, written in rfcore.c after each reset).
    """
    device = read_word(_DBGMCU_IDCODE) & 0xFFF
    kib = read_word(_FLASH_SIZE) & 0xFFFF
    family = _ST_FAMILIES.get(device, f"stm32-{device:03x}-")
    words = [read_word(_UID96 + 4 * index) for index in range(3)]
    unique = b"".join(word.to_bytes(4, "little") for word in words)
    middle = ((unique[at] << 4 | unique[at - 1] & 0xF) & 0xFF for at in (11, 9, 7))
    octets = bytes([0x02, *middle, unique[2], (unique[0] << 2 | _BDADDR) & 0xFF])
    return ChipIdentity(
        f"{family}x{_ST_SIZES.get(kib, f'-{kib}k')}",
        "".join(f"{word:08x}" for word in reversed(words)),
        _written(octets),
    )


def _written(octets: bytes) -> str:
    return ":".join(f"{octet:02X}" for octet in octets)


def may_be_of_family(target: str, access_ports: Collection[int]) -> bool:
    """Ask a chip's access ports whether it can be of a family; a locked one's answer, too.

    Parameters
    ----------
    target : str
        pyOCD target of a chip of the family.
    access_ports : collection of int
        IDR of each access port the chip has.

    Returns
    -------
    bool
        True too if nothing is known about chips of this kind.
    """
    nordic = any(idr & _CTRL_AP_MASK == _CTRL_AP_IDR for idr in access_ports)
    return target not in _READERS or nordic != (target in _ST_TARGETS)


def is_of_family(target: str, read_word: ReadWord) -> bool:
    """Ask a chip that may be of a family whether it is, in a way that works while it is locked."""
    return target not in _ST_TARGETS or read_word(_DBGMCU_IDCODE) & 0xFFF in _ST_FAMILIES


def is_read_protected(target: str, read_word: ReadWord) -> bool:
    """Ask a chip whether it keeps its flash memory from a debugger that got on its bus.

    Parameters
    ----------
    target : str
        pyOCD target; it decides where the answer is found.
    read_word : callable
        Reads the 32-bit word at an address.

    Returns
    -------
    bool
        False too if nothing is known about chips of this kind.
    """
    return target in _ST_TARGETS and read_word(_FLASH_OPTR) & 0xFF != _RDP_OPEN


_ST_TARGETS = frozenset({"stm32wb55xg"})
_READERS: dict[str, Callable[[ReadWord], ChipIdentity]] = {
    "nrf52840": _identify_nrf52,
    **dict.fromkeys(_ST_TARGETS, _identify_stm32wb),
}
