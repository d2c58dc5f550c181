"""What a board's heap has in use, read on its console."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from eegrig.boards.errors import BoardFault
from eegrig.hil.session.presence import heard_ns
from eegrig.hil.suites.stretches.security.owner import owned, streamed
from eegrig.host.console.console import Console

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench

__all__ = ["heap_after", "heap_in_use"]

_INTERRUPT: Final = "\x03"
_LINE: Final = "import gc; gc.collect(); print('heap', gc.mem_alloc())\r\n"
_SETTLE_S: Final = 0.5
_ANSWER_S: Final = 10.0
_BOOT_S: Final = 10.0
_STREAM_S: Final = 0.25


async def heap_in_use(rig: Bench) -> int:
    """Interrupt the application and return how many bytes of the heap are in use.

    What its callbacks hold is there still; the board is at its prompt afterwards.

    Raises
    ------
    BoardFault
        If the prompt does not answer.
    """
    with Console.open(rig.console) as console:
        console.write(_INTERRUPT)
        await asyncio.sleep(_SETTLE_S)
        console.write(_LINE)
        try:
            found = await console.wait_for(r"^heap (\d+)$", _ANSWER_S)
        except TimeoutError:
            raise BoardFault(
                f"{rig.board.name} does not answer on its console after Ctrl-C: reset it"
            ) from None
    return int(found[1])


async def heap_after(rig: Bench, rounds: int) -> int:
    """Reset the board, connect, stream and stop so many times, and return what is in use then."""
    rig.reset()
    await heard_ns(rig, _BOOT_S, "after a reset")
    for _ in range(rounds):
        async with owned(rig) as link:
            await link.start()
            await streamed(link, _STREAM_S)
            await link.stop()
    return await heap_in_use(rig)
