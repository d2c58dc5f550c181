"""The power ledger: from who was on when to watts at the battery, by group.

Every component reports bursts and states at virtual times (`loads`); nothing is computed until
somebody asks. Then all records are cut at every edge into intervals of constant current, and the
converters between each rail and the battery are applied to each interval at once.

Groups, all at the battery; together they are the total:

``afe``
    Power at the front end's own pins, AVDD and DVDD.
``afe_supply``
    What the converters of its analogue rail lose, their quiescent currents included.
``mcu``
    Power at the microcontroller's pins but for the radio.
``radio``
    What the radio adds at those pins: air time, ramps, the crystal, and the link layer's own use of
    the processor. While the processor is busy anyway the radio adds less (shared blocks).
``rest``
    What the converter of the digital rail loses (for DVDD too), its quiescent current, the
    charger's, and leaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boards import Board, Part, load_part
from hil.virtual.clock import Clock
from hil.virtual.micropython.cpu import UNCERTAINTY
from hil.virtual.power.converters import Converter, chain_input_w
from hil.virtual.power.loads import AfeLoad, McuLoad, RadioLoad
from hil.virtual.power.tracks import Bursts, Levels

__all__ = ["GROUPS", "Account", "Cause", "PowerLedger"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

GROUPS = ("afe", "afe_supply", "mcu", "radio", "rest")

CPU_TIME_SPREAD = UNCERTAINTY - 1
"""Relative one-sigma uncertainty of modelled CPU time."""

_FOLD_AT = 1 << 17
"""Records kept before old ones are folded into the account or dropped."""
_FOLD_MARGIN_NS = 2_000_000_000
"""How far back a component may still report."""
_NS = 1e-9


class Cause(NamedTuple):
    """What a power rests on: group, part, entry of the part, and its relative spread."""

    group: str
    part: str
    key: str
    spread: float


@dataclass
class Account:
    """Energy since a capture began.

    Attributes
    ----------
    start_ns : int
        When it began.
    until_ns : int
        Up to when it has been added up.
    energy_j : dict of str to float
        By group, in joules.
    causes_j : dict of Cause to float
        By what decides it.
    step_ns : int
        Width of the bins of `bins_j`.
    bins_j : list of ndarray
        Battery energy by time, in joules.
    """

    start_ns: int
    until_ns: int
    step_ns: int
    energy_j: dict[str, float] = field(default_factory=lambda: dict.fromkeys(GROUPS, 0.0))
    causes_j: dict[Cause, float] = field(default_factory=dict)
    bins_j: list[FloatArray] = field(default_factory=list)


class PowerLedger:
    """Adds up what the components of a virtual board draw.

    Parameters
    ----------
    board : Board
    clock : Clock
    battery_v : float or None
        Voltage at the battery's terminals; None takes the middle of the cell's discharge.
    find_part : callable
        Returns the part of a name.

    Attributes
    ----------
    mcu : McuLoad
    radio : RadioLoad
        Give it to the board's radio as its activity sink.
    afe : AfeLoad
        Give it to the front end as its ``on_state``.
    battery_v : float
    """

    def __init__(
        self,
        board: Board,
        clock: Clock,
        *,
        battery_v: float | None = None,
        find_part: Callable[[str], Part] = load_part,
    ) -> None:
        self._clock = clock
        now_ns = clock.now_ns()
        self._mcu_part = find_part(board.mcu.part)
        self._afe_part = find_part(board.afe.part)
        self._charger = find_part(board.supply.charger)
        self._mcu_v = board.supply.mcu_v
        self._buck = Converter(find_part(board.supply.mcu), board.supply.mcu_v)
        self._afe_chain = [
            Converter(find_part(name), output_v)
            for name, output_v in zip(board.supply.afe, board.supply.afe_v, strict=True)
        ]
        cell = find_part(board.battery.part)
        self.battery_v = cell["measurement_voltage"].si if battery_v is None else battery_v
        self.mcu = McuLoad(self._mcu_part, self._add, now_ns)
        self.radio = RadioLoad(self._mcu_part, self._add)
        self.afe = AfeLoad(self._afe_part, board.supply.mcu_v, now_ns)
        self._leak_a = Levels(0.0, now_ns)
        self._records = 0
        self._folded_ns = now_ns
        self._account: Account | None = None

    def leak(self, time_ns: int, current_a: float) -> None:
        """Draw a constant current from the digital rail from a time on (a fault, or a test)."""
        self._leak_a.set(time_ns, current_a)

    def open_account(self, step_ns: int) -> None:
        """Begin to add up energy, in bins of `step_ns`.

        Raises
        ------
        ValueError
            If an account is open: there is one battery and one meter.
        """
        if self._account is not None:
            raise ValueError("a capture is running; stop it before the next one")
        now_ns = self._clock.now_ns()
        self._forget_before(now_ns)
        self._account = Account(now_ns, now_ns, step_ns)

    def close_account(self) -> Account:
        """Add up to now and return the account.

        Raises
        ------
        ValueError
            If none is open.
        """
        if self._account is None:
            raise ValueError("no capture is running; start one")
        account, self._account = self._account, None
        now_ns = self._clock.now_ns()
        self._extend(account, now_ns)
        self._forget_before(now_ns)
        return account

    def _add(self, bursts: Bursts, start_ns: int, stop_ns: int) -> None:
        if start_ns < self._folded_ns and self._account is not None:
            start_ns = max(start_ns, self._account.start_ns)
            if start_ns < self._folded_ns:
                raise ValueError(
                    f"activity at {start_ns} ns was reported after the ledger was closed up to"
                    f" {self._folded_ns} ns; report within {_FOLD_MARGIN_NS * _NS:g} s"
                )
        if stop_ns <= start_ns:
            return
        bursts.add(start_ns, stop_ns)
        self._records += 1
        if self._records >= _FOLD_AT:
            self._fold()

    def _fold(self) -> None:
        until_ns = self._clock.now_ns() - _FOLD_MARGIN_NS
        if self._account is not None:
            until_ns = max(until_ns, self._account.until_ns)
            # Whole bins only, so that folding does not show in the trace.
            width_ns = self._account.step_ns
            until_ns -= (until_ns - self._account.start_ns) % width_ns
            self._extend(self._account, until_ns)
        self._forget_before(until_ns)

    def _tracks(self) -> Iterator[Bursts | Levels]:
        yield self.mcu.bursts
        yield from self.radio.all_bursts
        yield from (self.mcu.idle_a, self.afe.avdd_a, self.afe.dvdd_a, self._leak_a)

    def _forget_before(self, time_ns: int) -> None:
        for track in self._tracks():
            track.forget_before(time_ns)
        self._folded_ns = max(self._folded_ns, time_ns)
        self._records = len(self.mcu.bursts) + sum(len(b) for b in self.radio.all_bursts)

    def _extend(self, account: Account, until_ns: int) -> None:
        """Add the time from the account's end to `until_ns`."""
        if until_ns <= account.until_ns:
            return
        edges = self._edges(account.until_ns, until_ns)
        seconds = np.diff(edges) * _NS
        rail = _Rail(self, edges)
        powers = rail.powers_w()
        for group, power_w in powers.items():
            account.energy_j[group] += float(power_w @ seconds)
        for key, power_w in rail.causes_w.items():
            account.causes_j[key] = account.causes_j.get(key, 0.0) + float(power_w @ seconds)
        total_w = np.sum([powers[group] for group in GROUPS], axis=0)
        energy_j = np.concatenate([[0.0], np.cumsum(total_w * seconds)])
        bins = np.arange(account.until_ns, until_ns + account.step_ns, account.step_ns)
        account.bins_j.append(np.diff(np.interp(bins, edges, energy_j)))
        account.until_ns = until_ns

    def _edges(self, start_ns: int, stop_ns: int) -> IntArray:
        times = [edge for track in self._tracks() for edge in track.edges()]
        inside = np.unique(np.concatenate(times))
        inside = inside[(inside > start_ns) & (inside < stop_ns)]
        return np.concatenate([[start_ns], inside, [stop_ns]])


class _Rail:
    """The board's currents in every interval between edges."""

    def __init__(self, ledger: PowerLedger, edges: IntArray) -> None:
        self._ledger = ledger
        self._edges = edges
        self.causes_w: dict[Cause, FloatArray] = {}

    def powers_w(self) -> dict[str, FloatArray]:
        """Return the power of each group at the battery in watts, shape (n_edges - 1,)."""
        ledger, edges = self._ledger, self._edges
        mcu_a = self._mcu_a()
        radio_a = self._radio_a()
        dvdd_a = ledger.afe.dvdd_a.level(edges)
        avdd_a = ledger.afe.avdd_a.level(edges)
        leak_a = ledger._leak_a.level(edges)
        digital_a = mcu_a + radio_a + dvdd_a + leak_a
        buck_w = ledger._buck.input_w(digital_a, ledger.battery_v)
        buck_loss_w = buck_w - digital_a * ledger._mcu_v
        chain_w = chain_input_w(ledger._afe_chain, avdd_a, ledger.battery_v)
        avdd_w = avdd_a * ledger._afe_chain[-1].output_v
        charger_w = np.full_like(mcu_a, ledger._charger["battery_current"].si * ledger.battery_v)
        self._cause("afe", ledger._afe_part, "iavdd_channel", avdd_w)
        self._cause("afe", ledger._afe_part, "idvdd_3v3", dvdd_a * ledger._mcu_v)
        self._cause("rest", ledger._buck.part, ledger._buck.loss_key, buck_loss_w)
        outputs_w = [*chain_w[1:], avdd_w]
        for converter, input_w, output_w in zip(ledger._afe_chain, chain_w, outputs_w, strict=True):
            self._cause("afe_supply", converter.part, converter.loss_key, input_w - output_w)
        self._cause("rest", ledger._charger, "battery_current", charger_w)
        return {
            "afe": avdd_w + dvdd_a * ledger._mcu_v,
            "afe_supply": chain_w[0] - avdd_w,
            "mcu": mcu_a * ledger._mcu_v,
            "radio": radio_a * ledger._mcu_v,
            "rest": buck_loss_w + leak_a * ledger._mcu_v + charger_w,
        }

    def _scale(self) -> float:
        """Return what currents are multiplied by away from the voltage they are given for.

        Those fed by a DC/DC converter fall as the supply rises; a linear regulator's do not.
        """
        part = self._ledger._mcu_part
        if not part["constant_power"].value:
            return 1.0
        return part["current_voltage"].si / self._ledger._mcu_v

    def _mcu_a(self) -> FloatArray:
        mcu, part = self._ledger.mcu, self._ledger._mcu_part
        self._busy = mcu.bursts.count(self._edges) > 0
        idle_a = np.where(self._busy, 0.0, mcu.idle_a.level(self._edges))
        active_a = np.where(self._busy, part["cpu_active"].si * self._scale(), 0.0)
        volts = self._ledger._mcu_v
        self._cause("mcu", part, "idle", idle_a * volts)
        spread = float(np.hypot(part["cpu_active"].uncertainty, CPU_TIME_SPREAD))
        self._cause("mcu", part, "cpu_active", active_a * volts, spread)
        return np.asarray(idle_a + active_a)

    def _radio_a(self) -> FloatArray:
        ledger, edges = self._ledger, self._edges
        part, radio = ledger._mcu_part, ledger.radio
        cpu_a = part["cpu_active"].si
        tx_a, rx_a, ramp_a = part["tx_0dbm"].si, part["rx_1m"].si, part["ramp"].si
        shared_tx_a = cpu_a + tx_a - part["cpu_and_tx"].si
        shared_rx_a = cpu_a + rx_a - part["cpu_and_rx"].si
        tx_2m_a = part["tx_2m_extra"].si if radio.phy == 2 else 0.0
        rows = (
            (radio.tx, "tx_0dbm", tx_a + tx_2m_a, shared_tx_a),
            (radio.rx_1m, "rx_1m", rx_a, shared_rx_a),
            (radio.rx_2m, "rx_2m_extra", rx_a + part["rx_2m_extra"].si, shared_rx_a),
            (radio.ramp, "ramp", ramp_a, shared_rx_a),
            (radio.hfxo, "hfxo", part["hfxo"].si, part["hfxo"].si),
            (radio.cpu, "event_post_time", part["link_cpu"].si, 0.0),
        )
        total_a = np.zeros(len(edges) - 1)
        for bursts, key, current_a, shared_a in rows:
            if not len(bursts):
                continue
            on = bursts.count(edges) > 0
            drawn_a = np.where(self._busy, current_a - shared_a, current_a)
            drawn_a *= self._scale() * on
            spread = part["rx_1m"].uncertainty if key == "rx_2m_extra" else None
            self._cause("radio", part, key, drawn_a * ledger._mcu_v, spread)
            total_a += drawn_a
        return total_a

    def _cause(
        self,
        group: str,
        part: Part,
        key: str,
        power_w: FloatArray,
        spread: float | None = None,
    ) -> None:
        """Note what a power rests on; equal causes add up."""
        if spread is None:
            entry = part.figures.get(key) or part.curves[key]
            spread = entry.uncertainty
        cause = Cause(group, part.name, key, spread)
        known = self.causes_w.get(cause)
        self.causes_w[cause] = power_w if known is None else known + power_w
