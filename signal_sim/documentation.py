"""Every parameter with its meaning, default, unit and source, as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from eegrig.signal_sim.body import Amplifier, Electrodes, Mains, Motion
from eegrig.signal_sim.body.electrodes import PRESET_SOURCES, PRESETS
from eegrig.signal_sim.fnirs import Fnirs
from eegrig.signal_sim.generators import KINDS
from eegrig.signal_sim.params import Spec, parameters
from eegrig.signal_sim.scene_file import load_scene, scene_names

__all__ = ["parameter_tables"]


def parameter_tables() -> str:
    """Return the scenes, and a table of parameters for every kind of source and surroundings."""
    parts = ["## Scenes", "", *_scenes(), "", "## Sources", ""]
    for kind in sorted(KINDS):
        parts += _table(KINDS[kind], f'kind = "{kind}"')
    parts += ["## Electrodes, amplifier and surroundings", ""]
    for spec, heading in (
        (Electrodes, "[electrodes]"),
        (Amplifier, "[amplifier]"),
        (Mains, "[mains]"),
        (Motion, "[motion]"),
        (Fnirs, "[fnirs]"),
    ):
        parts += _table(spec, heading)
    parts += ["### Presets of `[electrodes]`", "", *_presets()]
    return "\n".join(parts) + "\n"


def _scenes() -> Iterator[str]:
    yield "| scene | what | channels | rate |"
    yield "|---|---|---|---|"
    for name in scene_names():
        scene = load_scene(name)
        channels = scene.fnirs.channels if scene.fnirs else scene.channels
        yield f"| `{name}` | {scene.description} | {' '.join(channels)} | {scene.rate_hz:g} |"


def _table(spec: type[Spec], heading: str) -> list[str]:
    meanings = dict(_meanings(spec))
    doc = inspect.getdoc(spec) or ""
    lines = [f"### `{heading}`", "", doc.split("\n\n")[0].replace("\n", " "), ""]
    lines += ["| parameter | meaning | default | unit | source |", "|---|---|---|---|---|"]
    for item in parameters(spec):
        lines.append(
            f"| `{item.name}` | {meanings.get(item.name, '')} | {_text(item.default)} "
            f"| {item.unit} | {item.source} |"
        )
    return [*lines, ""]


def _presets() -> Iterator[str]:
    yield "| preset | parameter | value | source |"
    yield "|---|---|---|---|"
    yield "| `gel` | all | the defaults above | as above |"
    for preset, sources in PRESET_SOURCES.items():
        for name, source in sources.items():
            yield f"| `{preset}` | `{name}` | {_text(getattr(PRESETS[preset], name))} | {source} |"


def _meanings(spec: type[Spec]) -> Iterator[tuple[str, str]]:
    """Take the attributes of a numpydoc docstring apart: ``a, b : type`` and what follows."""
    lines = (inspect.getdoc(spec) or "").splitlines()
    names: list[str] = []
    text: list[str] = []
    for line in [*lines, "end : -"]:
        head = re.match(r"^(\w[\w, ]*) : ", line)
        if head:
            for name in names:
                yield name, " ".join(text)
            names, text = head.group(1).split(", "), []
        elif names and line.startswith("    "):
            text.append(line.strip())


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(_text(item) for item in value) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
