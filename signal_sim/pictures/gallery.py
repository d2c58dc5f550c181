"""A page with a picture of every scene."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from eegrig.boards.places import check_place
from eegrig.signal_sim.errors import SignalError
from eegrig.signal_sim.pictures.overview import plot
from eegrig.signal_sim.player import open_source
from eegrig.signal_sim.scene_file import load_scene, scene_names

__all__ = ["make_gallery"]

_START_S = {"nap": 130.0, "sleep": 3000.0, "absence": 9.0, "drowsiness": 190.0, "noisy-gym": 22.0}
"""Where a scene's most telling ten seconds are."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>eegrig: scenes</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; }}
img {{ width: 100%; border: 1px solid #ddd; }}
code {{ background: #f4f4f4; padding: 0 .3em; }}
</style></head><body>
<h1>Scenes of eegrig's signal simulator</h1>
<p>Simulated. Red: artefact, green: stimulus, purple: waveform; blue: state.
Made by <code>eegrig sim --gallery</code>.</p>
{sections}
</body></html>
"""

_SECTION = """<h2 id="{name}">{title}</h2>
<p>{description} <code>eegrig sim {name} -o {name}.bdf</code></p>
<img src="{name}.png" alt="traces, spectrum and topography of {name}">
"""


def make_gallery(folder: Path, *, progress: Callable[[str], None] | None = None) -> Path:
    """Draw every scene into a folder, with a page that shows them.

    Parameters
    ----------
    folder : Path
        Made where there is none.
    progress : callable or None
        Called with the name of each scene.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    SignalError
        If there is no place for it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot make the folder {folder}: {error.strerror or error}"
        raise SignalError(msg) from error
    page = folder / "index.html"
    check_place(page)
    sections = []
    for name in scene_names():
        if progress is not None:
            progress(name)
        scene = load_scene(name)
        plot(
            open_source(scene),
            folder / f"{name}.png",
            title=scene.title,
            start_s=_START_S.get(name, 0.0),
        )
        sections.append(
            _SECTION.format(
                name=name, title=escape(scene.title), description=escape(scene.description)
            )
        )
    page.write_text(_PAGE.format(sections="\n".join(sections)), encoding="utf-8")
    return page
