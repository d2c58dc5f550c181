"""`eegrig update`: new firmware over the air, tried out, and kept if it works."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eegrig.boards.errors import ConfigError
from eegrig.host.commands.output import JsonOption, examples, print_json, progress_bar
from eegrig.host.commands.targets import RadioOption, TargetArgument, known_board
from eegrig.host.process.run_async import run_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from eegrig.boards import Board
    from eegrig.host.image.application import Application
    from eegrig.host.link.update import UpdateReport
    from eegrig.host.wire.update import UpdateState

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "update",
        epilog=examples(
            "eegrig update headband8",
            "eegrig update F0:12:34:56:78:9A --key release.pem",
            "eegrig update headband8 --image image.bin --json",
        ),
    )(_update)


def _update(
    target: TargetArgument,
    *,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="Image; default: built from the firmware."),
    ] = None,
    firmware: Annotated[
        Path | None, typer.Option("--firmware", help="Sources; default: the ones of eegrig.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Private key to sign the firmware with."),
    ] = None,
    radio: RadioOption = None,
    as_json: JsonOption = False,
) -> None:
    """Update a board over Bluetooth.

    What the board has already is not sent again; after a break, repeating the command goes on where
    it was. The board tries the new firmware out, and goes back to the one it had if that crashes,
    hangs, or cannot be reached.
    """
    from eegrig.host.link.radio import open_radio
    from eegrig.host.link.update import update

    if image is not None and firmware is not None:
        raise ConfigError("--image and --firmware: name one of them")
    board = known_board(target)
    choose = _application(board, image, firmware, key)
    name = target if board is None else board.radio.name

    async def session(progress: Callable[[float], None] | None) -> UpdateReport:
        async with open_radio(radio) as backends:
            return await update(
                name,
                choose,
                scanner_backend=backends.scanner_backend,
                client_backend=backends.client_backend,
                progress=progress,
            )

    with progress_bar(f"updating {name}", shown=not as_json) as progress:
        report = run_async(session(progress))
    _say(report, as_json=as_json)


def _application(
    board: Board | None, image: Path | None, firmware: Path | None, key: Path | None
) -> Callable[[UpdateState], Application]:
    """Return what gives the application to send, as far as possible made before anything is."""
    from eegrig.boards import load_board
    from eegrig.host.image.application import build_application
    from eegrig.host.image.signing import load_private_key

    signer = None if key is None else load_private_key(key)
    if image is not None:
        from eegrig.host.image.update_image import application_of

        ready = application_of(image, signer)
        return lambda _state: ready
    if board is not None:
        built = build_application(board, firmware, key=signer)
        return lambda _state: built
    return lambda state: build_application(load_board(state.board), firmware, key=signer)


def _say(report: UpdateReport, *, as_json: bool) -> None:
    if as_json:
        print_json(dataclasses.asdict(report))
        return
    image = report.image_hash[:12]
    if report.image_hash == report.previous_image_hash:
        typer.echo(f"{report.board}: runs {report.version}, image {image}: nothing to send")
        return
    again = "" if report.links <= 1 else f" over {report.links} connections"
    skipped = max(report.total_bytes - report.sent_bytes, 0)
    typer.echo(
        f"{report.board}: {report.previous_version} ({report.previous_image_hash[:12]}) to "
        f"{report.version} ({image}), {report.sent_bytes} bytes sent{again} in "
        f"{report.transfer_s:.1f} s, {skipped} on the board already; tried, confirmed and running "
        f"after {report.total_s:.1f} s"
    )
