"""Runs every check there is, and says whether there is a board to work with.

Other packages add checks through the entry-point group ``eegrig.doctor``: functions that take
nothing and return a list of `Finding`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import entry_points

from eegrig.host.doctor.finding import Finding

__all__ = ["Check", "examine", "usable"]

Check = Callable[[], Iterable[Finding]]

_BASE = "eegrig"


def examine() -> list[Finding]:
    """Run all checks. One that breaks is a finding, too."""
    from eegrig.host.doctor import bluetooth, instruments, packages, ports, probes, tools

    checks: list[tuple[str, Callable[[], Check]]] = [
        (_BASE, lambda: packages.check),
        (_BASE, lambda: tools.check),
    ]
    points = sorted(entry_points(group="eegrig.doctor"), key=lambda point: point.name)
    checks += [(point.name, point.load) for point in points]
    checks += [
        ("probes", lambda: probes.check),
        ("serial ports", lambda: ports.check),
        ("Bluetooth", lambda: bluetooth.check),
        ("instruments", lambda: instruments.check),
    ]
    return [finding for area, load in checks for finding in _run(area, load)]


def usable(findings: Iterable[Finding]) -> bool:
    """Return whether there is a board that eegrig can work with: sound itself, and a way to one."""
    findings = list(findings)
    sound = not any(f.area == _BASE and f.status == "fail" for f in findings)
    return sound and any(f.is_way and f.status == "ok" for f in findings)


def _run(area: str, load: Callable[[], Check]) -> list[Finding]:
    findings: list[Finding] = []
    try:
        findings.extend(load()())
    except Exception as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        findings.append(
            Finding(
                area=area,
                name="check",
                status="warn",
                detail=f"could not be made: {what}",
                advice="mend what else is wrong, and run it again",
            )
        )
    return findings
