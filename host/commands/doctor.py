"""`eegrig doctor`: what is there, what is not, and what to do about it."""

from __future__ import annotations

import typer

from eegrig.host.commands.output import JsonOption, examples, print_json, print_table

__all__ = ["register"]

_NOT_USABLE = 3


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("doctor", epilog=examples("eegrig doctor", "eegrig doctor --json"))(_doctor)


def _doctor(*, as_json: JsonOption = False) -> None:
    """Check the installation: packages, tools, probes, ports, Bluetooth, and what to do.

    Exits with 0 if eegrig is sound and there is a way to a board (the virtual bench, a probe or a
    serial port), with 3 if not. What else is missing is told and does not count.
    """
    import msgspec

    from eegrig.host.doctor.examination import examine, usable

    findings = examine()
    works = usable(findings)
    if as_json:
        print_json({"usable": works, "findings": msgspec.to_builtins(findings)})
    else:
        print_table(
            ("", "area", "what", "found"),
            [
                (
                    finding.status,
                    finding.area,
                    finding.name,
                    finding.detail + (f"\n→ {finding.advice}" if finding.advice else ""),
                )
                for finding in findings
            ],
        )
    if not works:
        raise typer.Exit(_NOT_USABLE)
