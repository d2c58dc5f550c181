"""`eegrig impedance`: whether the electrodes of a board that is switched on are on the skin."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from eegrig.host.commands.output import JsonOption, examples, print_json, print_table, progress_bar
from eegrig.host.commands.targets import RadioOption, TargetArgument, advertised_name
from eegrig.host.process.run_async import run_async

if TYPE_CHECKING:
    from eegrig.host.recording.impedance import Contact, Impedance

__all__ = ["register"]

_GOOD_KOHM = 100.0  # host.recording.impedance.GOOD_OHM, which is too slow to import for a help text


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "impedance",
        epilog=examples(
            "eegrig impedance headband8",
            "eegrig impedance earpatch2 --good 500 --one-by-one",
            "eegrig impedance headband8 --radio virtual:headband8 --json",
        ),
    )(_impedance)


def _impedance(
    target: TargetArgument,
    *,
    radio: RadioOption = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=2.0, help="Length of a measurement.")
    ] = 4.0,
    good_kohm: Annotated[
        float,
        typer.Option("--good", metavar="KOHM", min=0.1, help="Largest impedance called good."),
    ] = _GOOD_KOHM,
    one_by_one: Annotated[
        bool,
        typer.Option("--one-by-one", help="One electrode at a time: the reference carries less."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure the electrodes' impedances with the front end's lead-off current.

    An electrode is good up to --good, off from 5 megohm on or where the input is at the
    converter's limit, and poor in between. The current is known to some 20 %, which is the same
    for all electrodes. Exits with 0 if all electrodes are good, with 1 if one is not.
    """
    from eegrig.host.recording.impedance import Contact

    board = advertised_name(target)
    with progress_bar(f"measuring {board}", shown=not as_json) as progress:
        measured = run_async(
            _measure(board, radio, seconds=seconds, one_by_one=one_by_one, progress=progress)
        )
    contacts = measured.contacts(good_ohm=good_kohm * 1e3)
    if as_json:
        print_json(_as_dict(board, measured, contacts, good_kohm * 1e3))
    else:
        _say(measured, contacts, good_kohm)
    raise typer.Exit(0 if set(contacts) == {Contact.GOOD} else 1)


async def _measure(
    board: str,
    radio: str | None,
    *,
    seconds: float,
    one_by_one: bool,
    progress: Callable[[float], None] | None,
) -> Impedance:
    from eegrig.host.link.connection import connect
    from eegrig.host.link.radio import open_radio
    from eegrig.host.recording.impedance import measure_impedance

    async with open_radio(radio) as backends, connect(board, **backends._asdict()) as link:
        return await measure_impedance(
            link, seconds=seconds, one_by_one=one_by_one, progress=progress
        )


def _as_dict(
    board: str, measured: Impedance, contacts: tuple[Contact, ...], good_ohm: float
) -> dict[str, object]:
    from eegrig.host.recording.impedance import OFF_OHM

    rows = zip(
        measured.channels,
        measured.ohm,
        measured.uncertainty_ohm,
        measured.clipped,
        contacts,
        strict=True,
    )
    return {
        "board": board,
        "frequency_hz": measured.drive.frequency_hz,
        "current_a": measured.drive.current_a,
        "limits_ohm": {"good": good_ohm, "off": OFF_OHM},
        "electrodes": [
            {
                "channel": channel,
                "ohm": None if clipped else float(ohm),
                "uncertainty_ohm": None if clipped else float(uncertainty_ohm),
                "contact": contact.value,
            }
            for channel, ohm, uncertainty_ohm, clipped, contact in rows
        ],
    }


def _say(measured: Impedance, contacts: tuple[Contact, ...], good_kohm: float) -> None:
    from eegrig.host.recording.impedance import OFF_OHM

    print_table(
        ("electrode", "kΩ", "±", "contact"),
        [
            (
                channel,
                "clipped" if clipped else f"{ohm / 1e3:.4g}",
                "" if clipped else f"{uncertainty_ohm / 1e3:.2g}",
                contact.value,
            )
            for channel, ohm, uncertainty_ohm, clipped, contact in zip(
                measured.channels,
                measured.ohm,
                measured.uncertainty_ohm,
                measured.clipped,
                contacts,
                strict=True,
            )
        ],
    )
    drive = measured.drive
    typer.echo(
        f"at {drive.frequency_hz:g} Hz and {drive.current_a * 1e9:g} nA; good up to "
        f"{good_kohm:g} kΩ, off from {OFF_OHM / 1e3:g} kΩ on"
    )
