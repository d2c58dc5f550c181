"""L2CAP connection-oriented channels of a board, one at a time as in MicroPython's NimBLE builds.

A channel has room for one SDU: the sender gets its credits back when the firmware has read it.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bumble import l2cap
from bumble.core import BaseBumbleError

from eegrig.hil.virtual.board_bluetooth.irq import Irq
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral

__all__ = ["Channels"]

_MPS: Final = 284  # NimBLE's BLE_L2CAP_COC_MPS: a block of 292 octets less its headers
_SDU_HEADER: Final = 2
_FAILED: Final = 1
_Result = l2cap.L2CAP_LE_Credit_Based_Connection_Response.Result


class Channels:
    """The channel of a board.

    Parameters
    ----------
    peripheral : Peripheral
        The board's radio.
    emit, ask : callable
        Called with an `Irq` and its fields; `ask` returns what the firmware's handler returned.
    """

    def __init__(
        self,
        peripheral: Peripheral,
        emit: Callable[..., None],
        ask: Callable[..., Awaitable[int | bytes | None]],
    ) -> None:
        self._peripheral = peripheral
        self._emit = emit
        self._ask = ask
        self._channel: Any = None
        self._server: Any = None
        self._received = bytearray()
        self._stalled = False
        self._tasks: set[asyncio.Task[None]] = set()

    def reset(self) -> None:
        """Forget the channel: the radio is off."""
        for task in self._tasks:
            task.cancel()
        self._channel = self._server = None
        self._received.clear()

    def _spawn(self, work: Any) -> None:
        task = self._peripheral.air.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------------ opening
    def listen(self, psm: int, mtu: int) -> None:
        """Take channels on a PSM.

        Raises
        ------
        OSError
            EALREADY: there is a listener. EINVAL: PSM or MTU out of range.
        """
        device = self._peripheral.device()
        if self._server is not None:
            raise OSError(errno.EALREADY, "the board listens already")
        try:
            self._server = device.create_l2cap_server(_spec(psm, mtu), self._opened)
        except BaseBumbleError as error:
            raise OSError(errno.EINVAL, f"PSM {psm}, MTU {mtu}: {error}") from None
        manager = device.l2cap_channel_manager
        take = manager.on_l2cap_le_credit_based_connection_request

        async def ask_first(connection: Any, cid: int, request: Any) -> None:
            free = manager.find_free_le_cid(manager.channels.setdefault(connection.handle, {}))
            refused = self._channel is not None or await self._ask(
                Irq.L2CAP_ACCEPT, connection.handle, free or 0, request.le_psm, mtu, request.mtu
            )
            if not refused:
                take(connection, cid, request)
                return
            response = l2cap.L2CAP_LE_Credit_Based_Connection_Response(
                identifier=request.identifier,
                destination_cid=0,
                mtu=mtu,
                mps=_MPS,
                initial_credits=0,
                result=_Result.CONNECTION_REFUSED_NO_RESOURCES_AVAILABLE,
            )
            manager.send_control_frame(connection, cid, response)

        def on_request(connection: Any, cid: int, request: Any) -> None:
            if request.le_psm == psm:
                self._spawn(ask_first(connection, cid, request))
            else:
                take(connection, cid, request)

        manager.on_l2cap_le_credit_based_connection_request = on_request

    def connect(self, handle: int, psm: int, mtu: int) -> None:
        """Open a channel; the outcome is an event.

        Raises
        ------
        OSError
            ENOTCONN: no such connection. EALREADY: there is a channel. EINVAL: MTU out of range.
        """
        connection = self._peripheral.device().connections.get(handle)
        if connection is None:
            raise OSError(errno.ENOTCONN, f"no connection has handle {handle}")
        if self._channel is not None:
            raise OSError(errno.EALREADY, "there is a channel already")
        try:
            spec = _spec(psm, mtu)
        except BaseBumbleError as error:
            raise OSError(errno.EINVAL, f"MTU {mtu}: {error}") from None
        self._spawn(self._connect(connection, spec))

    async def _connect(self, connection: Any, spec: Any) -> None:
        try:
            self._opened(await connection.create_l2cap_channel(spec=spec))
        except BaseBumbleError as error:
            status = int(getattr(error, "error_code", None) or _FAILED)
            self._emit(Irq.L2CAP_DISCONNECT, connection.handle, 0, spec.psm, status)

    def _opened(self, channel: Any) -> None:
        self._channel = channel
        self._received.clear()
        self._stalled = False
        channel.peer_credits_threshold = -1  # credits go back when the firmware has read
        channel.sink = self._on_sdu
        more = channel.on_credits

        def on_credits(number: int) -> None:
            more(number)
            if self._stalled and not _unsent(channel):
                self._stalled = False
                handle = channel.connection.handle
                self._emit(Irq.L2CAP_SEND_READY, handle, channel.source_cid, 0)

        channel.on_credits = on_credits
        channel.on(channel.EVENT_CLOSE, lambda: self._closed(channel))
        self._emit(
            Irq.L2CAP_CONNECT,
            channel.connection.handle,
            channel.source_cid,
            channel.psm,
            channel.mtu,
            channel.peer_mtu,
        )

    def _closed(self, channel: Any) -> None:
        # Bumble forgets a closed channel under one of its two numbers only.
        handle, manager = channel.connection.handle, channel.manager
        manager.channels.get(handle, {}).pop(channel.source_cid, None)
        manager.le_coc_channels.get(handle, {}).pop(channel.destination_cid, None)
        if self._channel is channel:
            self._channel = None
            self._emit(
                Irq.L2CAP_DISCONNECT, channel.connection.handle, channel.source_cid, channel.psm, 0
            )

    # ------------------------------------------------------------------ in use
    def _open(self, handle: int, cid: int) -> Any:
        self._peripheral.device()
        channel = self._channel
        if channel is None or (channel.connection.handle, channel.source_cid) != (handle, cid):
            raise OSError(errno.EINVAL, f"connection {handle} has no channel {cid}")
        return channel

    def disconnect(self, handle: int, cid: int) -> None:
        """Close a channel; raises OSError (EINVAL) if there is none."""
        channel = self._open(handle, cid)

        async def close() -> None:
            await channel.connection.cancel_on_disconnection(channel.disconnect())

        self._spawn(close())

    def send(self, handle: int, cid: int, data: bytes) -> bool:
        """Send one SDU.

        Returns
        -------
        bool
            False if the peer's credits did not reach: wait for `Irq.L2CAP_SEND_READY`.

        Raises
        ------
        OSError
            EINVAL: no such channel, or longer than the peer's MTU. EBUSY: stalled.
        """
        channel = self._open(handle, cid)
        if len(data) > channel.peer_mtu:
            raise OSError(errno.EINVAL, f"{len(data)} octets, the peer takes {channel.peer_mtu}")
        if self._stalled:
            raise OSError(errno.EBUSY, "the channel is stalled")
        channel.write(data)
        self._stalled = _unsent(channel)
        return not self._stalled

    def _on_sdu(self, sdu: bytes) -> None:
        channel = self._channel
        if channel is not None:
            self._received += sdu
            self._emit(Irq.L2CAP_RECV, channel.connection.handle, channel.source_cid)

    def receive(self, handle: int, cid: int, size: int) -> bytes:
        """Return up to `size` octets of what came in."""
        channel = self._open(handle, cid)
        data = bytes(self._received[:size])
        del self._received[:size]
        missing = channel.peer_max_credits - channel.peer_credits
        if not self._received and missing:
            channel.peer_credits += missing
            channel.send_control_frame(
                l2cap.L2CAP_LE_Flow_Control_Credit(
                    identifier=channel.manager.next_identifier(channel.connection),
                    cid=channel.source_cid,
                    credits=missing,
                )
            )
        return data

    def waiting(self, handle: int, cid: int) -> int:
        """Return how many octets can be read."""
        self._open(handle, cid)
        return len(self._received)


def _spec(psm: int, mtu: int) -> Any:
    mps = max(min(_MPS, mtu), l2cap.L2CAP_LE_CREDIT_BASED_CONNECTION_MIN_MPS)
    n_credits = -(-(mtu + _SDU_HEADER) // mps)
    return l2cap.LeCreditBasedChannelSpec(psm=psm, mtu=mtu, mps=mps, max_credits=n_credits)


def _unsent(channel: Any) -> bool:
    return bool(channel.out_queue) or channel.out_sdu is not None
