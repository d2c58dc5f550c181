"""`eegrig console`: a board's REPL in the terminal."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from eegrig.boards.errors import ConfigError
from eegrig.host.commands.output import examples

__all__ = ["register"]

_SOFT_RESET = b"\r\x03\x02\x04"  # interrupt, friendly REPL, soft reset


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "console",
        epilog=examples(
            "eegrig console /dev/ttyACM0",
            "eegrig console /dev/ttyACM0 --reset --log boot.log",
            "echo 'print(1 + 1)' | eegrig console /dev/ttyACM0",
        ),
    )(_console)


def _console(
    port: Annotated[str, typer.Argument(help="Serial port, or URL as pyserial knows them.")],
    *,
    reset: Annotated[
        bool, typer.Option("--reset", help="Stop the firmware and start it again first.")
    ] = False,
    log: Annotated[
        Path | None, typer.Option("--log", metavar="FILE", help="Append what the board says.")
    ] = None,
    baudrate: Annotated[int, typer.Option("--baudrate", min=1, help="Of a real UART.")] = 115200,
    linger_s: Annotated[
        float,
        typer.Option(
            "--linger",
            metavar="S",
            min=0.0,
            help="Without a terminal: end once the input has, and the board said nothing for S.",
        ),
    ] = 1.0,
    limit_s: Annotated[
        float,
        typer.Option(
            "--limit",
            metavar="S",
            min=0.0,
            help="Without a terminal: for how long the board may go on talking after the input.",
        ),
    ] = 600.0,
) -> None:
    """Open a board's console: its output, and its REPL.

    Ctrl-] leaves. Everything else goes to the board: Ctrl-C stops the firmware and gives the
    prompt, Ctrl-D starts it again. Standard input may be a file or a pipe.
    """
    from eegrig.host.console.serial_port import open_port
    from eegrig.host.console.terminal import Terminal

    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(open_port(port, baudrate=baudrate))
        try:
            file = None if log is None else stack.enter_context(log.open("ab"))
        except OSError as error:
            raise ConfigError(f"cannot write the log {log}: {error.strerror}") from error
        if reset:
            opened.write(_SOFT_RESET)
        Terminal(opened, port, file).interact(sys.stdin.fileno(), linger_s, limit_s)
