"""Scene files: TOML to `signal_sim.description.Scene`, with every mistake named."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from eegrig.boards.wording import nearest
from eegrig.signal_sim.body import Amplifier, Mains, Motion, electrodes_from_mapping
from eegrig.signal_sim.description import LeadEvent, Scene, StateTimeline
from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.fnirs import Fnirs
from eegrig.signal_sim.generators import source_from_mapping

__all__ = ["load_scene", "scene_from_mapping", "scene_names"]


def scene_names() -> list[str]:
    """Return the names of the scenes that come with the simulator."""
    folder = files("eegrig.signal_sim") / "scenes"
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
        path: Any = files("eegrig.signal_sim") / "scenes" / f"{text}.toml"
    else:
        path = Path(name_or_path)
        if path.suffix != ".toml":
            msg = f"no scene {text!r}{nearest(text, scene_names())}"
            raise SceneError(msg)
        if not path.is_file():
            msg = f"{path}: no such scene file"
            raise SceneError(msg)
    try:
        # Some editors begin a file with a byte-order mark, which TOML has no place for.
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{text}: not a readable scene: {error}"
        raise SceneError(msg) from None
    return scene_from_mapping(values, name=Path(text).stem, where=text)


_KEYS = {
    "title", "description", "channels", "rate_hz", "seconds", "seed", "reference", "electrodes",
    "amplifier", "mains", "motion", "timeline", "gains", "source", "lead_event", "fnirs",
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
    tables = _typed(values.get("source", []), list, f"{where}: source")
    if not tables and "fnirs" not in values:
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
        fnirs=Fnirs.from_mapping(values["fnirs"], f"{where}: fnirs") if "fnirs" in values else None,
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
