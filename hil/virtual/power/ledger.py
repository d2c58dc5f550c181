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
``optics``
    The optical front end: power at its pins, its converters' losses and its LEDs. Only on boards
    that have one.
``rest``
    What the converter of the digital rail loses (for DVDD too, and for AVDD where that rail feeds
    it), its quiescent current, what converters before all others lose, the charger's, and leaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eegrig.boards import Board, Part, load_part
from eegrig.boards.ports import board_runtime
from eegrig.hil.virtual.clock import Clock
from eegrig.hil.virtual.micropython.cpu_time.cpu import cpu_assumptions
from eegrig.hil.virtual.power.loads import AfeLoad, McuLoad, OpticsLoad, RadioLoad
from eegrig.hil.virtual.power.rails import Cause, Loads, Rails, Supplies
from eegrig.hil.virtual.power.tracks import Bursts, Levels

__all__ = ["GROUPS", "Account", "PowerLedger"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

GROUPS = ("afe", "afe_supply", "optics", "mcu", "radio", "rest")

_FOLD_AT = 1 << 17
"""Records kept before old ones are folded into the account or dropped."""
_FOLD_MARGIN_NS = 2_000_000_000
"""How far back a component may still report."""
_NS = 1e-9


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
    energy_j: dict[str, float] = field(default_factory=dict)
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
    optics : OpticsLoad or None
        Give it to the optical front end as its ``load``.
    groups : tuple of str
        Those of `GROUPS` that the board has.
    battery_v : float
    cpu_assumptions : tuple of Assumed
        What modelled CPU time rests on.
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
        mcu_part = find_part(board.mcu.part)
        cell = find_part(board.battery.part)
        self.battery_v = cell["measurement_voltage"].si if battery_v is None else battery_v
        self._supplies = Supplies.of(board, find_part)
        self.cpu_assumptions = cpu_assumptions(board_runtime(board))
        self.mcu = McuLoad(mcu_part, self._add, now_ns)
        self.radio = RadioLoad(mcu_part, self._add)
        self.afe = AfeLoad(find_part(board.afe.part), board.supply.mcu_v, now_ns)
        self.optics: OpticsLoad | None = None
        if board.optics is not None:
            self.optics = OpticsLoad(find_part(board.optics.part), self._add, now_ns)
        self.groups = tuple(g for g in GROUPS if g != "optics" or self.optics is not None)
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
        self._account = Account(now_ns, now_ns, step_ns, dict.fromkeys(self.groups, 0.0))

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
        yield from self._bursts()
        yield from self.mcu.idle_a.values()
        yield from self.afe.avdd_a.values()
        yield from self.afe.dvdd_a.values()
        yield self._leak_a
        if self.optics is not None:
            yield from self.optics.waiting_a.values()

    def _bursts(self) -> Iterator[Bursts]:
        yield from (self.mcu.bursts, self.mcu.wakes)
        yield from self.radio.all_bursts
        if self.optics is not None:
            yield from self.optics.all_bursts

    def _forget_before(self, time_ns: int) -> None:
        for track in self._tracks():
            track.forget_before(time_ns)
        self._folded_ns = max(self._folded_ns, time_ns)
        self._records = sum(len(bursts) for bursts in self._bursts())

    def _extend(self, account: Account, until_ns: int) -> None:
        """Add the time from the account's end to `until_ns`."""
        if until_ns <= account.until_ns:
            return
        edges = self._edges(account.until_ns, until_ns)
        seconds = np.diff(edges) * _NS
        loads = Loads(self.mcu, self.radio, self.afe, self.optics, self._leak_a)
        rails = Rails(self._supplies, loads, self.battery_v, edges)
        powers = rails.powers_w()
        for group, power_w in powers.items():
            account.energy_j[group] += float(power_w @ seconds)
        for key, power_w in rails.causes_w.items():
            account.causes_j[key] = account.causes_j.get(key, 0.0) + float(power_w @ seconds)
        total_w = np.sum(list(powers.values()), axis=0)
        energy_j = np.concatenate([[0.0], np.cumsum(total_w * seconds)])
        bins = np.arange(account.until_ns, until_ns + account.step_ns, account.step_ns)
        account.bins_j.append(np.diff(np.interp(bins, edges, energy_j)))
        account.until_ns = until_ns

    def _edges(self, start_ns: int, stop_ns: int) -> IntArray:
        times = [edge for track in self._tracks() for edge in track.edges()]
        inside = np.unique(np.concatenate(times))
        inside = inside[(inside > start_ns) & (inside < stop_ns)]
        return np.concatenate([[start_ns], inside, [stop_ns]])
