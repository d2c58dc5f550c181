"""The board's GATT server: values like MicroPython's, on Bumble's server made careful.

Bumble 0.0.236 checks no permissions and lets malformed requests raise; a board's stack answers
them. What a value does follows MicroPython's ports (``modbluetooth_zephyr.c``,
``modbluetooth_nimble.c``): 20 octets unless `gatts_set_buffer` says otherwise; longer writes are
refused by the first and cut by the second.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from bumble import att, hci, smp
from bumble.core import UUID
from bumble.device import Device
from bumble.gatt import Characteristic, Descriptor, Service

from eegrig.hil.virtual.board_bluetooth.malformed import is_out_of_turn, refusal_of_key
from eegrig.hil.virtual.board_bluetooth.stack_rules import StackRules

__all__ = ["DEFAULT_ATTRIBUTE_OCTETS", "BoardDevice", "GattValue", "ServiceSpec", "build_services"]

DEFAULT_ATTRIBUTE_OCTETS: Final = 20
"""MP_BLUETOOTH_DEFAULT_ATTR_LEN of MicroPython's extmod/modbluetooth.h."""

CharacteristicSpec = tuple[Any, int] | tuple[Any, int, Sequence[tuple[Any, int]]]
ServiceSpec = tuple[Any, Sequence[CharacteristicSpec]]
"""``(uuid, [(uuid, flags), (uuid, flags, [(uuid, flags), ...]), ...])`` as for MicroPython's
``gatts_register_services``; a UUID is a number of 16 bits, text, or octets in wire order."""

MayRead = Callable[[Any, int], Awaitable[int]]
Write = Callable[[Any, "GattValue", bytes], Awaitable[None]]

_FLAG_READ, _FLAG_WRITE_NO_RESPONSE, _FLAG_WRITE = 0x02, 0x04, 0x08
_PROPERTY_BITS = 0xFF  # the flags' low octet is the characteristic's properties
_READ_ENCRYPTED, _READ_AUTHENTICATED = 0x0200, 0x0400
_WRITE_ENCRYPTED, _WRITE_AUTHENTICATED = 0x1000, 0x2000
_Permission = att.Attribute.Permissions
_READ_NEEDS = _Permission.READ_REQUIRES_ENCRYPTION | _Permission.READ_REQUIRES_AUTHENTICATION
_WRITE_NEEDS = _Permission.WRITE_REQUIRES_ENCRYPTION | _Permission.WRITE_REQUIRES_AUTHENTICATION


class GattValue:
    """The value of a characteristic or descriptor, in the board's memory.

    Parameters
    ----------
    cuts : bool
        Whether what does not fit is cut or refused.
    """

    def __init__(self, *, cuts: bool = False) -> None:
        self.handle = 0
        self.data = b""
        self.limit = DEFAULT_ATTRIBUTE_OCTETS
        self.append = False
        self._cuts = cuts

    def write_locally(self, data: bytes) -> None:
        """Replace the value; it may be longer than what peers may write, as on the board."""
        self.data = bytes(data)
        self.limit = max(self.limit, len(data))

    def read_locally(self) -> bytes:
        """Return the value; in append mode reading empties it."""
        data = self.data
        if self.append:
            self.data = b""
        return data

    def write_remotely(self, data: bytes) -> None:
        """Take what a peer writes.

        Raises
        ------
        ATT_Error
            If the buffer is too short for it, and the port refuses that.
        """
        value = self.data + data if self.append else bytes(data)
        if self._cuts:
            value = value[: self.limit]
        elif len(value) > self.limit:
            raise att.ATT_Error(att.ErrorCode.INVALID_ATTRIBUTE_LENGTH, self.handle)
        self.data = value


class _Guarded:
    """Permissions, of which Bumble's attributes carry all and check some, in a way of their own."""

    permissions: Any
    handle: int
    refuses_by_bond = False

    async def read_value(self, bearer: Any) -> bytes:
        if not self.permissions & _Permission.READABLE:
            raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED, self.handle)
        await self._check_link(bearer, _READ_NEEDS)
        return bytes(await super().read_value(bearer))  # type: ignore[misc]

    async def write_value(self, bearer: Any, value: bytes) -> None:
        if not self.permissions & _Permission.WRITEABLE:
            raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED, self.handle)
        await self._check_link(bearer, _WRITE_NEEDS)
        await super().write_value(bearer, value)  # type: ignore[misc]

    async def _check_link(self, bearer: Any, needs: Any) -> None:
        """Refuse a link in the clear; a peer learns whether it has to pair, or has a key."""
        connection = getattr(bearer, "connection", bearer)  # of an enhanced bearer
        if not (self.refuses_by_bond and self.permissions & needs) or connection.is_encrypted:
            return
        keystore = connection.device.keystore
        bond = keystore and await keystore.get(str(connection.peer_address))
        codes = att.ErrorCode
        code = codes.INSUFFICIENT_ENCRYPTION if bond else codes.INSUFFICIENT_AUTHENTICATION
        raise att.ATT_Error(code, self.handle)


class _Characteristic(_Guarded, Characteristic):  # type: ignore[misc]
    pass


class _Descriptor(_Guarded, Descriptor):  # type: ignore[misc]
    pass


def _permissions(flags: int) -> Any:
    permissions = _Permission(0)
    for bits, permission in (
        (_FLAG_READ, _Permission.READABLE),
        (_FLAG_WRITE | _FLAG_WRITE_NO_RESPONSE, _Permission.WRITEABLE),
        (_READ_ENCRYPTED, _Permission.READ_REQUIRES_ENCRYPTION),
        (_READ_AUTHENTICATED, _Permission.READ_REQUIRES_AUTHENTICATION),
        (_WRITE_ENCRYPTED, _Permission.WRITE_REQUIRES_ENCRYPTION),
        (_WRITE_AUTHENTICATED, _Permission.WRITE_REQUIRES_AUTHENTICATION),
    ):
        if flags & bits:
            permissions |= permission
    return permissions


def _uuid(value: int | str | bytes) -> UUID:
    return UUID.from_bytes(bytes(value)) if isinstance(value, bytes | bytearray) else UUID(value)


def _attribute_value(value: GattValue, write: Write, may_read: MayRead) -> Any:
    async def read(bearer: Any) -> bytes:
        error = await may_read(bearer, value.handle)
        if error:
            raise att.ATT_Error(error, value.handle)
        return value.data

    return att.AttributeValueV2(
        read=read,
        write=lambda bearer, data: write(bearer, value, data),
    )


def build_services(
    specs: Iterable[ServiceSpec],
    write: Write,
    may_read: MayRead,
    rules: StackRules,
) -> list[tuple[Service, list[tuple[Any, GattValue]]]]:
    """Make Bumble's services, and the values behind them, from a MicroPython definition.

    Parameters
    ----------
    specs : iterable of ServiceSpec
    write : callable
        Takes what a peer writes: bearer, value and octets.
    may_read : callable
        Asked with bearer and handle before a peer reads a value; returns an ATT error code or 0.
    rules : StackRules

    Returns
    -------
    list of (Service, list of (attribute, GattValue))
        In the order in which MicroPython returns handles: each characteristic, followed by its
        descriptors.

    Raises
    ------
    OSError
        EINVAL, if a definition is not what ``gatts_register_services`` takes.
    """
    services = []
    for uuid, characteristics in specs:
        attributes: list[tuple[Any, GattValue]] = []
        made = []
        for entry in characteristics:
            if len(entry) not in (2, 3):
                raise OSError(errno.EINVAL, f"a characteristic is (uuid, flags[, ...]): {entry!r}")
            char_uuid, flags = entry[0], entry[1]
            value = GattValue(cuts=rules.cuts_long_values)
            descriptors = []
            below: list[tuple[Any, GattValue]] = []
            for descriptor_uuid, descriptor_flags in entry[2] if len(entry) == 3 else ():
                inner = GattValue(cuts=rules.cuts_long_values)
                descriptor = _Descriptor(
                    _uuid(descriptor_uuid),
                    _permissions(descriptor_flags),
                    _attribute_value(inner, write, may_read),
                )
                descriptors.append(descriptor)
                below.append((descriptor, inner))
            characteristic = _Characteristic(
                _uuid(char_uuid),
                Characteristic.Properties(flags & _PROPERTY_BITS),
                _permissions(flags),
                _attribute_value(value, write, may_read),
                descriptors,
            )
            for guarded in (characteristic, *descriptors):
                guarded.refuses_by_bond = rules.refuses_by_bond
            made.append(characteristic)
            attributes += [(characteristic, value), *below]
        services.append((Service(_uuid(uuid), made), attributes))
    return services


class BoardDevice(Device):  # type: ignore[misc]
    """Bumble's device, answering malformed requests instead of raising.

    Attributes
    ----------
    asks : bool
        Whether the board is a client too, and takes the answers of servers.
    """

    asks = False

    def on_gatt_pdu(self, connection_handle: int, pdu: bytes) -> None:
        """Check a request, then let Bumble serve it."""
        connection = self.lookup_connection(connection_handle)
        if connection is None or not pdu:
            return
        opcode = pdu[0]
        from_client = not opcode & 1
        if len(pdu) > connection.att_mtu or not (from_client or self.asks):
            return  # longer than the MTU is forbidden, and who does not ask gets no answers
        error = _fault(pdu)
        if not from_client and error is not None:
            return
        if error is None:
            super().on_gatt_pdu(connection_handle, pdu)
        elif _expects_response(opcode):
            response = struct.pack("<BBHB", att.Opcode.ATT_ERROR_RESPONSE, opcode, 0, error)
            connection.send_l2cap_pdu(att.ATT_CID, response)

    def on_smp_pdu(self, connection_handle: int, pdu: bytes) -> None:
        """Check a command of the security manager, then let Bumble serve it."""
        connection = self.lookup_connection(connection_handle)
        if connection is None:
            return
        central = connection.role == hci.Role.CENTRAL
        under_way = connection_handle in self.smp_manager.sessions
        if not central and not under_way and is_out_of_turn(pdu):
            return
        refusal = refusal_of_key(pdu)
        if refusal is not None:
            connection.send_l2cap_pdu(smp.SMP_CID, refusal)
            return
        super().on_smp_pdu(connection_handle, pdu)


def _expects_response(opcode: int) -> bool:
    command_flag = 0x40
    return not opcode & command_flag and opcode != att.Opcode.ATT_HANDLE_VALUE_CONFIRMATION


def _fault(pdu: bytes) -> int | None:
    """Return the ATT error code a request from a client deserves as it stands, or None."""
    try:
        parsed = att.ATT_PDU.from_bytes(pdu)
        whole = bytes(parsed) == pdu
    except Exception:  # Bumble's parsers raise whatever they stumble over
        return int(att.ErrorCode.INVALID_PDU)
    if type(parsed) is att.ATT_PDU:
        return int(att.ErrorCode.REQUEST_NOT_SUPPORTED)
    return None if whole else int(att.ErrorCode.INVALID_PDU)
