"""Bluetooth Low Energy in virtual time, from the board's host to bleak on the computer.

Inside one `hil.virtual.clock.VirtualLoop`::

    air = Air(loop, seed=1)
    board = Peripheral(air, address="F0:F1:F2:F3:F4:F5", sink=power_of_the_radio)
    computer = Central(air)

    await board.activate()
    ((stream,),) = board.register_services([(uuid, [(stream_uuid, 0x10)])])
    board.advertise(250_000, adv_data, scan_response)

    device = await BleakScanner.find_device_by_name("x", backend=computer.scanner_backend)
    async with BleakClient(device, backend=computer.client_backend) as client:
        await computer.set_link(phy=2, interval_ms=50)
        await client.start_notify(stream_uuid, on_packet)
        ...
        board.notify(connection, stream, data)  # in a callback of the board

Board
-----
`Peripheral` is shaped for MicroPython's ``bluetooth``: `activate` (a coroutine; takes no virtual
time), `deactivate`, `register_services`, `advertise`, `gatts_read`, `gatts_write`, `set_buffer`,
`notify` (False where the host has no room for it now and it waits: `AclBuffers`), `indicate`,
`gap_disconnect`, `mtu`. All but `activate` are immediate and may be called from any callback. It
calls ``on_event(event)`` with `CentralConnected`, `CentralDisconnected`, `Written`,
`MtuExchanged`, `IndicateDone`; each in a callback of its own. Errors are OSErrors with the errno
of MicroPython's zephyr port.

Radio activity, for a power model
---------------------------------
``sink(kind, start_ns, duration_ns)`` with the kinds ``"tx"``, ``"rx"``, ``"ifs"`` and, once per
event and after its parts, ``"connection_event"`` or ``"advertising_event"``; see
`hil.virtual.radio.activity` for exactly what each means.

Faults
------
`Air.packet_error_rate` and `Air.channel` (settable while running), `Central.vanish` and
`Central.come_back`, `Central.keep_default_mtu`.
"""

from __future__ import annotations

from hil.virtual.radio.acl import AclBuffers
from hil.virtual.radio.activity import ActivityKind, ActivityMeter, ActivitySink
from hil.virtual.radio.air import Air
from hil.virtual.radio.central import Central, LinkWish
from hil.virtual.radio.channel import BitErrors, Channel, PacketErrors
from hil.virtual.radio.peripheral import AddressMode, Peripheral
from hil.virtual.radio.peripheral_events import (
    CentralConnected,
    CentralDisconnected,
    IndicateDone,
    MtuExchanged,
    PeripheralEvent,
    Written,
)

__all__ = [
    "AclBuffers",
    "ActivityKind",
    "ActivityMeter",
    "ActivitySink",
    "AddressMode",
    "Air",
    "BitErrors",
    "Central",
    "CentralConnected",
    "CentralDisconnected",
    "Channel",
    "IndicateDone",
    "LinkWish",
    "MtuExchanged",
    "PacketErrors",
    "Peripheral",
    "PeripheralEvent",
    "Written",
]
