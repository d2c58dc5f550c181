from __future__ import annotations

import asyncio
import itertools

import pytest
from bleak import BleakScanner

from eegrig.boards.errors import ConfigError
from eegrig.boards.link_layer import T_IFS_NS, air_time_ns
from eegrig.hil.virtual.clock import run

SERVICE = "e9ea0000-e1b9-11e5-9cee-cfd5f18c7c4a"
DATA = b"\x02\x01\x06\x11\x07" + bytes.fromhex("4a7c8cf1d5cfee9ce511b9e10000eae9")
RESPONSE = b"\x04\x09eeg\x05\xff\xff\xff\x01\x02\x02\x0a\xfc"


class Log:
    def __init__(self) -> None:
        self.stretches: list[tuple[str, int, int]] = []

    def __call__(self, kind: str, start_ns: int, duration_ns: int, phy: int = 1, /) -> None:
        self.stretches.append((kind, start_ns, duration_ns))

    def of(self, kind: str) -> list[tuple[int, int]]:
        return [(start, duration) for k, start, duration in self.stretches if k == kind]


def test_events_come_at_the_interval_plus_up_to_ten_milliseconds(radio_world):
    log = Log()

    async def main() -> None:
        await radio_world(sink=log).start(interval_us=250_000)
        await asyncio.sleep(60)

    run(main())
    starts = [start for start, _ in log.of("advertising_event")]
    gaps = [later - start for start, later in itertools.pairwise(starts)]
    assert min(gaps) >= 250_000_000
    assert max(gaps) <= 260_000_000
    assert sum(gaps) / len(gaps) == pytest.approx(255e6, rel=0.005)


def test_an_event_is_three_packets_each_with_its_listening(radio_world):
    log = Log()

    async def main() -> None:
        await radio_world(sink=log).start()
        await asyncio.sleep(0.05)

    run(main())
    (event,) = log.of("advertising_event")
    parts = [stretch for stretch in log.stretches if stretch[0] != "advertising_event"]
    assert [kind for kind, _, _ in parts] == ["tx", "ifs", "rx"] * 3
    assert [length for _, length in log.of("tx")] == [air_time_ns(1, 6 + 8)] * 3
    assert [length for _, length in log.of("ifs")] == [T_IFS_NS] * 3
    assert event == (parts[0][1], parts[-1][1] + parts[-1][2] - parts[0][1])
    for (_, at, length), (_, following, _) in itertools.pairwise(parts):
        assert at + length <= following


def test_scanning_sees_advertisement_and_scan_response(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        world.board.advertise(100_000, DATA, RESPONSE)
        backend = world.computer.scanner_backend
        found = await BleakScanner.discover(timeout=1, return_adv=True, backend=backend)
        ((device, seen),) = found.values()
        assert device.address == "F0:F1:F2:F3:F4:F5"
        assert device.name == seen.local_name == "eeg"
        assert seen.service_uuids == [SERVICE]
        assert seen.manufacturer_data == {0xFFFF: b"\x01\x02"}
        assert seen.tx_power == -4

    run(main())


def test_passive_scanning_gets_no_scan_response(radio_world):
    log = Log()

    async def main() -> None:
        world = await radio_world(sink=log).start()
        world.board.advertise(100_000, DATA, RESPONSE)
        backend = world.computer.scanner_backend
        found = await BleakScanner.discover(
            timeout=1, return_adv=True, backend=backend, scanning_mode="passive"
        )
        ((_, seen),) = found.values()
        assert seen.local_name is None
        assert seen.service_uuids == [SERVICE]

    run(main())
    assert {length for _, length in log.of("tx")} == {air_time_ns(1, 6 + len(DATA))}


def test_an_answered_scan_request_costs_the_board_reception_and_a_response(radio_world):
    log = Log()

    async def main() -> None:
        world = await radio_world(sink=log).start()
        world.board.advertise(100_000, DATA, RESPONSE)
        async with world.scanner():
            await asyncio.sleep(1)

    run(main())
    assert air_time_ns(1, 12) in {length for _, length in log.of("rx")}
    assert air_time_ns(1, 6 + len(RESPONSE)) in {length for _, length in log.of("tx")}


def test_filter_by_service(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        world.board.advertise(100_000, DATA)
        backend = world.computer.scanner_backend
        for uuid, expected in ((SERVICE, 1), ("0000180d-0000-1000-8000-00805f9b34fb", 0)):
            found = await BleakScanner.discover(timeout=1, service_uuids=[uuid], backend=backend)
            assert len(found) == expected

    run(main())


def test_stopping_stops_and_data_may_be_kept(radio_world):
    log = Log()

    async def main() -> None:
        world = await radio_world(sink=log).start()
        await asyncio.sleep(1)
        world.board.advertise(None)
        before = len(log.stretches)
        await asyncio.sleep(10)
        assert len(log.stretches) == before
        world.board.advertise(100_000)
        await asyncio.sleep(0.05)

    run(main())
    assert {length for _, length in log.of("tx")} == {air_time_ns(1, 6 + 8)}


def test_not_connectable_can_be_seen_and_not_connected_to(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        world.board.advertise(100_000, DATA, RESPONSE, connectable=False)
        device = await BleakScanner.find_device_by_name(
            "eeg", timeout=2, backend=world.computer.scanner_backend
        )
        assert device is not None
        with pytest.raises(TimeoutError):
            await world.client(device, timeout=3).connect()

    run(main())


@pytest.mark.parametrize(
    ("interval_us", "data", "message"),
    [
        (19_999, b"", "interval 19.375 ms is not between 20 and 10240"),
        (10_240_625, b"", "not between"),
        (100_000, bytes(32), "data has 32 octets, at most 31"),
    ],
)
def test_what_cannot_be_advertised_is_refused(radio_world, interval_us, data, message):
    async def main() -> None:
        world = await radio_world().start()
        with pytest.raises(ConfigError, match=message):
            world.board.advertise(interval_us, data)

    run(main())


def test_advertising_under_packet_errors_is_still_found(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        world.air.packet_error_rate = 0.5
        async with world.scanner() as scanner:
            await asyncio.sleep(5)
            assert "F0:F1:F2:F3:F4:F5" in scanner.discovered_devices_and_advertisement_data

    run(main())


def test_two_scanners_on_one_adapter_both_see_the_board(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        async with world.scanner() as first:
            async with world.scanner(scanning_mode="passive") as second:
                await asyncio.sleep(1)
                assert second.discovered_devices
            first.discovered_devices_and_advertisement_data.clear()
            await asyncio.sleep(1)
            assert first.discovered_devices

    run(main())


def test_out_of_reach_is_not_seen(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        world.computer.vanish()
        found = await BleakScanner.discover(timeout=2, backend=world.computer.scanner_backend)
        assert found == []

    run(main())
