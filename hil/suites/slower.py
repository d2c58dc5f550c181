"""A stretch taken again with the processor slower: what the model's uncertainty does to figures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from eegrig.boards.errors import BoardFault, EegrigError
from eegrig.hil.measure.processor import loss_uncertainty

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench

__all__ = [
    "LossOnSlower",
    "Slower",
    "heard",
    "loss_on_slower",
    "on_slower",
    "one_sigma_slower",
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


def together(*stretches: Slower[T] | None) -> Slower[list[T]] | None:
    """Return stretches on one processor as one, which came to nothing if one of them did."""
    results: list[T] = []
    for stretch in stretches:
        if stretch is None:
            return None
        if stretch.result is None:
            return Slower(stretch.factor, None, stretch.failure)
        results.append(stretch.result)
    return None if stretches[0] is None else Slower(stretches[0].factor, results)


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


async def heard(rig: Bench) -> int:
    """Wait for the board's advertisement; return when it came, on the bench's clock.

    Raises
    ------
    BoardFault
        If it does not come.
    """
    from bleak import BleakScanner

    came = asyncio.Event()
    seen_ns: list[int] = []

    def on_advertisement(device: object, data: object) -> None:
        if getattr(device, "name", None) == rig.board.radio.name and not came.is_set():
            seen_ns.append(rig.clock.now_ns())
            came.set()

    scanner = BleakScanner(on_advertisement, backend=rig.radio.scanner_backend)
    try:
        async with scanner, asyncio.timeout(_TIMEOUT_S):
            await came.wait()
    except TimeoutError:
        raise BoardFault(
            f"{rig.board.radio.name} does not advertise within {_TIMEOUT_S:g} s of a reset: read "
            "its console for what stops it"
        ) from None
    return seen_ns[0]


async def on_slower(rig: Bench, factor: float, take: Callable[[], Awaitable[T]]) -> Slower[T]:
    """Take a stretch with the processor `factor` times slower (bench with ``processor``).

    What the board does not manage then, its start included, is what the stretch gave; at the end it
    is up again, at its own speed.
    """
    assert rig.processor is not None
    try:
        with rig.processor.slower(factor):
            try:
                await heard(rig)
                return Slower(factor, await take())
            except EegrigError as error:
                return Slower(factor, None, str(error).splitlines()[0])
    finally:
        await heard(rig)


async def one_sigma_slower(rig: Bench, take: Callable[[], Awaitable[T]]) -> Slower[T] | None:
    """Take a stretch with the processor one sigma slower; None where the bench has no model."""
    if rig.processor is None:
        return None
    return await on_slower(rig, rig.processor.spread, take)
