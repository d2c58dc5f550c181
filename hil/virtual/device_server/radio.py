"""Adapters on the air of boards that are up, for bleak in any process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from eegrig.hil.virtual import registry
from eegrig.hil.virtual.computer_radio.remote_central import RemoteCentral, open_central

if TYPE_CHECKING:
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import BaseBleakScanner

__all__ = ["backends", "central"]


@contextlib.asynccontextmanager
async def central(name: str, **options: Any) -> AsyncIterator[RemoteCentral]:
    """Open an adapter on the air of the board `name`.

    Parameters
    ----------
    name : str
        Of a board that is up.
    **options
        As for `RemoteCentral`.

    Raises
    ------
    InfrastructureError
        If it is not up.
    """
    device = registry.find(name)
    async with open_central(device.hci[0], **options) as adapter:
        yield adapter


@contextlib.asynccontextmanager
async def backends(
    name: str,
) -> AsyncIterator[tuple[type[BaseBleakScanner], type[BaseBleakClient]]]:
    """Open an adapter on the air of the board `name` and give its bleak backends.

    This is what the entry point ``virtual`` of the group ``eegrig.radios`` names.
    """
    async with central(name) as adapter:
        yield adapter.scanner_backend, adapter.client_backend
