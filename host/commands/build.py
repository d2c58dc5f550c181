"""`eegrig build`: firmware to a flashable image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eegrig.boards.errors import ConfigError
from eegrig.host.commands.output import JsonOption, examples, print_json, print_table

if TYPE_CHECKING:
    from eegrig.host.image.release import Release
    from eegrig.host.image.size_report import SizeReport

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "build",
        epilog=examples(
            "eegrig build headband8 -o image.bin",
            "eegrig build headband8 -o image.hex --firmware my-firmware/",
            "eegrig build headband8 -o image.bin --key release.pem",
            "eegrig build --all -o images/",
        ),
    )(_build)


def _build(
    board: Annotated[
        str | None, typer.Argument(help="Name of a board, or path of its board.toml.")
    ] = None,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Image to write: .hex for Intel hex, else raw. With --all: DIR."
        ),
    ],
    every: Annotated[
        bool, typer.Option("--all", help="Build every board's image, DIR/<board>.bin.")
    ] = False,
    firmware: Annotated[
        Path | None, typer.Option("--firmware", help="Sources; default: the ones of eegrig.")
    ] = None,
    key_path: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Private key to sign with (PEM).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Build a board's firmware image, and say what takes how much room.

    Beside IMAGE.bin goes a manifest, IMAGE.json: version, git revision of the sources, hashes,
    signature. The same sources give the same bytes.
    """
    from eegrig.boards import list_boards, load_board
    from eegrig.boards.places import check_place
    from eegrig.host.image.firmware_image import build_image
    from eegrig.host.image.release import manifest_path, write_release
    from eegrig.host.image.signing import load_private_key
    from eegrig.host.image.size_report import size_report

    if every == (board is not None):
        raise ConfigError("name one board, or give --all; `eegrig boards` lists them")
    if every:
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot make the folder {output}: {error.strerror}") from error
    else:
        for path in (output, manifest_path(output)):
            check_place(path)
    key = None if key_path is None else load_private_key(key_path)
    built = []
    for name in list_boards() if board is None else [board]:
        chosen = load_board(name)
        image = build_image(chosen, firmware, key=key)
        path = output / f"{chosen.name}.bin" if every else output
        built.append(
            (path, write_release(image, path, firmware), size_report(chosen, image)),
        )
    for path, release, sizes in built:
        if not as_json:
            _say(path, release, sizes, every=every)
        warning = sizes.warning(release.board)
        if warning is not None:
            typer.echo(f"eegrig: warning: {warning}", err=True)
    if as_json:
        results = [_as_dict(*one) for one in built]
        print_json(results if every else results[0])


def _as_dict(path: Path, release: Release, sizes: SizeReport) -> dict[str, Any]:
    import msgspec

    from eegrig.host.image.release import manifest_path

    blocks = {file.path: file.blocks for file in sizes.files}
    answer: dict[str, Any] = msgspec.to_builtins(release)
    for file in answer["files"]:
        file["blocks"] = blocks[file["path"]]
    return answer | {
        "path": str(path),
        "manifest": str(manifest_path(path)),
        "block_size": sizes.block_size,
        "free": sizes.free,
        "free_after_update": sizes.free_after_update,
    }


def _say(path: Path, release: Release, sizes: SizeReport, *, every: bool) -> None:
    if not every:
        rows = [(file.path, f"{file.size}", f"{file.blocks}") for file in sizes.files]
        rows.append(("(loader)", f"{sizes.loader.size}", f"{sizes.loader.blocks}"))
        rows.append(("(folders)", "", f"{sizes.folder_blocks}"))
        print_table(("file", "bytes", f"blocks of {sizes.block_size}"), rows)
    beside = sizes.free_after_update
    room = (
        "no room for an update beside it" if beside is None else f"{_kib(beside)} beside an update"
    )
    typer.echo(
        f"{path}: {release.board} {release.version}, {len(release.files)} files, "
        f"{_kib(sizes.used)} of {_kib(sizes.region_size)} used, {_kib(sizes.free)} free, {room}; "
        f"image {release.image_hash[:12]}"
        + (f", sources {release.sources}" if release.sources else "")
        + (", signed" if release.signature else "")
    )
    if sizes.volumes and not every:
        rooms = (f"/{one.name} {_kib(one.used)} of {_kib(one.size)}" for one in sizes.volumes)
        typer.echo(f"{path}: used of each file system beside an update: {', '.join(rooms)}")


def _kib(n_bytes: int) -> str:
    return f"{n_bytes / 1024:.0f} KiB"
