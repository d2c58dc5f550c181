"""A stretch taken again with the processor slower: what the model's uncertainty does to figures."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from eegrig.boards.errors import EegrigError
from eegrig.hil.measure.processor import loss_uncertainty
from eegrig.hil.session.presence import heard_ns

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench

__all__ = [
    "LossOnSlower",
    "Slower",
    "SlowerBoard",
    "booted_after",
    "loss_on_slower",
    "slower_board",
    "together",
]

T = TypeVar("T")
U = TypeVar("U")

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Slower(Generic[T]):
    """What a stretch gave on a slower processor.

    Attributes
    ----------
    factor : float
        How many times as long the processor took.
    result : object or None
        What it gave; None if it came to nothing.
    failure : str
        Why it came to nothing; empty if it did not.
    """

    factor: float
    result: T | None
    failure: str = ""

    @property
    def conditions(self) -> dict[str, float]:
        """What a figure that rests on it says of it."""
        return {"slower_processor": round(self.factor, 3)}

    def map(self, function: Callable[[T], U]) -> Slower[U]:
        """Return the same with a function of what it gave, which may not be determined either."""
        if self.result is None:
            return Slower(self.factor, None, self.failure)
        try:
            return Slower(self.factor, function(self.result))
        except EegrigError as error:
            return Slower(self.factor, None, str(error).splitlines()[0])

    def __str__(self) -> str:
        return f"on a processor {self.factor:.3g} times slower"


def together(first: Slower[T], second: Slower[T]) -> Slower[tuple[T, T]]:
    """Return two stretches on one processor as one, which came to nothing if one of them did."""
    if first.result is None or second.result is None:
        return Slower(first.factor, None, first.failure or second.failure)
    return Slower(first.factor, (first.result, second.result))


@dataclass(frozen=True)
class LossOnSlower:
    """What a figure of loss says of a slower processor.

    Attributes
    ----------
    uncertainty : float
        What it adds to the loss.
    conditions : dict of str to float
    note : str
    """

    uncertainty: float = 0.0
    conditions: dict[str, float] = field(default_factory=dict)
    note: str = ""


def loss_on_slower(loss: float, slower: Slower[float] | None) -> LossOnSlower:
    """Return what to say of a loss, given the same on a slower processor, if it was taken.

    A stretch that came to nothing lost everything.
    """
    if slower is None:
        return LossOnSlower()
    lost = 1.0 if slower.result is None else slower.result
    note = slower.failure or (f"{100 * lost:.3g} % are lost" if lost > loss else "")
    return LossOnSlower(
        loss_uncertainty(loss, lost),
        slower.conditions | {"slower_loss": lost},
        f"{slower}: {note}" if note else "",
    )


async def booted_after(rig: Bench, reset: Callable[[], None]) -> float:
    """Reset the board, and return how many seconds it takes until its advertisement is heard.

    Raises
    ------
    BoardFault
        If it never is.
    """
    start_ns = rig.clock.now_ns()
    reset()
    return (await heard_ns(rig, _TIMEOUT_S, "after a reset") - start_ns) * 1e-9


class SlowerBoard:
    """A board on whose processor everything takes so many times as long; see `slower_board`.

    Attributes
    ----------
    boot_s : Slower of float
        From the reset to the first advertisement, in seconds.
    """

    def __init__(self, boot_s: Slower[float]) -> None:
        self.boot_s = boot_s

    async def take(self, stretch: Callable[[], Awaitable[T]]) -> Slower[T]:
        """Take a stretch: what the board does not manage, its start included, is what it gave."""
        if self.boot_s.result is None:
            return Slower(self.boot_s.factor, None, self.boot_s.failure)
        return await _attempt(self.boot_s.factor, stretch)


@contextlib.asynccontextmanager
async def slower_board(rig: Bench) -> AsyncIterator[Callable[[float], Awaitable[SlowerBoard]]]:
    """Have the board's processor slower for a while (bench with ``processor``).

    Yields
    ------
    callable
        Starts the board anew, with the processor so many times slower. At the end of the context it
        is up again, at its own speed.
    """
    processor = rig.processor
    assert processor is not None

    async def start(factor: float) -> SlowerBoard:
        return SlowerBoard(
            await _attempt(factor, lambda: booted_after(rig, lambda: processor.restart(factor)))
        )

    try:
        yield start
    finally:
        await booted_after(rig, lambda: processor.restart(1.0))


async def _attempt(factor: float, stretch: Callable[[], Awaitable[T]]) -> Slower[T]:
    try:
        return Slower(factor, await stretch())
    except EegrigError as error:
        return Slower(factor, None, str(error).splitlines()[0])
