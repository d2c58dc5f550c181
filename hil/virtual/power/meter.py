"""The virtual power meter: a capture of the ledger, as a bench's meter gives it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from eegrig.boards import Part, load_part
from eegrig.boards.assumed import Assumed
from eegrig.hil.bench import PowerCapture
from eegrig.hil.virtual.power.ledger import Account, PowerLedger
from eegrig.hil.virtual.power.rails import Cause

__all__ = ["VirtualPowerMeter"]

_SHARE_DECIMALS = 4  # a hundredth of a per cent: assumptions are not known as finely


class VirtualPowerMeter:
    """Measures at the battery's terminals, without error of its own; a `hil.bench.PowerMeter`.

    The uncertainty of a capture is that of the model: every cause of consumption (a current, an
    efficiency, CPU time) has a relative spread, from its part file or 10 % for a typical value with
    a source and 30 % for an assumed one. Causes are independent of each other and their
    contributions to the energy are added in quadrature, after those that have one error.

    Parameters
    ----------
    ledger : PowerLedger
    step_s : float
        Time step of the current trace in seconds.
    find_part : callable
        Returns the part of a name.
    """

    def __init__(
        self,
        ledger: PowerLedger,
        *,
        step_s: float = 1e-3,
        find_part: Callable[[str], Part] = load_part,
    ) -> None:
        self._ledger = ledger
        self._step_ns = round(step_s * 1e9)
        self._find_part = find_part

    async def start(self) -> None:
        """Begin a capture.

        Raises
        ------
        ValueError
            If one is running.
        """
        self._ledger.open_account(self._step_ns)

    async def stop(self) -> PowerCapture:
        """End the capture and return it.

        Energies have the groups of `hil.virtual.power.ledger` and ``total``. The last step of the
        trace may be cut short by the end; it then holds the charge that flowed, over a whole step.

        Raises
        ------
        ValueError
            If none is running.
        """
        account = self._ledger.close_account()
        total_j = math.fsum(account.energy_j.values())
        battery_v = self._ledger.battery_v
        bins_j = np.concatenate([*account.bins_j, np.zeros(0)])
        step_s = self._step_ns * 1e-9
        return PowerCapture(
            start_ns=account.start_ns,
            stop_ns=account.until_ns,
            energy_j={**account.energy_j, "total": total_j},
            battery_v=battery_v,
            current_a=bins_j / (battery_v * step_s),
            step_s=step_s,
            uncertainty=_uncertainty(account.causes_j, total_j),
            group_uncertainty={
                group: _uncertainty(
                    {c: j for c, j in account.causes_j.items() if c.group == group}, energy_j
                )
                for group, energy_j in account.energy_j.items()
            },
            assumptions=self._assumptions(account, total_j),
        )

    def _assumptions(self, account: Account, total_j: float) -> dict[Assumed, float]:
        """Return the assumed facts that carry any of the energy, the heaviest first."""
        energies_j: dict[Assumed, float] = {}
        for cause, energy_j in account.causes_j.items():
            for fact in self._assumed(cause) if energy_j else ():
                energies_j[fact] = energies_j.get(fact, 0.0) + energy_j
        ranked = sorted(energies_j.items(), key=lambda item: -abs(item[1]))
        return {fact: round(energy_j / total_j, _SHARE_DECIMALS) for fact, energy_j in ranked}

    def _assumed(self, cause: Cause) -> list[Assumed]:
        part = self._find_part(cause.part)
        facts = [part.assumption(key) for key in cause.rests_on or (cause.key,)]
        times = self._ledger.cpu_assumptions if cause.key == "cpu_active" else ()
        return [*times, *(fact for fact in facts if fact is not None)]


def _uncertainty(causes_j: Mapping[Cause, float], total_j: float) -> float:
    """Return the relative one-sigma uncertainty of a sum of causes, independent but as they say."""
    if total_j <= 0:
        return 0.0
    errors_j: dict[Cause, float] = {}
    for cause, energy_j in causes_j.items():
        alike = cause._replace(rests_on=())
        errors_j[alike] = errors_j.get(alike, 0.0) + cause.spread * energy_j
    squares = math.fsum(error_j**2 for error_j in errors_j.values())
    return float(np.sqrt(squares)) / total_j
