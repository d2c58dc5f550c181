"""What draws current: the records that each report of a component leaves."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.boards import Part
from eegrig.boards.errors import ConfigError
from eegrig.hil.virtual.afe.power import AfeState
from eegrig.hil.virtual.power.loads import AfeLoad, McuLoad, OpticsLoad, Origin, RadioLoad
from eegrig.hil.virtual.power.tracks import Bursts

from .parts import a_part, curve

US = 1_000
ALWAYS = 10**12


def record(bursts: Bursts, start_ns: int, stop_ns: int) -> None:
    if stop_ns > start_ns:
        bursts.add(start_ns, stop_ns)


def spans_us(bursts: Bursts) -> list[tuple[float, float]]:
    starts, stops = bursts.edges()
    return [(a / US, b / US) for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]


def steps(levels) -> list[tuple[int, float]]:
    """Times and values of all changes."""
    times = levels.edges()[0]
    return list(zip(times.tolist(), levels.level(np.append(times, ALWAYS)).tolist(), strict=True))


def changes(tracks) -> dict[str, list[tuple[int, float]]]:
    """The changes of what is drawn, by what it rests on."""
    return {key: sorted(set(steps(levels))) for key, levels in tracks.items()}


# ------------------------------------------------------------------ processor

MCU = a_part(
    "mcu",
    "mcu",
    idle=1.0,
    light_sleep=0.2,
    deep_sleep=0.03,
    edge_interrupt_extra=10.0,
    light_sleep_wake_time=7e-6,
)


@pytest.fixture
def mcu() -> McuLoad:
    return McuLoad(MCU, record, 100)


def waits(mcu: McuLoad) -> dict[str, list[tuple[int, float]]]:
    """The changes of what waiting takes, by the entry of the part it rests on."""
    return changes(mcu.idle_a)


def test_a_processor_waits_idle_from_the_beginning(mcu):
    assert waits(mcu) == {"idle": [(100, 1.0)]}


def test_a_processor_is_busy_for_as_long_as_it_says(mcu):
    mcu.active(200 * US, 30 * US)
    assert spans_us(mcu.bursts) == [(200, 230)]
    assert spans_us(mcu.wakes) == []


def test_each_way_of_waiting_takes_its_own_current_while_it_lasts(mcu):
    for time_ns, mode in ((200, "light"), (300, "deep"), (400, "idle")):
        mcu.set_sleep(time_ns, mode)
    assert waits(mcu) == {
        "idle": [(100, 1.0), (200, 0.0), (400, 1.0)],
        "light_sleep": [(200, 0.2), (300, 0.0)],
        "deep_sleep": [(300, 0.03), (400, 0.0)],
    }


def test_a_way_of_waiting_takes_nothing_before_it_is_used_the_first_time(mcu):
    mcu.set_sleep(200, "light")
    assert mcu.idle_a["light_sleep"].level(np.array([100, 200, 300])).tolist() == [0.0, 0.2]


def test_waking_from_light_sleep_takes_its_time_before_the_program_goes_on(mcu):
    mcu.set_sleep(100 * US, "light")
    mcu.set_sleep(500 * US, "idle")
    assert spans_us(mcu.wakes) == [(493, 500)]


def test_only_waking_from_light_sleep_to_go_on_takes_time(mcu):
    for number, mode in enumerate(("deep", "idle", "light", "deep", "idle", "idle")):
        mcu.set_sleep((number + 1) * 100 * US, mode)
    assert spans_us(mcu.wakes) == []


def test_edge_interrupts_keep_detectors_on_in_every_wait_but_deep_sleep(mcu):
    mcu.set_edge_interrupts(200, used=True)
    mcu.set_sleep(300, "light")
    mcu.set_sleep(400, "deep")
    mcu.set_edge_interrupts(500, used=False)
    mcu.set_sleep(600, "idle")
    assert waits(mcu) == {
        "idle": [(100, 1.0), (300, 0.0), (600, 1.0)],
        "light_sleep": [(300, 0.2), (400, 0.0)],
        "deep_sleep": [(400, 0.03), (600, 0.0)],
        "edge_interrupt_extra": [(200, 10.0), (400, 0.0)],
    }


# ------------------------------------------------------------------ radio

RADIO = a_part(
    "radio",
    "mcu",
    ramp_time=40e-6,
    event_hfxo_time=800e-6,
    event_pre_time=200e-6,
    event_post_time=420e-6,
    packet_cpu_time=100e-6,
)


@pytest.fixture
def radio() -> RadioLoad:
    return RadioLoad(RADIO, record)


def report(radio: RadioLoad, *activity: tuple[str, int, int], phy: int = 1) -> None:
    for kind, start_us, duration_us in activity:
        radio(kind, start_us * US, duration_us * US, phy)


def test_an_event_is_led_in_by_processor_crystal_and_ramp_and_worked_off_after_it(radio):
    """By hand, back from 5000 us: 40 us of ramp, 800 us of crystal, 200 us of processor."""
    report(
        radio,
        ("rx", 5000, 80),
        ("ifs", 5080, 150),
        ("tx", 5230, 80),
        ("connection_event", 5000, 310),
    )
    assert spans_us(radio.rx_1m) == [(5000, 5080)]
    assert spans_us(radio.rx_2m) == []
    assert spans_us(radio.tx_1m) == [(5230, 5310)]
    assert spans_us(radio.ramp) == [(4960, 5000), (5080, 5230)]
    assert spans_us(radio.hfxo) == [(4160, 4960)]
    assert spans_us(radio.cpu) == [(3960, 4160), (5310, 5730)]


def test_the_crystal_runs_through_a_pause_until_the_next_ramp(radio):
    """Advertising: 150 us between the channels, of which the last 40 ramp up."""
    report(radio, ("tx", 5000, 100), ("tx", 5250, 100), ("advertising_event", 5000, 350))
    assert spans_us(radio.tx_1m) == [(5000, 5100), (5250, 5350)]
    assert spans_us(radio.ramp) == [(4960, 5000), (5210, 5250)]
    assert spans_us(radio.hfxo) == [(4160, 4960), (5100, 5210)]
    # The processor prepares an event once, and works off one further packet.
    assert spans_us(radio.cpu) == [(3960, 4160), (5350, 5870)]


def test_a_pause_shorter_than_a_ramp_is_a_short_ramp(radio):
    report(radio, ("tx", 5000, 100), ("tx", 5110, 100))
    assert spans_us(radio.ramp) == [(4960, 5000), (5100, 5110)]
    assert spans_us(radio.hfxo) == [(4160, 4960)]


def test_a_stretch_that_begins_where_another_ends_needs_no_lead_in(radio):
    report(radio, ("tx", 5000, 100), ("tx", 5100, 50), ("rx", 5120, 50))
    assert spans_us(radio.ramp) == [(4960, 5000)]
    assert spans_us(radio.hfxo) == [(4160, 4960)]


@pytest.mark.parametrize(("n_tx", "n_rx", "worked_us"), [(0, 3, 420), (1, 1, 420), (3, 0, 620)])
def test_each_packet_sent_beyond_the_first_costs_the_processor_its_work(
    radio, n_tx, n_rx, worked_us
):
    kinds = ["tx"] * n_tx + ["rx"] * n_rx
    report(radio, *((kind, 5000 + 100 * i, 100) for i, kind in enumerate(kinds)))
    stop_us = 5000 + 100 * len(kinds)
    report(radio, ("connection_event", 5000, stop_us - 5000))
    assert spans_us(radio.cpu)[1:] == [(stop_us, stop_us + worked_us)]


def test_every_event_begins_anew(radio):
    for start_us in (5000, 25000):
        report(radio, ("tx", start_us, 80), ("tx", start_us + 80, 80))
        report(radio, ("connection_event", start_us, 160))
    assert spans_us(radio.cpu)[2:] == [(23960, 24160), (25160, 25160 + 520)]
    assert spans_us(radio.hfxo)[1:] == [(24160, 24960)]


def test_reception_is_booked_at_the_phy_it_is_at(radio):
    report(radio, ("rx", 5000, 80), phy=2)
    report(radio, ("rx", 5080, 50), phy=1)
    assert spans_us(radio.rx_2m) == [(5000, 5080)]
    assert spans_us(radio.rx_1m) == [(5080, 5130)]


def test_transmission_is_booked_at_the_phy_it_is_at(radio):
    """A board advertises at 1M, and the PHY changes with a connection."""
    report(radio, ("tx", 5000, 80))
    report(radio, ("tx", 5080, 50), ("connection_event", 5000, 130), phy=2)
    assert spans_us(radio.tx_1m) == [(5000, 5080)]
    assert spans_us(radio.tx_2m) == [(5080, 5130)]
    # Packets of both are the processor's work.
    assert spans_us(radio.cpu)[1:] == [(5130, 5130 + 520)]


def test_what_says_nothing_of_a_phy_is_at_one_megabit(radio):
    radio("tx", 5000 * US, 80 * US)
    assert spans_us(radio.tx_1m) == [(5000, 5080)]


def test_every_record_of_the_radio_is_among_all_of_them(radio):
    kept = (radio.tx_1m, radio.tx_2m, radio.rx_1m, radio.rx_2m, radio.ramp, radio.hfxo, radio.cpu)
    assert {id(b) for b in radio.all_bursts} == {id(b) for b in kept}
    assert len(radio.all_bursts) == len(kept)


def test_what_a_radio_does_not_do_is_refused(radio):
    with pytest.raises(ValueError, match="unknown radio activity 'zap'"):
        radio("zap", 0, 1)


# ------------------------------------------------------------------ front end


def front_end(idvdd_1v8=None, idvdd_3v3=None, **more: float) -> Part:
    """Figures that are powers of two and of ten: a sum says what is in it."""
    values = {
        "iavdd_power_down": 0.5,
        "idvdd_power_down": 0.25,
        "iavdd_standby": 8.0,
        "idvdd_standby": 4.0,
        "iavdd_base": 100.0,
        "iavdd_channel": 1.0,
        "iavdd_bias": 1000.0,
        "iavdd_lead_off": 10000.0,
        "iavdd_base_high_resolution": 200.0,
        "iavdd_channel_high_resolution": 2.0,
        "dvdd_low": 1.8,
        "dvdd_high": 3.3,
    }
    curves = {
        "idvdd_1v8": idvdd_1v8 or curve([2, 4, 8], [1.0, 3.0, 5.0]),
        "idvdd_3v3": idvdd_3v3 or curve([2, 4, 8], [11.0, 23.0, 35.0]),
    }
    return a_part("afe", "afe", curves, **(values | more))


def test_a_front_end_is_powered_down_until_it_says_otherwise():
    afe = AfeLoad(front_end(), 1.8, 7)
    off, standby = Origin.of("iavdd_power_down"), Origin.of("iavdd_standby")
    assert changes(afe.avdd_a) == {off: [(7, 0.5)]}
    assert changes(afe.dvdd_a) == {Origin.of("idvdd_power_down"): [(7, 0.25)]}
    afe(50, AfeState("standby", 0))
    afe(60, AfeState("power_down", 8))
    assert changes(afe.avdd_a) == {
        off: [(7, 0.5), (50, 0.0), (60, 0.5)],
        standby: [(50, 8.0), (60, 0.0)],
    }
    assert changes(afe.dvdd_a) == {
        Origin.of("idvdd_power_down"): [(7, 0.25), (50, 0.0), (60, 0.25)],
        Origin.of("idvdd_standby"): [(50, 4.0), (60, 0.0)],
    }


@pytest.mark.parametrize(
    ("state", "avdd_a"),
    [
        (AfeState("on", 0), 100.0),
        (AfeState("on", 5), 105.0),
        (AfeState("on", 5, bias_on=True), 1105.0),
        (AfeState("on", 5, lead_off_on=True), 10105.0),
        (AfeState("on", 5, bias_on=True, lead_off_on=True), 11105.0),
        (AfeState("on", 5, high_resolution=True), 210.0),
    ],
)
def test_avdd_feeds_the_base_each_channel_and_what_is_switched_on(state, avdd_a):
    assert AfeLoad(front_end(), 1.8, 0).currents(state)[0] == avdd_a


def drawn_from(levels_a) -> dict[str, tuple[str, float]]:
    """What is drawn now, and as what it is sure, by the entry of the part it is from."""
    late = np.array([ALWAYS, ALWAYS + 1])
    now = {origin: levels.level(late).item() for origin, levels in levels_a.items()}
    return {key: (sure_as, drawn) for (key, sure_as), drawn in now.items() if drawn}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        # A base of 100 A is more than channels of 1 A, and less than those of 60 A.
        (AfeState("on", 0), {"iavdd_base": ("iavdd_base", 100.0)}),
        (
            AfeState("on", 1, bias_on=True, lead_off_on=True),
            {
                "iavdd_base": ("iavdd_base", 100.0),
                "iavdd_channel": ("iavdd_base", 60.0),
                "iavdd_bias": ("iavdd_bias", 1000.0),
                "iavdd_lead_off": ("iavdd_lead_off", 10000.0),
            },
        ),
        (
            AfeState("on", 2),
            {
                "iavdd_base": ("iavdd_channel", 100.0),
                "iavdd_channel": ("iavdd_channel", 120.0),
            },
        ),
        (
            AfeState("on", 2, high_resolution=True),
            {
                "iavdd_base_high_resolution": ("iavdd_base_high_resolution", 200.0),
                "iavdd_channel_high_resolution": ("iavdd_base_high_resolution", 4.0),
            },
        ),
    ],
)
def test_base_and_channels_are_as_sure_as_the_larger_and_the_rest_as_itself(state, expected):
    afe = AfeLoad(front_end(iavdd_channel=60.0), 1.8, 0)
    afe(10, AfeState("on", 8, bias_on=True))
    afe(20, AfeState("standby"))
    afe(30, state)
    assert drawn_from(afe.avdd_a) == expected


@pytest.mark.parametrize(
    ("volts", "channels", "dvdd_a"),
    [
        (1.8, 2, 1.0),
        (1.8, 3, 2.0),
        (1.8, 8, 5.0),
        (1.8, 16, 5.0),  # a table has no more than its last point
        (3.3, 2, 11.0),
        (3.3, 6, 29.0),
        (2.3, 4, 3.0 + (23.0 - 3.0) / 3),
        (3.6, 4, 3.0 + (23.0 - 3.0) * 1.2),
    ],
)
def test_dvdds_current_lies_on_the_line_between_the_data_sheets_two_voltages(
    volts, channels, dvdd_a
):
    currents = AfeLoad(front_end(), volts, 0).currents(AfeState("on", channels))
    assert currents[1] == pytest.approx(dvdd_a)


def test_fewer_channels_than_the_table_begins_with_go_on_along_its_line_but_not_below_nothing():
    """At 1.8 V: 1 A for 2, 1 A a channel less. At 3.3 V: 11 A for 2 and 6 A a channel."""
    for volts, expected in ((1.8, [0.0, 0.0]), (3.3, [0.0, 5.0])):
        afe = AfeLoad(front_end(), volts, 0)
        found = [afe.currents(AfeState("on", n))[1] for n in (0, 1)]
        assert found == pytest.approx(expected)
    shallow = curve([2, 6, 8], [10.0, 12.0, 20.0])
    afe = AfeLoad(front_end(idvdd_1v8=shallow), 1.8, 0)
    assert [afe.currents(AfeState("on", n))[1] for n in (0, 1)] == pytest.approx([9.0, 9.5])


@pytest.mark.parametrize(
    ("volts", "nearer", "low_a", "high_a"),
    [
        (1.8, "idvdd_1v8", 3.0, 0.0),
        (2.5, "idvdd_1v8", 3.0 * 8 / 15, 23.0 * 7 / 15),
        (2.6, "idvdd_3v3", 3.0 * 7 / 15, 23.0 * 8 / 15),
        (3.3, "idvdd_3v3", 0.0, 23.0),
    ],
)
def test_dvdds_current_is_from_both_voltages_and_as_sure_as_at_the_nearer(
    volts, nearer, low_a, high_a
):
    """By hand, 4 channels: 3 A at 1.8 V and 23 A at 3.3 V, each by its share of the way."""
    afe = AfeLoad(front_end(), volts, 0)
    afe(10, AfeState("on", 4))
    by_hand = {"idvdd_1v8": low_a, "idvdd_3v3": high_a}
    found = drawn_from(afe.dvdd_a)
    assert {key: drawn for key, (_, drawn) in found.items()} == pytest.approx(
        {key: drawn for key, drawn in by_hand.items() if drawn}
    )
    assert {sure_as for sure_as, _ in found.values()} == {nearer}


def test_in_the_middle_of_the_two_voltages_it_is_as_sure_as_at_the_higher_one():
    afe = AfeLoad(front_end(dvdd_low=1.0, dvdd_high=3.0), 2.0, 0)
    afe(10, AfeState("on", 4))
    assert {sure_as for sure_as, _ in drawn_from(afe.dvdd_a).values()} == {"idvdd_3v3"}


# ------------------------------------------------------------------ light

OPTICS = a_part("optics", "optics", iavdd_standby=1.0, iavdd_go=6.0, iavdd_slot=100.0)


def test_an_optical_front_end_stands_by_until_its_time_base_runs():
    optics = OpticsLoad(OPTICS, record, 5)
    optics.set_running(10, running=True)
    optics.set_running(20, running=False)
    assert changes(optics.waiting_a) == {
        "iavdd_standby": [(5, 1.0), (10, 0.0), (20, 1.0)],
        "iavdd_go": [(10, 6.0), (20, 0.0)],
    }


def test_slots_of_each_led_current_are_kept_apart_and_add_up():
    optics = OpticsLoad(OPTICS, record, 0)
    optics.slot(0, 20, 0.5)
    optics.slot(10, 30, 0.5)
    optics.slot(10, 20, 2.0)
    assert [spans_us(b) for b in optics.all_bursts] == [[(0, 0.02), (0.01, 0.03)], [(0.01, 0.02)]]
    in_slot_a, led_a = optics.currents_a(np.array([0, 10, 20, 30, 40]))
    assert in_slot_a.tolist() == [100.0, 300.0, 100.0, 0.0]
    assert led_a.tolist() == [0.5, 3.0, 0.5, 0.0]


def test_without_slots_nothing_is_added():
    optics = OpticsLoad(OPTICS, record, 0)
    assert optics.all_bursts == ()
    in_slot_a, led_a = optics.currents_a(np.array([0, 10, 20]))
    assert (in_slot_a.tolist(), led_a.tolist()) == ([0.0, 0.0], [0.0, 0.0])


def test_a_part_without_a_sleep_mode_says_so():
    plain = a_part("plain", "mcu", idle=1.0, light_sleep_wake_time=0.0)
    with pytest.raises(ConfigError, match="no entry 'deep_sleep'"):
        McuLoad(plain, record, 0).set_sleep(0, "deep")
