"""Bluetooth: the adapter, and the service that bleak talks to (BlueZ, over D-Bus)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eegrig.host.doctor.finding import Finding, Status
from eegrig.host.process.run_async import run_async

__all__ = ["bluez_adapters", "check"]

_SOCKET: Final = "/run/dbus/system_bus_socket"
_ADDRESS: Final = "DBUS_SYSTEM_BUS_ADDRESS"
_TIMEOUT_S: Final = 1.0
_VIRTUAL_WORKS: Final = "virtual boards have a radio of their own"


def check() -> Iterator[Finding]:
    """Check the system bus, BlueZ, and its adapters."""
    if _ADDRESS not in os.environ and not Path(_SOCKET).exists():
        yield _finding("BlueZ", "warn", f"no D-Bus system bus on this machine; {_VIRTUAL_WORKS}")
        return
    try:
        adapters = run_async(asyncio.wait_for(bluez_adapters(), _TIMEOUT_S))
    except (OSError, TimeoutError) as error:
        what = str(error) or "no answer"
        yield _finding("BlueZ", "warn", f"the D-Bus system bus cannot be reached: {what}")
        return
    if adapters is None:
        advice = "install and start bluez: sudo systemctl start bluetooth"
        yield _finding("BlueZ", "warn", f"does not run; {_VIRTUAL_WORKS}", advice)
        return
    yield _finding("BlueZ", "ok", "runs")
    if not adapters:
        yield _finding(
            "adapter", "warn", "BlueZ has none", "plug one in, or rfkill unblock bluetooth"
        )
    for name, powered in sorted(adapters.items()):
        if powered:
            yield _finding(name, "ok", "is on")
        else:
            yield _finding(name, "warn", "is off", "bluetoothctl power on")


async def bluez_adapters() -> dict[str, bool] | None:
    """Ask BlueZ for its adapters.

    Returns
    -------
    dict of str to bool or None
        By name, whether it is powered; None if BlueZ does not run.

    Raises
    ------
    OSError
        If the system bus cannot be reached.
    """
    from dbus_fast import BusType, Message, MessageType
    from dbus_fast.aio import MessageBus
    from dbus_fast.errors import AuthError, InvalidAddressError

    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        await bus.connect()
    except (AuthError, InvalidAddressError) as error:
        raise OSError(str(error)) from error
    try:
        reply = await bus.call(
            Message(
                destination="org.bluez",
                path="/",
                interface="org.freedesktop.DBus.ObjectManager",
                member="GetManagedObjects",
            )
        )
    finally:
        bus.disconnect()
    if reply is None or reply.message_type is not MessageType.METHOD_RETURN:
        return None
    adapters = {}
    for path, interfaces in reply.body[0].items():
        if "org.bluez.Adapter1" in interfaces:
            powered = interfaces["org.bluez.Adapter1"].get("Powered")
            adapters[path.rpartition("/")[2]] = powered is not None and bool(powered.value)
    return adapters


def _finding(name: str, status: Status, detail: str, advice: str | None = None) -> Finding:
    return Finding(area="Bluetooth", name=name, status=status, detail=detail, advice=advice)
