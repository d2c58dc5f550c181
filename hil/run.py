"""A run of the suites: pytest inside, a folder with results and report outside."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from eegrig.boards import load_board
from eegrig.boards.errors import (
    BoardGone,
    ConfigError,
    EegrigError,
    InfrastructureError,
    OutputError,
)
from eegrig.hil.run_folder import open_run_folder
from eegrig.hil.surroundings import own_settings

if TYPE_CHECKING:
    from eegrig.hil.figures.results import Results

__all__ = ["RunRequest", "run_suites"]

_SUITES = Path(__file__).parent / "suites"
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


@dataclass(frozen=True)
class RunRequest:
    """What to run.

    Attributes
    ----------
    board : str
        Name of the board.
    out : Path
        The run's folder.
    rig : str
        ``sim`` or a ``bench.toml``.
    select : str or None
        pytest's ``-k`` expression.
    signal : str
        Scene or recording.
    assign : tuple of str
        Channels of the recording chosen by hand, each ``"ELECTRODE=LABEL"``.
    seconds : float
        Length of each recording.
    seed : int
    firmware_dir : Path or None
        Sources to build; None for eegrig's own.
    runtime : Path or None
        MicroPython to flash besides; a virtual board's chip runs it itself.
    repeat : bool
        Let signal and noise begin anew with each stream, so that two runs can be compared.
    """

    board: str
    out: Path
    rig: str = "sim"
    select: str | None = None
    signal: str = "resting"
    assign: tuple[str, ...] = ()
    seconds: float = 30.0
    seed: int = 0
    firmware_dir: Path | None = None
    runtime: Path | None = None
    repeat: bool = False

    def pytest_arguments(self, folder: Path) -> list[str]:
        """Return the arguments for pytest, to write into `folder`."""
        arguments = [
            str(_SUITES),
            f"--rig={self.rig}",
            f"--rig-board={self.board}",
            f"--rig-out={folder}",
            f"--rig-seed={self.seed}",
            f"--rig-seconds={self.seconds}",
            f"--rig-signal={self.signal}",
            f"--junitxml={folder / 'junit.xml'}",
            "--rootdir",
            str(_SUITES),
            "-c",
            str(_SUITES / "pytest.ini"),
        ]
        arguments += [f"--rig-map={text}" for text in self.assign]
        if self.firmware_dir is not None:
            arguments.append(f"--rig-firmware={self.firmware_dir}")
        if self.repeat:
            arguments.append("--rig-repeat")
        if self.runtime is not None:
            arguments.append(f"--rig-runtime={self.runtime.resolve()}")
        if self.select is not None:
            arguments += ["-k", self.select]
        return arguments


def run_suites(
    request: RunRequest, *, as_json: bool = False, quiet: bool = False, progress: bool = True
) -> int:
    """Run the suites, write the report, and return the exit code.

    Parameters
    ----------
    request : RunRequest
    as_json : bool
        Print the results as JSON instead of a table.
    quiet : bool
        Print neither.
    progress : bool
        Say on standard error what is being measured.

    Raises
    ------
    ConfigError
        If board, signal, bench or folder are wrong; then the folder is left as it was.
    """
    from eegrig.hil import plugin
    from eegrig.hil.figures.results import Results
    from eegrig.hil.report.page import write_report
    from eegrig.hil.signal_factory import SignalFactory

    board = load_board(request.board)
    signal = SignalFactory(
        request.signal, board, request.seed, assign=request.assign, seconds=request.seconds
    )
    afe = board.afe
    samples = request.seconds * max(afe.rates_sps) * len(afe.channels)
    needed = _BESIDES + round(_BYTES_PER_SAMPLE * samples)
    watcher = _Progress(shown=progress and not as_json)
    if progress and not as_json:
        for note in signal.notes:
            typer.echo(f"  note {note}", err=True)
    with open_run_folder(request.out, _PRODUCTS, needed) as folder, own_settings(folder.work):
        arguments = request.pytest_arguments(folder.work)
        code = int(pytest.main(arguments, plugins=[plugin, watcher]))
        if watcher.interrupted:
            raise KeyboardInterrupt
        failure = watcher.error or _incomplete(code, request)
        if failure is not None:
            raise failure
        results = Results.load(folder.work)
        report = request.out / write_report(folder.work).name
        folder.publish()
    if quiet:
        pass
    elif as_json:
        typer.echo(json.dumps(_summary(results, request.out), indent=2))
    else:
        _print(results, report)
    # A test can fail without a figure: a board that does not answer has none.
    return max(results.exit_code, 1 if code == pytest.ExitCode.TESTS_FAILED else 0)


def _incomplete(code: int, request: RunRequest) -> EegrigError | None:
    """Return why a run of pytest is no run of the suites, if it is none."""
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        return ConfigError(f"no test of the suites matches -k {request.select!r}")
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return InfrastructureError(
            f"pytest ended with exit code {code} before the suites were done"
        )
    return None


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


class _Progress:
    """Says on standard error what is being measured, and keeps what went wrong before that."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._started_s = 0.0
        self.error: EegrigError | None = None
        self.interrupted = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self) -> Generator[None, None, None]:
        """Keep what is wrong with a selection; pytest would print it, and a usage of its own."""
        try:
            return (yield)
        except pytest.UsageError as error:
            self.error = ConfigError(f"-k: {' '.join(str(error).split())}")
            pytest.exit(str(self.error), returncode=int(pytest.ExitCode.USAGE_ERROR))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest ends a session early with an exception that derives from it, too.
        self.interrupted = excinfo.type is KeyboardInterrupt

    def pytest_runtest_logstart(self, nodeid: str, location: Sequence[Any]) -> None:
        self._started_s = time.perf_counter()

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        if call.excinfo is not None and self.error is None:
            error = call.excinfo.value
            fatal = EegrigError if call.when == "setup" else (OutputError, BoardGone)
            if isinstance(error, fatal):
                self.error = error
                item.session.shouldstop = str(error)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not self._shown or (report.when != "call" and report.passed):
            return
        suite, _, name = report.nodeid.partition("::")
        topic = Path(suite).stem.removeprefix("test_")
        mark = {"passed": "ok  ", "failed": "MISS", "skipped": "skip"}[report.outcome]
        seconds = time.perf_counter() - self._started_s
        text = name.removeprefix("test_").replace("_", " ")
        typer.echo(f"  {mark} {topic}: {text} ({seconds:.1f} s)", err=True)
        if report.failed:
            typer.echo(f"       {_reason(report)}", err=True)


def _reason(report: pytest.TestReport) -> str:
    """Return why a test failed, in one line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(report.longrepr) if crash is None else str(crash.message)
    lines = text.strip().splitlines()
    return lines[0 if crash is not None else -1] if lines else "no reason given"
