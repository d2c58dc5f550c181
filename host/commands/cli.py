"""The command line: `eegrig`. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points, version
from typing import Annotated, NoReturn

import typer

from eegrig.boards.errors import EegrigError
from eegrig.host.commands import (
    boards,
    build,
    console,
    deploy,
    doctor,
    flash,
    image,
    impedance,
    key,
    record,
    runtime,
    update,
)
from eegrig.host.commands.output import degrading_streams, examples, tell
from eegrig.host.process.closed_output import (
    EXIT_CODE,
    comes_of_closed_output,
    flushed,
    give_up_output,
)
from eegrig.host.process.interruption import (
    exit_code,
    held,
    hold_for_good,
    ignore_for_good,
    quiet_for_good,
    unwinding,
)

__all__ = ["main", "make_app"]

_INTERRUPTED = 130
_SIGNALLED = 128
_DEBUG = "EEGRIG_DEBUG"
# What is wrong with the place that something was to be written to.
_PLACES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


def make_app() -> typer.Typer:
    """Return the application, with the commands of every installed package.

    Commands come through the entry-point group ``eegrig.commands``: functions that take the
    application and add to it.
    """
    app = typer.Typer(
        name="eegrig",
        help=(
            "Build, flash and measure wearable EEG boards, real or virtual.\n\n"
            "Exit codes: 0 done, 1 a target was missed or a board found wrong, 2 usage or "
            "configuration, 3 board, probe, instrument or database not reachable, 4 undecided: "
            "more runs are wanted."
        ),
        epilog=examples(
            "eegrig boards",
            "eegrig build headband8 -o image.bin",
            "eegrig flash headband8 --console /dev/ttyACM0",
        ),
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_options)
    commands = (
        boards,
        build,
        image,
        runtime,
        flash,
        deploy,
        update,
        record,
        console,
        impedance,
        doctor,
        key,
    )
    for module in commands:
        module.register(app)
    for point in sorted(entry_points(group="eegrig.commands"), key=lambda point: point.name):
        try:
            register = point.load()
        except ImportError as error:
            # A package whose extra is not installed must not take the other commands along.
            typer.echo(f"eegrig: no commands of {point.name!r}: {error}", err=True)
            continue
        register(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"eegrig {version('eegrig')}")
        raise typer.Exit


def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters
    ----------
    arguments : sequence of str or None
        Without the program's name; None for the process's own.

    Raises
    ------
    SystemExit
        Always: 0 done, 1 a target missed or a board found wrong, 2 usage or configuration,
        3 infrastructure, 4 undecided, 130 interrupted by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP,
        141 if nobody reads what it prints.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    own_process = arguments is None
    try:
        with degrading_streams(), unwinding():
            if own_process:
                _keep_temporary_files_together()
            code = _run(given or ["--help"])
            if not flushed():
                code = EXIT_CODE
            if own_process:
                hold_for_good()
    except KeyboardInterrupt:  # in the last moment
        code = exit_code()
    if own_process and code > _SIGNALLED:
        quiet_for_good()
    if own_process and code == EXIT_CODE:
        give_up_output()
    sys.exit(code)


def _keep_temporary_files_together() -> None:
    """Let everything that this process puts into the temporary folder go with it, come what may."""
    import atexit
    import shutil
    import tempfile

    # Without a folder for temporary files those commands go on that need none.
    with held(), contextlib.suppress(OSError):
        atexit.register(ignore_for_good)  # the first that is registered is the last that is called
        root = tempfile.mkdtemp(prefix="eegrig-")
        tempfile.tempdir = root
        atexit.register(shutil.rmtree, root, ignore_errors=True)


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        # Not standalone: the errors, and how they are told, are ours.
        result = make_app()(arguments, prog_name="eegrig", standalone_mode=False)
    except EegrigError as error:
        if os.environ.get(_DEBUG):
            raise
        tell(str(error), error.exit_code, getattr(error, "traceback", None), as_json=as_json)
        return error.exit_code
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "eegrig"
        message = error.format_message().rstrip(".")
        tell(f"{message}; see `{command} --help`", 2, None, as_json=as_json)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return exit_code()
    except SystemExit as error:  # typer's, when nobody reads
        if comes_of_closed_output(error):
            return EXIT_CODE
        raise
    except Exception as error:
        if comes_of_closed_output(error):
            return EXIT_CODE
        if os.environ.get(_DEBUG):
            raise
        if _comes_of_interruption(error):
            return exit_code()
        if isinstance(error, OSError) and error.errno in _PLACES:
            where = "" if error.filename is None else f" {error.filename}"
            tell(f"cannot write{where}: {error.strerror}", 2, None, as_json=as_json)
            return 2
        message = f"internal error, {type(error).__name__}: {error}; {_DEBUG}=1 shows where"
        tell(message.replace("\n", " "), 3, None, as_json=as_json)
        return 3
    if result == _INTERRUPTED:  # what typer makes of KeyboardInterrupt
        return exit_code()
    return result if isinstance(result, int) else 0


def _comes_of_interruption(error: BaseException) -> bool:
    """Tell whether it is what a library made of KeyboardInterrupt, as numpy does when imported."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
