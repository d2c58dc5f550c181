# MicroPython's `bluetooth` with what the zephyr port has of it: a GATT server, no client, no
# pairing.
#
# The published stubs (micropython-rp2-rpi_pico_w-stubs 1.29) reject `gatts_notify` with three
# arguments, adv_data by keyword, and the bytes of a UUID, all of which the ports take
# (extmod/modbluetooth.c).
from collections.abc import Buffer, Callable, Sequence
from typing import Any, Final

FLAG_READ: Final[int]
FLAG_WRITE_NO_RESPONSE: Final[int]
FLAG_WRITE: Final[int]
FLAG_NOTIFY: Final[int]
FLAG_INDICATE: Final[int]

class UUID:
    def __init__(self, value: int | str | Buffer, /) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

_Characteristic = tuple[UUID, int] | tuple[UUID, int, Sequence[tuple[UUID, int]]]
_Service = tuple[UUID, Sequence[_Characteristic]]

class BLE:
    def active(self, active: bool = ..., /) -> bool: ...
    def irq(self, handler: Callable[[int, tuple[Any, ...]], object], /) -> None: ...
    def gap_advertise(
        self,
        interval_us: int | None,
        adv_data: Buffer | None = None,
        *,
        resp_data: Buffer | None = None,
        connectable: bool = True,
    ) -> None: ...
    def gap_disconnect(self, conn_handle: int, /) -> bool: ...
    def gatts_register_services(
        self, services: Sequence[_Service], /
    ) -> tuple[tuple[int, ...], ...]: ...
    def gatts_read(self, value_handle: int, /) -> bytes: ...
    def gatts_write(
        self, value_handle: int, data: Buffer, send_update: bool = False, /
    ) -> None: ...
    def gatts_notify(
        self, conn_handle: int, value_handle: int, data: Buffer | None = None, /
    ) -> None: ...
    def gatts_set_buffer(self, value_handle: int, size: int, append: bool = False, /) -> None: ...
