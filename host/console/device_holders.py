"""Who has a device of this computer open: a serial port, or a debug probe on USB."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Holder", "holders", "probe_holders"]

_PROC = Path("/proc")


@dataclass(frozen=True, order=True)
class Holder:
    """A process that has a device open.

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


def holders(path: str) -> list[Holder]:
    """Return the other processes that have a device open, as far as the system lets us see them.

    Where the system tells which of them locked it, only those.
    """
    try:
        device = Path(path).stat()
    except OSError:
        return []
    found = {}
    for folder in _PROC.glob("[0-9]*"):
        pid = int(folder.name)
        if pid != os.getpid() and _has_open(folder, device.st_rdev, device.st_ino):
            with contextlib.suppress(OSError):
                found[pid] = (folder / "comm").read_text().strip()
    lockers = _lockers(device.st_ino) & set(found)
    return sorted(Holder(pid, found[pid]) for pid in lockers or found)


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


def probe_holders(uid: str, root: Path = Path("/")) -> list[Holder]:
    """Return the other processes that have a debug probe open.

    Parameters
    ----------
    uid : str
        pyOCD's id of the probe: for one on USB its serial number, zeros in front or not.
    root : Path
        Where ``sys`` and ``dev`` are.
    """
    found: set[Holder] = set()
    for node in _nodes(uid, root):
        found.update(holders(str(node)))
    return sorted(found)


def _nodes(uid: str, root: Path) -> list[Path]:
    """Return the files through which programs reach a USB device: libusb's and hidraw's."""
    nodes: list[Path] = []
    for device in (root / "sys/bus/usb/devices").glob("*"):
        with contextlib.suppress(OSError, ValueError):
            if (device / "serial").read_text().strip().lstrip("0") != uid.lstrip("0"):
                continue
            bus, number = (int((device / name).read_text()) for name in ("busnum", "devnum"))
            nodes.append(root / f"dev/bus/usb/{bus:03d}/{number:03d}")
            nodes += [root / "dev" / raw.name for raw in device.glob("*/*/hidraw/hidraw*")]
    return nodes
