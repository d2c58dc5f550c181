"""The values a board offers: what its firmware reads and writes, and what peers do."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from eegrig.hil.virtual.board_bluetooth.gatt import GattValue, ServiceSpec, build_services
from eegrig.hil.virtual.board_bluetooth.stack_rules import StackRules

__all__ = ["INDICATE_BIT", "NOTIFY_BIT", "GattServer", "subscription"]

NOTIFY_BIT: Final = 1
INDICATE_BIT: Final = 2
"""Bits of a CCCD, which say what a central has asked for."""


class GattServer:
    """The services of one board; Bumble's server tells peers of them.

    Parameters
    ----------
    rules : StackRules
        What the port's stack does with what peers ask for.
    wrote : callable
        Awaited with the peer's bearer, the value and the octets that a peer has written to it;
        nothing else is read or written meanwhile.
    may_read : callable
        Awaited likewise with bearer and handle before a peer reads a value; returns an ATT error
        code, 0 to let it.
    """

    def __init__(
        self,
        *,
        rules: StackRules,
        wrote: Callable[[Any, GattValue, bytes], Awaitable[None]],
        may_read: Callable[[Any, int], Awaitable[int]],
    ) -> None:
        self._rules = rules
        self._wrote = wrote
        self._may_read = may_read
        self._values: dict[int, GattValue] = {}
        self._attributes: dict[int, Any] = {}
        self._services = 0
        self._turn = asyncio.Lock()  # of requests for values, in the order they came

    def clear(self) -> None:
        """Forget all services: the radio is off."""
        self._values.clear()
        self._attributes.clear()
        self._services = 0

    def register(self, device: Any, services: Iterable[ServiceSpec]) -> tuple[tuple[int, ...], ...]:
        """Replace the services of Bumble's device.

        Returns
        -------
        tuple of tuple of int
            Per service, the value handle of each characteristic followed by its descriptors'.

        Raises
        ------
        OSError
            EINVAL if a definition is malformed.
        """
        server = device.gatt_server
        server.services.clear()
        server.attributes.clear()
        server.attributes_by_handle.clear()
        server.subscribers.clear()
        self.clear()
        device.add_default_services()
        handles = []
        for service, attributes in build_services(services, self._write, self._read, self._rules):
            server.add_service(service)
            for attribute, value in attributes:
                value.handle = attribute.handle
                self._values[attribute.handle] = value
                self._attributes[attribute.handle] = attribute
            handles.append(tuple(attribute.handle for attribute, _ in attributes))
        self._services = len(handles)
        return tuple(handles)

    @property
    def services(self) -> int:
        """How many services were registered."""
        return self._services

    @property
    def limits(self) -> list[int]:
        """How many octets there is room for, value by value."""
        return [value.limit for value in self._values.values()]

    def value(self, handle: int) -> GattValue:
        """Return a value; raises OSError (EINVAL) if there is none."""
        value = self._values.get(handle)
        if value is None:
            raise OSError(errno.EINVAL, f"no value has handle {handle}")
        return value

    def attribute(self, handle: int) -> Any:
        """Return Bumble's attribute of a value."""
        return self._attributes[handle]

    # ------------------------------------------------------------------ what peers do
    async def _read(self, bearer: Any, handle: int) -> int:
        async with self._turn:
            return await self._may_read(bearer, handle)

    async def _write(self, bearer: Any, value: GattValue, data: bytes) -> None:
        async with self._turn:
            value.write_remotely(data)
            await self._wrote(bearer, value, data)


def subscription(device: Any, connection: int, handle: int) -> int:
    """Return the bits that a central has written to a value's CCCD."""
    cccds = device.gatt_server.subscribers.get(device.connections.get(connection))
    cccd = cccds.get(handle) if cccds else None
    return int(cccd[0]) if cccd else 0
