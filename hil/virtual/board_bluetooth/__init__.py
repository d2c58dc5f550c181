"""The board's Bluetooth host in virtual time, shaped for MicroPython's ``bluetooth``.

`Peripheral` has `activate` (a coroutine; takes no virtual time), `deactivate`, `register_services`,
`advertise`, `gatts_read`, `gatts_write`, `set_buffer`, `notify` (False where the host has no room
for it now and it waits: `AclBuffers`), `indicate`, `gap_disconnect`, `mtu`. All but `activate` are
immediate and may be called from any callback. What it has to tell goes to its `PeripheralUser`, the
events of `peripheral_events` each in a callback of its own; what its port's stack does in its own
way is in `StackRules`. Errors are OSErrors with the errno of
MicroPython's zephyr port::

    board = Peripheral(air, user, address="F0:F1:F2:F3:F4:F5", sink=power_of_the_radio)
    await board.activate()
    ((stream,),) = board.register_services([(uuid, [(stream_uuid, 0x10)])])
    board.advertise(250_000, adv_data, scan_response)
    board.notify(connection, stream, data)  # in a callback of the board
"""
