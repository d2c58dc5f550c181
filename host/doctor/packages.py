"""Python and packages: what the project needs against what is installed."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from eegrig.host.doctor.finding import Finding

__all__ = ["check", "unmet"]

_PROJECT = "eegrig"


def check() -> Iterator[Finding]:
    """Check Python, what eegrig requires, and packages that overwrite each other."""
    wanted = distribution(_PROJECT).metadata["Requires-Python"] or ""
    running = platform.python_version()
    fits = SpecifierSet(wanted).contains(running, prereleases=True)
    yield Finding(
        area=_PROJECT,
        name="Python",
        status="ok" if fits else "fail",
        detail=running if fits else f"{running}, and eegrig needs {wanted}",
        advice=None if fits else "make an environment with another Python",
    )
    problems = unmet()
    yield Finding(
        area=_PROJECT,
        name="packages",
        status="fail" if problems else "ok",
        detail=", ".join(problems) or f"eegrig {version(_PROJECT)} and what it requires",
        advice="pip install --upgrade eegrig" if problems else None,
    )
    yield _serial()


def unmet(extra: str | None = None) -> list[str]:
    """Return what the project requires and is not there, or in another version.

    Parameters
    ----------
    extra : str or None
        The requirements of an extra; None for those of the project itself.
    """
    problems = []
    for line in distribution(_PROJECT).requires or []:
        requirement = Requirement(line)
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        wanted = always if extra is None else not always and _holds(requirement, extra)
        if not wanted or requirement.name == _PROJECT:
            continue
        name, versions = requirement.name, requirement.specifier
        try:
            installed = version(name)
        except PackageNotFoundError:
            problems.append(f"{name} is not installed")
            continue
        if not versions.contains(installed, prereleases=True):
            problems.append(f"{name} is {installed}, and {versions} is needed")
    return problems


def _holds(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is not None and requirement.marker.evaluate({"extra": extra})


def _serial() -> Finding:
    """Both distributions install a package `serial`; whichever came last wins."""
    try:
        other = version("serial")
    except PackageNotFoundError:
        return Finding(area=_PROJECT, name="pyserial", status="ok", detail=version("pyserial"))
    return Finding(
        area=_PROJECT,
        name="pyserial",
        status="fail",
        detail=f"the package serial {other} is installed, too, and overwrites pyserial's files",
        advice="pip uninstall -y serial pyserial && pip install pyserial",
    )
