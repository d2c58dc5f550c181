"""`eegrig gate`: whether a firmware made a figure worse, and what was accepted as good."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from eegrig.boards.errors import ConfigError
from eegrig.hil.history.cli import DatabaseOption, opened
from eegrig.host.commands.output import JsonOption, examples

if TYPE_CHECKING:
    from eegrig.boards.figures import Catalogue
    from eegrig.hil.gate.observations import Setting, Taken

__all__ = ["register"]

_JUDGE = "judge"
_MOST_BEFORE = 200
"""Runs of the history that are looked at: ten moving baselines, to see steps between them."""


class _JudgesByDefault(TyperGroup):
    """A group of commands in which folders without a command are judged."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [_JUDGE, *args]
        return super().parse_args(ctx, args)


_FoldersArgument = Annotated[
    list[Path], typer.Argument(help="Folders of runs, or that hold runs.", metavar="RUN_FOLDER...")
]
_SuiteOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--suite",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Suites of your own that took figures of theirs; repeatable.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    gate = typer.Typer(
        help="Whether figures got worse: eegrig gate RUN_FOLDER...",
        no_args_is_help=True,
        cls=_JudgesByDefault,
    )
    gate.command(
        _JUDGE,
        epilog=examples(
            "eegrig gate out/run",
            "eegrig gate out/nightly --against baselines/headband8-desk.toml",
            "eegrig gate out/run --recent out/history --all",
            "eegrig gate out/run --history --database postgresql://eeg@db/history",
        ),
    )(_judge)
    gate.command(
        "accept",
        epilog=examples('eegrig gate accept out/run --reason "first board with the new radio"'),
    )(_accept)
    gate.command(
        "bisect",
        epilog=examples(
            "eegrig gate bisect v1.2 HEAD --figure power.streaming --board headband8 -k power"
        ),
    )(_bisect)
    app.add_typer(gate, name="gate")


def _judge(
    folders: _FoldersArgument,
    *,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against",
            metavar="FILE",
            help="Baseline; repeatable. By default baselines/BOARD-BENCH.toml.",
        ),
    ] = None,
    recent: Annotated[
        list[Path] | None,
        typer.Option(
            "--recent", metavar="DIR", help="Runs before these: a baseline that moves; repeatable."
        ),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Take the runs before these from the history.")
    ] = False,
    database: DatabaseOption = None,
    rig: Annotated[
        str | None,
        typer.Option("--rig", metavar="NAME", help="Rig in the history; else the runs' bench."),
    ] = None,
    threshold_percent: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="PERCENT",
            min=0.0,
            help="From here on a change matters; by default as the baseline says, or 1.",
        ),
    ] = None,
    suites: _SuiteOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show figures that are as they were, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say whether any figure is worse than its baseline, beyond noise and by more than matters.

    Runs of a virtual bench are compared seed by seed, those of a real one by rank, in stages. Exits
    with 0 if none is worse, 1 if one is, and 4 if it is undecided and more runs are wanted.
    """
    if recent and history:
        raise ConfigError("--recent and --history: take the runs before these from one of them")
    from eegrig.hil.gate.baseline import baseline_path, load_baselines
    from eegrig.hil.gate.changes import steps_in
    from eegrig.hil.gate.data import gate_data
    from eegrig.hil.gate.judge import judge
    from eegrig.hil.gate.observations import from_folders, last_runs
    from eegrig.hil.gate.stages import N_BASELINE
    from eegrig.hil.gate.text import changes_text, gate_text
    from eegrig.host.commands.output import print_json

    catalogue = _catalogue(suites)
    new = from_folders(folders, catalogue)
    baselines = load_baselines(against or [baseline_path(new.setting)], catalogue)
    before = from_folders(recent, catalogue, one_image=False) if recent else None
    if history:
        before = _before(new.setting, catalogue, database, rig)
    verdict = judge(
        baselines.taken,
        new,
        catalogue,
        recent=None if before is None else last_runs(before, new, N_BASELINE),
        threshold=None if threshold_percent is None else threshold_percent / 100,
        matters_from=baselines.matters_from,
    )
    steps = {} if before is None else steps_in(before)
    if as_json:
        print_json(gate_data(verdict, new, baselines.words, steps))
    else:
        image = new.images[0][:12] if new.images else "unknown"
        heads = [
            f"{new.setting.board} on rig {new.setting.bench}: {_runs(new.n_runs)} of image {image}",
            *baselines.words,
        ]
        typer.echo(gate_text(verdict, heads, every=every))
        for name, changes in steps.items():
            typer.echo(changes_text(name, changes))
    raise typer.Exit(verdict.exit_code)


def _accept(
    folders: _FoldersArgument,
    *,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why these runs are good from now on.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Baseline to write, by default baselines/BOARD-BENCH.toml.",
        ),
    ] = None,
    who: Annotated[
        str | None,
        typer.Option(
            "--who", metavar="NAME", help="Who accepts them; by default who is logged in."
        ),
    ] = None,
    commit: Annotated[
        str, typer.Option("--commit", metavar="HASH", help="Of the firmware that ran.")
    ] = "",
    suites: _SuiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept runs as good: later ones are held against them.

    Writes a TOML file to be committed and reviewed. A real bench wants 20 runs, a virtual one a run
    with each seed that later runs will have.
    """
    import datetime
    import getpass
    from importlib.metadata import version

    from eegrig.hil.gate.baseline import accept, baseline_path, write_baseline
    from eegrig.hil.gate.observations import from_folders
    from eegrig.hil.gate.stages import N_BASELINE
    from eegrig.host.commands.output import print_json

    taken = from_folders(folders, _catalogue(suites), commit=commit)
    baseline = accept(
        taken,
        reason=reason,
        who=getpass.getuser() if who is None else who,
        accepted_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        eegrig=version("eegrig"),
        commit=commit,
    )
    path = out or baseline_path(taken.setting)
    gone = write_baseline(path, baseline)
    lacks = max(0, N_BASELINE - taken.n_runs) if not taken.setting.virtual else 0
    if as_json:
        print_json(
            {
                "baseline": str(path),
                "runs": taken.n_runs,
                "figures": len(baseline.figures),
                "left_out": dict(taken.unsound),
                "no_longer": gone,
                "wants_baseline": lacks,
            }
        )
        return
    typer.echo(f"{path}: {len(baseline.figures)} figures of {_runs(taken.n_runs)}")
    for name, why in taken.unsound.items():
        typer.echo(f"not accepted: {name}: {why}")
    if gone:
        typer.echo(f"no longer in it: {', '.join(gone)}")
    if lacks:
        typer.echo(f"the gate wants {lacks} more runs in it, and is undecided until then")


def _bisect(
    good: Annotated[str, typer.Argument(help="A commit whose figure was good.", metavar="GOOD")],
    bad: Annotated[str, typer.Argument(help="A later one whose figure is worse.", metavar="BAD")],
    *,
    figure: Annotated[str, typer.Option("--figure", metavar="NAME", help="Figure to look at.")],
    board: Annotated[
        str, typer.Option("--board", metavar="NAME", help="Board to measure, on the virtual bench.")
    ] = "headband8",
    select: Annotated[
        str | None,
        typer.Option("-k", metavar="EXPR", help="Only tests that match; with the figure's in it."),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=5.0, help="Length of each recording.")
    ] = 10.0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of everything random.")] = 0,
    threshold_percent: Annotated[
        float | None,
        typer.Option(
            "--threshold", metavar="PERCENT", min=0.0, help="From here on a change counts; else 1."
        ),
    ] = None,
    folder: Annotated[
        str, typer.Option("--firmware", metavar="DIR", help="Folder of the sources in git.")
    ] = "firmware",
    repository: Annotated[
        Path, typer.Option("--repository", metavar="DIR", help="Where the commits are.")
    ] = Path(),
    suites: _SuiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the commit that made a figure worse, on the virtual bench.

    The firmware of commits between the two is built and measured with one seed, halving what is
    left. Exits with 1 if the commit was found, and with 0 if BAD is not worse than GOOD.
    """
    from eegrig.hil.gate.bisect import commits_between, find_culprit, title_of
    from eegrig.hil.gate.text import relative_text
    from eegrig.hil.gate.trials import Trials
    from eegrig.hil.run import RunRequest
    from eegrig.host.commands.output import print_json

    commits = commits_between(repository, good, bad, folder)
    request = RunRequest(
        board=board,
        out=Path(),
        select=select,
        seconds=seconds,
        seed=seed,
        suites=(*(suites or ()),),
    )

    def told(commit: str, what: str) -> None:
        typer.echo(f"  {title_of(repository, commit)}: {what}", err=True)

    with Trials(repository, folder, request, figure, _catalogue(suites)) as trials:
        trials.threshold = None if threshold_percent is None else threshold_percent / 100
        trials.start_from(good)
        found = trials.against_good(commits[-1])
        told(commits[-1], relative_text(found))
        if found.outcome != "worse":
            if as_json:
                print_json({"figure": figure, "outcome": found.outcome, "commits": []})
            else:
                typer.echo(
                    f"{found.outcome.upper()}: {figure} is not worse in {bad} than in {good}"
                )
            raise typer.Exit(0 if found.outcome == "fine" else 4)
        culprit = find_culprit(commits, lambda commit: trials.is_worse(commit, told))
    if as_json:
        print_json(
            {
                "figure": figure,
                "outcome": "worse",
                "commits": list(culprit.commits),
                "measured": culprit.n_measured + 2,
                "shift": None if found.shift is None else found.shift.estimate,
                "reference": found.reference,
            }
        )
    else:
        size = relative_text(found)
        last = title_of(repository, culprit.commits[-1])
        typer.echo(f"WORSE: {figure} by {size} since {last}")
        if len(culprit.commits) > 1:
            typer.echo(
                f"or one of {len(culprit.commits) - 1} before it, which could not be measured"
            )
    raise typer.Exit(1)


def _before(setting: Setting, catalogue: Catalogue, database: str | None, rig: str | None) -> Taken:
    from eegrig.hil.gate.from_history import from_history

    with opened(database) as kept, kept.reading() as session:
        return from_history(session, setting, catalogue, rig=rig, most=_MOST_BEFORE)


def _runs(n_runs: int) -> str:
    return "1 run" if n_runs == 1 else f"{n_runs} runs"


def _catalogue(suites: list[Path] | None) -> Catalogue:
    from eegrig.boards.catalogue import FILE_NAME, catalogue_with

    return catalogue_with(path for each in suites or () if (path := each / FILE_NAME).exists())
