"""From what every component draws in an interval to the power of each group at the battery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eegrig.boards import Board, Part
from eegrig.boards.ports import board_runtime
from eegrig.hil.virtual.power.converters import Converter, chain_input_w
from eegrig.hil.virtual.power.loads import AfeLoad, McuLoad, OpticsLoad, Origin, RadioLoad
from eegrig.hil.virtual.power.tracks import Levels

__all__ = ["Cause", "Loads", "Rails", "Supplies"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Cause(NamedTuple):
    """What a power rests on.

    Attributes
    ----------
    group, part : str
    key : str
        The entry of the part whose error the power has. Causes that differ in nothing but
        `rests_on` have one error.
    spread : float
        Relative, of that entry.
    rests_on : tuple of str
        The entries of the part that the power comes from; empty if it is `key` alone.
    """

    group: str
    part: str
    key: str
    spread: float
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Supplies:
    """The converters of a board and the parts they feed.

    Attributes
    ----------
    input, afe, optics : tuple of Converter
        Chains, battery side first. `input` feeds everything else; without an `afe` chain the
        digital rail feeds AVDD.
    buck : Converter
        Of the digital rail.
    charger, mcu_part, afe_part : Part
    optics_part : Part or None
    cpu_time_spread : float
        Relative one-sigma uncertainty of modelled CPU time.
    """

    input: tuple[Converter, ...]
    buck: Converter
    afe: tuple[Converter, ...]
    optics: tuple[Converter, ...]
    charger: Part
    mcu_part: Part
    afe_part: Part
    optics_part: Part | None
    cpu_time_spread: float

    @classmethod
    def of(cls, board: Board, find_part: Callable[[str], Part]) -> Supplies:
        """Take the supplies of `board`."""
        supply = board.supply

        def chain(names: list[str], output_v: list[float]) -> tuple[Converter, ...]:
            pairs = zip(names, output_v, strict=True)
            return tuple(Converter(find_part(name), volts) for name, volts in pairs)

        return cls(
            input=chain(supply.input, supply.input_v),
            buck=Converter(find_part(supply.mcu), supply.mcu_v),
            afe=chain(supply.afe, supply.afe_v),
            optics=chain(supply.optics, supply.optics_v),
            charger=find_part(supply.charger),
            mcu_part=find_part(board.mcu.part),
            afe_part=find_part(board.afe.part),
            optics_part=None if board.optics is None else find_part(board.optics.part),
            cpu_time_spread=board_runtime(board).prices.spread - 1,
        )


class Loads(NamedTuple):
    """Who draws current."""

    mcu: McuLoad
    radio: RadioLoad
    afe: AfeLoad
    optics: OpticsLoad | None
    leak_a: Levels


class Rails:
    """The board's rails in every interval between edges.

    Parameters
    ----------
    supplies : Supplies
    loads : Loads
    battery_v : float
    edges : ndarray of int, shape (n_edges,)
        Times in nanoseconds between which every current is constant.

    Attributes
    ----------
    causes_w : dict of Cause to ndarray
        After `powers_w`: the power by what decides it.
    """

    def __init__(self, supplies: Supplies, loads: Loads, battery_v: float, edges: IntArray) -> None:
        self._supplies = supplies
        self._loads = loads
        self._battery_v = battery_v
        self._edges = edges
        self._mcu_v = supplies.buck.output_v
        self._busy = loads.mcu.bursts.count(edges) > 0
        self.causes_w: dict[Cause, FloatArray] = {}

    def powers_w(self) -> dict[str, FloatArray]:
        """Return the power of each group at the battery in watts, shape (n_edges - 1,)."""
        supplies, loads, edges, volts = self._supplies, self._loads, self._edges, self._mcu_v
        mcu_a, radio_a = self._mcu_a(), self._radio_a()
        avdd_v = supplies.afe[-1].output_v if supplies.afe else volts
        dvdd_a = self._afe_a(loads.afe.dvdd_a, volts)
        avdd_a = self._afe_a(loads.afe.avdd_a, avdd_v)
        leak_a = loads.leak_a.level(edges)
        avdd_w = avdd_a * avdd_v
        digital_a = mcu_a + radio_a + dvdd_a + leak_a
        if not supplies.afe:
            digital_a = digital_a + avdd_a
        buck_w = supplies.buck.input_w(digital_a, self._bus_v)
        self._losses("rest", supplies.buck, digital_a, self._bus_v)
        buck_loss_w = buck_w - digital_a * volts
        afe_input_w = self._chain("afe_supply", supplies.afe, avdd_a)
        optics_w = self._optics_w()
        bus_w = buck_w + afe_input_w + optics_w
        input_w = self._input_loss_w(bus_w)
        charger_w = np.full_like(mcu_a, supplies.charger["battery_current"].si * self._battery_v)
        self._cause("rest", supplies.charger, "battery_current", charger_w)
        powers = {
            "afe": avdd_w + dvdd_a * volts,
            "afe_supply": afe_input_w - avdd_w if supplies.afe else np.zeros_like(avdd_w),
            "mcu": mcu_a * volts,
            "radio": radio_a * volts,
            "rest": buck_loss_w + leak_a * volts + charger_w + input_w,
        }
        if loads.optics is not None:
            powers["optics"] = optics_w
        return powers

    @property
    def _bus_v(self) -> float:
        """What the converters of the rails see: the battery, or what lies before them."""
        chain = self._supplies.input
        return chain[-1].output_v if chain else self._battery_v

    def _chain(self, group: str, chain: tuple[Converter, ...], load_a: FloatArray) -> FloatArray:
        """Return the power a rail's converters take from the bus, and note their losses."""
        if not chain:
            return np.zeros_like(load_a)
        return self._chain_w(group, chain, load_a, self._bus_v)

    def _input_loss_w(self, bus_w: FloatArray) -> FloatArray:
        """Return what the converters before all others lose."""
        chain = self._supplies.input
        if not chain:
            return np.zeros_like(bus_w)
        return self._chain_w("rest", chain, bus_w / self._bus_v, self._battery_v) - bus_w

    def _chain_w(
        self, group: str, chain: tuple[Converter, ...], load_a: FloatArray, supply_v: float
    ) -> FloatArray:
        """Return the power at the input of a chain, and note what its converters lose."""
        inputs_w = chain_input_w(chain, load_a, supply_v)
        inputs_v = [supply_v, *(converter.output_v for converter in chain[:-1])]
        loads_a = [
            *(input_w / volts for input_w, volts in zip(inputs_w[1:], inputs_v[1:], strict=True)),
            load_a,
        ]
        for converter, output_a, input_v in zip(chain, loads_a, inputs_v, strict=True):
            self._losses(group, converter, output_a, input_v)
        return inputs_w[0]

    def _losses(self, group: str, converter: Converter, load_a: FloatArray, input_v: float) -> None:
        for key, loss_w in converter.losses_w(load_a, input_v).items():
            self._cause(group, converter.part, key, loss_w)

    def _afe_a(self, levels_a: Mapping[Origin, Levels], volts: float) -> FloatArray:
        """Return what the front end takes from a rail, and note where it comes from."""
        part, total_a = self._supplies.afe_part, np.zeros(len(self._edges) - 1)
        for (key, sure_as), levels in levels_a.items():
            current_a = levels.level(self._edges)
            self._cause("afe", part, sure_as, current_a * volts, rests_on=(key,))
            total_a += current_a
        return total_a

    def _optics_w(self) -> FloatArray:
        """Return what the optical front end and its LEDs take from the bus."""
        optics, part = self._loads.optics, self._supplies.optics_part
        if optics is None or part is None:
            return np.zeros(len(self._edges) - 1)
        volts = self._supplies.optics[-1].output_v
        chip_a = np.zeros(len(self._edges) - 1)
        for key, levels in optics.waiting_a.items():
            waiting_a = levels.level(self._edges)
            self._cause("optics", part, key, waiting_a * volts)
            chip_a += waiting_a
        in_slot_a, led_a = optics.currents_a(self._edges)
        self._cause("optics", part, "iavdd_slot", in_slot_a * volts)
        led_w = led_a * self._bus_v
        self._cause("optics", part, "led_current_step", led_w)
        return self._chain("optics", self._supplies.optics, chip_a + in_slot_a) + led_w

    def _scale(self) -> float:
        """Return what currents are multiplied by away from the voltage they are given for.

        Those fed by a DC/DC converter fall as the supply rises; a linear regulator's do not.
        """
        part = self._supplies.mcu_part
        if not part["constant_power"].value:
            return 1.0
        return part["current_voltage"].si / self._mcu_v

    def _mcu_a(self) -> FloatArray:
        mcu, part = self._loads.mcu, self._supplies.mcu_part
        total_a = np.zeros(len(self._edges) - 1)
        for key, levels in mcu.idle_a.items():
            idle_a = np.where(self._busy, 0.0, levels.level(self._edges))
            self._cause("mcu", part, key, idle_a * self._mcu_v)
            total_a += idle_a
        active_a = np.where(self._busy, part["cpu_active"].si * self._scale(), 0.0)
        spread = float(np.hypot(part["cpu_active"].uncertainty, self._supplies.cpu_time_spread))
        self._cause("mcu", part, "cpu_active", active_a * self._mcu_v, spread)
        if len(mcu.wakes):
            waking = (mcu.wakes.count(self._edges) > 0) & ~self._busy
            waking_a = np.where(waking, part["light_sleep_wake"].si * self._scale(), 0.0)
            key, time_key = keys = ("light_sleep_wake", "light_sleep_wake_time")
            spread = float(np.hypot(part[key].uncertainty, part[time_key].uncertainty))
            self._cause("mcu", part, key, waking_a * self._mcu_v, spread, rests_on=keys)
            total_a += waking_a
        return total_a + active_a

    def _radio_a(self) -> FloatArray:
        edges = self._edges
        part, radio = self._supplies.mcu_part, self._loads.radio
        cpu_a = part["cpu_active"].si
        tx_a, rx_a, ramp_a = part["tx_0dbm"].si, part["rx_1m"].si, part["ramp"].si
        hfxo_a, link_a = part["hfxo"].si, part["link_cpu"].si
        tx_2m_a, rx_2m_a = part["tx_2m_extra"].si, part["rx_2m_extra"].si
        # What a busy processor keeps on anyway, and the entry that this is known from.
        with_tx = cpu_a + tx_a - part["cpu_and_tx"].si, "cpu_and_tx"
        with_rx = cpu_a + rx_a - part["cpu_and_rx"].si, "cpu_and_rx"
        with_hfxo, nothing = (hfxo_a, ""), (0.0, "")
        # The link layer's stages were fitted as charges: time and current have one error.
        stages = ("event_post_time", "link_cpu")
        rows = (
            (radio.tx_1m, ("tx_0dbm",), tx_a, with_tx),
            (radio.tx_2m, ("tx_0dbm",), tx_a, with_tx),
            (radio.tx_2m, ("tx_2m_extra",), tx_2m_a, nothing),
            (radio.rx_1m, ("rx_1m",), rx_a, with_rx),
            (radio.rx_2m, ("rx_1m",), rx_a, with_rx),
            (radio.rx_2m, ("rx_2m_extra",), rx_2m_a, nothing),
            (radio.ramp, ("ramp",), ramp_a, with_rx),
            (radio.hfxo, ("hfxo",), hfxo_a, with_hfxo),
            (radio.cpu, stages, link_a, nothing),
        )
        total_a = np.zeros(len(edges) - 1)
        for bursts, keys, current_a, (shared_a, shared_key) in rows:
            if not len(bursts):
                continue
            on = bursts.count(edges) > 0
            drawn_a = np.where(self._busy, current_a - shared_a, current_a)
            drawn_a *= self._scale() * on
            total_a += drawn_a
            beside_keys = (*keys, shared_key) if shared_key else keys
            for when, rests_on in ((~self._busy, keys), (self._busy, beside_keys)):
                power_w = np.where(when, drawn_a * self._mcu_v, 0.0)
                self._cause("radio", part, keys[0], power_w, rests_on=rests_on)
        return total_a

    def _cause(
        self,
        group: str,
        part: Part,
        key: str,
        power_w: FloatArray,
        spread: float | None = None,
        rests_on: tuple[str, ...] = (),
    ) -> None:
        """Note what a power rests on; equal causes add up."""
        if spread is None:
            entry = part.figures.get(key) or part.curves[key]
            spread = entry.uncertainty
        cause = Cause(group, part.name, key, spread, () if rests_on == (key,) else rests_on)
        known = self.causes_w.get(cause)
        self.causes_w[cause] = power_w if known is None else known + power_w
