"""Updates over the air: an application into a board's other slot, a trial, and its confirmation.

The board keeps what it received when the link breaks, so that the next one goes on from there; it
goes back to the firmware before if nobody confirms the new one. ``docs/update.md`` specifies both.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from eegrig.boards.errors import BoardFault, ConfigError, EegrigError, InfrastructureError
from eegrig.host.image.manifest import MANIFEST
from eegrig.host.link.connection import negotiated_mtu, open_client
from eegrig.host.link.link_errors import LinkLost
from eegrig.host.link.operation import operate
from eegrig.host.wire.constants import UPDATE_STATE_UUID, UPDATE_UUID
from eegrig.host.wire.update import (
    LARGEST_MANIFEST,
    SMALLEST_WRITE,
    UpdateMessage,
    UpdateRefused,
    UpdateState,
    UpdateStatus,
    UpdateTransfer,
    decode_answer,
    decode_update_state,
    encode_confirm,
)

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import BaseBleakScanner

    from eegrig.host.image.application import Application

__all__ = ["UpdateReport", "update"]

T = TypeVar("T")

_CONNECT_TIMEOUT_S = 10.0
# A board says something at least every few seconds while it is at work; what takes it longest is
# to check a signature.
_SILENCE_S = 30.0
# What it is sent again because it was wrong in flash memory is a file at most, and takes seconds.
_STANDSTILL_S = 60.0
_FAILURES = 5  # links in a row that brought nothing
# A trial that hangs is reset after 8 s and one that nobody can reach after 120 s, plus two boots.
_RESTART_TIMEOUT_S = 150.0
_PAUSE_S = 0.5


@dataclass(frozen=True)
class UpdateReport:
    """How an update went.

    Attributes
    ----------
    board, version : str
        Name of the board, and version of the firmware it runs now.
    image_hash, previous_image_hash : str
        Identity of the firmware it runs now, and of what it ran before.
    previous_version : str
    total_bytes : int
        Bytes of the application.
    sent_bytes : int
        Bytes of it that went over the air; the rest was on the board.
    links : int
        Connections it took to send them; more than one if the link broke.
    transfer_s, total_s : float
        Time until the board had everything; until it had restarted into it for good.
    """

    board: str
    version: str
    image_hash: str
    previous_version: str
    previous_image_hash: str
    total_bytes: int
    sent_bytes: int
    links: int
    transfer_s: float
    total_s: float


async def update(
    name_or_address: str,
    choose: Callable[[UpdateState], Application],
    *,
    scanner_backend: type[BaseBleakScanner] | None = None,
    client_backend: type[BaseBleakClient] | None = None,
    progress: Callable[[float], None] | None = None,
) -> UpdateReport:
    """Update a board over the air, and wait until it runs the new firmware for good.

    Parameters
    ----------
    name_or_address : str
        Advertised name or Bluetooth address.
    choose : callable
        Returns the application for a board that is in this state.
    scanner_backend, client_backend : type or None
        Bleak's backend classes; None for the operating system's.
    progress : callable or None
        Called with the fraction done, 0 to 1.

    Raises
    ------
    ConfigError
        If the application is not for this board, too large, or not signed as the board wants it.
    BoardFault
        If the board cannot be updated, or went back to the firmware it had.
    InfrastructureError
        If the board cannot be reached.
    """
    session = _Session(name_or_address, scanner_backend, client_backend)
    now_s = asyncio.get_running_loop().time
    start_s = now_s()
    async with session.connected() as link:
        before = await link.state()
        application = choose(before)
        _check(application, before)
        current = before.image_hash == application.image_hash
        if current and before.trial == "tried":
            await link.confirm(application.image_hash)
    transfers = [] if current else await _send_all(session, application, progress)
    transfer_s = now_s() - start_s
    after = before
    if not current or before.trial == "tried":
        after = await _see_through(session, application, before)
    return UpdateReport(
        board=after.board,
        version=after.version,
        image_hash=after.image_hash.hex(),
        previous_version=before.version,
        previous_image_hash=before.image_hash.hex(),
        total_bytes=sum(map(len, application.files.values())),
        sent_bytes=sum(transfer.sent_bytes for transfer in transfers),
        links=len(transfers),
        transfer_s=transfer_s,
        total_s=now_s() - start_s,
    )


def _check(application: Application, state: UpdateState) -> None:
    manifest = application.manifest
    if manifest.board != state.board:
        raise ConfigError(
            f"the firmware is for {manifest.board}, and this board is {state.board}: build it for "
            "that"
        )
    if len(application.files[MANIFEST]) > LARGEST_MANIFEST:
        raise ConfigError(
            f"the manifest has {len(application.files[MANIFEST])} bytes, boards take "
            f"{LARGEST_MANIFEST}: put fewer files into the firmware"
        )
    if state.signature_enforced and manifest.signature is None:
        raise ConfigError(
            f"{state.board} takes signed firmware only, and this is not signed: name the key "
            "with --key"
        )
    if state.trial == "tried" and state.image_hash != application.image_hash:
        raise BoardFault(
            f"{state.board} is trying out another update ({state.version}), which nobody has "
            "confirmed: repeat that one, or wait two minutes until the board gives it up"
        )


# --- sending


async def _send_all(
    session: _Session, application: Application, progress: Callable[[float], None] | None
) -> list[UpdateTransfer]:
    """Send the application, over as many links as it takes; return how each of them went."""
    transfers: list[UpdateTransfer] = []
    failures = done_bytes = 0
    while True:
        try:
            async with session.connected() as link:
                state = await link.state()
                if state.image_hash == application.image_hash:
                    return transfers  # only the last answer was lost
                transfer = await _transfer_to(link, application, state)
                transfers.append(transfer)
                await link.run(transfer, progress)
                return transfers
        except UpdateRefused as refused:
            raise _refusal(refused, application, session.name) from None
        except InfrastructureError:
            failures += 1
            if transfers and transfers[-1].done_bytes > done_bytes:
                done_bytes, failures = transfers[-1].done_bytes, 0
            if failures == _FAILURES:
                raise
            await asyncio.sleep(_PAUSE_S)


async def _transfer_to(
    link: _UpdateLink, application: Application, state: UpdateState
) -> UpdateTransfer:
    files = application.files
    return UpdateTransfer(
        files[MANIFEST],
        [files[entry.path] for entry in application.manifest.files],
        application.image_hash,
        await link.largest_write(state),
    )


def _refusal(refused: UpdateRefused, application: Application, name: str) -> EegrigError:
    """Return the error to raise for what a board answered."""
    manifest = application.manifest
    status, detail = refused.status, refused.detail
    users: dict[int, str] = {
        UpdateStatus.WRONG_BOARD: f"the firmware is for {manifest.board}: build it for this board",
        UpdateStatus.TOO_LARGE: f"the firmware is too large, by about {detail} bytes: make it "
        "smaller",
        UpdateStatus.NOT_SIGNED: "it takes signed firmware only: name the key with --key",
        UpdateStatus.BAD_SIGNATURE: "the firmware is signed with another key than the board's: "
        "name the right one with --key",
        UpdateStatus.BAD_MANIFEST: f"the manifest is wrong in line {detail}: build it again",
        UpdateStatus.BAD_LENGTH: "the link's MTU is too small: use another adapter",
    }
    if status in users:
        return ConfigError(f"{name} refused the update: {users[status]}")
    boards: dict[int, str] = {
        UpdateStatus.BUSY: "it is streaming: stop that first",
        UpdateStatus.BAD_FILE: "a file was wrong on the board however often it was sent: flash it "
        "with the probe",
        UpdateStatus.BAD_IMAGE: "what arrived is not the firmware that was announced: build it "
        "again and repeat",
        UpdateStatus.FLASH_ERROR: f"it cannot write its flash memory (errno {detail}): flash it "
        "with the probe",
        UpdateStatus.UNCONFIRMED: "it is trying out another update: wait two minutes until it "
        "gives that up",
    }
    why = boards.get(status, f"status {status}, its console says more: repeat the update")
    return BoardFault(f"{name} refused the update: {why}")


# --- the trial


async def _see_through(
    session: _Session, application: Application, before: UpdateState
) -> UpdateState:
    """Wait for the board's restart, confirm the new firmware, and wait for the restart into it."""
    now_s = asyncio.get_running_loop().time
    deadline_s = now_s() + _RESTART_TIMEOUT_S
    wanted = application.image_hash
    problem: EegrigError | None = None
    while now_s() < deadline_s:
        await asyncio.sleep(_PAUSE_S)
        try:
            async with session.connected() as link:
                state = await link.state()
                if state.image_hash == wanted and state.trial == "tried":
                    await link.confirm(wanted)
                    continue
        except InfrastructureError as error:
            problem = error
            continue
        if state.image_hash == wanted:
            return state
        if state.trial != "new":
            raise BoardFault(
                f"{session.name} tried the new firmware ({application.manifest.version}) and went "
                f"back to {state.version}, image {state.image_hash.hex()[:12]}: the new one "
                "crashed, hung or was not confirmed in time; its console says which"
            )
    raise BoardFault(
        f"{session.name} took the update of {before.version} to {application.manifest.version} and "
        f"did not come back: reset it, or flash it with the probe ({problem})"
    )


# --- the link


class _Session:
    """Connects to one board again and again."""

    def __init__(
        self,
        name: str,
        scanner_backend: type[BaseBleakScanner] | None,
        client_backend: type[BaseBleakClient] | None,
    ) -> None:
        self.name = name
        self._address = name
        self._backends = scanner_backend, client_backend

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[_UpdateLink]:
        link: _UpdateLink | None = None

        def disconnected() -> None:
            if link is not None:
                link.broke()

        async with open_client(
            self._address,
            scanner_backend=self._backends[0],
            client_backend=self._backends[1],
            timeout_s=_CONNECT_TIMEOUT_S,
            on_disconnect=disconnected,
        ) as client:
            # From now on by address: the new firmware may have another name.
            self._address = client.address
            link = _UpdateLink(client, self.name)
            yield link


class _UpdateLink:
    """A connected board, as far as updates need it: its other characteristics may be unknown."""

    def __init__(self, client: BleakClient, name: str) -> None:
        self.name = name
        self._client = client
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._listening = False

    def broke(self) -> None:
        """Take note that the link is gone."""
        self._inbox.put_nowait(None)

    async def state(self) -> UpdateState:
        """Return what the board says of itself."""
        if self._client.services.get_characteristic(UPDATE_STATE_UUID) is None:
            raise BoardFault(
                f"{self.name} runs firmware that cannot be updated over the air: flash it with "
                "the probe (eegrig flash)"
            )
        data = await operate(
            self._client,
            self.name,
            self._client.read_gatt_char(UPDATE_STATE_UUID),
            "reading Update State",
        )
        return decode_update_state(bytes(data))

    async def largest_write(self, state: UpdateState) -> int:
        """Return how long a write may be for link and board."""
        mtu = await negotiated_mtu(self._client, UPDATE_UUID)
        largest = min(mtu - 3, state.largest_write)
        if largest < SMALLEST_WRITE:
            raise InfrastructureError(
                f"the link to {self.name} has an MTU of {mtu}, an update needs "
                f"{SMALLEST_WRITE + 3}: use an adapter or driver that negotiates a larger one"
            )
        return largest

    async def run(self, transfer: UpdateTransfer, progress: Callable[[float], None] | None) -> None:
        """Send and receive until the board has applied the update.

        Raises
        ------
        UpdateRefused
            If it does not.
        LinkLost
            If the link broke before.
        BoardFault
            If the board stops answering, or gets no further whatever it answers.
        """
        await self._listen()
        now_s = asyncio.get_running_loop().time
        furthest, since_s = -1, now_s()
        while not transfer.applied:
            if transfer.done_bytes > furthest:
                furthest, since_s = transfer.done_bytes, now_s()
            elif now_s() >= since_s + _STANDSTILL_S:
                raise BoardFault(
                    f"{self.name} answers, but got no further in {_STANDSTILL_S:g} s of an update: "
                    "reset it and repeat the update; if that does not help, flash it with the probe"
                )
            message = transfer.send()
            if message is not None:
                await self._write(*message)
            if message is None or not self._inbox.empty():
                transfer.receive(await self._hear())
            if progress is not None:
                progress(transfer.done_bytes / transfer.total_bytes)

    async def confirm(self, image_hash: bytes) -> None:
        """Tell the board to keep the firmware that is on trial."""
        await self._listen()
        await self._write(encode_confirm(image_hash), response=True)
        try:
            async with asyncio.timeout(_SILENCE_S):
                while not decode_answer(await self._hear(), UpdateMessage.CONFIRM):
                    pass
        except TimeoutError:
            raise BoardFault(
                f"{self.name} did not say within {_SILENCE_S:g} s whether it keeps the new "
                "firmware: repeat the update"
            ) from None
        except UpdateRefused as refused:
            raise BoardFault(
                f"{self.name} runs the new firmware and does not keep it (status "
                f"{refused.status}): repeat the update"
            ) from None

    async def _listen(self) -> None:
        if not self._listening:
            await operate(
                self._client,
                self.name,
                self._client.start_notify(UPDATE_UUID, lambda _, data: self._heard(bytes(data))),
                "subscribing",
            )
            self._listening = True

    def _heard(self, data: bytes) -> None:
        self._inbox.put_nowait(data)

    async def _hear(self) -> bytes:
        try:
            async with asyncio.timeout(_SILENCE_S):
                data = await self._inbox.get()
        except TimeoutError:
            raise BoardFault(
                f"{self.name} stopped answering in the middle of an update: reset it and repeat "
                "the update, it goes on where it was"
            ) from None
        if data is None:
            raise LinkLost(f"the link to {self.name} broke during an update")
        return data

    async def _write(self, data: bytes, response: bool) -> None:
        await operate(
            self._client,
            self.name,
            self._client.write_gatt_char(UPDATE_UUID, data, response=response),
            "writing",
        )
