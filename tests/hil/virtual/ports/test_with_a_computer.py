"""A board of the stm32 port and bleak on a computer."""

import asyncio

import pytest
from bleak import BleakClient, BleakScanner

from eegrig.hil.virtual.computer_radio.central import Central
from tests.hil.virtual.ports.programs import PREAMBLE

TX, RX = "00002a19-0000-1000-8000-00805f9b34fb", "00002a1a-0000-1000-8000-00805f9b34fb"
SERVER = (
    PREAMBLE
    + """
((tx, rx),) = ble.gatts_register_services(((UUID(0x180F), (
    (UUID(0x2A19), bluetooth.FLAG_READ | bluetooth.FLAG_NOTIFY),
    (UUID(0x2A1A), bluetooth.FLAG_WRITE | bluetooth.FLAG_WRITE_NO_RESPONSE),
)),))
quiet = (1, 2, 4, 21, 27)
ble.gatts_set_buffer(rx, 300)
ble.gatts_write(tx, bytes(i & 255 for i in range(300)))
ble.gap_advertise(100_000, b"\\x02\\x01\\x06\\x04\\x09abc")
"""
)


def with_a_computer(world, main, program, seconds=0.2):
    node = world.board(SERVER + main)
    computer = Central(world.air)
    world.run(seconds)

    async def run():
        device = await BleakScanner.find_device_by_name("abc", backend=computer.scanner_backend)
        async with BleakClient(device, backend=computer.client_backend) as client:
            await program(client)
        await asyncio.sleep(0.5)

    world.loop.run_until_complete(run())
    return node


def test_values_longer_than_the_mtu_are_read_and_written_whole(world):
    value = bytes(i & 255 for i in range(300))

    async def program(client):
        assert await client.read_gatt_char(TX) == value
        await client.write_gatt_char(RX, value[::-1], response=True)

    node = with_a_computer(
        world,
        """
def answer(event, data):
    if event == 3:
        got = ble.gatts_read(data[1])
        print(len(got), got[0], got[299])
""",
        program,
    )
    assert node.lines == ["3 (1, 19)", "300 43 0"]


def test_the_board_is_told_of_mtu_and_connection_parameters(world):
    async def program(client):
        await asyncio.sleep(1)

    node = with_a_computer(world, "quiet = (1, 2, 4)", program)
    assert "21 (1, 256)" in node.lines


def test_appended_writes_gather_until_they_are_read(world):
    async def program(client):
        for part in (b"one", b"two", b"six"):
            await client.write_gatt_char(RX, part, response=False)
        await asyncio.sleep(1)

    node = with_a_computer(
        world,
        "quiet += (3,)\nble.gatts_set_buffer(rx, 20, True)\n"
        "time.sleep_ms(4000)\nprint(ble.gatts_read(rx), ble.gatts_read(rx))",
        program,
    )
    world.run(4.0)
    assert node.lines[-1] == "b'onetwosix' b''"


def test_two_runs_are_the_same_to_the_request(world, tmp_path):
    from tests.hil.virtual.ports.conftest import World

    def run(one):
        async def program(client):
            got = []
            await client.start_notify(TX, lambda _, data: got.append(bytes(data)))
            await asyncio.sleep(2)
            assert got

        node = with_a_computer(
            one,
            "c = wait(1, 10000)[0]\ntime.sleep_ms(1500)\n"
            "for i in range(20):\n    ble.gatts_notify(c, tx, bytes([i]))\n    time.sleep_ms(30)\n",
            program,
        )
        return node.interpreter.requests, node.active_ns, node.text

    first = run(world)
    (tmp_path / "again").mkdir()
    again = World(tmp_path / "again")
    try:
        assert run(again) == first
    finally:
        again.close()


@pytest.mark.parametrize("pause_ms", [0, 5])
def test_several_writes_in_one_connection_event_are_handled_one_by_one_each_with_its_value(
    world, pause_ms
):
    # NimBLE calls the handler before it looks at the next request.
    values = [b"write %d" % i for i in range(6)]

    async def program(client):
        for value in values:
            await client.write_gatt_char(RX, value, response=False)
        await client.write_gatt_char(RX, b"confirmed", response=True)

    node = with_a_computer(
        world,
        f"""
quiet = (1, 2, 3, 21)
def answer(event, data):
    if event == 3:
        time.sleep_ms({pause_ms})
        print(ble.gatts_read(data[1]))
""",
        program,
    )
    assert node.lines == [str(value) for value in (*values, b"confirmed")]


def test_a_read_behind_a_write_finds_what_the_handler_made_of_it(world):
    async def program(client):
        write = client.write_gatt_char(RX, b"question", response=False)
        _, answer = await asyncio.gather(write, client.read_gatt_char(TX))
        assert answer == b"answer"

    with_a_computer(
        world,
        """
def answer(event, data):
    if event == 3:
        time.sleep_ms(5)
        ble.gatts_write(tx, b"answer")
""",
        program,
    )
