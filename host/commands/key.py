"""`eegrig key`: keys that firmware is signed with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eegrig.host.commands.output import JsonOption, examples, print_json

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    key = typer.Typer(help="Keys that firmware is signed with (Ed25519).", rich_markup_mode=None)
    key.command("new", epilog=examples("eegrig key new release.pem"))(_new)
    key.command("show", epilog=examples("eegrig key show release.pem.pub"))(_show)
    app.add_typer(key, name="key", no_args_is_help=True)


def _new(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Make a key pair: the private key in FILE, the public one in FILE.pub."""
    from eegrig.host.image.signing import new_key, public_path, raw_public_key

    public = raw_public_key(new_key(path).public_key()).hex()
    if as_json:
        print_json({"private": str(path), "public": str(public_path(path)), "key": public})
        return
    typer.echo(
        f"{path}: private key, keep it secret and safe; {public_path(path)}: public key {public}"
    )


def _show(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A public or private key.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show the public key of a key file, as boards keep it."""
    from eegrig.host.image.signing import load_public_key, raw_public_key

    public = raw_public_key(load_public_key(path)).hex()
    if as_json:
        print_json({"key": public})
        return
    typer.echo(public)
