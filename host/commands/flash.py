"""`eegrig flash`: an image into one board or many, read back, and each board's word for it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eegrig.boards.errors import ConfigError, EegrigError
from eegrig.host.commands.output import (
    JsonOption,
    examples,
    print_json,
    print_table,
    progress_bar,
    progress_bars,
)

if TYPE_CHECKING:
    from eegrig.boards import Board
    from eegrig.host.flashing.flash import FlashReport
    from eegrig.host.flashing.production import Order, Outcome, Station
    from eegrig.host.runtime.runtime_file import Runtime

__all__ = ["register"]


class Erase(StrEnum):
    """What is erased: `host.flashing.flash.ErasePolicy`."""

    AUTO = "auto"
    REGION = "region"
    CHIP = "chip"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "flash",
        epilog=examples(
            "eegrig flash headband8",
            "eegrig flash headband8 --probe 1050012345 --console /dev/ttyACM0",
            "eegrig flash headband8 --image image.bin --runtime micropython.hex --json",
            "eegrig flash headphone8 --runtime v1.26.1",
            "eegrig flash headband8 --all --self-test --lock --record boards.jsonl",
        ),
    )(_flash)


def _flash(
    board: Annotated[str, typer.Argument(help="Name of a board, or path of its board.toml.")],
    *,
    probe: Annotated[
        list[str] | None,
        typer.Option("--probe", "-u", metavar="UID", help="Debug probe; repeat for many boards."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every connected probe that fits the board.")
    ] = False,
    image_path: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="Image; default: built from the firmware."),
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(
            "--runtime",
            metavar="FILE|NAME",
            help="MicroPython to flash too: a .hex, .bin, .dfu or .elf, or one that is kept "
            "(`eegrig runtime list`), by version, name or hash.",
        ),
    ] = None,
    erase: Annotated[
        Erase,
        typer.Option(
            help="auto: keep the firmware the board has until the new one is complete; region: "
            "write the file system anew; chip: erase everything (needs --runtime)."
        ),
    ] = Erase.AUTO,
    require_key: Annotated[
        Path | None,
        typer.Option(metavar="PUB", help="Refuse an image that is not signed with this key."),
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(metavar="PUB", help="Key of the only updates the board will take."),
    ] = None,
    console: Annotated[
        list[str] | None,
        typer.Option(metavar="[UID=]URL", help="Serial console, to check what boots."),
    ] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Judge the board's test signals, over its radio.")
    ] = False,
    radio: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[UID=]RADIO",
            help="Radio of the self-test, if not the computer's; without UID for all boards.",
        ),
    ] = None,
    address: Annotated[
        list[str] | None,
        typer.Option(metavar="[UID=]ADDRESS", help="Bluetooth address, if not the chip's own."),
    ] = None,
    lock: Annotated[
        bool, typer.Option("--lock", help="Lock the chip against reading out, last of all.")
    ] = False,
    unlock: Annotated[
        bool,
        typer.Option("--mass-erase-unlock", help="Open a locked chip, by erasing ALL of it."),
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Manufacturing record: a line of JSON for each board."),
    ] = None,
    operator: Annotated[
        str | None, typer.Option(help="Who flashes, for the record; default: the user's name.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Flash a board, or many at once: program, read back and compare, reset.

    With --console, wait for the firmware to say what it is, and compare that too.
    """
    from eegrig.boards import load_board

    many = every or len(probe or ()) > 1
    if many:
        from eegrig.host.flashing.parallel import prepare

        prepare()
    chosen = load_board(board)
    stations = _stations(
        chosen, probe or [], console or [], radio or [], address or [], every=every
    )
    if self_test:
        from eegrig.host.link.radio import check_radio, shows_addresses

        for station in stations:
            check_radio(station.radio)
            if not (station.alone or station.address or shows_addresses(station.radio)):
                raise ConfigError(
                    "boards of a kind advertise under one name, and this system hides their "
                    "addresses: for the self-test of many at once tell them apart with --address "
                    "UID=ADDRESS, or test them one by one"
                )
    if record is not None:
        from eegrig.host.flashing.flash_record import check_writable

        check_writable(record)
    order = _order(
        chosen,
        image_path,
        runtime=_runtime(runtime, chosen),
        erase=erase.value,
        trust=_raw_key(trust),
        unlock=unlock,
        lock=lock,
        self_test=self_test,
        record=record,
        operator=operator or _user(),
        require_key=require_key,
    )
    if many:
        _flash_many(order, stations, as_json=as_json)
    else:
        _flash_one(order, stations[0], as_json=as_json)


def _flash_one(order: Order, station: Station, *, as_json: bool) -> None:
    from eegrig.host.flashing.production import produce

    with progress_bar(f"flashing {order.board.name}", shown=not as_json) as progress:
        outcome = produce(order, station, progress)
    if outcome.error is not None:
        raise _BoardFailed(outcome)
    if as_json:
        print_json(_as_json(order, outcome))
        return
    for line in _lines(order, outcome):
        typer.echo(f"{order.board.name}: {line}")


def _flash_many(order: Order, stations: Sequence[Station], *, as_json: bool) -> None:
    from eegrig.host.flashing.parallel import produce_all

    labels = [str(station.probe) for station in stations]
    with progress_bars(labels, shown=not as_json) as progresses:
        outcomes = produce_all(order, stations, progresses)
    if as_json:
        print_json([_as_json(order, outcome) for outcome in outcomes])
    else:
        rows = [
            [
                str(outcome.probe),
                (outcome.report.chip_id if outcome.report else None) or "-",
                "failed" if outcome.error else "done",
                outcome.error or "; ".join(_lines(order, outcome)),
                f"{outcome.duration_s:.1f} s",
            ]
            for outcome in outcomes
        ]
        print_table(["probe", "chip", "result", "", "time"], rows)
    # The worst of them: the highest.
    raise typer.Exit(max(outcome.exit_code for outcome in outcomes))


class _BoardFailed(EegrigError):
    """What kept the only board from being finished."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error)
        self.exit_code = outcome.exit_code
        self.traceback = outcome.traceback


# ---- which boards


def _stations(
    board: Board,
    probes: list[str],
    consoles: list[str],
    radios: list[str],
    addresses: list[str],
    *,
    every: bool,
) -> list[Station]:
    from eegrig.host.flashing.production import Station

    if every and probes:
        raise ConfigError("--all takes every probe that fits: leave --probe away")
    twice = {uid for uid in probes if probes.count(uid) > 1}
    if twice:
        raise ConfigError(f"--probe {min(twice)} is given twice: name each board once")
    if every:
        from eegrig.host.flashing.probe import fitting_probes

        probes = fitting_probes(board)
    if len(probes) < 2 and not every:
        uid = probes[0] if probes else None
        return [
            Station(
                uid,
                _only("--console", uid, consoles),
                _only("--radio", uid, radios),
                _only("--address", uid, addresses),
            )
        ]
    console = _by_probe("--console", probes, consoles)
    one_radio = len(radios) == 1 and "=" not in radios[0]
    radio = dict.fromkeys(probes, radios[0]) if one_radio else _by_probe("--radio", probes, radios)
    address = _by_probe("--address", probes, addresses)
    alone = len(probes) == 1
    return [
        Station(uid, console.get(uid), radio.get(uid), address.get(uid), alone) for uid in probes
    ]


def _only(option: str, uid: str | None, values: list[str]) -> str | None:
    if len(values) > 1:
        raise ConfigError(f"{option} is given {len(values)} times, and there is one board")
    if not values:
        return None
    return values[0].removeprefix(f"{uid}=")


def _by_probe(option: str, probes: list[str], values: list[str]) -> dict[str, str]:
    chosen = {}
    for value in values:
        uid, _, url = value.partition("=")
        if uid not in probes or not url:
            raise ConfigError(
                f"{option} {value}: with many boards say whose it is, {option} UID=...; the "
                f"probes are {', '.join(probes)}"
            )
        chosen[uid] = url
    return chosen


# ---- what to flash


def _order(
    board: Board, image_path: Path | None, require_key: Path | None, **options: Any
) -> Order:
    from eegrig.host.flashing.production import Order
    from eegrig.host.image.manifest import MANIFEST

    if image_path is None:
        from eegrig.host.image.firmware_image import build_image

        built = build_image(board)
        data, manifest = built.data, built.application.files[MANIFEST]
        identity, version = built.image_hash.hex(), built.version
    else:
        data, manifest, identity, version = _read(image_path, board)
    if require_key is not None:
        from eegrig.host.image.signing import load_public_key, verify_manifest

        verify_manifest(manifest, load_public_key(require_key))
    return Order(board=board, image=data, image_hash=identity, version=version, **options)


def _read(path: Path, board: Board) -> tuple[bytes, bytes, str, str]:
    """Return an image file's contents, the manifest in it, identity and version."""
    from eegrig.host.flashing.flash import check_blocks
    from eegrig.host.image.image_file import read_image_file
    from eegrig.host.image.layout import layout_of
    from eegrig.host.image.manifest import MANIFEST

    image = read_image_file(path)
    region = board.mcu.filesystem
    if image.address is not None and image.address != region.start:
        raise ConfigError(
            f"{path} does not begin at {board.name}'s file system, {region.start:#010x}"
        )
    if len(image.data) > region.size:
        raise ConfigError(
            f"{path} has {len(image.data)} bytes, and the file-system region of {board.name} only "
            f"{region.size}"
        )
    check_blocks(image.data, board, str(path))
    contents = image.contents(layout_of(board))
    if contents.manifest is None or not contents.intact:
        raise ConfigError(f"{path} is no image of eegrig, or damaged: build it with `eegrig build`")
    if contents.manifest.board != board.name:
        raise ConfigError(f"{path} was built for {contents.manifest.board}, not for {board.name}")
    manifest = contents.application_files[MANIFEST]
    return image.data, manifest, contents.image_hash.hex(), contents.manifest.version


def _runtime(text: str | None, board: Board) -> Runtime | None:
    if text is None:
        return None
    from eegrig.host.runtime.kept import find_runtime

    runtime = find_runtime(text, board)
    if runtime.warning is not None:
        typer.echo(f"eegrig: warning: {runtime.warning}", err=True)
    return runtime


def _raw_key(path: Path | None) -> bytes | None:
    if path is None:
        return None
    from eegrig.host.image.signing import load_public_key, raw_public_key

    return raw_public_key(load_public_key(path))


def _user() -> str:
    from eegrig.host.flashing.flash_record import default_operator

    return default_operator()


# ---- what came out


def _as_json(order: Order, outcome: Outcome) -> dict[str, Any]:
    import dataclasses

    import msgspec

    result: dict[str, Any] = {
        "board": order.board.name,
        "probe": outcome.probe,
        "image_hash": order.image_hash,
        "version": order.version,
    }
    if outcome.report is not None:
        result |= msgspec.to_builtins(outcome.report)
    identity = outcome.identity
    return result | {
        "identity": None if identity is None else dataclasses.asdict(identity),
        "unlocked": outcome.unlocked,
        "locked": outcome.locked,
        "self_test": msgspec.to_builtins(outcome.figures),
        "error": outcome.error,
        "exit_code": outcome.exit_code,
    }


def _lines(order: Order, outcome: Outcome) -> list[str]:
    report = outcome.report
    if report is None:
        return []
    lines = [
        f"image {order.image_hash[:12]} in flash memory and verified, "
        f"{report.bytes_programmed} bytes programmed, {report.bytes_skipped} right already, "
        f"{report.duration_s:.2f} s",
        _way(report),
    ]
    if outcome.unlocked:
        lines.insert(0, "was locked, and erased to open it: its MicroPython is gone, too")
    if outcome.identity is not None:
        identity = outcome.identity
        lines.append(f"runs eegrig {identity.version}, image {identity.image_hash[:12]}")
    if outcome.figures is not None:
        lines.append(f"self-test passed, {len(outcome.figures)} figures within their limits")
    if outcome.locked:
        lines.append("locked; take its power away for a moment before it is used")
    return lines


def _way(report: FlashReport) -> str:
    if report.way == "unchanged":
        return f"slot {report.slot} held this firmware already"
    if report.way == "slot":
        way = f"written into slot {report.slot} beside the firmware before, then switched over"
        return f"{way}; its loader was replaced, too" if report.loader_rewritten else way
    if report.way == "chip":
        return "all of the chip was erased and written anew"
    return f"the whole file system was written anew: {report.reason}"
