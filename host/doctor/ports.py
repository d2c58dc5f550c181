"""Serial ports, and whether we may open them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from eegrig.host.console.device_holders import holders
from eegrig.host.console.serial_port import hardware_ports
from eegrig.host.doctor.finding import Finding

__all__ = ["check"]


def check() -> Iterator[Finding]:
    """Check every serial port."""
    ports = hardware_ports()
    if not ports:
        yield Finding(
            area="serial ports",
            name="ports",
            status="warn",
            detail="there is none",
            advice="plug a board in, or bring a virtual one up",
        )
    for port in ports:
        yield _check_port(port)


def _check_port(port: str) -> Finding:
    if not os.access(port, os.R_OK | os.W_OK):
        group = _group(Path(port))
        return Finding(
            area="serial ports",
            name=port,
            status="fail",
            detail="no permission to open it",
            advice=f"sudo usermod -aG {group} $USER, and log in again"
            if group
            else "install ci/udev/60-eegrig.rules of eegrig's sources",
        )
    others = ", ".join(map(str, holders(port)))
    return Finding(
        area="serial ports",
        name=port,
        status="warn" if others else "ok",
        detail=f"in use by {others}" if others else "can be opened",
        advice="end it before you use the port" if others else None,
        is_way=True,
    )


def _group(path: Path) -> str | None:
    """Return the group that may use a device."""
    try:
        status = path.stat()
        if status.st_mode & stat.S_IRGRP and status.st_mode & stat.S_IWGRP:
            return path.group()
    except (OSError, KeyError):
        pass
    return None
