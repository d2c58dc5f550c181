"""The virtual power meter: a capture of the ledger, as a bench's meter gives it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from boards import Part, load_part
from hil.bench import PowerCapture
from hil.virtual.power.ledger import Account, PowerLedger

__all__ = ["VirtualPowerMeter"]


class VirtualPowerMeter:
    """Measures at the battery's terminals, without error of its own; a `hil.bench.PowerMeter`.

    The uncertainty of a capture is that of the model: every cause of consumption (a current, an
    efficiency, CPU time) has a relative spread, from its part file or 10 % for a typical value with
    a source and 30 % for an assumed one. Causes are independent of each other and their
    contributions to the energy are added in quadrature.

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
        total_j = sum(account.energy_j.values())
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
            uncertainty=_uncertainty(account, total_j),
            assumptions=self._assumptions(account, total_j),
        )

    def _assumptions(self, account: Account, total_j: float) -> tuple[str, ...]:
        """Return the assumed figures that carry any of the energy, the heaviest first."""
        causes = sorted(account.parts_j.items(), key=lambda item: -abs(item[1]))
        lines: dict[str, None] = {}
        for (part, key, _spread), energy_j in causes:
            if not energy_j:
                continue
            for line in self._lines(part, key):
                lines[f"{line}: {energy_j / total_j:.2%} of the energy"] = None
        return tuple(lines)

    def _lines(self, part: str, key: str) -> list[str]:
        if key == "cpu_active":
            return ["CPU time is a model fitted to published MicroPython benchmarks (x/÷ 1.35)"]
        line = self._find_part(part).assumption(key)
        return [] if line is None else [line]


def _uncertainty(account: Account, total_j: float) -> float:
    """Return the relative one-sigma uncertainty of the total."""
    if total_j <= 0:
        return 0.0
    squares = sum(
        (spread * energy_j) ** 2 for (_part, _key, spread), energy_j in account.parts_j.items()
    )
    return float(np.sqrt(squares)) / total_j
