"""The simulator's command: `eegrig sim`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from eegrig.signal_sim.stream import Source

__all__ = ["register"]

_EPILOG = """\b
Examples:
  eegrig sim --list
  eegrig sim resting -o resting.bdf --seconds 60 --seed 3
  eegrig sim ssvep-speller -o ssvep.edf -o ssvep.npz --rate 500
  eegrig sim recording.edf --channels Fp1,Fp2,O1,O2 --rate 250 -o resampled.bdf
  eegrig sim nap --plot nap.png
  eegrig sim --gallery out/gallery"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("sim", epilog=_EPILOG)(_sim)


def _sim(
    *,
    scene: Annotated[
        str | None,
        typer.Argument(metavar="SCENE", help="A scene's name, a .toml scene, or a recording."),
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write .bdf, .edf or .npz; repeatable."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw traces, spectrum and topography."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="S", help="Length; the scene's own if none."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="HZ", help="Samples per second.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Which person on which day.")
    ] = None,
    channels: Annotated[
        str | None, typer.Option("--channels", metavar="A,B,...", help="Electrodes.")
    ] = None,
    assigned: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="A=LABEL", help="Take electrode A from this channel; repeatable."
        ),
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option("--gallery", metavar="DIR", help="Draw every scene into a page.")
    ] = None,
    list_scenes: Annotated[bool, typer.Option("--list", help="List the scenes.")] = False,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Print every parameter with its source.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Simulate what electrodes pick up, and write it to a file with its ground truth.

    A scene is a head with its electrodes and what surrounds it. The ground truth (markers, targets,
    sleep stages, which samples carry which artefact) is written beside each file as .truth.json.
    """
    from eegrig.boards.errors import ConfigError
    from eegrig.signal_sim.errors import SignalError

    try:
        if list_scenes:
            _list(as_json=as_json)
        elif parameters:
            from eegrig.signal_sim.documentation import parameter_tables

            typer.echo(parameter_tables(), nl=False)
        elif gallery is not None:
            _gallery(gallery, as_json=as_json)
        elif scene is None:
            msg = "which scene? `eegrig sim --list` shows them"
            raise SignalError(msg)
        elif not out and plot is None:
            msg = f"what to make of {scene}? give -o FILE.bdf, .edf or .npz, or --plot FILE.png"
            raise SignalError(msg)
        else:
            from eegrig.signal_sim.recordings.assigned import assignments

            names = [name.strip() for name in channels.split(",")] if channels else None
            assign = assignments(assigned or [])

            def opened() -> Source:
                from eegrig.signal_sim.player import open_source

                return open_source(scene, channels=names, rate_hz=rate, seed=seed, assign=assign)

            _write(scene, opened, out or [], plot, seconds, as_json=as_json)
    except ConfigError as error:
        raise typer.TyperException(str(error)) from error


def _list(*, as_json: bool) -> None:
    from eegrig.signal_sim.scene_file import load_scene, scene_names

    scenes = [load_scene(name) for name in scene_names()]
    if as_json:
        table = [
            {
                "name": s.name,
                "title": s.title,
                "description": s.description,
                "channels": list(s.fnirs.channels if s.fnirs else s.channels),
                "rate_hz": s.rate_hz,
                "seconds": s.seconds,
            }
            for s in scenes
        ]
        typer.echo(json.dumps(table, indent=2, ensure_ascii=False))
        return
    width = max(len(s.name) for s in scenes)
    for s in scenes:
        typer.echo(f"{s.name:{width}}  {s.title}")


def _gallery(folder: Path, *, as_json: bool) -> None:
    from eegrig.signal_sim.pictures.gallery import make_gallery

    page = make_gallery(
        folder, progress=None if as_json else lambda name: typer.echo(name, err=True)
    )
    typer.echo(json.dumps({"page": str(page)}) if as_json else f"gallery: {page}")


def _write(
    scene: str,
    opened: Callable[[], Source],
    out: list[Path],
    plot: Path | None,
    seconds: float | None,
    *,
    as_json: bool,
) -> None:
    from eegrig.boards.places import check_place
    from eegrig.boards.wording import nearest
    from eegrig.signal_sim.errors import SignalError
    from eegrig.signal_sim.files import FORMATS, write

    # Everything that can be wrong is found before anything is written.
    for path in out:
        if path.suffix.lower() not in FORMATS:
            msg = f"{path}: cannot write that{nearest(path.suffix.lower(), FORMATS)}"
            raise SignalError(msg)
    pictures = (".png", ".svg", ".pdf")
    if plot is not None and plot.suffix.lower() not in pictures:
        msg = f"{plot}: cannot draw that{nearest(plot.suffix.lower(), pictures)}"
        raise SignalError(msg)
    for path in (*out, *(path.with_suffix(".truth.json") for path in out)):
        check_place(path)
    if plot is not None:
        check_place(plot)
    source = opened()
    length_s = _length_s(source) if seconds is None else seconds
    report: dict[str, Any] = {"scene": scene, "seconds": length_s, "files": []}
    report["notes"] = list(getattr(source, "notes", ()))
    for path in out:
        written = write(opened(), path, length_s, name=scene)
        report["files"].append(
            {
                "file": str(written.path),
                "truth": str(written.truth_path),
                "n_times": written.n_times,
                "clipped": written.clipped,
            }
        )
        for channel, count in written.clipped.items():
            report["notes"].append(
                f"{path.name}: {count} samples of {channel} are beyond the file's range and clipped"
            )
    if plot is not None:
        from eegrig.signal_sim.pictures.overview import plot as draw

        draw(source, plot, title=scene)
        report["files"].append({"file": str(plot)})
    if as_json:
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for item in report["files"]:
        typer.echo(item["file"] + (f" ({item['truth']})" if "truth" in item else ""))
    for note in report["notes"]:
        typer.echo(f"note: {note}", err=True)


def _length_s(source: Source) -> float:
    """Return how long a source plays where nobody says: a scene's length, or a recording's."""
    length_s = getattr(source, "duration_s", None)
    if length_s is None:
        length_s = getattr(getattr(source, "scene", None), "seconds", 60.0)
    return float(length_s or 60.0)
