"""What the virtual bench needs, for `eegrig doctor`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual.micropython.process import micropython_executable
from eegrig.hil.virtual.registry import running, state_directory
from eegrig.host.doctor.finding import Finding
from eegrig.host.doctor.packages import unmet

__all__ = ["check"]

_AREA = "virtual boards"
_TIMEOUT_S = 5.0


def check() -> Iterator[Finding]:
    """Check interpreter, packages of the extra, state directory, running boards, and ST's pack."""
    problems = [*_interpreter(), *unmet("virtual")]
    yield Finding(
        area=_AREA,
        name="bench",
        status="fail" if problems else "ok",
        detail=", ".join(problems) or f"MicroPython ({_version()}), Unicorn and Bumble",
        advice="pip install --upgrade 'eegrig[virtual]'" if problems else None,
        is_way=True,
    )
    yield _state()
    for device in running():
        yield Finding(
            area=_AREA,
            name=device.name,
            status="ok",
            detail=f"{device.board}, is up: port {device.console}, probe {device.probe}",
        )
    yield _pack()


def _interpreter() -> list[str]:
    try:
        return [] if _version() else [f"{micropython_executable()} does not run"]
    except InfrastructureError as error:
        return [str(error)]


def _version() -> str:
    try:
        ended = subprocess.run(
            [micropython_executable(), "-c", "import sys; print(sys.version)"],
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.decode(errors="replace").strip() if ended.returncode == 0 else ""


def _state() -> Finding:
    directory = state_directory("x").parent
    existing = directory
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    return Finding(
        area=_AREA,
        name="state",
        status="ok" if writable else "warn",
        detail=f"{directory} {'keeps' if writable else 'cannot keep'} their memories",
        advice=None if writable else "let EEGRIG_STATE name a directory that can be written",
    )


def _pack() -> Finding:
    """On a real STM32WB55, ST's own target is preferred to ours."""
    from cmsis_pack_manager import Cache

    folder = Path(Cache(True, True).data_path)  # noqa: FBT003  # its second has no name
    installed = any(folder.glob("Keil/STM32WBxx_DFP/**/*.pack"))
    return Finding(
        area="probes",
        name="STM32WB55 pack",
        status="ok" if installed else "warn",
        detail="installed"
        if installed
        else "ST's CMSIS pack is not installed: eegrig's own target is used",
        advice=None if installed else "for a real STM32WB55: pyocd pack install stm32wb55rg",
    )
