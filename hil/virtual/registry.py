"""Which virtual boards are up: a file in the state directory of each says where to reach it.

A process that ended without taking its files along is recognised by its control socket, which
nobody listens at any more.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from eegrig.boards.errors import InfrastructureError
from eegrig.boards.places import state_folder
from eegrig.boards.whole_file import write_whole

__all__ = [
    "RUNTIME_PREFIX",
    "Device",
    "consoles",
    "find",
    "forget",
    "record",
    "running",
    "state_directory",
    "sweep",
]

FILE = "device.json"
RUNTIME_PREFIX = "eegrig-devices-"
_ANSWER_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Device:
    """A virtual board that is up.

    Attributes
    ----------
    name : str
    board : str
        What kind of board it is.
    part, pyocd_target : str
        Its chip.
    pid : int
        The process that holds it.
    console : str
        Path of its serial port; stays the same from one time to the next.
    terminal : str
        What the path leads to.
    probe : str
        Id of its debug probe.
    address : str
        Of its radio.
    hci : tuple of str
        Transports, as Bumble names them, to adapters on its air.
    control, probe_socket : str
        Sockets of the process.
    runtime : str
        Directory that goes with the process.
    log : str
        What went wrong in the process.
    """

    name: str
    board: str
    part: str
    pyocd_target: str
    pid: int
    console: str
    terminal: str
    probe: str
    address: str
    hci: tuple[str, ...]
    control: str
    probe_socket: str
    runtime: str
    log: str


def state_directory(board: str) -> Path:
    """Directory that keeps the memories of a virtual board outside any bench.

    ``virtual/<board>`` in `boards.places.state_folder`.
    """
    return state_folder() / "virtual" / board


def _root() -> Path:
    return state_directory("x").parent


def record(device: Device) -> None:
    """Let other processes find a board."""
    write_whole(_root() / device.name / FILE, json.dumps(asdict(device), indent=2).encode())


def forget(device: Device) -> None:
    """Take a board's file and serial port away."""
    (_root() / device.name / FILE).unlink(missing_ok=True)
    console = Path(device.console)
    if console.is_symlink() and str(console.readlink()) == device.terminal:
        console.unlink()


def running() -> list[Device]:
    """Return the boards that are up, by name; nothing is changed."""
    return [device for device in _recorded() if _answers(device)]


def consoles() -> list[str]:
    """Return the serial ports of the boards that are up (entry-point group ``eegrig.ports``)."""
    return [device.console for device in running()]


def sweep() -> list[Device]:
    """Clean up after processes that ended without doing so, and return their boards."""
    gone = [device for device in _recorded() if not _answers(device)]
    for device in gone:
        forget(device)
        runtime = Path(device.runtime)
        if runtime.name.startswith(RUNTIME_PREFIX):
            shutil.rmtree(runtime, ignore_errors=True)
    return gone


def find(name: str) -> Device:
    """Return the board `name`.

    Raises
    ------
    InfrastructureError
        If it is not up.
    """
    device = _load(_root() / name / FILE)
    if device is None or not _answers(device):
        up = ", ".join(other.name for other in running())
        raise InfrastructureError(
            f"no virtual board {name!r} is up"
            + (f"; there are: {up}" if up else f": `eegrig virtual up {name}` brings one up")
        )
    return device


def _recorded() -> list[Device]:
    try:
        paths = sorted(_root().glob(f"*/{FILE}"))
    except OSError:
        return []
    found = (_load(path) for path in paths)
    return [device for device in found if device is not None]


def _load(path: Path) -> Device | None:
    try:
        values = json.loads(path.read_text())
        chosen = {field.name: values[field.name] for field in fields(Device)}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    chosen["hci"] = tuple(chosen["hci"])
    return Device(**chosen)


def _answers(device: Device) -> bool:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.settimeout(_ANSWER_TIMEOUT_S)
        try:
            probe.connect(device.control)
        except (TimeoutError, BlockingIOError):
            return True  # busy, but there
        except OSError:
            return False
    return True
