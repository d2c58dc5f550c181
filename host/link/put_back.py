"""Put a board back into the state it was in, however what was done to it ends."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from eegrig.boards.errors import EegrigError

if TYPE_CHECKING:
    from eegrig.host.link.board_link import BoardLink

__all__ = ["put_back"]


@contextlib.asynccontextmanager
async def put_back(link: BoardLink, undo: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Undo something at the end of the block.

    Where the block failed, that is what is told, whatever becomes of the undoing; a link that is
    lost is not asked at all.

    Parameters
    ----------
    link : BoardLink
    undo : callable
        Sends the command that does.
    """
    try:
        yield
    except BaseException:
        if link.is_connected:
            with contextlib.suppress(EegrigError):
                await undo()
        raise
    await undo()
