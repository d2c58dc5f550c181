"""Pairing, bonding and encryption of a board, as MicroPython's firmware steers them.

Keys are kept by the firmware: the stack asks for a secret and hands out new ones. The type of a
secret is NimBLE's (1: ours, 2: the peer's); what is in key and value is nobody's business but ours.
"""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bumble import hci
from bumble.core import BaseBumbleError
from bumble.keys import KeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate

from eegrig.hil.virtual.board_bluetooth.irq import Irq
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral

__all__ = ["RequestedSecurity", "Security"]

_OUR_SECRET, _PEER_SECRET = 1, 2
_KEY_OCTETS = 16
_INPUT, _DISPLAY, _NUMERIC_COMPARISON = 2, 3, 4

Ask = Callable[..., "asyncio.Future[int | bytes | None]"]


@dataclass
class RequestedSecurity:
    """What ``config()`` has set.

    Attributes
    ----------
    bond, mitm, le_secure : bool
    io : int
        What the board can show and be told: 0 display, 1 display and yes/no, 2 keyboard, 3
        nothing, 4 keyboard and display.
    """

    bond: bool = False
    mitm: bool = False
    le_secure: bool = True
    io: int = 3


class _Secrets(KeyStore):  # type: ignore[misc]
    """Keys in the firmware's care."""

    def __init__(self, ask: Ask, bonds: Callable[[], bool]) -> None:
        self._ask = ask
        self._bonds = bonds

    async def update(self, name: str, keys: PairingKeys) -> None:
        if not self._bonds():
            return
        value = json.dumps(keys.to_dict()).encode()
        for kind in (_OUR_SECRET, _PEER_SECRET):
            # Not awaited: the board's stack does this before it looks at the next packet.
            self._ask(Irq.SET_SECRET, kind, _key(name), value)

    async def get(self, name: str) -> PairingKeys | None:
        for kind in (_OUR_SECRET, _PEER_SECRET):
            value = await self._ask(Irq.GET_SECRET, kind, 0, _key(name))
            if isinstance(value, bytes):
                try:
                    keys = PairingKeys.from_dict(json.loads(value))
                except (ValueError, KeyError, TypeError):
                    return None  # the firmware gave something else: it is not a key
                # Legacy pairing: Bumble keeps what the central uses under `ltk_central` on both
                # sides, and then looks for the other one on the peripheral.
                keys.ltk_peripheral = keys.ltk_central
                return keys
        return None

    async def delete(self, name: str) -> None:
        for kind in (_OUR_SECRET, _PEER_SECRET):
            await self._ask(Irq.SET_SECRET, kind, _key(name), None)

    async def get_all(self) -> list[tuple[str, PairingKeys]]:
        return []  # asked for to resolve private addresses, which boards here do not do


def _key(name: str) -> bytes:
    """Return a peer's address as the key of its secret: its type and six octets."""
    address = hci.Address(name)
    return bytes([int(address.address_type) & 1]) + bytes(address)


class _Delegate(PairingDelegate):  # type: ignore[misc]
    """Lets the firmware show, compare and enter passkeys."""

    def __init__(self, security: Security, connection: Any) -> None:
        super().__init__(PairingDelegate.IoCapability(security.requested.io))
        self._security = security
        self._handle = int(connection.handle)

    async def compare_numbers(self, number: int, digits: int) -> bool:
        return bool(await self._security.passkey(self._handle, _NUMERIC_COMPARISON, number))

    async def get_number(self) -> int | None:
        return await self._security.passkey(self._handle, _INPUT, 0)

    async def generate_passkey(self) -> int:
        return await self._security.passkey(self._handle, _DISPLAY, 0)


class Security:
    """The security manager of a board.

    Parameters
    ----------
    peripheral : Peripheral
        The board's radio.
    emit, ask : callable
        Called with an `Irq` and its fields; `ask` returns what the firmware's handler returned.

    Attributes
    ----------
    requested : RequestedSecurity
    keystore : KeyStore
        Bumble's, for the `Peripheral`.
    """

    def __init__(self, peripheral: Peripheral, emit: Callable[..., None], ask: Ask) -> None:
        self.requested = RequestedSecurity()
        self._peripheral = peripheral
        self._emit = emit
        self._passkeys: dict[tuple[int, int], asyncio.Future[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pairing: set[int] = set()
        self.keystore: KeyStore = _Secrets(ask, self._bonds)

    def reset(self) -> None:
        """Forget everything but the keys, which are not here: the radio is off."""
        for task in self._tasks:
            task.cancel()
        for future in self._passkeys.values():
            future.cancel()
        self._passkeys.clear()
        self._pairing.clear()

    def _bonds(self) -> bool:
        """Say whether what is being paired is a bond: both ends have asked for it."""
        sessions = self._peripheral.device().smp_manager.sessions.values()
        return any(session.bonding for session in sessions)

    def pairing_config(self, connection: Any) -> PairingConfig:
        """Return how to pair on a connection, as the firmware has it now."""
        requested = self.requested
        shows_public = self._peripheral.own_address_type == hci.OwnAddressType.PUBLIC
        kinds = PairingConfig.AddressType
        return PairingConfig(
            identity_address_type=kinds.PUBLIC if shows_public else kinds.RANDOM,
            sc=requested.le_secure,
            mitm=requested.mitm,
            bonding=requested.bond,
            delegate=_Delegate(self, connection),
        )

    # ------------------------------------------------------------------ requests
    def pair(self, handle: int) -> None:
        """Encrypt a connection, with the bond's keys or by pairing; a peripheral asks for it.

        Raises
        ------
        OSError
            ENOTCONN: no such connection. EALREADY: it is being done.
        """
        connection = self._peripheral.device().connections.get(handle)
        if connection is None:
            raise OSError(errno.ENOTCONN, f"no connection has handle {handle}")
        if handle in self._pairing:
            raise OSError(errno.EALREADY, "pairing is under way")
        if connection.role == hci.Role.CENTRAL:
            task = self._peripheral.air.loop.create_task(self._secure(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            connection.request_pairing()

    async def _secure(self, connection: Any) -> None:
        device = connection.device
        try:
            if await device.keystore.get(str(connection.peer_address)) is not None:
                await connection.encrypt()
            else:
                await connection.pair()
        except BaseBumbleError:
            pass  # told by the events below
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise

    async def passkey(self, handle: int, action: int, number: int) -> int:
        """Ask the firmware for a passkey, or whether two are the same."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._passkeys[handle, action] = future
        self._emit(Irq.PASSKEY_ACTION, handle, action, number)
        return await future

    def on_passkey(self, handle: int, action: int, passkey: int) -> None:
        """Take the firmware's answer.

        Raises
        ------
        OSError
            EINVAL: nobody asked.
        """
        future = self._passkeys.pop((handle, action), None)
        if future is None or future.done():
            raise OSError(errno.EINVAL, "no passkey is asked for")
        future.set_result(passkey)

    # ------------------------------------------------------------------ what the stack tells
    def on_link(self, connection: Any) -> None:
        """Watch a new connection."""
        handle = int(connection.handle)
        authenticated = {"ltk": False}

        def tell() -> None:
            encrypted = bool(connection.is_encrypted)
            self._emit(
                Irq.ENCRYPTION_UPDATE,
                handle,
                int(encrypted),
                int(encrypted and authenticated["ltk"]),
                int(encrypted and handle in bonded),
                (connection.encryption_key_size or _KEY_OCTETS) if encrypted else 0,
            )

        bonded: set[int] = set()

        def started() -> None:
            self._pairing.add(handle)

        def encrypted() -> None:
            # While pairing, the keys come next: the firmware hears of both together.
            if handle not in self._pairing:
                task = self._peripheral.air.loop.create_task(restored())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        async def restored() -> None:
            keys = await connection.device.keystore.get(str(connection.peer_address))
            if keys is not None:
                bonded.add(handle)
                learn(keys)
            tell()

        def learn(keys: PairingKeys) -> None:
            key = keys.ltk or keys.ltk_central or keys.ltk_peripheral
            authenticated["ltk"] = key is not None and key.authenticated
            # Bumble calls every encrypted link authenticated.
            connection.authenticated = authenticated["ltk"]

        def paired(keys: PairingKeys) -> None:
            self._pairing.discard(handle)
            if self._bonds():
                bonded.add(handle)
            learn(keys)
            tell()

        def failed(*_reason: Any) -> None:
            self._pairing.discard(handle)
            tell()

        def gone(*_reason: Any) -> None:
            self._pairing.discard(handle)

        def asked(*_request: Any) -> None:
            if connection.role == hci.Role.CENTRAL and handle not in self._pairing:
                self.pair(handle)

        connection.on(connection.EVENT_PAIRING_START, started)
        connection.on(connection.EVENT_PAIRING, paired)
        connection.on(connection.EVENT_PAIRING_FAILURE, failed)
        connection.on(connection.EVENT_CONNECTION_ENCRYPTION_CHANGE, encrypted)
        connection.on(connection.EVENT_CONNECTION_ENCRYPTION_FAILURE, failed)
        connection.on(connection.EVENT_SECURITY_REQUEST, asked)
        connection.on(connection.EVENT_DISCONNECTION, gone)
