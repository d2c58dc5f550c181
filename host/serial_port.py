"""Serial ports of the computer: which there are, who holds one, and why one cannot be opened."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from boards.errors import InfrastructureError

__all__ = [
    "PortHolder",
    "cannot_open",
    "hardware_ports",
    "holders",
    "list_ports",
    "open_port",
    "port_path",
]

_PROC = Path("/proc")
_BUSY = (errno.EAGAIN, errno.EBUSY)


@dataclass(frozen=True, order=True)
class PortHolder:
    """A process that has a port open.

    Attributes
    ----------
    pid : int
    name : str
        Of the program.
    """

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def port_path(url: str) -> str:
    """Return the device that a path leads to; a URL of pyserial (``socket://...``) as it is."""
    return url if "://" in url else os.path.realpath(url)


def open_port(url: str, *, baudrate: int = 115200, timeout_s: float = 0.0) -> Any:
    """Open a serial port for this process alone.

    Parameters
    ----------
    url : str
        Device name or URL, as pyserial knows them.
    baudrate : int
        Of a real UART.
    timeout_s : float
        How long a read waits.

    Returns
    -------
    serial.SerialBase

    Raises
    ------
    InfrastructureError
        If it cannot be opened: who holds it, or which ports there are.
    """
    import serial

    options = {} if "://" in url else {"exclusive": True}
    try:
        return serial.serial_for_url(
            port_path(url), baudrate=baudrate, timeout=timeout_s, **options
        )
    except (OSError, ValueError) as error:
        raise cannot_open(url, error) from error


def hardware_ports() -> list[str]:
    """Return the serial ports that pyserial finds, by name."""
    from serial.tools import list_ports as pyserial_ports

    # Sockets of a mainboard that nothing is plugged into have no hardware id.
    return sorted(port.device for port in pyserial_ports.comports() if port.hwid != "n/a")


def list_ports() -> list[str]:
    """Return the serial ports there are: the hardware's, and those that other packages offer.

    Those come through the entry-point group ``eegrig.ports``: functions that return paths.
    """
    ports = hardware_ports()
    for point in entry_points(group="eegrig.ports"):
        with contextlib.suppress(ImportError):
            ports += point.load()()
    return ports


def cannot_open(url: str, error: Exception) -> InfrastructureError:
    """Say why a port cannot be opened, and what to do.

    Parameters
    ----------
    url : str
    error : Exception
        What pyserial raised.
    """
    code = getattr(error, "errno", None)
    # pyserial hides the number of a lock that is taken.
    if code in _BUSY or "exclusively lock" in str(error):
        others = holders(url)
        who = " and ".join(map(str, others)) if others else "another program"
        return InfrastructureError(f"the port {url} is in use by {who}: end it, and try again")
    if code == errno.ENOENT:
        ports = list_ports()
        there = f"there are {', '.join(ports)}" if ports else "there is none"
        return InfrastructureError(
            f"there is no port {url}: plug the board in or name another; {there}"
        )
    if code == errno.EACCES:
        return InfrastructureError(f"no permission for {url}: `eegrig doctor` says how to get it")
    return InfrastructureError(f"cannot open the port {url}: {str(error).splitlines()[0]}")


def holders(url: str) -> list[PortHolder]:
    """Return the other processes that have a port open, as far as the system lets us see them.

    Where the system tells which of them locked it, only those.
    """
    try:
        device = os.stat(port_path(url))  # noqa: PTH116  # a URL is no path
    except OSError:
        return []
    found = {}
    for folder in _PROC.glob("[0-9]*"):
        pid = int(folder.name)
        if pid != os.getpid() and _has_open(folder, device.st_rdev, device.st_ino):
            with contextlib.suppress(OSError):
                found[pid] = (folder / "comm").read_text().strip()
    lockers = _lockers(device.st_ino) & set(found)
    return sorted(PortHolder(pid, found[pid]) for pid in lockers or found)


def _has_open(process: Path, rdev: int, inode: int) -> bool:
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                status = descriptor.stat()
                if status.st_rdev == rdev and status.st_ino == inode:
                    return True
    return False


def _lockers(inode: int) -> set[int]:
    """Return the processes that hold a lock on the file, from the table of locks."""
    pids = set()
    with contextlib.suppress(OSError):
        for line in (_PROC / "locks").read_text().splitlines():
            # 1: FLOCK ADVISORY WRITE 1234 00:16:5 0 EOF
            words = line.split()
            if len(words) > 5 and words[1] == "FLOCK" and words[5].endswith(f":{inode}"):
                pids.add(int(words[4]))
    return pids
