"""From currents to the power of each group at the battery, by hand, on parts of round figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eegrig.boards import Part, load_board, load_part
from eegrig.boards.ports import board_runtime
from eegrig.hil.virtual.afe.power import AfeState
from eegrig.hil.virtual.power.converters import Converter
from eegrig.hil.virtual.power.loads import AfeLoad, McuLoad, OpticsLoad, RadioLoad
from eegrig.hil.virtual.power.rails import Loads, Rails, Supplies
from eegrig.hil.virtual.power.tracks import Bursts, Levels

from .parts import a_part, curve

BATTERY_V = 4.0
RAIL_V = 2.0
SPREADS = {
    "cpu_active": 0.3,
    "idle": 0.01,
    "light_sleep": 0.02,
    "light_sleep_wake": 0.03,
    "light_sleep_wake_time": 0.04,
    "edge_interrupt_extra": 0.02,
    "tx_2m_extra": 0.8,
    "tx_0dbm": 0.04,
    "rx_1m": 0.05,
    "rx_2m_extra": 0.9,
    "ramp": 0.06,
    "hfxo": 0.07,
    "event_post_time": 0.08,
}


def mcu_part(**more: float) -> Part:
    values = {
        "idle": 1.0,
        "light_sleep": 0.125,
        "deep_sleep": 0.0,
        "light_sleep_wake": 8.0,
        "light_sleep_wake_time": 2e-9,
        "edge_interrupt_extra": 0.0,
        "cpu_active": 16.0,
        "constant_power": 0.0,
        "current_voltage": 3.0,
        "tx_0dbm": 32.0,
        "tx_2m_extra": 0.5,
        "rx_1m": 24.0,
        "rx_2m_extra": 2.0,
        "ramp": 20.0,
        "hfxo": 4.0,
        "link_cpu": 10.0,
        "cpu_and_tx": 41.0,
        "cpu_and_rx": 37.0,
        "event_post_time": 5e-9,
        "event_pre_time": 1e-9,
        "ramp_time": 0.0,
        "event_hfxo_time": 0.0,
        "packet_cpu_time": 0.0,
    }
    return a_part("mcu", "mcu", spreads=SPREADS, **(values | more))


LOSS_SPREADS = {"quiescent": 0.32, "ground_slope": 0.33}


AFE = a_part(
    "afe",
    "afe",
    {"idvdd_1v8": curve([0, 8], [0.5, 0.5], 0.11), "idvdd_3v3": curve([0, 8], [0.5, 0.5], 0.12)},
    spreads={
        "iavdd_channel": 0.13,
        "iavdd_base": 0.14,
        "iavdd_bias": 0.15,
        "iavdd_lead_off": 0.16,
        "iavdd_standby": 0.17,
        "idvdd_standby": 0.18,
        "iavdd_power_down": 0.19,
        "idvdd_power_down": 0.20,
    },
    iavdd_power_down=0.0,
    idvdd_power_down=0.0,
    iavdd_standby=0.125,
    idvdd_standby=0.0625,
    iavdd_base=0.0,
    iavdd_channel=0.25,
    iavdd_bias=0.0,
    iavdd_lead_off=0.0,
    dvdd_low=1.8,
    dvdd_high=3.3,
)
OPTICS = a_part(
    "optics",
    "optics",
    spreads={"iavdd_go": 0.21, "iavdd_slot": 0.22, "led_current_step": 0.23, "iavdd_standby": 0.24},
    iavdd_standby=0.5,
    iavdd_go=1.5,
    iavdd_slot=2.0,
    led_current_step=1.0,
)


def switching(name: str, output_v: float, efficiency: float, quiescent: float) -> Converter:
    flat = curve([1e-6, 1.0], [efficiency, efficiency], 0.31)
    part = a_part(name, "buck", {"efficiency": flat}, spreads=LOSS_SPREADS, quiescent=quiescent)
    return Converter(part, output_v)


def linear(name: str, output_v: float, slope: float, quiescent: float) -> Converter:
    part = a_part(name, "ldo", spreads=LOSS_SPREADS, quiescent=quiescent, ground_slope=slope)
    return Converter(part, output_v)


BUCK = switching("buck", RAIL_V, 0.5, 0.001)
BOOST, LDO = switching("boost", 6.0, 0.5, 0.002), linear("ldo", 5.0, 0.1, 0.003)
SUPPLIES = Supplies(
    input=(),
    buck=BUCK,
    afe=(),
    optics=(),
    charger=a_part("charger", "charger", spreads={"battery_current": 0.41}, battery_current=0.01),
    mcu_part=mcu_part(),
    afe_part=AFE,
    optics_part=None,
    cpu_time_spread=0.4,
)
CHARGER_W = 0.01 * BATTERY_V


def record(bursts: Bursts, start_ns: int, stop_ns: int) -> None:
    if stop_ns > start_ns:
        bursts.add(start_ns, stop_ns)


class Bench:
    """Loads, and the rails that feed them, in intervals between edges."""

    def __init__(self, supplies: Supplies = SUPPLIES, *, light: bool = False) -> None:
        self.supplies = supplies
        part = supplies.mcu_part
        self.loads = Loads(
            McuLoad(part, record, 0),
            RadioLoad(part, record),
            AfeLoad(supplies.afe_part, supplies.buck.output_v, 0),
            OpticsLoad(OPTICS, record, 0) if light else None,
            Levels(0.0, 0),
        )

    def powers_w(self, *edges: int) -> dict[str, list[float]]:
        rails = Rails(self.supplies, self.loads, BATTERY_V, np.array(edges or (0, 10)))
        powers = rails.powers_w()
        # By whose error it has, and by that and the entries it comes from.
        self.causes_w: dict[tuple[str, str, str], tuple[float, list[float]]] = {}
        self.origins_w: dict[tuple[str, tuple[str, ...]], list[float]] = {}
        for cause, power_w in rails.causes_w.items():
            key = cause[:3]
            spread, known_w = self.causes_w.get(key, (cause.spread, [0.0] * len(power_w)))
            assert spread == cause.spread
            self.causes_w[key] = spread, (known_w + power_w).tolist()
            self.origins_w[cause.key, cause.rests_on] = power_w.tolist()
        # Everything a cause decides is somewhere in the groups; leaks are nobody's doing.
        leak_w = self.loads.leak_a.level(np.array(edges or (0, 10))) * self.supplies.buck.output_v
        total = sum(powers.values()) - leak_w
        assert sum(rails.causes_w.values()) == pytest.approx(total)
        return {group: power_w.tolist() for group, power_w in powers.items()}


def in_one(powers: dict[str, list[float]]) -> dict[str, float]:
    return {group: only for group, (only,) in powers.items()}


def buck_loss_w(load_a: float, input_v: float = BATTERY_V) -> float:
    """At half efficiency the converter loses as much as it gives."""
    return load_a * RAIL_V + 0.001 * input_v


def test_the_digital_rail_feeds_processor_front_end_and_leaks():
    bench = Bench()
    bench.loads.afe(0, AfeState("on", 4))
    bench.loads.leak_a.set(0, 0.75)
    # idle 1 A, DVDD 0.5 A, AVDD 4 x 0.25 A from the same rail, leak 0.75 A
    assert in_one(bench.powers_w()) == pytest.approx(
        {
            "afe": (1.0 + 0.5) * RAIL_V,
            "afe_supply": 0.0,
            "mcu": 1.0 * RAIL_V,
            "radio": 0.0,
            "rest": buck_loss_w(1.0 + 0.5 + 1.0 + 0.75) + 0.75 * RAIL_V + CHARGER_W,
        }
    )


def test_an_analogue_chain_takes_avdd_off_the_digital_rail_and_its_losses_are_the_supplys():
    """By hand: the regulator takes 1.103 A at 6 V, 6.618 W; the boost twice that and 8 mW."""
    bench = Bench(replace(SUPPLIES, afe=(BOOST, LDO)))
    bench.loads.afe(0, AfeState("on", 4))
    assert in_one(bench.powers_w()) == pytest.approx(
        {
            "afe": 1.0 * 5.0 + 0.5 * RAIL_V,
            "afe_supply": 13.244 - 5.0,
            "mcu": 2.0,
            "radio": 0.0,
            "rest": buck_loss_w(1.5) + CHARGER_W,
        }
    )
    # Of the boost: as much as it gives, and 2 mA at 4 V. Of the regulator: 1 V of 1 A and 3 mA at
    # 6 V, and a tenth of an ampere at 6 V.
    assert bench.causes_w["afe_supply", "boost", "efficiency"] == (0.31, pytest.approx([6.618]))
    assert bench.causes_w["afe_supply", "boost", "quiescent"] == (0.32, pytest.approx([0.008]))
    assert bench.causes_w["afe_supply", "ldo", "quiescent"] == (0.32, pytest.approx([1.018]))
    assert bench.causes_w["afe_supply", "ldo", "ground_slope"] == (0.33, pytest.approx([0.6]))


def test_converters_before_all_others_feed_every_rail_and_their_loss_is_of_the_rest():
    """By hand: 5 V, from a boost to 8 V and a regulator. Buck and charger see 5 V and 4 V."""
    first, second = switching("first", 8.0, 0.8, 0.01), linear("second", 5.0, 0.0, 0.02)
    bench = Bench(replace(SUPPLIES, input=(first, second)))
    bus_w = 2.0 + buck_loss_w(1.0, input_v=5.0)
    second_w = (bus_w / 5.0 + 0.02) * 8.0
    first_w = second_w / 0.8 + 0.01 * BATTERY_V
    powers = in_one(bench.powers_w())
    assert powers["mcu"] == pytest.approx(2.0)
    expected = buck_loss_w(1.0, input_v=5.0) + CHARGER_W + first_w - bus_w
    assert powers["rest"] == pytest.approx(expected)
    lost_w = bench.causes_w["rest", "first", "efficiency"][1][0]
    assert bench.causes_w["rest", "first", "quiescent"][1] == pytest.approx([0.01 * BATTERY_V])
    assert lost_w + 0.01 * BATTERY_V == pytest.approx(first_w - second_w)
    assert bench.causes_w["rest", "second", "quiescent"][1] == pytest.approx([second_w - bus_w])


def test_two_converters_of_one_part_are_one_cause_of_both_losses():
    twice = switching("same", 5.0, 0.5, 0.0)
    bench = Bench(replace(SUPPLIES, input=(twice, twice)))
    bus_w = 2.0 + buck_loss_w(1.0, input_v=5.0)
    bench.powers_w()
    assert bench.causes_w["rest", "same", "efficiency"][1] == pytest.approx([3 * bus_w])


def test_light_is_a_group_with_its_converters_and_its_leds_at_the_battery():
    """By hand: 1.5 A waiting and two slots of 2 A at 3 V, at half efficiency; LEDs at 4 V."""
    chain = (switching("optics_buck", 3.0, 0.5, 0.0),)
    bench = Bench(replace(SUPPLIES, optics=chain, optics_part=OPTICS), light=True)
    bench.loads.optics.set_running(0, running=True)
    for led_a in (0.25, 0.5):
        bench.loads.optics.slot(10, 20, led_a)
    powers = bench.powers_w(0, 10, 20)
    assert powers["optics"] == pytest.approx([1.5 * 3 / 0.5, 5.5 * 3 / 0.5 + 0.75 * BATTERY_V])
    assert powers["rest"] == pytest.approx([buck_loss_w(1.0) + CHARGER_W] * 2)
    assert bench.causes_w["optics", "optics", "iavdd_go"] == (0.21, pytest.approx([4.5, 4.5]))
    assert bench.causes_w["optics", "optics", "iavdd_slot"] == (0.22, pytest.approx([0.0, 12.0]))
    assert bench.causes_w["optics", "optics", "led_current_step"] == (0.23, pytest.approx([0, 3.0]))
    assert bench.causes_w["optics", "optics_buck", "efficiency"][1] == pytest.approx([4.5, 16.5])


def test_light_stands_by_on_a_figure_of_its_own():
    """Half an ampere at 3 V in standby, 1.5 A from 4 ns on."""
    chain = (switching("optics_buck", 3.0, 0.5, 0.0),)
    bench = Bench(replace(SUPPLIES, optics=chain, optics_part=OPTICS), light=True)
    bench.loads.optics.set_running(4, running=True)
    assert bench.powers_w(0, 4, 10)["optics"] == pytest.approx([0.5 * 3 / 0.5, 1.5 * 3 / 0.5])
    assert bench.causes_w["optics", "optics", "iavdd_standby"] == (0.24, [1.5, 0])
    assert bench.causes_w["optics", "optics", "iavdd_go"] == (0.21, [0, 4.5])


def test_light_loads_the_converters_before_all_others_too():
    first = switching("first", 5.0, 0.8, 0.0)
    supplies = replace(
        SUPPLIES,
        input=(first,),
        afe=(BOOST, LDO),
        optics=(linear("optics_first", 4.0, 0.0, 0.0), linear("optics_ldo", 3.0, 0.0, 0.0)),
        optics_part=OPTICS,
    )
    bench = Bench(supplies, light=True)
    bench.loads.optics.slot(0, 10, 0.25)
    powers = in_one(bench.powers_w())
    # Standby 0.5 A and a slot of 2 A at 3 V, through regulators at 5 V, LEDs at 5 V.
    assert bench.causes_w["optics", "optics", "iavdd_slot"][1] == pytest.approx([2.0 * 3.0])
    assert bench.causes_w["optics", "optics", "iavdd_standby"] == (0.24, pytest.approx([0.5 * 3.0]))
    assert ("optics", "optics", "iavdd_go") not in bench.causes_w
    assert powers["optics"] == pytest.approx((2.5 + 0.25) * 5.0)
    # Nothing flows in the analogue rail but quiescent currents: 3 mA at 6 V, doubled, and 2 mA.
    supply_w = 0.003 * 6.0 / 0.5 + 0.002 * 5.0
    assert powers["afe_supply"] == pytest.approx(supply_w)
    bus_w = 2.0 + buck_loss_w(1.0, input_v=5.0) + powers["optics"] + supply_w
    loss_w = powers["rest"] - buck_loss_w(1.0, input_v=5.0) - CHARGER_W
    assert loss_w == pytest.approx(bus_w / 0.8 - bus_w)


def test_a_board_without_light_has_no_such_group():
    assert list(Bench().powers_w()) == ["afe", "afe_supply", "mcu", "radio", "rest"]


# ------------------------------------------------------------------ processor


def test_a_busy_processor_does_not_wait():
    bench = Bench()
    bench.loads.mcu.active(10, 10)
    bench.loads.mcu.active(15, 5)
    assert bench.powers_w(0, 10, 15, 20, 30)["mcu"] == [2.0, 32.0, 32.0, 2.0]
    assert bench.causes_w["mcu", "mcu", "idle"] == (0.01, [2.0, 0.0, 0.0, 2.0])
    assert bench.causes_w["mcu", "mcu", "cpu_active"][1] == [0.0, 32.0, 32.0, 0.0]


def test_modelled_processor_time_is_as_uncertain_as_current_and_prices_together():
    bench = Bench()
    bench.loads.mcu.active(0, 10)
    bench.powers_w()
    assert bench.causes_w["mcu", "mcu", "cpu_active"][0] == pytest.approx(0.5)  # 0.3 and 0.4


def test_waking_comes_on_top_of_waiting_unless_the_processor_is_busy():
    bench = Bench()
    bench.loads.mcu.set_sleep(0, "light")
    bench.loads.mcu.set_sleep(12, "idle")
    bench.loads.mcu.active(11, 4)
    powers = bench.powers_w(0, 10, 11, 12, 15, 20)
    assert powers["mcu"] == pytest.approx([0.25, (0.125 + 8) * 2, 32.0, 32.0, 2.0])
    # Current and time are assumed apart: 3 % and 4 %.
    found = bench.causes_w["mcu", "mcu", "light_sleep_wake"]
    assert found == (pytest.approx(0.05), [0, 16.0, 0, 0, 0])
    keys = "light_sleep_wake", "light_sleep_wake_time"
    assert bench.origins_w["light_sleep_wake", keys] == [0, 16.0, 0, 0, 0]


def test_what_edge_interrupts_add_to_waiting_rests_on_a_figure_of_its_own():
    bench = Bench(replace(SUPPLIES, mcu_part=mcu_part(edge_interrupt_extra=0.5)))
    bench.loads.mcu.set_edge_interrupts(4, used=True)
    bench.loads.mcu.active(8, 4)
    assert bench.powers_w(0, 4, 8, 12)["mcu"] == [2.0, 3.0, 32.0]
    assert bench.causes_w["mcu", "mcu", "idle"] == (0.01, [2.0, 2.0, 0])
    assert bench.causes_w["mcu", "mcu", "edge_interrupt_extra"] == (0.02, [0, 1.0, 0])


def test_a_processor_that_never_wakes_has_no_such_cause():
    bench = Bench()
    bench.loads.mcu.set_sleep(0, "light")
    bench.powers_w()
    assert ("mcu", "mcu", "light_sleep_wake") not in bench.causes_w
    assert bench.causes_w["mcu", "mcu", "light_sleep"] == (0.02, [0.25])


def test_waiting_rests_on_the_figure_of_the_mode_it_was_in_at_the_time():
    """However the processor waits in the end: 1 A idle until 4 ns, then 0.125 A in light sleep."""
    bench = Bench()
    bench.loads.mcu.set_sleep(4, "light")
    assert bench.powers_w(0, 4, 10)["mcu"] == pytest.approx([2.0, 0.25])
    assert bench.causes_w["mcu", "mcu", "idle"] == (0.01, [2.0, 0.0])
    assert bench.causes_w["mcu", "mcu", "light_sleep"] == (0.02, [0.0, 0.25])


def test_behind_a_step_down_converter_active_currents_fall_as_the_supply_rises():
    """Currents are given for 3 V; at 2 V they are half as large again. Waiting is not scaled."""
    bench = Bench(replace(SUPPLIES, mcu_part=mcu_part(constant_power=1.0)))
    bench.loads.mcu.set_sleep(0, "light")
    bench.loads.mcu.set_sleep(4, "idle")
    bench.loads.mcu.active(10, 10)
    bench.loads.radio("tx", 10, 20)
    powers = bench.powers_w(0, 2, 4, 10, 20, 30)
    assert powers["mcu"] == pytest.approx([0.25, 0.25 + 24.0, 2.0, 48.0, 2.0])
    assert powers["radio"] == pytest.approx([0, 0, 0, (41 - 16) * 1.5 * 2, 32 * 1.5 * 2])


# ------------------------------------------------------------------ radio


def radio_power_w(kind, *, busy=False, phy=1):
    """Power of the radio in the 10 ns in which it does one thing, and in the 5 ns after them."""
    bench = Bench()
    if busy:
        bench.loads.mcu.active(0, 30)
    bench.loads.radio("rx", 0, 10, phy)
    bench.loads.radio(kind, 10, 10, phy)
    bench.loads.radio("connection_event", 0, 20)
    powers = bench.powers_w(0, 10, 20, 25, 30)
    return bench, powers["radio"][1:]


@pytest.mark.parametrize(
    ("kind", "phy", "alone_a", "beside_a", "key", "spread", "together", "extra"),
    [
        # Beside a busy processor: what both draw together, less what it draws alone (16 A).
        ("tx", 1, 32.0, 41.0 - 16.0, "tx_0dbm", 0.04, "cpu_and_tx", None),
        ("tx", 2, 32.0, 41.0 - 16.0, "tx_0dbm", 0.04, "cpu_and_tx", ("tx_2m_extra", 0.8, 0.5)),
        ("rx", 1, 24.0, 37.0 - 16.0, "rx_1m", 0.05, "cpu_and_rx", None),
        # At 2M by what it is more, alone and together: that is a figure of its own.
        ("rx", 2, 24.0, 37.0 - 16.0, "rx_1m", 0.05, "cpu_and_rx", ("rx_2m_extra", 0.9, 2.0)),
        # The blocks that processor and reception share are 16 + 24 - 37 = 3 A.
        ("ifs", 1, 20.0, 17.0, "ramp", 0.06, "cpu_and_rx", None),
        ("ifs", 2, 20.0, 17.0, "ramp", 0.06, "cpu_and_rx", None),
    ],
)
def test_what_the_radio_does_takes_its_current_and_less_beside_a_busy_processor(
    kind, phy, alone_a, beside_a, key, spread, together, extra
):
    extra_key, extra_spread, extra_a = extra or (None, 0.0, 0.0)
    for busy, current_a, work_a in ((False, alone_a, 10.0), (True, beside_a, 10.0)):
        bench, powers_w = radio_power_w(kind, busy=busy, phy=phy)
        # 5 ns of the link layer's own work follow, which the processor does on top of all else.
        expected_w = [(current_a + extra_a) * RAIL_V, work_a * RAIL_V, 0.0]
        assert powers_w == pytest.approx(expected_w)
        found, power_w = bench.causes_w["radio", "mcu", key]
        assert (found, power_w[1]) == (spread, pytest.approx(current_a * RAIL_V))
        # Beside the processor it rests on the figure of both, too.
        alone_w, beside_w = bench.origins_w[key, ()][1], bench.origins_w[key, (key, together)][1]
        assert (beside_w, alone_w)[:: 1 if busy else -1] == (power_w[1], 0.0)
        if extra:
            found, power_w = bench.causes_w["radio", "mcu", extra_key]
            assert (found, power_w[1]) == (extra_spread, pytest.approx(extra_a * RAIL_V))
            assert bench.origins_w[extra_key, ()] == power_w
        assert bench.causes_w["radio", "mcu", "event_post_time"][0] == 0.08
        worked_w = bench.origins_w["event_post_time", ("event_post_time", "link_cpu")]
        assert worked_w[2] == work_a * RAIL_V


def test_the_crystal_costs_nothing_while_the_processor_keeps_it_running():
    part = mcu_part(event_hfxo_time=10e-9)
    for busy, current_a in ((False, 4.0), (True, 0.0)):
        bench = Bench(replace(SUPPLIES, mcu_part=part))
        bench.loads.radio("tx", 20, 10)
        if busy:
            bench.loads.mcu.active(0, 30)
        assert bench.powers_w(0, 9, 10, 20, 30)["radio"][2] == pytest.approx(current_a * RAIL_V)
        assert bench.causes_w["radio", "mcu", "hfxo"] == (0.07, [0, 0, current_a * RAIL_V, 0])


def test_a_radio_sends_one_packet_at_a_time():
    bench = Bench()
    bench.loads.radio("tx", 0, 10)
    bench.loads.radio("tx", 0, 10)
    assert bench.powers_w()["radio"] == [64.0]


def test_what_was_sent_before_the_phy_changed_costs_what_it_did_then():
    """32 A at 1M: one cause, as uncertain either way; and half an ampere more at 2M."""
    bench = Bench()
    bench.loads.radio("tx", 0, 10)
    bench.loads.radio("tx", 10, 10, 2)
    assert bench.powers_w(0, 10, 20)["radio"] == pytest.approx([64.0, 65.0])
    assert bench.causes_w["radio", "mcu", "tx_0dbm"] == (0.04, pytest.approx([64.0, 64.0]))
    assert bench.causes_w["radio", "mcu", "tx_2m_extra"] == (0.8, pytest.approx([0.0, 1.0]))


def test_the_radio_loads_the_digital_rail_too():
    bench = Bench()
    bench.loads.radio("tx", 0, 10)
    powers = in_one(bench.powers_w())
    assert powers["rest"] == pytest.approx(buck_loss_w(1.0 + 32.0) + CHARGER_W)


def test_a_radio_that_does_nothing_is_no_cause():
    bench = Bench()
    bench.loads.radio("tx", 0, 10)
    bench.powers_w()
    assert [key for group, _, key in bench.causes_w if group == "radio"] == [
        "tx_0dbm",
        "event_post_time",
    ]


def test_what_the_front_end_takes_rests_on_its_channels_and_its_digital_supply():
    bench = Bench(replace(SUPPLIES, afe=(LDO,)))
    bench.loads.afe(0, AfeState("on", 4))
    bench.powers_w()
    assert bench.causes_w["afe", "afe", "iavdd_channel"] == (0.13, [5.0])
    assert bench.causes_w["afe", "afe", "idvdd_1v8"] == (0.11, [1.0])
    assert bench.causes_w["rest", "charger", "battery_current"] == (0.41, [CHARGER_W])
    assert bench.causes_w["rest", "buck", "efficiency"][0] == 0.31


def test_each_state_of_the_front_end_rests_on_figures_of_its_own():
    """4 ns each: off, standing by, on; AVDD of 5 V, DVDD of 2 V."""
    part = a_part(
        "afe",
        "afe",
        AFE.curves,
        spreads={key: figure.uncertainty for key, figure in AFE.figures.items()},
        **{key: figure.value for key, figure in AFE.figures.items()}
        | {"iavdd_power_down": 0.5, "idvdd_power_down": 0.25, "iavdd_base": 0.75}
        | {"iavdd_bias": 2.0, "iavdd_lead_off": 4.0},
    )
    bench = Bench(replace(SUPPLIES, afe=(LDO,), afe_part=part))
    bench.loads.afe(4, AfeState("standby", 0))
    bench.loads.afe(8, AfeState("on", 4, bias_on=True, lead_off_on=True))
    powers = bench.powers_w(0, 4, 8, 12)
    assert powers["afe"] == pytest.approx([2.5 + 0.5, 0.625 + 0.125, (1.75 + 2 + 4) * 5 + 1.0])
    found = {key: cause for (group, _, key), cause in bench.causes_w.items() if group == "afe"}
    assert found == {
        "iavdd_power_down": (0.19, [2.5, 0, 0]),
        "idvdd_power_down": (0.20, [0.5, 0, 0]),
        "iavdd_standby": (0.17, [0, 0.625, 0]),
        "idvdd_standby": (0.18, [0, 0.125, 0]),
        "iavdd_channel": (0.13, [0, 0, 8.75]),  # the larger: 1 A of the channels, 0.75 of the base
        "iavdd_bias": (0.15, [0, 0, 10]),
        "iavdd_lead_off": (0.16, [0, 0, 20]),
        "idvdd_1v8": (0.11, [0, 0, pytest.approx(1.0)]),
    }
    assert bench.origins_w["iavdd_channel", ("iavdd_base",)] == [0, 0, 3.75]
    assert bench.origins_w["iavdd_channel", ()] == [0, 0, 5]


# ------------------------------------------------------------------ boards


def named(chain: tuple[Converter, ...]) -> list[tuple[str, float]]:
    return [(converter.part.name, converter.output_v) for converter in chain]


def test_supplies_are_those_of_the_board():
    board = load_board("headband8")
    found = Supplies.of(board, load_part)
    assert named((found.buck,)) == [("tps62840", 3.0)]
    assert named(found.afe) == [("tps61099", 5.2), ("tps7a20", 5.0)]
    assert (found.input, found.optics, found.optics_part) == ((), (), None)
    names = (found.charger.name, found.mcu_part.name, found.afe_part.name)
    assert names == ("bq25180", "nrf52840", "ads1299")


def test_supplies_of_boards_with_converters_before_all_others_and_with_light():
    nucleo = load_board("nucleo-wb55-ads1299")
    found = Supplies.of(nucleo, load_part)
    assert named(found.input) == list(zip(nucleo.supply.input, nucleo.supply.input_v, strict=True))
    assert found.input
    light = Supplies.of(load_board("forehead2-nirs"), load_part)
    assert light.optics_part is not None
    assert light.optics_part.name == "adpd4101"
    assert named(light.optics) == [("tps7a02", 1.8)]


@pytest.mark.parametrize("name", ["headband8", "headphone8"])
def test_processor_time_is_as_uncertain_as_its_prices_factor_says(name):
    """A factor of 1.2 either way is a relative spread of 0.2."""
    board = load_board(name)
    spread = board_runtime(board).prices.spread
    assert Supplies.of(board, load_part).cpu_time_spread == pytest.approx(spread - 1)
    assert 0 < spread - 1 < 1
