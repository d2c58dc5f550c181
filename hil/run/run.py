"""A run of the suites: pytest inside, a folder with results and report outside."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.hil.run.request import RunRequest
from eegrig.hil.run.run_folder import open_run_folder
from eegrig.hil.run.surroundings import own_settings
from eegrig.hil.session.ending import ending_of, exit_code_of, reason_of

if TYPE_CHECKING:
    import pytest

    from eegrig.boards import Board
    from eegrig.hil.figures.results import Results

__all__ = ["run_suites"]

_PRODUCTS = (
    "results.json",
    "report.html",
    "junit.xml",
    "recording.bdf",
    "recording.json",
    "recording-optics.bdf",
    "recording-optics.json",
    "image.bin",
    "traces/eeg.npz",
    "traces/goodput.npz",
)


# What a run may need of a disk: three bytes of a sample in the recording, and two 8-byte numbers in
# a trace; the pages, an image and the traces of power besides.
_BYTES_PER_SAMPLE = 3 + 16
_BESIDES = 8_000_000


def run_suites(
    request: RunRequest, *, as_json: bool = False, quiet: bool = False, progress: bool = True
) -> int:
    """Run the suites, write the report, and return the exit code.

    A run that ends early (stopped, a board that does not boot or is gone) leaves its files all the
    same: inconclusive, with the reason.

    Parameters
    ----------
    request : RunRequest
    as_json : bool
        Print the results as JSON instead of a table.
    quiet : bool
        Print neither.
    progress : bool
        Say on standard error what is being done.

    Raises
    ------
    ConfigError
        If board, signal, bench, firmware sources or folder are wrong; then the folder is left as it
        was.
    EegrigError
        If the run ended early; its files are in the folder.
    KeyboardInterrupt
        If it was stopped; its files are in the folder.
    """
    progress = progress and not as_json
    if progress:
        typer.echo(f"  {request.title}", err=True)

    import pytest

    from eegrig.hil import plugin
    from eegrig.hil.report.page import write_report
    from eegrig.hil.run.plan import selected, selection_of
    from eegrig.hil.run.progress import Progress

    shown = Progress()
    selection = selection_of(request, shown.planned if progress else None)
    board = selection.board
    needed = _BESIDES + round(_BYTES_PER_SAMPLE * _samples(request, board, tell=progress))
    end = _End()
    plugins = [plugin, selection, end, *([shown] if progress else [])]
    with open_run_folder(request.out, _PRODUCTS, needed) as folder, own_settings(folder.work):
        code = int(pytest.main(request.pytest_arguments(folder.work), plugins=plugins))
        if isinstance(end.ending, ConfigError):
            raise end.ending
        if end.ending is None:
            selected(selection, code, request)
            if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
                raise InfrastructureError(
                    f"pytest ended with exit code {code} before the suites were done"
                )
        results = _results(folder.work, board, request, end.ending)
        report = request.out / write_report(folder.work).name
        folder.publish()
    if quiet:
        pass
    elif as_json:
        typer.echo(json.dumps(_summary(results, request.out), indent=2))
    else:
        _print(results, report)
    if end.ending is not None:
        raise end.ending
    return results.exit_code


class _End:
    """A pytest plugin that takes away from a run why it ended early."""

    def __init__(self) -> None:
        self.ending: BaseException | None = None

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Keep it: the configuration is gone afterwards."""
        self.ending = ending_of(config)


def _samples(request: RunRequest, board: Board, *, tell: bool) -> float:
    """Make sure that there is such a signal, and return how many samples will be recorded."""
    from eegrig.hil.signal_factory import SignalFactory

    signal = SignalFactory(
        request.signal, board, request.seed, assign=request.assign, seconds=request.seconds
    )
    if tell:
        for note in signal.notes:
            typer.echo(f"  note {note}", err=True)
    return request.seconds * max(board.afe.rates_sps) * len(board.afe.channels)


def _results(
    folder: Path, board: Board, request: RunRequest, ending: BaseException | None
) -> Results:
    """Return the results of a run, written by the plugin or, where there was no bench, here."""
    from eegrig.hil.figures.results import FILE_NAME, Results

    if (folder / FILE_NAME).exists():
        return Results.load(folder)
    results = Results(
        board=board.name,
        board_title=board.title,
        bench=request.rig,
        seed=request.seed,
        signal=request.signal,
        targets=dict(board.targets),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    assert ending is not None  # a run without a bench ended early
    results.stop(reason_of(ending), exit_code_of(ending))
    results.close(provenance="simulated" if request.rig == "sim" else "measured")
    results.save(folder)
    return results


def _summary(results: Results, out: Path) -> dict[str, Any]:
    return {
        "verdict": results.verdict,
        "exit_code": results.exit_code,
        "folder": str(out),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **json.loads(results.to_json()),
    }


def _print(results: Results, report: Path) -> None:
    from eegrig.hil.report.table import print_table

    print_table(results)
    for note in results.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"report: {report}")
