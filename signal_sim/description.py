"""Scenes: what is on, in and around a head, as a description that nothing moves in."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite

from eegrig.boards.wording import nearest
from eegrig.signal_sim.body import Amplifier, Electrodes, Mains, Motion
from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.fnirs import Fnirs
from eegrig.signal_sim.generators import SourceSpec
from eegrig.signal_sim.hypnogram import STAGES, hypnogram
from eegrig.signal_sim.montage import POSITIONS, canonical
from eegrig.signal_sim.timeline import Timeline, cycle, once

__all__ = ["LeadEvent", "Scene", "StateTimeline"]

REFERENCES: dict[str, tuple[str, ...]] = {
    "linked-ears": ("A1", "A2"), "linked-mastoids": ("M1", "M2"), "average": (), "none": (),
}  # fmt: skip


@dataclass(frozen=True)
class StateTimeline:
    """The states of a scene.

    Attributes
    ----------
    kind : {"cycle", "once", "hypnogram"}
        Again and again, once and stay in the last, or a night's sleep stages.
    states : tuple of (str, float)
        Name and seconds of each (none for a hypnogram).
    ramp_s : float
        Time in which sources go from one state to the next.
    """

    kind: str
    states: tuple[tuple[str, float], ...]
    ramp_s: float = 0.5

    def running(self, seed: int) -> Timeline:
        """Return the timeline of one run of the scene."""
        if self.kind == "hypnogram":
            return Timeline(hypnogram(seed), ramp_s=self.ramp_s)
        maker = cycle if self.kind == "cycle" else once
        return Timeline(maker(list(self.states)), ramp_s=self.ramp_s)


@dataclass(frozen=True)
class LeadEvent:
    """A lead that changes while the scene plays.

    Attributes
    ----------
    lead : str
        Electrode, or ``"GND"``.
    action : {"disconnect", "impedance", "offset"}
        What happens to it.
    at_s, until_s : float
        From when to when; then it is as before.
    value : float
        Ohms or volts.
    """

    lead: str
    action: str
    at_s: float
    until_s: float
    value: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything a signal is made of.

    Attributes
    ----------
    sources : tuple of SourceSpec
        What makes potentials.
    name, title, description : str
        For people.
    channels : tuple of str
        Electrodes where nobody asks for others.
    rate_hz, seconds : float
        Rate and length where nobody asks for others.
    seed : int
        Where nobody asks for another.
    reference : str
        An electrode, ``"linked-ears"``, ``"linked-mastoids"``, ``"average"`` or ``"none"``.
    electrodes : Electrodes
    amplifier : Amplifier
    mains : Mains
    motion : Motion
    timeline : StateTimeline or None
        States it goes through.
    gains : dict of str to dict of str to float
        For each state, the factor on each source's amplitude, by label (``"motion"`` too).
    lead_events : tuple of LeadEvent
        What happens to electrodes while it plays.
    fnirs : Fnirs or None
        Optodes in place of electrodes: then there are no sources, and samples are currents.
    """

    sources: tuple[SourceSpec, ...] = ()
    name: str = "scene"
    title: str = ""
    description: str = ""
    channels: tuple[str, ...] = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
    rate_hz: float = 250.0
    seconds: float = 60.0
    seed: int = 2
    reference: str = "M1"
    electrodes: Electrodes = field(default_factory=Electrodes)
    amplifier: Amplifier = field(default_factory=Amplifier)
    mains: Mains = field(default_factory=Mains)
    motion: Motion = field(default_factory=Motion)
    timeline: StateTimeline | None = None
    gains: dict[str, dict[str, float]] = field(default_factory=dict)
    lead_events: tuple[LeadEvent, ...] = ()
    fnirs: Fnirs | None = None

    def __post_init__(self) -> None:
        if not self.sources and self.fnirs is None:
            msg = f"scene {self.name}: it needs at least one source"
            raise SceneError(msg)
        labels = [source.name for source in self.sources]
        for label in labels:
            if labels.count(label) > 1:
                msg = f"scene {self.name}: two sources are called {label!r}: give each a label"
                raise SceneError(msg)
        if self.reference not in REFERENCES and canonical(self.reference) not in POSITIONS:
            msg = (
                f"scene {self.name}: no reference {self.reference!r}"
                f"{nearest(self.reference, [*REFERENCES, *POSITIONS])}"
            )
            raise SceneError(msg)
        states = {name for name, _ in self.timeline.states} if self.timeline else set()
        if self.timeline and self.timeline.kind == "hypnogram":
            states = set(STAGES)
        for state, factors in self.gains.items():
            if state not in states:
                msg = (
                    f"scene {self.name}: gains for a state {state!r} that never comes"
                    f"{nearest(state, states)}"
                )
                raise SceneError(msg)
            for label, factor in factors.items():
                if label not in [*labels, "motion"]:
                    msg = (
                        f"scene {self.name}: gain for a source {label!r} it has not"
                        f"{nearest(label, labels)}"
                    )
                    raise SceneError(msg)
                if not (isinstance(factor, int | float) and isfinite(factor) and factor >= 0):
                    msg = (
                        f"scene {self.name}: gain {factor!r} of {label} in {state}: "
                        "give a number of at least 0"
                    )
                    raise SceneError(msg)
        _check_lead_events(self.name, self.lead_events)

    @property
    def reference_leads(self) -> tuple[str, ...]:
        """Electrodes whose mean the channels are measured against."""
        return REFERENCES.get(self.reference, (self.reference,))


def _check_lead_events(name: str, events: tuple[LeadEvent, ...]) -> None:
    actions = ("disconnect", "impedance", "offset")
    for i, event in enumerate(events):
        if event.action not in actions:
            msg = (
                f"scene {name}: nothing like {event.action!r} happens to a lead"
                f"{nearest(event.action, actions)}"
            )
            raise SceneError(msg)
        if not 0 <= event.at_s < event.until_s:
            msg = (
                f"scene {name}: {event.lead} from {event.at_s} to {event.until_s} s: "
                "it must begin before it ends"
            )
            raise SceneError(msg)
        for other in events[:i]:
            if (
                canonical(other.lead) == canonical(event.lead)
                and other.action == event.action
                and other.at_s < event.until_s
                and event.at_s < other.until_s
            ):
                both_s = max(event.at_s, other.at_s)
                msg = (
                    f"scene {name}: two events on {event.lead} overlap at {both_s:g} s: "
                    "let one end first"
                )
                raise SceneError(msg)
