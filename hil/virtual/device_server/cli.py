"""`eegrig virtual`: virtual boards as devices on the desk."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.host.commands.output import JsonOption, examples, print_json, print_table

if TYPE_CHECKING:
    from eegrig.hil.virtual.registry import Device

__all__ = ["register"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}")
_PATIENCE_S = 20.0

_NameArgument = Annotated[str, typer.Argument(help="Name of a board that is up.", metavar="NAME")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    virtual = typer.Typer(help="Virtual boards as devices on the desk.", no_args_is_help=True)
    virtual.command(
        "up",
        epilog=examples(
            "eegrig virtual up headband8 --flash",
            "eegrig virtual up headband8@left headband8@right --scene ssvep-speller",
            "eegrig virtual up headband8 --free --hci-tcp 9001 --foreground",
            "eegrig virtual up nucleo-wb55-ads1299 --runtime NUCLEO_WB55.hex --flash",
        ),
    )(_up)
    virtual.command("status", epilog=examples("eegrig virtual status --json"))(_status)
    virtual.command(
        "down", epilog=examples("eegrig virtual down headband8", "eegrig virtual down --all")
    )(_down)
    virtual.command(
        "reset", epilog=examples("eegrig virtual reset headband8", "eegrig virtual reset x --safe")
    )(_reset)
    virtual.command(
        "fault",
        epilog=examples(
            "eegrig virtual fault --list",
            "eegrig virtual fault headband8 unplug-probe",
            "eegrig virtual fault headband8 electrode Fp1 50000",
            "eegrig virtual fault headband8 brown-out --after-words 100",
        ),
    )(_fault)
    app.add_typer(virtual, name="virtual")


def _up(
    boards: Annotated[
        list[str],
        typer.Argument(
            help="Boards, each with a name of its own if wanted.", metavar="BOARD[@NAME]..."
        ),
    ],
    *,
    pace: Annotated[
        float, typer.Option("--pace", metavar="N", min=0.01, help="Times real time.")
    ] = 1.0,
    free: Annotated[bool, typer.Option("--free", help="As fast as possible instead.")] = False,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, until Ctrl-C takes the boards down.")
    ] = False,
    flash: Annotated[
        bool, typer.Option("--flash", help="Put the current firmware into their memories first.")
    ] = False,
    runtime: Annotated[
        str | None,
        typer.Option(
            "--runtime",
            metavar="FILE|NAME",
            help="Stock MicroPython that the boards' own chips run (exact mode).",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of everything random.")] = 0,
    scene: Annotated[
        str, typer.Option("--scene", metavar="S", help="Scene or recording at the electrodes.")
    ] = "resting",
    hci_tcp: Annotated[
        int | None,
        typer.Option(
            "--hci-tcp", metavar="PORT", min=0, max=65535, help="Bluetooth adapters by TCP too."
        ),
    ] = None,
    hci_serial: Annotated[
        bool, typer.Option("--hci-serial", help="A Bluetooth adapter as a serial port, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring virtual boards up, together on one clock and one air.

    Each has a serial port, a debug probe and a radio, and keeps what is in its flash memory. An
    empty board stays empty: flash it, or use --flash. With --runtime FILE that is put into their
    memories, too, unless it is there already.
    """
    from eegrig.hil.virtual.device_server.daemon import UpRequest, hold, start

    request = UpRequest(
        boards=_named(boards),
        pace=None if free else pace,
        seed=seed,
        scene=scene,
        flash=flash,
        runtime=str(Path(runtime).absolute()) if runtime and Path(runtime).exists() else runtime,
        hci_tcp=hci_tcp,
        hci_serial=hci_serial,
    )
    _refuse_what_is_up(request.boards)
    if foreground:
        import logging

        logging.basicConfig(level=logging.WARNING)
        hold(request, lambda devices, notes: _tell(devices, notes, as_json=as_json))
    else:
        _tell(*start(request), as_json=as_json)


def _named(boards: list[str]) -> tuple[tuple[str, str], ...]:
    from eegrig.boards import load_board

    named: list[tuple[str, str]] = []
    for text in boards:
        kind, _, name = text.partition("@")
        board = load_board(kind)
        name = name or board.name
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name!r} is no name for a board: letters, digits, '.', '_' and '-'")
        if name in (other for _, other in named):
            raise ConfigError(f"two boards named {name}: call one of them {kind}@ANOTHER")
        named.append((kind, name))
    return tuple(named)


def _refuse_what_is_up(boards: tuple[tuple[str, str], ...]) -> None:
    from eegrig.boards import list_boards
    from eegrig.hil.virtual import registry

    registry.sweep()
    up = {device.name: device for device in registry.running()}
    for kind, name in boards:
        if name in up:
            raise InfrastructureError(
                f"the virtual board {name} is up already, in process {up[name].pid}: "
                f"`eegrig virtual down {name}` takes it down"
            )
        if name in list_boards() and kind != name and "/" not in kind:
            raise ConfigError(f"{name} is a kind of board: give the {kind} another name")


def _tell(devices: list[Device], notes: list[str], *, as_json: bool) -> None:
    from dataclasses import asdict

    for note in notes:
        typer.echo(f"eegrig: {note}", err=True)
    if as_json:
        print_json([asdict(device) for device in devices])
        return
    for device in devices:
        what = device.name if device.name == device.board else f"{device.name} ({device.board})"
        typer.echo(f"{what} is up, process {device.pid}")
        typer.echo(f"  serial port  {device.console} -> {device.terminal}")
        typer.echo(f"  debug probe  {device.probe}")
        typer.echo(f"  radio        {device.address}")
        typer.echo(f"  adapters     {' '.join(device.hci)}")


def _status(*, as_json: JsonOption = False) -> None:
    """Say which virtual boards are up, and how they are."""
    from dataclasses import asdict

    from eegrig.hil.virtual import registry
    from eegrig.hil.virtual.device_server.control import ask

    gone = registry.sweep()
    devices = registry.running()
    states = [ask(device, "status") for device in devices]
    if as_json:
        crashed = [{"name": device.name, "pid": device.pid, "log": device.log} for device in gone]
        up = [asdict(d) | state for d, state in zip(devices, states, strict=True)]
        print_json({"up": up, "crashed": crashed})
        return
    for device in gone:
        typer.echo(
            f"{device.name}: process {device.pid} ended unexpectedly, cleaned up: see {device.log}",
            err=True,
        )
    if not devices:
        typer.echo("no virtual board is up: `eegrig virtual up BOARD` brings one up")
        return
    rows = [_row(device, state) for device, state in zip(devices, states, strict=True)]
    columns = ["board", "mode", "state", "pace", "serial port", "probe", "radio", "process"]
    print_table(columns, rows)
    for device, state in zip(devices, states, strict=True):
        if state["failures"]:
            typer.echo(
                f"{device.name}: a model failed {state['failures']} times, last at "
                f"{state['last_failure']}: see {device.log}",
                err=True,
            )
        for note in state["notes"]:
            typer.echo(f"note: {note}", err=True)
    for hci in sorted({transport for device in devices for transport in device.hci}):
        typer.echo(f"adapters: {hci}")
    for log in sorted({device.log for device in devices}):
        typer.echo(f"log: {log}")


def _row(device: Device, state: dict[str, Any]) -> list[str]:
    achieved = state["achieved_pace"]
    wanted = "free" if state["pace"] is None else f"{state['pace']:g}"
    pace = wanted if achieved is None else f"{wanted} ({achieved:.2f})"
    if state["lost_s"]:
        pace += f", {state['lost_s']:.1f} s lost"
    client = state["probe_client"]
    used = f"{device.probe} (process {client})" if client else device.probe
    runtime = state["micropython"]
    return [
        device.name,
        state["mode"] + (f", {Path(runtime).name}" if runtime else ""),
        state["state"],
        pace,
        device.console,
        used,
        device.address,
        str(device.pid),
    ]


def _down(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of boards.", metavar="NAME...")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that are up.")] = False,
) -> None:
    """Take virtual boards down; what is in their flash memories stays."""
    from eegrig.hil.virtual import registry
    from eegrig.hil.virtual.device_server.control import ask

    if bool(names) == everything:
        raise ConfigError("say which boards to take down, or --all")
    for device in registry.sweep():
        typer.echo(f"{device.name}: cleaned up after process {device.pid}")
        if names and device.name in names:
            names.remove(device.name)
    devices = registry.running() if everything else [registry.find(name) for name in names or []]
    for device in devices:
        ask(device, "down")
    for device in devices:
        _wait_until_gone(device)
        typer.echo(f"{device.name} is down")


def _wait_until_gone(device: Device) -> None:
    from eegrig.hil.virtual import registry

    deadline = time.monotonic() + _PATIENCE_S
    alone = all(other.pid != device.pid for other in registry.running() if other != device)
    while time.monotonic() < deadline:
        up = [other for other in registry.running() if other.pid == device.pid]
        if device not in up and (not alone or not Path(device.runtime).exists()):
            return
        time.sleep(0.02)
    raise InfrastructureError(
        f"process {device.pid}, which holds {device.name}, does not end: see {device.log}"
    )


def _reset(
    name: _NameArgument,
    *,
    soft: Annotated[bool, typer.Option("--soft", help="Only the interpreter.")] = False,
    safe: Annotated[
        bool, typer.Option("--safe", help="Without running boot.py and main.py.")
    ] = False,
) -> None:
    """Reset a virtual board, as its reset pin would."""
    from eegrig.hil.virtual import registry
    from eegrig.hil.virtual.device_server.control import ask

    if soft and safe:
        raise ConfigError("--soft and --safe do not go together")
    how = "soft" if soft else "safe" if safe else "hard"
    ask(registry.find(name), "reset", how=how)


def _fault(
    name: Annotated[
        str | None, typer.Argument(help="Name of a board that is up.", metavar="NAME")
    ] = None,
    fault: Annotated[str | None, typer.Argument(help="See --list.", metavar="FAULT")] = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="What it needs.", metavar="ARG...")
    ] = None,
    *,
    after_words: Annotated[
        int | None,
        typer.Option(
            "--after-words", metavar="N", help="brown-out: in the middle of the flash word after N."
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Say what can be broken.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Break something on a virtual board, or mend it."""
    from eegrig.hil.virtual import registry
    from eegrig.hil.virtual.device_server.control import ask

    if show:
        _list_faults(as_json=as_json)
        return
    if name is None or fault is None:
        raise ConfigError("say which board and which fault; --list shows them")
    ask(
        registry.find(name),
        "fault",
        fault=fault,
        arguments=arguments or [],
        after_words=after_words,
    )


def _list_faults(*, as_json: bool) -> None:
    from eegrig.hil.virtual.device_server.faults import FAULTS

    if as_json:
        print_json(
            [
                {"fault": name, "arguments": fault.arguments, "help": fault.help}
                for name, fault in FAULTS.items()
            ]
        )
        return
    rows = [[f"{name} {fault.arguments}".strip(), fault.help] for name, fault in FAULTS.items()]
    print_table(["fault", "what it does"], rows)
