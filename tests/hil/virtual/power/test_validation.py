"""The radio model against published measurements (docs/validation.md lists them).

Charge of one event at the chip's pins, which is what those measurements give. V1 to V6 were taken
on nRF52832 kits, V7 to V9 are Nordic's own profiler, V10 is a range of an nRF52840-class board, V11
tests how charge goes with the interval, V13 to V15 are idle floors.
"""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from boards import load_board, load_part

US = 1_000
BYTE_1M_US = 8
OVERHEAD_BYTES = 1 + 4 + 2 + 3  # preamble, access address, header, CRC
ADDRESS_BYTES = 6
T_IFS_US = 150
RETUNE_US = 150  # between channels; assumed, as in hil/virtual/radio
LISTEN_US = 44  # in vain, until the end of an access address


def advertising(data_bytes, *, connectable):
    """Return the activity of one advertising event on three channels, 1M."""
    parts, time_us = [], 0
    for _ in range(3):
        air_us = (OVERHEAD_BYTES + ADDRESS_BYTES + data_bytes) * BYTE_1M_US
        parts.append(("tx", time_us, air_us))
        time_us += air_us
        if connectable:
            parts.append(("ifs", time_us, T_IFS_US))
            parts.append(("rx", time_us + T_IFS_US, LISTEN_US))
            time_us += T_IFS_US + LISTEN_US
        time_us += RETUNE_US
    return [*parts, ("advertising_event", 0, time_us - RETUNE_US)]


def connection(*, widening_us, payload_bytes=0):
    """Return the activity of one connection event: an empty packet received, one sent, 1M."""
    empty_us = OVERHEAD_BYTES * BYTE_1M_US
    listened_us = widening_us + empty_us
    sent_us = (OVERHEAD_BYTES + payload_bytes) * BYTE_1M_US
    return [
        ("rx", 0, listened_us),
        ("ifs", listened_us, T_IFS_US),
        ("tx", listened_us + T_IFS_US, sent_us),
        ("connection_event", 0, listened_us + T_IFS_US + sent_us),
    ]


def connection_of_a_central():
    """Return the activity of one connection event of a central: an empty packet each way, 1M."""
    empty_us = OVERHEAD_BYTES * BYTE_1M_US
    return [
        ("tx", 0, empty_us),
        ("ifs", empty_us, T_IFS_US),
        ("rx", empty_us + T_IFS_US, empty_us),
        ("connection_event", 0, 2 * empty_us + T_IFS_US),
    ]


def charge_uc(make_bench, board, supply_v, activity):
    """Return the charge the radio takes for an activity at a supply voltage, in microcoulombs."""
    supply = msgspec.structs.replace(board.supply, mcu_v=supply_v)
    bench = make_bench(msgspec.structs.replace(board, supply=supply))

    async def taken():
        await bench.meter.start()
        for kind, start_us, duration_us in activity:
            bench.ledger.radio(kind, 10_000_000 + start_us * US, duration_us * US)
        bench.clock.time_ns = 50_000_000
        return await bench.meter.stop()

    return asyncio.run(taken()).energy_j["radio"] / supply_v * 1e6


@pytest.mark.parametrize(
    ("row", "supply_v", "activity", "measured_uc", "tolerance"),
    [
        ("V1", 3.3, advertising(17, connectable=False), 8.70, 0.15),
        ("V2", 2.7, advertising(17, connectable=False), 10.0, 0.15),
        ("V3", 3.3, advertising(17, connectable=False), 8.67, 0.15),
        ("V5", 3.3, advertising(17, connectable=False), 7.36, 0.15),
        # payload and supply are not in the excerpt: 17 B and 3.3 V assumed
        ("V6", 3.3, advertising(17, connectable=True), 10.64, 0.20),
        ("V7", 3.3, advertising(0, connectable=True), 8.55, 0.30),
        # 3 B of payload with L2CAP and ATT headers; 1 s interval: 60 us of widening
        ("V8", 3.3, connection(widening_us=60, payload_bytes=10), 4.5, 0.30),
        ("V9", 3.0, advertising(15, connectable=True), 11.5, 0.30),
        ("V10", 3.0, connection(widening_us=16), 5.4, 0.30),
    ],
)
def test_charge_of_an_event(make_bench, headband8, row, supply_v, activity, measured_uc, tolerance):
    modelled_uc = charge_uc(make_bench, headband8, supply_v, activity)
    assert modelled_uc == pytest.approx(measured_uc, rel=tolerance), row


def test_an_event_takes_as_much_from_a_central_as_from_a_peripheral(make_bench, headband8):
    """But for the window widening: no measurement, both are the same radio."""
    central_uc = charge_uc(make_bench, headband8, 3.0, connection_of_a_central())
    peripheral_uc = charge_uc(make_bench, headband8, 3.0, connection(widening_us=0))
    assert central_uc == pytest.approx(peripheral_uc, rel=1e-9)


@pytest.mark.parametrize(("interval_ms", "measured_ua"), [(200, 21.0), (500, 9.0), (1000, 5.0)])
def test_v11_average_current_falls_with_the_connection_interval(
    make_bench, headband8, interval_ms, measured_ua
):
    """V11 (SF32LB52, 3.3 V): what a connection adds; 50 ppm of widening each way are assumed."""
    widening_us = 16 + 2 * 50e-6 * interval_ms * 1000
    event_uc = charge_uc(make_bench, headband8, 3.3, connection(widening_us=round(widening_us)))
    assert event_uc / (interval_ms * 1e-3) == pytest.approx(measured_ua, rel=0.20)


def test_v4_average_current_of_rare_advertising(make_bench, headband8):
    """V4: 2.28 uA at a period of 10 s, of which 1.4 uA is the nRF52832's sleep current."""
    event_uc = charge_uc(make_bench, headband8, 3.3, advertising(17, connectable=False))
    assert event_uc / 10 + 1.4 == pytest.approx(2.28, rel=0.15)


def test_an_empty_connection_event_takes_4_5_uc_at_3_v(make_bench, headband8):
    """The figure the processor's share of an event is fitted to; 3.5 to 6.4 are published."""
    modelled_uc = charge_uc(make_bench, headband8, 3.0, connection(widening_us=16))
    assert modelled_uc == pytest.approx(4.5, rel=0.02)


def test_each_further_packet_costs_the_processor_a_tenth_of_a_millisecond(make_bench, headband8):
    apart = [("tx", 0, 80), ("connection_event", 0, 80)]
    joined = [("tx", 0, 40), ("tx", 40, 40), ("connection_event", 0, 80)]
    one_uc = charge_uc(make_bench, headband8, 3.0, apart)
    two_uc = charge_uc(make_bench, headband8, 3.0, joined)
    assert two_uc - one_uc == pytest.approx(3.3e-3 * 0.1e-3 * 1e6)


def test_charge_falls_with_the_supply_voltage_and_energy_does_not(make_bench, headband8):
    """V1 against V2: a DC/DC converter draws constant power."""
    event = advertising(17, connectable=False)
    high_uc = charge_uc(make_bench, headband8, 3.3, event)
    low_uc = charge_uc(make_bench, headband8, 2.7, event)
    assert low_uc * 2.7 == pytest.approx(high_uc * 3.3, rel=1e-6)


def test_energy_per_bit_at_2m_lies_in_the_published_band(make_bench, headband8):
    """8 to 14 nJ/bit for 244-byte notifications at 2M, ten to an event."""
    event, time_us = [], 0
    for _ in range(10):
        event += [
            ("rx", time_us, 44),
            ("ifs", time_us + 44, 150),
            ("tx", time_us + 194, 1048),
            ("ifs", time_us + 1242, 150),
        ]
        time_us += 1392
    event.append(("connection_event", 0, time_us - 150))
    joules = charge_uc(make_bench, headband8, 3.0, event) * 1e-6 * 3.0
    assert 8e-9 < joules / (10 * 244 * 8) < 14e-9


# ------------------------------------------------------------------ the STM32WB55's idle floors


def floor_a(make_bench, mode):
    """Return what the STM32WB55 draws while it waits, in amperes."""
    board = load_board("headphone8")
    bench = make_bench(board)
    bench.ledger.mcu.set_sleep(0, mode)

    async def taken():
        await bench.meter.start()
        bench.clock.time_ns = 1_000_000_000
        return await bench.meter.stop()

    return asyncio.run(taken()).energy_j["mcu"] / board.supply.mcu_v


def test_v14_both_processors_awake_take_nine_milliamperes():
    """V14: 9 mA constant where Stop is not reached after power-on."""
    part = load_part("stm32wb55")
    assert part["cpu_active"].si + part["link_cpu"].si == pytest.approx(9e-3, rel=0.20)


def test_v14_and_v15_light_sleep_lies_between_what_was_measured_in_stop(make_bench):
    """V14: 7 uA between advertising events in Stop 2; V15: 75 uA in a port that leaves more on.

    MicroPython's lightsleep enters Stop with the low-power regulator, a little above Stop 2.
    """
    assert 7e-6 <= floor_a(make_bench, "light") <= 75e-6


def test_v14_a_plain_wait_is_no_stop(make_bench):
    """What V14's faulty board shows is what the port does by design: a milliampere and more."""
    assert 1e-3 < floor_a(make_bench, "idle") < 9e-3


def test_v13_the_nrf52840_idles_at_microamperes(make_bench, headband8):
    """V13: 3.5 uA for a whole nRF52840 board with its flash asleep, tickless, RTC running."""
    bench = make_bench(headband8)

    async def taken():
        await bench.meter.start()
        bench.clock.time_ns = 1_000_000_000
        return await bench.meter.stop()

    waiting_a = asyncio.run(taken()).energy_j["mcu"] / headband8.supply.mcu_v
    assert waiting_a == pytest.approx(3.5e-6, rel=0.20)
