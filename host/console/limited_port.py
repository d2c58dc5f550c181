"""A serial port that can be used for so long: for libraries that listen while somebody talks."""

from __future__ import annotations

import time
from typing import Any

__all__ = ["LimitedPort", "TimeUp"]


class TimeUp(Exception):
    """A port was in use for longer than it may be."""


class LimitedPort:
    """Passes on what mpremote asks of a port, and raises `TimeUp` once its time is up.

    Parameters
    ----------
    port : serial.SerialBase
        Open.
    seconds : float
        How long it may be used from now on, by this computer's clock.
    """

    def __init__(self, port: Any, seconds: float) -> None:
        self._port = port
        self._until_s = time.monotonic() + seconds

    def read(self, size: int = 1) -> bytes:
        """Read, as the port does."""
        return bytes(self._used().read(size))

    def write(self, data: bytes) -> int | None:
        """Write, as the port does."""
        written: int | None = self._used().write(data)
        return written

    def inWaiting(self) -> int:  # noqa: N802
        """Return how many bytes can be read, by the old name that mpremote has for it."""
        return int(self._used().in_waiting)

    def _used(self) -> Any:
        if time.monotonic() > self._until_s:
            raise TimeUp
        return self._port
