"""Power states: what each costs after each other one, what starting takes, and the largest draw."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from eegrig.hil.measure.power import mode_power

if TYPE_CHECKING:
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.states import States

pytestmark = pytest.mark.needs("power")


@pytest.mark.figures("power.state_excess")
def test_a_state_costs_the_same_whatever_was_before(
    power_states: States, rig_record: RigRecorder
) -> None:
    first: dict[str, float] = {}
    found = []
    for taken in power_states.taken:
        power = mode_power(taken.capture)
        usual_w = first.setdefault(taken.state, power.total_w)
        # The meter and the model are wrong by the same both times: chance alone is left.
        uncertainty = math.sqrt(2) * power.chance_w / usual_w
        found.append((power.total_w / usual_w - 1, uncertainty, taken, usual_w))
    excess, uncertainty, taken, usual_w = max(found, key=lambda each: abs(each[0]))
    rig_record(
        "power.state_excess",
        excess,
        "1",
        uncertainty=uncertainty,
        n=len(found),
        saturated=any(each.capture.saturated for each in power_states.taken),
        conditions={"state": taken.state, "after": taken.after},
        note=f"{taken.state} after {taken.after}: {taken.capture.power_w() * 1e3:.3g} mW, "
        f"{usual_w * 1e3:.3g} mW at first",
    )


@pytest.mark.figures("energy.start_up", "energy.begin", "power.peak_current")
def test_what_starting_takes(power_states: States, rig_record: RigRecorder) -> None:
    for name, capture in (
        ("energy.start_up", power_states.start_up),
        ("energy.begin", power_states.begin),
    ):
        if capture is None:
            continue
        energy_j = capture.energy_j["total"]
        rig_record(
            name,
            energy_j,
            "J",
            uncertainty=energy_j * capture.uncertainty,
            n=1,
            saturated=capture.saturated,
            conditions={"seconds": round(capture.duration_s, 3)},
        )
    captures = [each.capture for each in power_states.taken]
    captures += [each for each in (power_states.start_up, power_states.begin) if each is not None]
    peak = max(captures, key=lambda capture: float(capture.current_a.max(initial=0.0)))
    peak_a = float(peak.current_a.max(initial=0.0))
    rig_record(
        "power.peak_current",
        peak_a,
        "A",
        uncertainty=peak_a * peak.uncertainty,
        n=len(captures),
        saturated=any(capture.saturated for capture in captures),
        conditions={"over_ms": round(peak.step_s * 1e3, 3)},
    )
