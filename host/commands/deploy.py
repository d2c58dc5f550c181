"""`eegrig deploy`: the firmware onto a running board, again and again."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, Self

import typer

from eegrig.boards.errors import EegrigError, InfrastructureError
from eegrig.host.commands.output import JsonOption, examples, print_json, progress_bar, tell
from eegrig.host.process.interruption import noticed

if TYPE_CHECKING:
    from eegrig.boards import Board
    from eegrig.host.console.board_repl import BoardRepl
    from eegrig.host.console.deploy import DeployReport

__all__ = ["register"]

_POLL_S: Final = 0.3


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "deploy",
        epilog=examples(
            "eegrig deploy headband8 --port /dev/ttyACM0",
            "eegrig deploy headband8 --port /dev/ttyACM0 --firmware my-firmware/ --watch",
            "eegrig deploy headband8 --port /dev/ttyACM0 --json",
        ),
    )(_deploy)


def _deploy(
    board: Annotated[str, typer.Argument(help="Name of a board, or path of its board.toml.")],
    *,
    port: Annotated[str, typer.Option("--port", "-p", help="The board's serial port.")],
    firmware: Annotated[
        Path | None, typer.Option("--firmware", help="Sources; default: the ones of eegrig.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Deploy again whenever a source changes.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also onto a board that says it is another.")
    ] = False,
    console: Annotated[
        bool | None,
        typer.Option(
            "--console/--no-console",
            help="Show what the board says afterwards, until Ctrl-C; default: in a terminal.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put firmware onto a running board: build, send what changed, restart, see what it says.

    It goes into the slot that does not run, and the board switches once it has checked all of it:
    a cable pulled at any moment leaves the old firmware or the new one. Firmware that does not
    build never reaches the board. Ctrl-C ends --watch and the console, with exit code 130.
    """
    from eegrig.boards import load_board
    from eegrig.host.image.application import default_firmware

    chosen = load_board(board)
    sources = firmware or default_firmware()
    session = _Session(chosen, sources, port, force=force, as_json=as_json)
    show = not as_json and ((sys.stdout.isatty() or watch) if console is None else console)
    with session:
        if watch:
            session.watch(show=show)
        session.deploy()
        if show:
            session.show(lambda: False)


class _Session:
    """Deployments of one firmware to one port, which is opened when something has been built."""

    def __init__(
        self, board: Board, sources: Path, port: str, *, force: bool, as_json: bool
    ) -> None:
        self._board = board
        self._sources = sources
        self._port = port
        self._force = force
        self._as_json = as_json
        self._repl: BoardRepl | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def deploy(self) -> None:
        """Build, then deploy."""
        from eegrig.host.console.board_repl import BoardRepl
        from eegrig.host.console.deploy import check_fits, deploy
        from eegrig.host.image.application import build_application

        application = build_application(self._board, self._sources)
        check_fits(self._board, application)
        if self._repl is None:
            self._repl = BoardRepl.open(self._port)
        label = f"deploying to {self._board.name}"
        with progress_bar(label, shown=not self._as_json) as progress:
            report = deploy(
                self._repl, self._board, application, force=self._force, progress=progress
            )
        _say(report, as_json=self._as_json)

    def show(self, until: Callable[[], bool]) -> None:
        """Show what the board says until `until` returns True."""
        from eegrig.host.console.terminal import Terminal

        if self._repl is not None:
            heard, self._repl.heard = self._repl.heard, b""
            Terminal(self._repl.port, self._port).show(until, heard)

    def watch(self, *, show: bool) -> NoReturn:
        """Deploy whenever a source changes, until Ctrl-C; what fails is told, and it goes on."""
        from eegrig.host.console.source_watcher import SourceWatcher

        watcher = SourceWatcher(self._sources)
        with noticed() as interrupted:
            while not interrupted():
                self._deploy_or_tell()
                self._wait(lambda: interrupted() or watcher.changed(), show=show)
        raise KeyboardInterrupt  # it was swallowed on its way

    def _deploy_or_tell(self) -> None:
        try:
            self.deploy()
        except InfrastructureError as error:
            if self._repl is None:
                raise  # there never was such a port
            self._failed(error)
        except EegrigError as error:
            self._failed(error)

    def _wait(self, until: Callable[[], bool], *, show: bool) -> None:
        """Wait until `until` returns True, showing what the board says meanwhile."""
        try:
            if show and self._repl is not None:
                self.show(until)
                return
        except InfrastructureError as error:
            self._failed(error)
        while not until():
            time.sleep(_POLL_S)

    def _failed(self, error: EegrigError) -> None:
        if isinstance(error, InfrastructureError):
            self._close()  # it may come back as another device
        tell(str(error), error.exit_code, getattr(error, "traceback", None), as_json=self._as_json)

    def _close(self) -> None:
        if self._repl is not None:
            self._repl.close()
            self._repl = None


def _say(report: DeployReport, *, as_json: bool) -> None:
    import msgspec

    if as_json:
        print_json(msgspec.to_builtins(report))
        return
    typer.echo(
        f"{report.board}: runs eegrig {report.version}, image {report.image_hash[:12]}, in slot "
        f"{report.slot}; {report.sent} files sent ({report.bytes_sent} bytes), {report.copied} "
        f"copied on the board, {report.kept} there already"
    )
    if report.loader_differs:
        typer.echo(
            "eegrig: warning: the board's loader is another than this eegrig's, and only "
            "`eegrig flash` changes it",
            err=True,
        )
