"""The observer and central roles of a board: scanning, and opening connections."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any, Final

from bumble import hci
from bumble.core import BaseBumbleError
from bumble.device import ConnectionParametersPreferences

from eegrig.hil.virtual.air.advertising import RSSI_DBM
from eegrig.hil.virtual.board_bluetooth.irq import Irq
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral
from eegrig.hil.virtual.clock import Cancellable

__all__ = ["Observer"]

_SLOT_US: Final = 625
_SCAN_US: Final = (2_500, 10_240_000)  # Core 5.4, Vol 4 Part E 7.8.10
_DEFAULT_INTERVAL_US: Final = (30_000, 50_000)  # NimBLE's BLE_GAP_INITIAL_CONN_ITVL_MIN and MAX
_SUPERVISION_MS: Final = 2560  # NimBLE's BLE_GAP_INITIAL_SUPERVISION_TIMEOUT
_NO_HANDLE, _NO_TYPE = 0xFFFF, 0xFF

Emit = Callable[..., None]


class Observer:
    """Scans and connects on behalf of a board's firmware.

    Parameters
    ----------
    peripheral : Peripheral
        The board's radio.
    emit : callable
        Called with an `Irq` and its fields.
    clamps : bool
        Whether a scan window longer than its interval is shortened, and scanning begun anew while
        it scans (Zephyr), or both refused (NimBLE).
    """

    def __init__(self, peripheral: Peripheral, emit: Emit, *, clamps: bool) -> None:
        self._peripheral = peripheral
        self._emit = emit
        self._clamps = clamps
        self._end: Cancellable | None = None
        self._scanning = False
        self._connecting: asyncio.Task[None] | None = None
        self._cancelling: asyncio.Task[None] | None = None

    def reset(self) -> None:
        """Forget what was under way: the radio is off."""
        if self._end is not None:
            self._end.cancel()
        self._end, self._scanning = None, False
        for task in (self._connecting, self._cancelling):
            if task is not None:
                task.cancel()
        self._connecting = self._cancelling = None

    # ------------------------------------------------------------------ scanning
    def scan(self, duration_ms: int, interval_us: int, window_us: int, *, active: bool) -> None:
        """Scan.

        Parameters
        ----------
        duration_ms : int
            0: until `stop`.
        interval_us, window_us : int
            How often and how long to listen, in microseconds.
        active : bool
            Whether to ask for scan responses.

        Raises
        ------
        OSError
            ENODEV: the radio is off. EALREADY: it scans already. EINVAL: the window is longer
            than the interval.
        """
        controller = self._peripheral.controller()
        low_us, high_us = _SCAN_US  # both bindings bring times into range
        interval_us = min(max(interval_us, low_us), high_us)
        window_us = min(max(window_us, low_us), high_us)
        if self._clamps:
            if self._scanning:
                self.stop()
            window_us = min(window_us, interval_us)
        elif self._scanning:
            raise OSError(errno.EALREADY, "the board scans already")
        elif window_us > interval_us:
            raise OSError(errno.EINVAL, f"scan window {window_us} of {interval_us} us")
        controller.scan(interval_us=interval_us, window_us=window_us, active=active)
        self._scanning = True
        if duration_ms:
            loop = self._peripheral.air.loop
            self._end = loop.call_at_ns(loop.now_ns() + duration_ms * 1_000_000, self.stop)

    def stop(self) -> None:
        """Scan no more; tells of it if it did."""
        if not self._scanning:
            return
        if self._end is not None:
            self._end.cancel()
        self._end, self._scanning = None, False
        if self._peripheral.active:
            self._peripheral.controller().stop_scan()
            self._emit(Irq.SCAN_DONE)

    def on_report(self, event_type: int, address: hci.Address, data: bytes) -> None:
        """Tell the firmware of an advertisement, if it still scans."""
        if self._scanning:
            kind = int(address.address_type)
            self._emit(
                Irq.SCAN_RESULT, kind, bytes(address)[::-1], event_type, RSSI_DBM, bytes(data)
            )

    # ------------------------------------------------------------------ connecting
    def connect(
        self,
        address_type: int,
        address: bytes,
        timeout_ms: int,
        interval_us: tuple[int, int] = (0, 0),
    ) -> None:
        """Connect to an advertiser; the outcome is an event. Ends scanning.

        Parameters
        ----------
        address_type : int
        address : bytes
            Six octets in the order they are written in.
        timeout_ms : int
        interval_us : tuple of int
            Connection interval in microseconds, least and most; 0: the stack's own.

        Raises
        ------
        OSError
            ENODEV: the radio is off. EALREADY: it is connecting already. ENOMEM: there is no
            room for a connection.
        """
        self._peripheral.controller()
        if self._connecting is not None:
            raise OSError(errno.EALREADY, "the board is connecting already")
        self._peripheral.check_room()
        self.stop()
        low_us = interval_us[0] or _DEFAULT_INTERVAL_US[0]
        high_us = interval_us[1] or max(low_us, _DEFAULT_INTERVAL_US[1])
        peer = hci.Address(address[::-1], hci.AddressType(address_type & 1))
        self._connecting = self._peripheral.air.loop.create_task(
            self._connect(peer, timeout_ms, (low_us, high_us)), name="board connects"
        )

    async def _connect(
        self, peer: hci.Address, timeout_ms: int, interval_us: tuple[int, int]
    ) -> None:
        preferences = {
            hci.Phy.LE_1M: ConnectionParametersPreferences(
                connection_interval_min=interval_us[0] / 1000,
                connection_interval_max=interval_us[1] / 1000,
                max_latency=0,
                supervision_timeout=_SUPERVISION_MS,
                min_ce_length=0,
                max_ce_length=0,
            )
        }
        device: Any = self._peripheral.device()
        try:
            await device.connect(
                peer,
                connection_parameters_preferences=preferences,
                own_address_type=self._peripheral.own_address_type,
                timeout=timeout_ms / 1000 or None,
            )
        except (BaseBumbleError, TimeoutError):
            self._connecting = None
            self._emit(Irq.PERIPHERAL_DISCONNECT, _NO_HANDLE, _NO_TYPE, bytes(6))
        finally:
            self._connecting = None

    def cancel(self) -> None:
        """Stop connecting; the firmware is told of it as of any failure."""
        if self._connecting is not None:
            cancelling = self._peripheral.device().cancel_connection()
            self._cancelling = self._peripheral.air.loop.create_task(cancelling)
