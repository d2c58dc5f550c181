"""Which chip is on the other end of a debug probe, read from the chip itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ChipIdentity", "identify"]

ReadWord = Callable[[int], int]

_FICR = 0x1000_0000


@dataclass(frozen=True)
class ChipIdentity:
    """What a chip says it is.

    Attributes
    ----------
    part : str
        Part name, lower case, as pyOCD's target is called.
    unique_id : str
        The chip's own serial number, hexadecimal.
    """

    part: str
    unique_id: str


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
    """Read FICR: INFO.PART at 0x100, DEVICEID at 0x60 (nRF52840 product specification)."""
    low, high = read_word(_FICR + 0x60), read_word(_FICR + 0x64)
    return ChipIdentity(f"nrf{read_word(_FICR + 0x100):x}", f"{high:08x}{low:08x}")


_READERS: dict[str, Callable[[ReadWord], ChipIdentity]] = {"nrf52840": _identify_nrf52}
