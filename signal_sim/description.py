"""Scenes: what is on, in and around a head, as a description that nothing moves in."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

from signal_sim.body import Amplifier, Electrodes, Mains, Motion, electrodes_from_mapping
from signal_sim.errors import SceneError, nearest
from signal_sim.hypnogram import STAGES, hypnogram
from signal_sim.montage import POSITIONS, canonical
from signal_sim.timeline import Timeline, cycle, once
from signal_sim.voices import SourceSpec, source_from_mapping

__all__ = ["LeadEvent", "Scene", "StateTimeline", "load_scene", "scene_names"]

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
    """

    sources: tuple[SourceSpec, ...]
    name: str = "scene"
    title: str = ""
    description: str = ""
    channels: tuple[str, ...] = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
    rate_hz: float = 250.0
    seconds: float = 60.0
    seed: int = 1
    reference: str = "M1"
    electrodes: Electrodes = field(default_factory=Electrodes)
    amplifier: Amplifier = field(default_factory=Amplifier)
    mains: Mains = field(default_factory=Mains)
    motion: Motion = field(default_factory=Motion)
    timeline: StateTimeline | None = None
    gains: dict[str, dict[str, float]] = field(default_factory=dict)
    lead_events: tuple[LeadEvent, ...] = ()

    def __post_init__(self) -> None:
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


def scene_names() -> list[str]:
    """Return the names of the scenes that come with the simulator."""
    folder = files("signal_sim") / "scenes"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


def load_scene(name_or_path: str | Path) -> Scene:
    """Read a scene by its name, or from a TOML file.

    Raises
    ------
    SceneError
        No such scene or file, or something in it is wrong.
    """
    text = str(name_or_path)
    if text in scene_names():
        path: Any = files("signal_sim") / "scenes" / f"{text}.toml"
    else:
        path = Path(name_or_path)
        if path.suffix != ".toml":
            msg = f"no scene {text!r}{nearest(text, scene_names())}"
            raise SceneError(msg)
        if not path.is_file():
            msg = f"{path}: no such scene file"
            raise SceneError(msg)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{text}: not a readable scene: {error}"
        raise SceneError(msg) from None
    return scene_from_mapping(values, name=Path(text).stem, where=text)


_KEYS = {
    "title", "description", "channels", "rate_hz", "seconds", "seed", "reference", "electrodes",
    "amplifier", "mains", "motion", "timeline", "gains", "source", "lead_event",
}  # fmt: skip


def scene_from_mapping(values: dict[str, Any], *, name: str, where: str) -> Scene:
    """Build a scene from the tables of a scene file.

    Raises
    ------
    SceneError
        Something in it is wrong; the message names it, and the nearest right name.
    """
    for key in values:
        if key not in _KEYS:
            msg = f"{where}: a scene has no {key!r}{nearest(key, _KEYS)}"
            raise SceneError(msg)
    tables = values.get("source", [])
    if not isinstance(tables, list) or not tables:
        msg = f"{where}: a scene needs at least one [[source]]"
        raise SceneError(msg)
    plain: dict[str, Any] = {}
    for key, kind in (("title", str), ("description", str), ("reference", str)):
        if key in values:
            plain[key] = _typed(values[key], kind, f"{where}: {key}")
    for key in ("rate_hz", "seconds"):
        if key in values:
            number = values[key]
            if isinstance(number, bool) or not isinstance(number, int | float) or not number > 0:
                msg = f"{where}: {key} is {number!r}: give a positive number"
                raise SceneError(msg)
            plain[key] = float(number)
    if "seed" in values:
        plain["seed"] = _typed(values["seed"], int, f"{where}: seed")
    if "channels" in values:
        plain["channels"] = tuple(_typed(values["channels"], list, f"{where}: channels"))
    return Scene(
        name=name,
        sources=tuple(
            source_from_mapping(_typed(t, dict, where), f"{where}: source {i}")
            for i, t in enumerate(tables, start=1)
        ),
        electrodes=electrodes_from_mapping(values.get("electrodes", {}), f"{where}: electrodes"),
        amplifier=Amplifier.from_mapping(values.get("amplifier", {}), f"{where}: amplifier"),
        mains=Mains.from_mapping(values.get("mains", {}), f"{where}: mains"),
        motion=Motion.from_mapping(values.get("motion", {}), f"{where}: motion"),
        timeline=_timeline(values.get("timeline"), f"{where}: timeline"),
        gains=_typed(values.get("gains", {}), dict, f"{where}: gains"),
        lead_events=tuple(
            _lead_event(item, f"{where}: lead_event {i}")
            for i, item in enumerate(values.get("lead_event", []), start=1)
        ),
        **plain,
    )


def _typed(value: Any, kind: type, where: str) -> Any:
    if not isinstance(value, kind):
        msg = f"{where} is {value!r}: give a {kind.__name__}"
        raise SceneError(msg)
    return value


def _timeline(values: Any, where: str) -> StateTimeline | None:
    if values is None:
        return None
    kinds = ("cycle", "once", "hypnogram")
    kind = values.get("kind", "cycle")
    if kind not in kinds:
        msg = f"{where}: no kind {kind!r}{nearest(str(kind), kinds)}"
        raise SceneError(msg)
    ramp_s = float(values.get("ramp_s", 0.5))
    if kind == "hypnogram":
        return StateTimeline(kind, (), ramp_s)
    states: list[tuple[str, float]] = []
    for state in values.get("state", []):
        seconds = state.get("seconds")
        if not isinstance(seconds, int | float) or not seconds > 0:
            msg = f"{where}: state {state.get('name')!r} lasts {seconds!r}: give positive seconds"
            raise SceneError(msg)
        states.append((str(state.get("name")), float(seconds)))
    if not states:
        msg = f"{where}: give it at least one [[timeline.state]]"
        raise SceneError(msg)
    return StateTimeline(kind, tuple(states), ramp_s)


def _lead_event(values: Any, where: str) -> LeadEvent:
    allowed = {"lead", "action", "at_s", "until_s", "value"}
    for key in values:
        if key not in allowed:
            msg = f"{where} has no {key!r}{nearest(key, allowed)}"
            raise SceneError(msg)
    try:
        return LeadEvent(**values)
    except TypeError as error:
        msg = f"{where}: {error}"
        raise SceneError(msg) from None


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
