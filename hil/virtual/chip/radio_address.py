"""The Bluetooth addresses that MicroPython's ports make of what a chip's maker put into it."""

from __future__ import annotations

from typing import Final

__all__ = ["locally_administered", "static_random"]

_STATIC: Final = 0xC0  # of the highest octet (Core 5.4, Vol 6 Part B 1.3.2.1)
_LOCALLY_ADMINISTERED: Final = 0x02
_MP_HAL_MAC_BDADDR: Final = 2


def static_random(lowest_first: bytes) -> str:
    """Return the address that Zephyr's controller makes of a Nordic chip's DEVICEADDR.

    It sets the two bits that make it a static one (hci_vendor_read_static_addr in
    subsys/bluetooth/controller/hci/nordic/hci_vendor.c).

    Parameters
    ----------
    lowest_first : bytes
        The six octets as they are in FICR, where DEVICEADDRTYPE says that they are random.
    """
    octets = bytearray(lowest_first)
    octets[-1] |= _STATIC
    return _written(bytes(reversed(octets)))


def locally_administered(uid: bytes) -> str:
    """Return the address that the stm32 port makes of a chip's 96-bit unique ID.

    See mp_hal_generate_laa_mac in ports/stm32/mphalport.c of MicroPython 1c3c201149.

    Parameters
    ----------
    uid : bytes
        Its 12 octets.
    """

    def packed(high: int, low: int) -> int:
        return (uid[high] << 4 & 0xFF) | (uid[low] & 0x0F)

    last = (uid[0] << 2 & 0xFF) | _MP_HAL_MAC_BDADDR
    return _written(
        bytes((_LOCALLY_ADMINISTERED, packed(11, 10), packed(9, 8), packed(7, 6), uid[2], last))
    )


def _written(octets: bytes) -> str:
    return octets.hex(":").upper()
