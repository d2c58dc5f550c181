"""The addresses a board shows: public, static random, and private ones."""

from __future__ import annotations

import enum
import errno
from typing import Any, Final

import numpy as np
from bumble import crypto, hci

from eegrig.hil.virtual.air.controller import RadioController
from eegrig.hil.virtual.clock import Cancellable, VirtualLoop

__all__ = ["AddressMode", "OwnAddress"]

_RPA_LIFETIME_NS: Final = 300 * 10**9  # BLE_RPA_TIMEOUT of MicroPython's NimBLE


class AddressMode(enum.IntEnum):
    """MicroPython's ``addr_mode``."""

    PUBLIC = 0
    STATIC = 1
    RESOLVABLE = 2
    NON_RESOLVABLE = 3


class OwnAddress:
    """What a board shows as its address, while its radio is on.

    Parameters
    ----------
    loop : VirtualLoop
    public : str
        The public address.
    rng : numpy.random.Generator
        For private addresses.
    irk : bytes
        The key that resolvable private addresses are made of.
    """

    def __init__(
        self, loop: VirtualLoop, public: str, *, rng: np.random.Generator, irk: bytes
    ) -> None:
        self._loop = loop
        self.public = public
        self._rng = rng
        self.irk = irk
        self._shown_by: tuple[RadioController, Any] | None = None
        self._renewal: Cancellable | None = None

    @property
    def static(self) -> str:
        """The random static address: two highest bits set (Core 5.4, Vol 6 Part B 1.3.2.1)."""
        return f"{int(self.public[:2], 16) | 0xC0:02X}{self.public[2:]}"

    def begin(self, controller: RadioController, device: Any) -> None:
        """Be shown by a controller and Bumble's device, which are being switched on."""
        controller.set_public_address(self.public)
        device.irk = self.irk
        self._shown_by = controller, device

    def end(self) -> None:
        """Be shown no more: the radio is off."""
        self._shown_by = None
        self._stop_renewal()

    def set_mode(self, mode: int) -> None:
        """Choose the address that is shown from now on.

        Parameters
        ----------
        mode : int
            MicroPython's, see `AddressMode`; static random after switching on. A resolvable
            private address is made from the device's IRK and changes every 300 s.

        Raises
        ------
        OSError
            EINVAL: another mode.
        """
        try:
            mode = AddressMode(mode)
        except ValueError:
            raise OSError(errno.EINVAL, f"there is no address mode {mode}") from None
        self._stop_renewal()
        if self._shown_by is not None:
            self._shown_by[0].shows_public = mode == AddressMode.PUBLIC
        if mode == AddressMode.STATIC:
            self._show(bytes(hci.Address(self.static)))
        elif mode == AddressMode.NON_RESOLVABLE:
            octets = bytearray(self._rng.bytes(6))
            octets[5] &= 0x3F
            self._show(bytes(octets))
        elif mode == AddressMode.RESOLVABLE:
            self._renew()

    def _show(self, octets: bytes) -> None:
        if self._shown_by is not None:
            controller, device = self._shown_by
            address = hci.Address(octets, hci.AddressType.RANDOM_DEVICE)
            controller.random_address = device.random_address = address

    def _renew(self) -> None:
        """Show a new resolvable private address (Core 5.4, Vol 6 Part B 1.3.2.2)."""
        prand = bytearray(self._rng.bytes(3))
        prand[2] = prand[2] & 0x3F | 0x40
        self._show(crypto.ah(self.irk, bytes(prand)) + bytes(prand))
        self._renewal = self._loop.call_at_ns(self._loop.now_ns() + _RPA_LIFETIME_NS, self._renew)

    def _stop_renewal(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
