"""`eegrig image`: what is in an image file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eegrig.host.commands.output import JsonOption, examples, print_json, print_table

if TYPE_CHECKING:
    from eegrig.host.image.firmware_image import ImageContents
    from eegrig.host.image.image_file import ImageFile

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "image",
        epilog=examples(
            "eegrig image image.bin",
            "eegrig image image.hex --key release.pem.pub --json",
        ),
    )(_image)


def _image(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Image, raw or .hex.")],
    *,
    key_path: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Public key the firmware has to be signed for."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is in an image file, whether it is intact, and whether it is signed.

    Exits with 1 if the firmware in it is damaged, the file is not the one its manifest
    (IMAGE.json) describes, or a --key is given and the signature is not of that key.
    """
    from eegrig.host.image.image_file import read_image_file

    image = read_image_file(path)
    contents = image.contents()
    problems = _problems(image, contents, key_path)
    found = _describe(image, contents) | {"problems": problems}
    if as_json:
        print_json(found)
    else:
        _say(found)
    if problems:
        raise typer.Exit(1)


def _problems(image: ImageFile, contents: ImageContents, key_path: Path | None) -> list[str]:
    """Return what is wrong with an image, a line each."""
    from hashlib import sha256

    from eegrig.boards.errors import ConfigError
    from eegrig.host.image.manifest import MANIFEST
    from eegrig.host.image.release import manifest_path, read_release
    from eegrig.host.image.signing import load_public_key, verify_manifest

    problems = []
    if contents.manifest is None:
        problems.append("there is no firmware of eegrig in it: build it with `eegrig build`")
    elif not contents.intact:
        problems.append("its files are not those its manifest names: build it again")
    release = read_release(image.path)
    if release is not None and release.file == image.path.name:
        described = release.sha256 == sha256(image.path.read_bytes()).hexdigest()
        if not described:
            problems.append(f"it is not the file that {manifest_path(image.path)} describes")
    if key_path is not None:
        key = load_public_key(key_path)
        try:
            verify_manifest(contents.application_files.get(MANIFEST, b""), key)
        except ConfigError as error:
            problems.append(str(error))
    return problems


def _describe(image: ImageFile, contents: ImageContents) -> dict[str, Any]:
    import msgspec

    from eegrig.host.image.release import read_release

    manifest = contents.manifest
    release = read_release(image.path)
    return {
        "path": str(image.path),
        "address": image.address,
        "size": len(image.data),
        "slot": contents.slot_state.active,
        "trial": contents.slot_state.trial,
        "board": manifest.board if manifest else None,
        "version": manifest.version if manifest else None,
        "image_hash": contents.image_hash.hex(),
        "intact": contents.intact,
        "signed": manifest is not None and manifest.signature is not None,
        "sources": release.sources if release is not None else None,
        "files": msgspec.to_builtins(contents.entries),
    }


def _say(found: dict[str, Any]) -> None:
    rows = [(file["path"], f"{file['size']}", file["sha256"][:12]) for file in found["files"]]
    print_table(("file", "bytes", "SHA-256"), rows)
    what = f"{found['board']} {found['version']}" if found["board"] else "no firmware of eegrig"
    typer.echo(
        f"{found['path']}: {what} in slot {found['slot']}, image {found['image_hash'][:12]}, "
        f"{'intact' if found['intact'] else 'damaged'}, "
        f"{'signed' if found['signed'] else 'not signed'}"
        + (f", sources {found['sources']}" if found["sources"] else "")
    )
    for problem in found["problems"]:
        typer.echo(f"eegrig: {found['path']}: {problem}", err=True)
