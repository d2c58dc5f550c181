"""Whether a stream gets anywhere: packets alone do not tell, what is new in them does."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from eegrig.boards.errors import EegrigError
from eegrig.host.link.link_errors import StreamStalled
from eegrig.host.wire.errors import ProtocolError

if TYPE_CHECKING:
    from eegrig.host.link.board_link import BoardLink

__all__ = ["StallWatch"]


class StallWatch:
    """Takes packets from a link for as long as they bring something new.

    As a context manager it stops a board whose stream is of no use any more: it stays usable.

    Parameters
    ----------
    link : BoardLink
        Whose stream has just been started.
    timeout_s : float
        How long it may take until there is something new, by the event loop's clock.
    what : str
        What is counted, in the plural.
    slowest_per_s : float
        A board that brings fewer of them, over twice the time, may as well have stopped: whoever
        waits for the end of its stream would wait for very long.
    """

    def __init__(
        self, link: BoardLink, timeout_s: float, *, what: str, slowest_per_s: float = 0.0
    ) -> None:
        self._link = link
        self._timeout_s = timeout_s
        self._long_s = 2 * timeout_s
        self._what = what
        self._least = slowest_per_s * self._long_s
        self._now_s = asyncio.get_running_loop().time
        # Since something new came, and since there was enough of it.
        self._last = self._enough = _Mark(self._now_s())
        self._n_packets = 0
        self._overdue = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, StreamStalled | ProtocolError):
            with contextlib.suppress(EegrigError):  # what was wrong first is what is told
                await self._link.stop()

    async def receive(
        self, n_new: int, where: str, *, n_repeated: int = 0
    ) -> list[tuple[bytes, int]]:
        """Wait for packets and return all there are, as `BoardLink.receive`.

        Parameters
        ----------
        n_new : int
            How many new ones there have been in all packets so far.
        where : str
            How far the stream has come, for the message.
        n_repeated : int
            How many packets so far brought nothing, because their numbers had been there before.

        Raises
        ------
        StreamStalled
            If nothing new has come for too long, whatever else has.
        """
        if n_new > self._last.n_new:
            self._last = _Mark(self._now_s(), n_new, n_repeated, self._n_packets)
            self._overdue = False
            if n_new >= self._enough.n_new + self._least:
                self._enough = self._last
        deadline_s = min(self._last.at_s + self._timeout_s, self._enough.at_s + self._long_s)
        try:
            async with asyncio.timeout_at(deadline_s):
                packets = await self._link.receive()
        except TimeoutError:
            packets = self._link.drain()
            # A computer that was busy looks once more at what has come meanwhile.
            if not packets or self._overdue:
                raise self._stalled(n_new, where, n_repeated) from None
            self._overdue = True
        self._n_packets += len(packets)
        return packets

    def _stalled(self, n_new: int, where: str, n_repeated: int) -> StreamStalled:
        stopped = self._now_s() >= self._last.at_s + self._timeout_s
        since, within_s = (self._last, self._timeout_s) if stopped else (self._enough, self._long_s)
        n_packets = self._n_packets - since.n_packets
        said = f"{self._link.name} has sent"
        when = f"for {within_s:g} s {where}"
        if not n_packets:
            return StreamStalled(f"{said} nothing {when}, and no fault: reset the board")
        came = "no new" if stopped else f"only {n_new - since.n_new} new"
        text = f"{said} {came} {self._what} {when}, in {n_packets} packets"
        repeated = n_repeated - since.n_repeated
        if repeated:
            text += f", {repeated} of them with numbers of earlier ones: its firmware counts wrong"
        else:
            text += ": reset the board; if that does not help, flash it anew"
        return StreamStalled(text)


class _Mark(NamedTuple):
    """How far a stream was at some time."""

    at_s: float
    n_new: int = 0
    n_repeated: int = 0
    n_packets: int = 0
