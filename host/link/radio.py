"""Which Bluetooth adapter a command uses: the operating system's, or one that a package brings.

A radio named ``KIND:NAME`` comes from the entry point ``KIND`` of the group ``eegrig.radios``: a
function that takes the name and returns an asynchronous context manager of bleak's scanner and
client backends.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, NamedTuple

from eegrig.boards.errors import ConfigError

if TYPE_CHECKING:
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import BaseBleakScanner

__all__ = ["Backends", "check_radio", "open_radio", "shows_addresses"]

_GROUP = "eegrig.radios"


class Backends(NamedTuple):
    """Bleak's backend classes; None for the operating system's."""

    scanner_backend: type[BaseBleakScanner] | None
    client_backend: type[BaseBleakClient] | None


@contextlib.asynccontextmanager
async def open_radio(radio: str | None) -> AsyncIterator[Backends]:
    """Open a radio, for `host.link.connection.connect`.

    Parameters
    ----------
    radio : str or None
        ``KIND:NAME``, for example ``virtual:headband8``; None for the operating system's adapter.

    Yields
    ------
    Backends

    Raises
    ------
    ConfigError
        If there is no such kind of radio.
    """
    if radio is None:
        yield Backends(None, None)
        return
    factory, name = _find(radio)
    async with factory(name) as (scanner_backend, client_backend):
        yield Backends(scanner_backend, client_backend)


def check_radio(radio: str | None) -> None:
    """Say early that there is no such kind of radio.

    Raises
    ------
    ConfigError
        As `open_radio`.
    """
    if radio is not None:
        _find(radio)


def shows_addresses(radio: str | None) -> bool:
    """Say whether a radio tells the Bluetooth addresses of what it hears.

    macOS gives out identifiers of its own instead.
    """
    return radio is not None or sys.platform != "darwin"


def _find(radio: str) -> tuple[Any, str]:
    kind, _, name = radio.partition(":")
    points = {point.name: point for point in entry_points(group=_GROUP)}
    if kind not in points or not name:
        known = ", ".join(f"{other}:NAME" for other in sorted(points)) or "none is installed"
        raise ConfigError(
            f"there is no radio {radio!r}: leave it out for the computer's own adapter; others: "
            f"{known}"
        )
    try:
        return points[kind].load(), name
    except ImportError as error:
        raise ConfigError(f"the radio {radio} needs {error.name}: install eegrig[{kind}]") from None
