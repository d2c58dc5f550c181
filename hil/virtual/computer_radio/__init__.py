"""The computer's radio in virtual time: adapters with bleak backends on them.

`Adapter` is what any adapter offers bleak; `Central` has its controller beside it and sees the link
layer; `RemoteCentral` has an HCI transport and knows what HCI tells::

    computer = Central(air)
    device = await BleakScanner.find_device_by_name("x", backend=computer.scanner_backend)
    async with BleakClient(device, backend=computer.client_backend) as client:
        await computer.set_link(phy=2, interval_ms=50)
        await client.start_notify(stream_uuid, on_packet)
"""
