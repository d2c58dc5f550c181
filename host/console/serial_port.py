"""Serial ports of the computer: which there are, and why one cannot be opened."""

from __future__ import annotations

import contextlib
import errno
import os
from importlib.metadata import entry_points
from typing import Any

from eegrig.boards.errors import InfrastructureError
from eegrig.host.console.device_holders import holders

__all__ = [
    "cannot_open",
    "hardware_ports",
    "limit_writing",
    "list_ports",
    "open_port",
    "port_lost",
    "port_path",
]

_WRITE_TIMEOUT_S = 30.0  # whoever has not taken a few thousand bytes by then does not read
_BUSY = (errno.EAGAIN, errno.EBUSY)


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
        port = serial.serial_for_url(
            port_path(url), baudrate=baudrate, timeout=timeout_s, **options
        )
        limit_writing(port, url)
        return port
    except (OSError, ValueError) as error:
        raise cannot_open(url, error) from error


def limit_writing(port: Any, url: str) -> None:
    """Let a write to an open port fail that the other end does not take.

    Parameters
    ----------
    port : serial.SerialBase
    url : str
        What it was opened by; one of pyserial's kinds of ports knows no such limit.
    """
    if not url.startswith("rfc2217://"):
        port.write_timeout = _WRITE_TIMEOUT_S


def port_lost(url: str, error: Exception) -> InfrastructureError:
    """Say why a port that was open cannot be used any more, and what to do.

    Parameters
    ----------
    url : str
    error : Exception
        What pyserial raised.
    """
    import serial

    if isinstance(error, serial.SerialTimeoutException):
        return InfrastructureError(f"nothing takes what is sent to the port {url}: reset the board")
    reason = str(error).split("\n")[0]
    return InfrastructureError(f"the port {url} is gone: check the cable; {reason}")


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
        others = holders(port_path(url))
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
