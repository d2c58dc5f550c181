"""The rig's commands: `eegrig demo`, `hil`, `report`, `compare`, `gate` and `history`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eegrig.hil.gate import cli as gate
from eegrig.hil.history import cli as history
from eegrig.host.commands.output import JsonOption, examples

__all__ = ["register"]

_OutOption = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder for everything the run leaves behind.")
]
_SeedOption = Annotated[int, typer.Option("--seed", metavar="N", help="Of everything random.")]
_LONGEST_S = 900.0
"""What was applied is kept whole for comparison: 3.5 MB a second with eight channels."""
_SecondsOption = Annotated[
    float,
    typer.Option(
        "--seconds", metavar="S", min=5.0, max=_LONGEST_S, help="Length of each recording."
    ),
]
_BoardOption = Annotated[str, typer.Option("--board", metavar="NAME", help="Board to test.")]
_InputOption = Annotated[
    Path | None,
    typer.Option("--input", metavar="FILE", help="Recording to play into the electrodes."),
]
_MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="ELECTRODE=LABEL",
        help="Channel of the recording for an electrode, such as Fp1=A1; repeatable.",
    ),
]
_RuntimeOption = Annotated[
    str | None,
    typer.Option(
        "--runtime",
        metavar="FILE|NAME",
        help="Stock MicroPython that the virtual board's chip runs itself (exact mode).",
    ),
]
_RigOption = Annotated[
    str, typer.Option("--rig", metavar="sim|FILE", help="Bench: sim, or a bench.toml.")
]
_SelectOption = Annotated[
    str | None, typer.Option("-k", metavar="EXPR", help="Only tests that match, as pytest's -k.")
]
_MarksOption = Annotated[
    str | None,
    typer.Option("-m", metavar="EXPR", help="Only tests so marked, such as quick; pytest's -m."),
]
_SuiteOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--suite",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Suites of your own, beside eegrig's; repeatable.",
    ),
]
_SceneOption = Annotated[
    str, typer.Option("--scene", metavar="NAME", help="Scene to play into the electrodes.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(
        "demo",
        epilog=examples(
            "eegrig demo --out out/demo",
            "eegrig demo --input recording.edf --out out/real",
            "eegrig demo --scene ssvep-speller --seconds 60 --seed 3 --out out/ssvep",
            "eegrig demo --board nucleo-wb55-ads1299 --runtime NUCLEO_WB55.hex --out out/exact",
        ),
    )(_demo)
    hil = typer.Typer(help="Hardware-in-the-loop suites.", no_args_is_help=True)
    hil.command(
        "run",
        epilog=examples(
            "eegrig hil run --board headband8 --out out/run",
            "eegrig hil run --board headband8 -k latency --out out/latency",
            "eegrig hil run --board headband8 -m quick --repeat 5 --out out/quick",
            "eegrig hil run --board headband8 --board hairclip1 --jobs 2 --out out/all",
            "eegrig hil run --board headband8 --suite acme/suites --out out/acme",
        ),
    )(_run)
    hil.command(
        "list",
        epilog=examples(
            "eegrig hil list headband8",
            "eegrig hil list headband8 -m quick --json",
            "eegrig hil list headband8 --suite acme/suites",
        ),
    )(_list)
    hil.command(
        "compare-modes",
        epilog=examples(
            "eegrig hil compare-modes nucleo-wb55-ads1299 --runtime NUCLEO_WB55.hex --out out/modes"
        ),
    )(_compare_modes)
    app.add_typer(hil, name="hil")
    history.register(app)
    app.command("report", epilog=examples("eegrig report out/demo"))(_report)
    app.command(
        "compare",
        epilog=examples(
            "eegrig compare headband8 hairclip1 --out out/compare",
            "eegrig compare headphone8 earpatch2 --seconds 10 --json --out out/compare",
        ),
    )(_compare)
    gate.register(app)


def _demo(
    *,
    out: _OutOption,
    board: _BoardOption = "headband8",
    recording: _InputOption = None,
    assign: _MapOption = None,
    scene: _SceneOption = "resting",
    seconds: _SecondsOption = 30.0,
    seed: _SeedOption = 0,
    runtime: _RuntimeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a virtual board from firmware source to a measured report.

    Builds the image, flashes it through pyOCD, boots it in MicroPython, streams through bleak and
    measures it against its targets; what takes longest, the decoders, is left to `hil run`. Leaves
    results.json, report.html, junit.xml, recording.bdf and image.bin. Exits with 0 if all targets
    are met.
    """
    from eegrig.hil.run import RunRequest, run_suites

    request = RunRequest(
        board=board,
        out=out,
        signal=scene if recording is None else str(recording),
        assign=tuple(assign or ()),
        seconds=seconds,
        seed=seed,
        runtime=_found(runtime, board),
        brief=True,
    )
    raise typer.Exit(run_suites(request, as_json=as_json))


def _run(
    *,
    out: _OutOption,
    boards: Annotated[
        list[str] | None,
        typer.Option("--board", metavar="NAME", help="Board to test; repeatable."),
    ] = None,
    rig: _RigOption = "sim",
    select: _SelectOption = None,
    marks: _MarksOption = None,
    suites: _SuiteOption = None,
    brief: Annotated[
        bool, typer.Option("--brief", help="Leave out what takes longest, the decoders.")
    ] = False,
    repeat: Annotated[
        int,
        typer.Option("--repeat", metavar="N", min=1, help="Run so often, each with its seed."),
    ] = 1,
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", min=1, help="So many runs at a time.")
    ] = 1,
    recording: _InputOption = None,
    assign: _MapOption = None,
    scene: _SceneOption = "resting",
    seconds: _SecondsOption = 30.0,
    seed: _SeedOption = 0,
    firmware: Annotated[
        Path | None,
        typer.Option("--firmware", metavar="DIR", help="Firmware sources to build and flash."),
    ] = None,
    runtime: _RuntimeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the suites on a board and report.

    Exits with 0 if all that was taken meets its limits, 1 if not or if it could not be told, 130 if
    it was stopped. With several boards or repetitions each run has a folder in DIR, and every
    outcome is shown.
    """
    from eegrig.hil.run import RunRequest, run_suites
    from eegrig.hil.run.several import run_several

    chosen = boards or ["headband8"]
    request = RunRequest(
        board=chosen[0],
        out=out,
        rig=rig,
        select=select,
        marks=marks,
        suites=tuple(suites or ()),
        signal=scene if recording is None else str(recording),
        assign=tuple(assign or ()),
        seconds=seconds,
        seed=seed,
        firmware_dir=firmware,
        runtime=_found(runtime, chosen[0]),
        brief=brief,
    )
    if len(chosen) == 1 and repeat == 1:
        raise typer.Exit(run_suites(request, as_json=as_json))
    raise typer.Exit(run_several(request, chosen, repeat=repeat, jobs=jobs, as_json=as_json))


def _list(
    board: Annotated[str, typer.Argument(help="Name of the board.", metavar="BOARD")],
    *,
    rig: _RigOption = "sim",
    select: _SelectOption = None,
    marks: _MarksOption = None,
    suites: _SuiteOption = None,
    seconds: _SecondsOption = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Show what a run would do: suites, tests, figures, limits, and what they need of a bench."""
    import dataclasses

    from eegrig.hil.run.plan import make_plan
    from eegrig.hil.run.plan_table import print_plan
    from eegrig.hil.run.request import RunRequest
    from eegrig.host.commands.output import print_json

    request = RunRequest(
        board=board,
        out=Path(),
        rig=rig,
        select=select,
        marks=marks,
        suites=tuple(suites or ()),
        seconds=seconds,
    )
    plan = make_plan(request)
    if as_json:
        print_json(dataclasses.asdict(plan) | {"lasts_s": plan.lasts_s})
    else:
        print_plan(plan)


def _found(runtime: str | None, board: str) -> Path | None:
    """Return the file of a runtime that was named, and say what is to be known of it."""
    if runtime is None:
        return None
    from eegrig.boards import load_board
    from eegrig.host.runtime.kept import find_runtime

    found = find_runtime(runtime, load_board(board))
    if found.warning is not None:
        typer.echo(f"eegrig: warning: {found.warning}", err=True)
    return found.path


def _compare_modes(
    board: Annotated[str, typer.Argument(help="Name of the board.", metavar="BOARD")],
    *,
    out: _OutOption,
    runtime: Annotated[
        str,
        typer.Option("--runtime", metavar="FILE|NAME", help="Stock MicroPython for the board."),
    ],
    seconds: _SecondsOption = 15.0,
    seed: _SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Let the exact mode of a virtual board judge the fast one.

    Runs the same firmware, scene and seed in both: what the board says, every answer to every
    command and every sample must be equal, and figures agree within their uncertainties. Leaves
    a folder with a report for each mode, and modes.json. Exits with 1 if anything differs.
    """
    import dataclasses
    import json

    from eegrig.boards.whole_file import write_whole
    from eegrig.hil.compare_modes import run_both
    from eegrig.hil.report.modes_table import print_modes
    from eegrig.host.commands.output import print_json

    found = _found(runtime, board)
    assert found is not None
    out.mkdir(parents=True, exist_ok=True)
    rows = run_both(board, found, out, seed=seed, seconds=seconds)
    plain = [dataclasses.asdict(row) for row in rows]
    write_whole(out / "modes.json", json.dumps(plain, indent=2, ensure_ascii=False).encode())
    if as_json:
        print_json(plain)
    else:
        print_modes(board, rows)
    raise typer.Exit(int(any(row.agrees is False for row in rows)))


def _report(
    directory: Annotated[Path, typer.Argument(help="Folder of a run.", metavar="DIR")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Write the report of a run again, from its results."""
    from eegrig.hil.figures.results import Results
    from eegrig.hil.report.page import write_report
    from eegrig.hil.run.run_folder import note_rewritten
    from eegrig.host.commands.output import print_json

    results = Results.load(directory)
    path = write_report(directory)
    note_rewritten(directory, path.name)
    if as_json:
        print_json({"report": str(path), "verdict": results.verdict})
    else:
        typer.echo(f"{path}: {results.verdict}")


def _compare(
    boards: Annotated[
        list[str],
        typer.Argument(help="Names of boards, or paths of board.toml files.", metavar="BOARD..."),
    ],
    *,
    out: _OutOption,
    seconds: _SecondsOption = 15.0,
    seed: _SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Measure boards on the virtual bench and put them side by side.

    Leaves a folder for every board, with its report, and compare.html.
    """
    from eegrig.boards import load_board
    from eegrig.boards.loader import board_path
    from eegrig.hil.figures.results import Results
    from eegrig.hil.report.compare import (
        FILE_NAME,
        Run,
        columns,
        folder_names,
        plain_data,
        print_comparison,
        write_comparison,
    )
    from eegrig.hil.run import RunRequest, run_suites
    from eegrig.hil.run.run_folder import open_run_folder
    from eegrig.host.commands.output import print_json

    chosen = [load_board(name) for name in boards]
    runs = []
    with open_run_folder(out, (FILE_NAME,)) as whole:
        for asked, board, name in zip(boards, chosen, folder_names(chosen), strict=True):
            folder = out / name
            file = str(board_path(asked).resolve())
            request = RunRequest(board=file, out=folder, seconds=seconds, seed=seed, brief=True)
            if not as_json:
                typer.echo(name, err=True)
            run_suites(request, quiet=True, progress=not as_json)
            runs.append(Run(Results.load(folder), board, name))
        made = columns(runs)
        page = out / write_comparison(made, whole.work).name
        whole.publish()
    if as_json:
        print_json(plain_data(made))
    else:
        print_comparison(made)
        typer.echo(f"side by side: {page}")
    raise typer.Exit(max(results.exit_code for results, _, _ in runs))
