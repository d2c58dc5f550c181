"""The board's Bluetooth host, shaped for MicroPython's ``bluetooth`` module."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from bumble import hci
from bumble.device import AdvertisingType, DeviceConfiguration, LegacyAdvertiser
from bumble.gatt import GATT_DEVICE_NAME_CHARACTERISTIC

from eegrig.boards.link_layer import DATA_OCTETS_MAX
from eegrig.hil.virtual.air.acl import PLENTY, AclBuffers
from eegrig.hil.virtual.air.activity import ActivitySink
from eegrig.hil.virtual.air.advertising import Advertisement
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.air.host import notification
from eegrig.hil.virtual.board_bluetooth.board_stack import BoardController, BoardHost
from eegrig.hil.virtual.board_bluetooth.gatt import BoardDevice, GattValue, ServiceSpec
from eegrig.hil.virtual.board_bluetooth.gatt_server import (
    INDICATE_BIT,
    NOTIFY_BIT,
    GattServer,
    subscription,
)
from eegrig.hil.virtual.board_bluetooth.own_address import OwnAddress
from eegrig.hil.virtual.board_bluetooth.peripheral_events import (
    CentralConnected,
    CentralDisconnected,
    IndicateDone,
    MtuExchanged,
    PeripheralEvent,
    Written,
)
from eegrig.hil.virtual.board_bluetooth.peripheral_user import PeripheralUser
from eegrig.hil.virtual.board_bluetooth.stack_rules import StackRules
from eegrig.hil.virtual.clock import Clock

__all__ = ["Peripheral"]

_ADVERTISING_UNIT_US: Final = 625
_REMOTE_USER_TERMINATED: Final = 0x13
_NOTIFY_HEADER: Final = 3
_ZEPHYR: Final = StackRules()


class Peripheral:
    """A board's radio with its Bluetooth host.

    Everything but `activate` takes effect at once and can be called from any callback. Errors are
    OSErrors with the errno of MicroPython's zephyr port (which raises some of them negated).

    Parameters
    ----------
    air : Air
    user : PeripheralUser or None
        Whom the host tells; None: nobody listens.
    rules : StackRules
        What the port's stack does.
    clock : Clock or None
        For what concerns this board alone; None: everybody.
    address : str
        The public address; the static one differs at most in its two highest bits.
    name : str
        Names the random stream; the GAP name until `set_name`.
    mtu : int
        Largest ATT MTU the board agrees to.
    acl : AclBuffers
        What host and controller hold of data on its way to a central.
    max_octets : int
        Longest link-layer payload the board supports.
    sink : ActivitySink or None
        Told of the radio's activity.
    """

    def __init__(
        self,
        air: Air,
        user: PeripheralUser | None = None,
        *,
        rules: StackRules = _ZEPHYR,
        clock: Clock | None = None,
        address: str = "F0:F1:F2:F3:F4:F5",
        name: str = "board",
        mtu: int = 247,
        acl: AclBuffers = PLENTY,
        max_octets: int = DATA_OCTETS_MAX,
        sink: ActivitySink | None = None,
    ) -> None:
        self.air = air
        self._user = PeripheralUser() if user is None else user
        self._rules = rules
        self._clock = clock
        self.name = name
        self.mtu_limit = mtu
        self.acl = acl
        self._max_octets = max_octets
        self._sink = sink
        self._controller: BoardController | None = None
        self._reachable = True
        self._device: Any = None
        self._server = GattServer(rules=rules, wrote=self._wrote, may_read=self._may_read)
        self._adv_data = b""
        self._scan_response = b""
        self._own_address = OwnAddress(
            air.loop,
            address,
            rng=air.rng(f"private addresses of {name}"),
            irk=air.rng(f"irk of {name}").bytes(16),
        )

    # ------------------------------------------------------------------ on and off
    @property
    def active(self) -> bool:
        """Whether the radio is on."""
        return self._device is not None

    @property
    def is_advertising(self) -> bool:
        """Whether it advertises."""
        return self._controller is not None and self._controller.advertiser.active

    async def activate(self, mtu: int | None = None) -> None:
        """Switch the radio on; takes no virtual time.

        Parameters
        ----------
        mtu : int or None
            Largest ATT MTU the board agrees to from then on; None: the one it had.
        """
        if mtu is not None:
            self.mtu_limit = mtu
        if self.active:
            return
        user = self._user
        controller = BoardController(
            self.name,
            self.air,
            self._own_address.static,
            user=user,
            buffers=self.acl,
            clock=self._clock,
            max_octets=self._max_octets,
            sink=self._sink,
        )
        static = hci.Address(self._own_address.static)
        config = DeviceConfiguration(name=self.name, address=static)
        device = BoardDevice(config=config, host=BoardHost(controller, user))
        device.asks = self._rules.has_client
        device.keystore = user.keystore
        self._own_address.begin(controller, device)
        device.pairing_config_factory = user.pairing_config
        device.gatt_server.max_mtu = self.mtu_limit
        device.on(device.EVENT_CONNECTION, self._on_connection)
        self._controller, self._device = controller, device
        self.air.set_reachable(controller, self._reachable)
        await device.power_on()

    def deactivate(self) -> None:
        """Switch the radio off without a goodbye: the central finds out by its time-out."""
        if self._controller is not None:
            self._controller.shut_down()
        self._controller = self._device = None
        self._own_address.end()
        self._server.clear()

    def set_reachable(self, reachable: bool) -> None:
        """Take the board out of every other radio's reach, or bring it back."""
        self._reachable = reachable
        if self._controller is not None:
            self.air.set_reachable(self._controller, reachable)

    def set_name(self, name: str) -> None:
        """Set the GAP device name a central can read."""
        self.name = name
        if self._device is not None:
            self._device.name = name  # for services registered later
            for attribute in self._device.gatt_server.attributes:
                if attribute.type == GATT_DEVICE_NAME_CHARACTERISTIC:
                    attribute.value = name.encode()

    def set_mtu_limit(self, mtu: int) -> None:
        """Set the largest ATT MTU the board agrees to, from the next exchange on."""
        self.mtu_limit = mtu
        if self._device is not None:
            self._device.gatt_server.max_mtu = mtu

    def own_address(self) -> hci.Address:
        """Return the address the board is known by."""
        controller, _ = self._on()
        return controller.address

    @property
    def own_address_type(self) -> hci.OwnAddressType:
        """How the board shows itself: by its public or a random address."""
        shows_public = self._on()[0].shows_public
        return hci.OwnAddressType.PUBLIC if shows_public else hci.OwnAddressType.RANDOM

    def set_address_mode(self, mode: int) -> None:
        """Choose the address the board shows from now on, as `OwnAddress.set_mode` does."""
        self._on()
        self._own_address.set_mode(mode)

    def controller(self) -> BoardController:
        """Return the radio; raises OSError (ENODEV) while it is off."""
        return self._on()[0]

    def device(self) -> Any:
        """Return Bumble's device; raises OSError (ENODEV) while the radio is off."""
        return self._on()[1]

    def _on(self) -> tuple[BoardController, Any]:
        if self._controller is None:
            raise OSError(errno.ENODEV, "the radio is off: activate it first")
        return self._controller, self._device

    # ------------------------------------------------------------------ advertising
    def advertise(
        self,
        interval_us: int | None,
        data: bytes | None = None,
        response: bytes | None = None,
        *,
        connectable: bool = True,
    ) -> None:
        """Start advertising, or stop it.

        Parameters
        ----------
        interval_us : int or None
            Interval in microseconds, rounded down to units of 625 µs; None stops.
        data, response : bytes or None
            At most 31 octets; None: what was given last.
        connectable : bool
            Whether centrals may connect.

        Raises
        ------
        OSError
            ENODEV: the radio is off. ENOMEM: connectable, and there is no room for a connection.
        ConfigError
            If the interval or the data are not allowed.
        """
        controller, device = self._on()
        controller.advertiser.stop()
        if interval_us is None:
            return
        if connectable:
            self.check_room()
        self._adv_data = self._adv_data if data is None else bytes(data)
        self._scan_response = self._scan_response if response is None else bytes(response)
        interval_ns = interval_us // _ADVERTISING_UNIT_US * _ADVERTISING_UNIT_US * 1000
        what = Advertisement(interval_ns, self._adv_data, self._scan_response, connectable)
        # Bumble's device must know whose address a central will have connected to.
        device.legacy_advertiser = LegacyAdvertiser(
            device,
            AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE,
            self.own_address_type,
            hci.Address.ANY,
            False,  # noqa: FBT003 (positional in Bumble)
        )
        controller.advertiser.start(what)

    # ------------------------------------------------------------------ GATT server
    def register_services(self, services: Iterable[ServiceSpec]) -> tuple[tuple[int, ...], ...]:
        """Replace the services.

        Parameters
        ----------
        services : iterable of ServiceSpec
            ``(uuid, [(uuid, flags), (uuid, flags, [(uuid, flags), ...]), ...])``; a UUID is a
            number of 16 bits, text, or octets in wire order; flags are MicroPython's.

        Returns
        -------
        tuple of tuple of int
            Per service, the value handle of each characteristic followed by its descriptors'.

        Raises
        ------
        OSError
            ENODEV if the radio is off, EINVAL if a definition is malformed.
        """
        return self._server.register(self.device(), services)

    def _value(self, handle: int) -> GattValue:
        self._on()
        return self._server.value(handle)

    def gatts_read(self, handle: int) -> bytes:
        """Return a value."""
        return self._value(handle).read_locally()

    def gatts_write(self, handle: int, data: bytes, *, send_update: bool = False) -> None:
        """Set a value; with `send_update`, tell who is subscribed, as far as buffers allow.

        By a notification, or an indication where a central has asked for those alone.
        """
        self._value(handle).write_locally(data)
        if send_update:
            _, device = self._on()
            for connection in list(device.connections):
                subscribed = subscription(device, connection, handle)
                if subscribed & NOTIFY_BIT:
                    self.notify(connection, handle, data)
                elif subscribed & INDICATE_BIT:
                    self.indicate(connection, handle, data)

    @property
    def registered(self) -> tuple[int, list[int]]:
        """How many services there are, and how many octets there is room for, value by value."""
        return self._server.services, self._server.limits

    def set_buffer(self, handle: int, length: int, *, append: bool = False) -> None:
        """Set how long a value may become by peers' writes; empties it."""
        value = self._value(handle)
        value.limit, value.append, value.data = length, append, b""

    def is_subscribed(self, connection: int, handle: int) -> bool:
        """Say whether a central has switched notifications on."""
        return bool(subscription(self.device(), connection, handle) & NOTIFY_BIT)

    def notify(
        self,
        connection: int,
        handle: int,
        data: bytes | None = None,
        on_taken: Callable[[], object] | None = None,
    ) -> bool:
        """Send a notification.

        Parameters
        ----------
        connection : int
        handle : int
            Of the value.
        data : bytes or None
            What to send; None: the value as it is.
        on_taken : callable or None
            Called in a callback of its own when the host takes it, if it has no room for it now.

        Returns
        -------
        bool
            Whether the host has taken it. Else it waits until it does, or the connection is gone.

        Raises
        ------
        OSError
            ENOENT: no such connection. EINVAL: not subscribed (where
            ``CONFIG_BT_GATT_ENFORCE_SUBSCRIPTION`` is set; see `StackRules`), or no such value.
            ENOMEM: longer than the MTU allows, where the stack does not cut.
        """
        controller, device = self._on()
        bearer = device.connections.get(connection)
        end = controller.ends.get(connection)
        if bearer is None or end is None:
            raise OSError(errno.ENOENT, f"no connection has handle {connection}")
        if data is None:
            data = self._value(handle).data
        if self._rules.enforces_subscription and not self.is_subscribed(connection, handle):
            raise OSError(errno.EINVAL, f"the central has not subscribed to handle {handle}")
        room = bearer.att_mtu - _NOTIFY_HEADER
        if len(data) > room:
            if not self._rules.cuts_long_values:
                text = f"{len(data)} octets do not fit an MTU of {bearer.att_mtu}"
                raise OSError(errno.ENOMEM, text)
            data = data[:room]
        return controller.acl.submit(end, notification(handle, bytes(data)), on_taken)

    def indicate(self, connection: int, handle: int, data: bytes | None = None) -> None:
        """Send an indication; `IndicateDone` tells of its confirmation."""
        _, device = self._on()
        bearer = device.connections.get(connection)
        if bearer is None:
            raise OSError(errno.ENOENT, f"no connection has handle {connection}")
        value = self._value(handle)
        task = self.air.loop.create_task(
            device.gatt_server.indicate_subscriber(
                bearer,
                self._server.attribute(handle),
                value.data if data is None else data,
                force=True,
            )
        )
        task.add_done_callback(partial(self._on_indicated, connection, handle))

    # ------------------------------------------------------------------ connections
    def connections(self) -> tuple[int, ...]:
        """Return the handles of the connections there are."""
        return tuple(self._device.connections) if self._device is not None else ()

    def check_room(self) -> None:
        """Raise OSError (ENOMEM) if the stack has no room for one more connection."""
        limit = self._rules.connections_max
        if limit is not None and len(self.connections()) >= limit:
            raise OSError(errno.ENOMEM, f"the port's stack has room for {limit} connection(s)")

    def mtu(self, connection: int) -> int:
        """Return the ATT MTU of a connection.

        Raises
        ------
        OSError
            ENOENT: no such connection.
        """
        _, device = self._on()
        bearer = device.connections.get(connection)
        if bearer is None:
            raise OSError(errno.ENOENT, f"no connection has handle {connection}")
        return int(bearer.att_mtu)

    def gap_disconnect(self, connection: int) -> bool:
        """Say goodbye to a central; False if it is not connected."""
        controller, _ = self._on()
        end = controller.ends.get(connection)
        if end is None:
            return False
        controller.acl.hand_over(end)
        controller.terminate(end, _REMOTE_USER_TERMINATED)
        return True

    # ------------------------------------------------------------------ what the stack tells
    def _emit(self, event: PeripheralEvent) -> None:
        # In a callback of its own: the handler runs firmware, and what it raises must not end up
        # inside Bumble.
        self.air.loop.call_soon(self._user.on_event, event)

    def _on_connection(self, connection: Any) -> None:
        address = connection.peer_address
        who = (connection.handle, int(address.address_type), bytes(address)[::-1])
        central = connection.role == hci.Role.CENTRAL
        connection.on(connection.EVENT_DISCONNECTION, partial(self._on_disconnection, who, central))
        self._user.on_link(connection)
        connection.on(
            connection.EVENT_CONNECTION_ATT_MTU_UPDATE,
            lambda: self._emit(MtuExchanged(connection.handle, connection.att_mtu)),
        )
        self._emit(CentralConnected(*who, central))

    def _on_disconnection(
        self,
        who: tuple[int, int, bytes],
        central: bool,
        reason: int,
    ) -> None:
        if self._device is None:
            return
        self._emit(CentralDisconnected(*who, int(reason), central))

    async def _may_read(self, bearer: Any, handle: int) -> int:
        return await self._user.on_read(bearer.handle, handle)

    async def _wrote(self, bearer: Any, value: GattValue, data: bytes) -> None:
        if self._rules.calls_handlers_at_once:
            await self._user.on_written(bearer.handle, value.handle)
        else:
            self._emit(Written(bearer.handle, value.handle, bytes(data)))

    def _on_indicated(self, connection: int, handle: int, task: asyncio.Task[Any]) -> None:
        failed = task.cancelled() or task.exception() is not None
        self._emit(IndicateDone(connection, handle, errno.ETIMEDOUT if failed else 0))
