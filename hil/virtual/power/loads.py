"""What draws current: the processor, the radio and the front end, as they report themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eegrig.boards import Part
from eegrig.hil.virtual.afe.power import AfeState
from eegrig.hil.virtual.power.tracks import Bursts, Levels, hold

__all__ = ["AfeLoad", "McuLoad", "OpticsLoad", "Origin", "RadioLoad", "SleepMode"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NS = 1e9
Add = Callable[[Bursts, int, int], None]


SleepMode = Literal["idle", "light", "deep"]
"""How the processor waits: as a plain wait of the port does, or in a sleep the firmware asked for
(``machine.lightsleep``, ``machine.deepsleep``)."""

_ENTRIES: dict[SleepMode, str] = {
    "idle": "idle",
    "light": "light_sleep",
    "deep": "deep_sleep",
}
"""Of the part: what waiting takes in each mode."""


class McuLoad:
    """The processor: busy in bursts, else waiting in one of its sleep modes.

    Parameters
    ----------
    part : Part
    add : callable
        Records a burst: ``add(bursts, start_ns, stop_ns)``.
    now_ns : int

    Attributes
    ----------
    idle_a : dict of str to Levels
        What waiting takes while it is not busy, by the entry of the part that this rests on: the
        modes it has waited in so far, each with 0 while it waits in another one, and what edge
        interrupts add.
    """

    def __init__(self, part: Part, add: Add, now_ns: int) -> None:
        self._part = part
        self._add = add
        self.bursts = Bursts()
        self.wakes = Bursts()
        self._mode: SleepMode = "idle"
        self._edge_interrupts = False
        self.idle_a: dict[str, Levels] = {}
        self._wait(now_ns)

    def active(self, start_ns: int, duration_ns: int) -> None:
        """Report that the processor is busy for a while; bursts may overlap (busy once)."""
        self._add(self.bursts, start_ns, start_ns + duration_ns)

    def waking(self, start_ns: int, duration_ns: int) -> None:
        """Report that it executes from a slow oscillator, while the fast one starts."""
        self._add(self.wakes, start_ns, start_ns + duration_ns)

    def set_sleep(self, time_ns: int, mode: SleepMode, *, wakes_by_itself: bool = True) -> None:
        """Report how the processor waits from now on.

        Parameters
        ----------
        time_ns : int
        mode : {"idle", "light", "deep"}
        wakes_by_itself : bool
            Whether waking from light sleep takes what the part says; False where `waking` is
            called for what it took.

        Raises
        ------
        boards.errors.ConfigError
            If the part has no such mode.
        """
        if self._mode == "light" and mode == "idle" and wakes_by_itself:
            # What it takes to wake comes before the program goes on.
            wake_ns = round(self._part["light_sleep_wake_time"].si * _NS)
            self._add(self.wakes, time_ns - wake_ns, time_ns)
        self._mode = mode
        self._wait(time_ns)

    def set_edge_interrupts(self, time_ns: int, used: bool) -> None:
        """Report whether pin interrupts on edges are armed, which keeps detectors on."""
        self._edge_interrupts = used
        self._wait(time_ns)

    def _wait(self, time_ns: int) -> None:
        keys = [_ENTRIES[self._mode]]
        if self._edge_interrupts and self._mode != "deep":
            keys.append("edge_interrupt_extra")
        hold(self.idle_a, time_ns, {key: self._part[key].si for key in keys})


class RadioLoad:
    """The radio, called as ``sink(kind, start_ns, duration_ns, phy)`` (`hil.virtual.air.activity`).

    The link layer reports air time; what surrounds it is added here: the crystal's start and the
    processor's preparation before an event, the ramp before a packet that follows a pause, the
    crystal running through pauses, and the processor's work after the event and for each further
    packet.

    Parameters
    ----------
    part : Part
    add : callable
        Records a burst: ``add(bursts, start_ns, stop_ns)``; air time at 2 Mbit/s has its own.
    """

    def __init__(self, part: Part, add: Add) -> None:
        self._add = add
        self.tx_1m = Bursts()
        self.tx_2m = Bursts()
        self.rx_1m = Bursts()
        self.rx_2m = Bursts()
        self.ramp = Bursts()
        self.hfxo = Bursts()
        self.cpu = Bursts()
        self._ramp_ns = round(part["ramp_time"].si * _NS)
        self._hfxo_ns = round(part["event_hfxo_time"].si * _NS)
        self._pre_ns = round(part["event_pre_time"].si * _NS)
        self._post_ns = round(part["event_post_time"].si * _NS)
        self._packet_ns = round(part["packet_cpu_time"].si * _NS)
        self._last_stop_ns: int | None = None
        self._n_tx = 0

    @property
    def all_bursts(self) -> tuple[Bursts, ...]:
        """Every record of the radio."""
        on_air = self.tx_1m, self.tx_2m, self.rx_1m, self.rx_2m
        return *on_air, self.ramp, self.hfxo, self.cpu

    def __call__(self, kind: str, start_ns: int, duration_ns: int, phy: int = 1, /) -> None:
        """Take one stretch of activity."""
        stop_ns = start_ns + duration_ns
        if kind in ("connection_event", "advertising_event"):
            further = max(self._n_tx - 1, 0)
            self._add(self.cpu, stop_ns, stop_ns + self._post_ns + further * self._packet_ns)
            self._last_stop_ns, self._n_tx = None, 0
            return
        self._lead_in(start_ns)
        self._last_stop_ns = stop_ns
        if kind == "tx":
            self._n_tx += 1
            self._add(self.tx_2m if phy == 2 else self.tx_1m, start_ns, stop_ns)
        elif kind == "rx":
            self._add(self.rx_2m if phy == 2 else self.rx_1m, start_ns, stop_ns)
        elif kind == "ifs":
            self._add(self.ramp, start_ns, stop_ns)
        else:
            raise ValueError(f"unknown radio activity {kind!r}; see hil/virtual/air/activity.py")

    def _lead_in(self, start_ns: int) -> None:
        """Account for what comes before a stretch that does not follow on another one."""
        last_ns = self._last_stop_ns
        if last_ns is not None and start_ns <= last_ns:
            return
        ramp_ns = start_ns - self._ramp_ns
        if last_ns is None:
            awake_ns = ramp_ns - self._hfxo_ns
            self._add(self.cpu, awake_ns - self._pre_ns, awake_ns)
        else:
            ramp_ns = max(ramp_ns, last_ns)
            awake_ns = last_ns
        self._add(self.hfxo, awake_ns, ramp_ns)
        self._add(self.ramp, ramp_ns, start_ns)


class Origin(NamedTuple):
    """Where a current comes from.

    Attributes
    ----------
    key : str
        The entry of the part that it is taken from.
    sure_as : str
        The entry of the part whose error it has: `key`, but for entries of one fit.
    """

    key: str
    sure_as: str

    @classmethod
    def of(cls, key: str) -> Origin:
        """Return the origin of a current that has an error of its own."""
        return cls(key, key)


class AfeLoad:
    """The front end, called as ``on_state(time_ns, AfeState)``.

    What the base and the channels take is one fit of the part's whole current: their errors are
    one, that of the larger of the two. So are the two curves that DVDD's current lies between.

    Parameters
    ----------
    part : Part
    dvdd_v : float
        Digital supply in volts.
    now_ns : int

    Attributes
    ----------
    avdd_a, dvdd_a : dict of Origin to Levels
        What it takes, by where that comes from: of the states it has been in so far, each with 0
        while it is in another one.
    """

    def __init__(self, part: Part, dvdd_v: float, now_ns: int) -> None:
        self._part = part
        self._dvdd_v = dvdd_v
        self.avdd_a: dict[Origin, Levels] = {}
        self.dvdd_a: dict[Origin, Levels] = {}
        self(now_ns, AfeState("power_down"))

    def __call__(self, time_ns: int, state: AfeState, /) -> None:
        """Take a change of state."""
        hold(self.avdd_a, time_ns, self._avdd_a(state))
        hold(self.dvdd_a, time_ns, self._dvdd_a(state))

    def currents(self, state: AfeState) -> tuple[float, float]:
        """Return IAVDD and IDVDD in amperes in a state."""
        return sum(self._avdd_a(state).values()), sum(self._dvdd_a(state).values())

    def _avdd_a(self, state: AfeState) -> dict[Origin, float]:
        part = self._part
        if state.mode != "on":
            key = f"iavdd_{state.mode}"
            return {Origin.of(key): part[key].si}
        mode = "_high_resolution" if state.high_resolution else ""
        base, channel = f"iavdd_base{mode}", f"iavdd_channel{mode}"
        base_a, channels_a = part[base].si, state.channels_on * part[channel].si
        larger = channel if channels_a > base_a else base
        return {
            Origin(base, larger): base_a,
            Origin(channel, larger): channels_a,
            Origin.of("iavdd_bias"): part["iavdd_bias"].si * state.bias_on,
            Origin.of("iavdd_lead_off"): part["iavdd_lead_off"].si * state.lead_off_on,
        }

    def _dvdd_a(self, state: AfeState) -> dict[Origin, float]:
        part = self._part
        if state.mode != "on":
            key = f"idvdd_{state.mode}"
            return {Origin.of(key): part[key].si}
        low_v, high_v = part["dvdd_low"].si, part["dvdd_high"].si
        weight = (self._dvdd_v - low_v) / (high_v - low_v)
        nearer = "idvdd_1v8" if self._dvdd_v < (low_v + high_v) / 2 else "idvdd_3v3"
        return {
            Origin("idvdd_1v8", nearer): self._dvdd("idvdd_1v8", state.channels_on) * (1 - weight),
            Origin("idvdd_3v3", nearer): self._dvdd("idvdd_3v3", state.channels_on) * weight,
        }

    def _dvdd(self, key: str, channels_on: int) -> float:
        curve = self._part.curve(key)
        x, y = curve.x_si, curve.y_si
        if channels_on < x[0]:
            slope = (y[1] - y[0]) / (x[1] - x[0])
            return max(y[0] + slope * (channels_on - x[0]), 0.0)
        return float(np.interp(channels_on, x, y))


class OpticsLoad:
    """An optical front end and its LEDs.

    Parameters
    ----------
    part : Part
    add : callable
        Records a burst: ``add(bursts, start_ns, stop_ns)``.
    now_ns : int

    Attributes
    ----------
    waiting_a : dict of str to Levels
        What it takes besides its slots, by the entry of the part that this rests on, each with 0
        while it rests on another one.
    """

    def __init__(self, part: Part, add: Add, now_ns: int) -> None:
        self._part = part
        self._add = add
        self.waiting_a: dict[str, Levels] = {}
        self.set_running(now_ns, running=False)
        self._slots: dict[float, Bursts] = {}

    def set_running(self, time_ns: int, *, running: bool) -> None:
        """Report whether its time base runs, or it is in standby."""
        key = "iavdd_go" if running else "iavdd_standby"
        hold(self.waiting_a, time_ns, {key: self._part[key].si})

    def slot(self, start_ns: int, stop_ns: int, led_a: float) -> None:
        """Report a time slot, and the mean current of its LEDs during it, in amperes."""
        self._add(self._slots.setdefault(led_a, Bursts()), start_ns, stop_ns)

    @property
    def all_bursts(self) -> tuple[Bursts, ...]:
        """Every record of the time slots."""
        return tuple(self._slots.values())

    def currents_a(self, edges: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return what slots add at the chip's pins, and the LEDs' current, between `edges`.

        Returns
        -------
        tuple of ndarray, shape (n_edges - 1,)
            In amperes.
        """
        in_slot_a, led_a = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
        for current_a, bursts in self._slots.items():
            running = bursts.count(edges)
            in_slot_a += running * self._part["iavdd_slot"].si
            led_a += running * current_a
        return in_slot_a, led_a
