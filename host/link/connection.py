"""The link to a board over Bluetooth LE: find it, connect, read what it is, subscribe.

Everything goes through bleak, with whatever backend it is given; nothing here knows what kind of
radio or board is behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.host.link.board_link import BoardLink
from eegrig.host.link.operation import OPERATION_TIMEOUT_S, refusal
from eegrig.host.wire.constants import INFO_UUID, STREAM_UUID
from eegrig.host.wire.info import decode_info

if TYPE_CHECKING:
    from bleak import BleakClient, BleakScanner
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

__all__ = ["connect", "negotiated_mtu", "open_client"]

_DEFAULT_MTU = 23
# BlueZ learns the MTU a little after it says it is connected.
_MTU_PATIENCE_S = 1.0
_MTU_POLL_S = 0.05


@contextlib.asynccontextmanager
async def connect(
    name_or_address: str,
    *,
    scanner_backend: type[BaseBleakScanner] | None = None,
    client_backend: type[BaseBleakClient] | None = None,
    timeout_s: float = 10.0,
    now_ns: Callable[[], int] = time.monotonic_ns,
) -> AsyncIterator[BoardLink]:
    """Find a board, connect, read its Info and subscribe; disconnect at the end.

    Parameters
    ----------
    name_or_address : str
        Advertised name or Bluetooth address.
    scanner_backend, client_backend : type or None
        Bleak's backend classes; None for the operating system's.
    timeout_s : float
        For scanning, and again for connecting.
    now_ns : callable
        Clock of the times of arrival, in nanoseconds.

    Yields
    ------
    BoardLink

    Raises
    ------
    InfrastructureError
        If there is no radio, no such board, or no connection.
    ProtocolError
        If the board's Info cannot be understood.
    """
    from bleak.exc import BleakCharacteristicNotFoundError, BleakError

    link: BoardLink | None = None

    def disconnected() -> None:
        if link is not None:
            link.broke()

    async with open_client(
        name_or_address,
        scanner_backend=scanner_backend,
        client_backend=client_backend,
        timeout_s=timeout_s,
        on_disconnect=disconnected,
    ) as client:
        try:
            async with asyncio.timeout(OPERATION_TIMEOUT_S):
                info = decode_info(bytes(await client.read_gatt_char(INFO_UUID)))
                mtu = await negotiated_mtu(client, STREAM_UUID)
        except BleakCharacteristicNotFoundError:
            raise BoardFault(
                f"{name_or_address} has no Info characteristic: flash it with eegrig's firmware"
            ) from None
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            raise refusal(f"cannot read Info from {name_or_address}", error) from error
        link = BoardLink(client, name_or_address, mtu, info, now_ns)
        try:
            await link.subscribe()
            yield link
        finally:
            link.closed()


@contextlib.asynccontextmanager
async def open_client(
    name_or_address: str,
    *,
    scanner_backend: type[BaseBleakScanner] | None = None,
    client_backend: type[BaseBleakClient] | None = None,
    timeout_s: float = 10.0,
    on_disconnect: Callable[[], None] = lambda: None,
) -> AsyncIterator[BleakClient]:
    """Find a board and connect, whatever it speaks; disconnect at the end.

    Parameters
    ----------
    name_or_address, scanner_backend, client_backend, timeout_s
        As of `connect`.
    on_disconnect : callable
        Called when the link is gone, whoever ended it.

    Yields
    ------
    BleakClient

    Raises
    ------
    InfrastructureError
        If there is no radio, no such board, or no connection.
    """
    from bleak import BleakClient
    from bleak.exc import BleakError

    device = await _find(name_or_address, scanner_backend, timeout_s)
    client = BleakClient(
        device,
        disconnected_callback=lambda _client: on_disconnect(),
        timeout=timeout_s,
        backend=client_backend,
    )
    try:
        try:
            async with asyncio.timeout(timeout_s):
                await client.connect()
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            raise refusal(f"cannot connect to {name_or_address}", error, timeout_s) from error
        yield client
    finally:
        # The board may be out of reach by now; leaving must neither hang nor hide what went wrong.
        with contextlib.suppress(BleakError, OSError, EOFError, TimeoutError):
            async with asyncio.timeout(OPERATION_TIMEOUT_S):
                await client.disconnect()


async def _find(
    name_or_address: str, backend: type[BaseBleakScanner] | None, timeout_s: float
) -> BLEDevice:
    from bleak import BleakScanner
    from bleak.exc import BleakError

    seen: set[str] = set()
    address = name_or_address.lower()

    def matches(device: BLEDevice, advertisement: AdvertisementData) -> bool:
        if advertisement.local_name:
            seen.add(advertisement.local_name)
        return advertisement.local_name == name_or_address or device.address.lower() == address

    chosen: BleakScanner.ExtraArgs = {} if backend is None else {"backend": backend}
    # Bleak's own limit begins when the adapter scans, and ends before it has stopped.
    limit_s = timeout_s + OPERATION_TIMEOUT_S
    try:
        async with asyncio.timeout(limit_s):
            device = await BleakScanner.find_device_by_filter(matches, timeout=timeout_s, **chosen)
    except (BleakError, OSError, EOFError, TimeoutError) as error:
        what = "cannot scan (is there a Bluetooth adapter, switched on, and its service running?)"
        raise refusal(what, error, limit_s, "switch the adapter off and on") from error
    if device is None:
        others = f"seen: {', '.join(sorted(seen))}" if seen else "no board was seen at all"
        raise InfrastructureError(
            f"no board {name_or_address!r} advertises within {timeout_s:g} s ({others}): "
            "switch it on, bring it near, and end its other connections"
        )
    return device


async def negotiated_mtu(client: BleakClient, uuid: str) -> int:
    """Return the ATT MTU, as told by a characteristic that the board has.

    Bleak's own `mtu_size` is always 23 on BlueZ; the size it gives for a characteristic is right
    on every system, though on BlueZ only after a moment.
    """
    characteristic = client.services.get_characteristic(uuid)
    if characteristic is None:
        return _DEFAULT_MTU
    for _ in range(round(_MTU_PATIENCE_S / _MTU_POLL_S)):
        mtu = characteristic.max_write_without_response_size + 3
        if mtu > _DEFAULT_MTU:
            return mtu
        await asyncio.sleep(_MTU_POLL_S)
    return _DEFAULT_MTU
