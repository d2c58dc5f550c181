"""The GATT client of a board, request by request as MicroPython's firmware makes them.

Status numbers are NimBLE's: 0, 13 (time-out), 7 (not connected), 0x100 plus an ATT error code.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

from bumble import att
from bumble.core import UUID, BaseBumbleError
from bumble.core import TimeoutError as BumbleTimeoutError

from eegrig.hil.virtual.board_bluetooth.irq import Irq
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral

__all__ = ["GattClient"]

_PRIMARY_SERVICE: Final = UUID.from_16_bits(0x2800)
_CHARACTERISTIC: Final = UUID.from_16_bits(0x2803)
_LAST_HANDLE: Final = 0xFFFF
_ATT_ERRORS: Final = 0x100
_NOT_CONNECTED, _TIMED_OUT = 7, 13
_DECLARATION_HEAD = 3
_WITHOUT_RESPONSE = 0


class GattClient:
    """Asks other devices' GATT servers.

    Parameters
    ----------
    peripheral : Peripheral
        The board's radio.
    emit : callable
        Called with an `Irq` and its fields.
    """

    def __init__(self, peripheral: Peripheral, emit: Callable[..., None]) -> None:
        self._peripheral = peripheral
        self._emit = emit
        self._tasks: set[asyncio.Task[None]] = set()

    def reset(self) -> None:
        """Forget what was under way: the radio is off."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    def on_value(self, connection: int, handle: int, value: bytes, indication: bool) -> None:
        """Tell the firmware of a notification or indication."""
        irq = Irq.GATTC_INDICATE if indication else Irq.GATTC_NOTIFY
        self._emit(irq, connection, handle, value)

    # ------------------------------------------------------------------ requests
    def _client(self, connection: int) -> Any:
        bearer = self._peripheral.device().connections.get(connection)
        if bearer is None:
            raise OSError(errno.ENOTCONN, f"no connection has handle {connection}")
        return bearer.gatt_client

    def _start(self, done: Callable[[int], None], work: Coroutine[Any, Any, None]) -> None:
        task = self._peripheral.air.loop.create_task(self._run(done, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, done: Callable[[int], None], work: Coroutine[Any, Any, None]) -> None:
        status = 0
        try:
            await work
        except att.ATT_Error as error:
            status = _ATT_ERRORS + int(error.error_code)
        except BumbleTimeoutError:
            status = _TIMED_OUT
        except BaseBumbleError:
            status = _NOT_CONNECTED
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            status = _NOT_CONNECTED  # Bumble cancels what is outstanding when a link is lost
        done(status)

    async def _pages(
        self, client: Any, start: int, end: int, request: Callable[[int, int], Any]
    ) -> AsyncIterator[Any]:
        """Ask again and again, from behind the last handle answered, until there is no more."""
        while start <= end:
            response = await client.send_request(request(start, end))
            if response.op_code == att.Opcode.ATT_ERROR_RESPONSE:
                if response.error_code == att.ErrorCode.ATTRIBUTE_NOT_FOUND:
                    return
                raise att.ATT_Error(response.error_code)
            yield response
            last = _last_handle(response)
            if last < start:
                return
            start = last + 1

    def discover_services(self, connection: int, uuid: bytes | None) -> None:
        """Find primary services, all or those with a UUID (octets in wire order)."""
        client = self._client(connection)

        async def work() -> None:
            if uuid is None:
                pages = self._pages(
                    client,
                    1,
                    _LAST_HANDLE,
                    lambda low, high: att.ATT_Read_By_Group_Type_Request(
                        starting_handle=low,
                        ending_handle=high,
                        attribute_group_type=_PRIMARY_SERVICE,
                    ),
                )
                async for page in pages:
                    for start, end, value in page.attributes:
                        self._emit(Irq.GATTC_SERVICE_RESULT, connection, start, end, value)
                return
            pages = self._pages(
                client,
                1,
                _LAST_HANDLE,
                lambda low, high: att.ATT_Find_By_Type_Value_Request(
                    starting_handle=low,
                    ending_handle=high,
                    attribute_type=_PRIMARY_SERVICE,
                    attribute_value=uuid,
                ),
            )
            async for page in pages:
                for start, end in page.handles_information:
                    self._emit(Irq.GATTC_SERVICE_RESULT, connection, start, end, uuid)

        self._start(lambda status: self._emit(Irq.GATTC_SERVICE_DONE, connection, status), work())

    def discover_characteristics(
        self, connection: int, start: int, end: int, uuid: bytes | None
    ) -> None:
        """Find characteristics in a range of handles, all or those with a UUID."""
        client = self._client(connection)

        async def work() -> None:
            found: list[tuple[int, bytes]] = []
            pages = self._pages(
                client,
                start,
                end,
                lambda low, high: att.ATT_Read_By_Type_Request(
                    starting_handle=low, ending_handle=high, attribute_type=_CHARACTERISTIC
                ),
            )
            async for page in pages:
                found += page.attributes
            ends = [handle - 1 for handle, _ in found[1:]] + [end]
            for (_, value), last in zip(found, ends, strict=True):
                properties, value_handle = value[0], value[1] | value[2] << 8
                its_uuid = value[_DECLARATION_HEAD:]
                if uuid is None or its_uuid == uuid:
                    self._emit(
                        Irq.GATTC_CHARACTERISTIC_RESULT,
                        connection,
                        last,
                        value_handle,
                        properties,
                        its_uuid,
                    )

        self._start(
            lambda status: self._emit(Irq.GATTC_CHARACTERISTIC_DONE, connection, status), work()
        )

    def discover_descriptors(self, connection: int, start: int, end: int) -> None:
        """Find the attributes behind a value's handle."""
        client = self._client(connection)

        async def work() -> None:
            pages = self._pages(
                client,
                start + 1,
                end,
                lambda low, high: att.ATT_Find_Information_Request(
                    starting_handle=low, ending_handle=high
                ),
            )
            async for page in pages:
                for handle, value in page.information:
                    self._emit(Irq.GATTC_DESCRIPTOR_RESULT, connection, handle, value)

        self._start(
            lambda status: self._emit(Irq.GATTC_DESCRIPTOR_DONE, connection, status), work()
        )

    def read(self, connection: int, handle: int) -> None:
        """Read a value, as far as one response holds it."""
        client = self._client(connection)

        async def work() -> None:
            response = await client.send_request(att.ATT_Read_Request(attribute_handle=handle))
            _raise_error(response)
            self._emit(Irq.GATTC_READ_RESULT, connection, handle, response.attribute_value)

        self._start(
            lambda status: self._emit(Irq.GATTC_READ_DONE, connection, handle, status), work()
        )

    def write(self, connection: int, handle: int, data: bytes, mode: int) -> None:
        """Write a value, with a response (mode 1, tells of it) or without (mode 0)."""
        client = self._client(connection)
        data = data[: client.mtu - 3]
        if mode == _WITHOUT_RESPONSE:
            command = att.ATT_Write_Command(attribute_handle=handle, attribute_value=data)
            client.send_gatt_pdu(bytes(command))
            return

        async def work() -> None:
            request = att.ATT_Write_Request(attribute_handle=handle, attribute_value=data)
            _raise_error(await client.send_request(request))

        self._start(
            lambda status: self._emit(Irq.GATTC_WRITE_DONE, connection, handle, status), work()
        )

    def exchange_mtu(self, connection: int) -> None:
        """Agree on an MTU; both ends are told of the outcome.

        Raises
        ------
        OSError
            EALREADY: a client may ask once per connection.
        """
        client = self._client(connection)
        if client.mtu_exchange_done:
            raise OSError(errno.EALREADY, "the MTU was exchanged already")
        limit = self._peripheral.mtu_limit

        async def work() -> None:
            await client.request_mtu(limit)

        self._start(lambda _status: None, work())


def _raise_error(response: Any) -> None:
    if response.op_code == att.Opcode.ATT_ERROR_RESPONSE:
        raise att.ATT_Error(response.error_code)


def _last_handle(response: Any) -> int:
    """Return the last handle a page of results covers."""
    if hasattr(response, "handles_information"):
        return int(response.handles_information[-1][1])
    if hasattr(response, "information"):
        return int(response.information[-1][0])
    last = response.attributes[-1]
    return int(last[1] if len(last) == 3 else last[0])
