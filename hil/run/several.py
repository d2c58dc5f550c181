"""Several runs: of several boards, or of one again and again, so many at a time.

Each is a process of its own, with a folder of its own. Every outcome is told: a figure that was met
in four runs of five was not met.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import typer

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.boards.whole_file import write_whole
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.results import Results
from eegrig.hil.report.compare import folder_names
from eegrig.hil.report.page import verdict_sentence, verdict_word
from eegrig.hil.run.plan import make_plan
from eegrig.hil.run.progress import figure_text
from eegrig.hil.run.request import RunRequest
from eegrig.hil.run.run_folder import open_run_folder
from eegrig.host.process.interruption import held

__all__ = ["FILE_NAME", "Outcome", "outcomes_of", "run_several"]

FILE_NAME = "runs.json"
_CHILD = "from eegrig.host.commands.entry import main; main()"
_TO_END_S = 60.0
"""What a run that is stopped may take to write its files."""

_WROTE_RESULTS = (0, 1, 3, 130, 143)
"""Exit codes of a run that got as far as its files (``docs/results.md``); after any other, what is
in its folder is an earlier run's."""


@dataclass
class Outcome:
    """How one of the runs ended.

    Attributes
    ----------
    name : str
        Of its folder, as seen from that of all.
    request : RunRequest
    exit_code : int or None
        None before it has ended.
    results : Results or None
        None where it left none.
    last_line : str
        What it said last.
    """

    name: str
    request: RunRequest
    exit_code: int | None = None
    results: Results | None = None
    last_line: str = field(default="", repr=False)

    @property
    def sentence(self) -> str:
        """How it ended, in words."""
        if self.results is None:
            return self.last_line or "it left no results"
        return verdict_sentence(self.results)

    @property
    def verdict(self) -> str:
        """In one word."""
        return "NONE" if self.results is None else verdict_word(self.results)


def run_several(
    request: RunRequest,
    boards: Sequence[str],
    *,
    repeat: int = 1,
    jobs: int = 1,
    as_json: bool = False,
) -> int:
    """Run the suites on each board so many times, and return the worst exit code.

    Parameters
    ----------
    request : RunRequest
        What is common to all; its folder gets one for each run.
    boards : sequence of str
    repeat : int
        Runs of each board; the seed of each is one more than that of the one before.
    jobs : int
        Runs at a time.
    as_json : bool
        Print the outcomes as JSON.

    Raises
    ------
    ConfigError
        If a board, the selection or the folder are wrong; then nothing was run.
    """
    outcomes = outcomes_of(request, boards, repeat)
    for board in boards:
        make_plan(dataclasses.replace(request, board=board))
    with open_run_folder(request.out, (FILE_NAME,)) as whole:
        try:
            running: list[asyncio.Task[None]] = []

            def stop() -> None:
                for task in running:
                    task.get_loop().call_soon_threadsafe(task.cancel)

            # Ctrl-C ends the runs, which write what they have, and then this.
            with held(stop), contextlib.suppress(asyncio.CancelledError):
                asyncio.run(_run_all(outcomes, jobs, running, tell=not as_json))
        finally:
            _load(outcomes)
            plain = _plain(outcomes)
            content = json.dumps(plain, indent=2, ensure_ascii=False).encode() + b"\n"
            write_whole(whole.work / FILE_NAME, content)
            whole.publish()
            if as_json:
                typer.echo(json.dumps(plain, indent=2))
            else:
                _print(outcomes)
    return max(1 if outcome.exit_code is None else outcome.exit_code for outcome in outcomes)


def outcomes_of(request: RunRequest, boards: Sequence[str], repeat: int) -> list[Outcome]:
    """Return what is to be run, in its order, each with a folder of its own."""
    names = folder_names([load_board(board, request.catalogue()) for board in boards])
    runs = []
    for board, name in zip(boards, names, strict=True):
        for number in range(repeat):
            parts = [name] if len(boards) > 1 else []
            parts += [str(number + 1)] if repeat > 1 else []
            folder = "/".join(parts)
            seed = request.seed + number
            out = request.out / folder
            each = dataclasses.replace(request, board=board, out=out, seed=seed)
            runs.append(Outcome(folder, each))
    return runs


async def _run_all(
    outcomes: Sequence[Outcome], jobs: int, running: list[asyncio.Task[None]], *, tell: bool
) -> None:
    free = asyncio.Semaphore(jobs)

    async def run(outcome: Outcome) -> None:
        async with free:
            await _run(outcome, tell=tell)

    running += [asyncio.ensure_future(run(outcome)) for outcome in outcomes]
    # All of them: one that is stopped ends before the others do.
    await asyncio.wait(running)
    for task in running:
        task.result()


async def _run(outcome: Outcome, *, tell: bool) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _CHILD,
        *outcome.request.command(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            outcome.last_line = text.strip() or outcome.last_line
            if tell:
                typer.echo(f"[{outcome.name}] {text}", err=True)
    except BaseException:
        # Stopped: the run is, too, and writes what it has.
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        raise
    finally:
        try:
            outcome.exit_code = await asyncio.wait_for(process.wait(), _TO_END_S)
        except TimeoutError:
            process.kill()
            outcome.exit_code = await process.wait()


def _load(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.exit_code in _WROTE_RESULTS:
            try:
                outcome.results = Results.load(outcome.request.out)
            except ConfigError:
                continue  # it ended before there was anything to tell


def _plain(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "runs": [
            {
                "folder": outcome.name,
                "board": outcome.request.board,
                "seed": outcome.request.seed,
                "exit_code": outcome.exit_code,
                "verdict": None if outcome.results is None else outcome.results.verdict,
                "sentence": outcome.sentence,
            }
            for outcome in outcomes
        ],
        "changing": [
            {"board": board, "figure": name, "verdicts": dict(_counted(figures))}
            for board, name, figures in _changing(outcomes)
        ],
    }


def _print(outcomes: Sequence[Outcome]) -> None:
    width = max(len(outcome.name) for outcome in outcomes)
    typer.echo("")
    for outcome in outcomes:
        typer.echo(f"{outcome.name:<{width}}  {outcome.verdict:<12} {outcome.sentence}")
    for board, _, figures in _changing(outcomes):
        count = ", ".join(f"{n} {verdict}" for verdict, n in _counted(figures).items())
        typer.echo(f"not the same every time, {board}: {count}")
        for figure in figures:
            typer.echo(f"    {figure_text(figure)}")


def _changing(outcomes: Sequence[Outcome]) -> list[tuple[str, str, list[Figure]]]:
    """Return the figures whose verdict differs between runs of a board, with all their values."""
    found: dict[tuple[str, str], list[Figure]] = {}
    for outcome in outcomes:
        if outcome.results is not None:
            for figure in outcome.results.figures:
                found.setdefault((outcome.results.board, figure.name), []).append(figure)
    return [
        (board, name, figures)
        for (board, name), figures in found.items()
        if len({figure.verdict for figure in figures}) > 1
    ]


def _counted(figures: Sequence[Figure]) -> Counter[str]:
    return Counter(str(figure.verdict) for figure in figures)
