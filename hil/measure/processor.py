"""What a processor that is slower than its model does to a figure, and how much slower it may be.

The model's error is a factor common to all that the processor does, known to one sigma. A figure
taken again with the processor slower by that factor moves by what one sigma is to it: the term of
that input in the law of propagation of uncertainty, by a difference instead of a derivative (JCGM
100:2008, 5.1.3, note 2).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

__all__ = ["SLOWEST", "Margin", "find_margin", "loss_uncertainty", "widened"]

SLOWEST = 4.0
"""No processor slower than so many times the modelled one is tried."""
_FASTEST = 0.5
# How far apart, as a factor, the two may be between which the margin lies: four more stretches find
# it where 1.2 keeps up.
_STEP = 1.17


def widened(uncertainty: float | None, value: float, slower: float) -> float | None:
    """Return an uncertainty with what one sigma of the processor does to the value.

    Parameters
    ----------
    uncertainty : float or None
        Standard uncertainty of everything else; None where it is unknown.
    value, slower : float
        The figure, and the same with the processor slower by one sigma.
    """
    return None if uncertainty is None else math.hypot(uncertainty, slower - value)


def loss_uncertainty(loss: float, slower: float) -> float:
    """Return how much more is lost with the processor one sigma slower: an uncertainty to one side.

    Nothing is gained by a faster processor where nothing is lost, and less than nothing cannot be.

    Parameters
    ----------
    loss, slower : float
        Part of the frames that is lost, with the processor as modelled and one sigma slower.
    """
    return max(0.0, slower - loss)


@dataclass(frozen=True)
class Margin:
    """How much slower a processor may be, as a factor of the modelled one's time.

    Attributes
    ----------
    holds : float or None
        The slowest that kept up; None if not even the fastest that was tried did.
    loses : float or None
        The fastest beyond it that did not keep up; None if the slowest that was tried did.
    n : int
        How many were tried.
    """

    holds: float | None
    loses: float | None
    n: int

    @property
    def value(self) -> float | None:
        """The middle between the two; a bound if all kept up, None if none did."""
        if self.holds is None or self.loses is None:
            return self.holds
        return (self.holds + self.loses) / 2

    @property
    def uncertainty(self) -> float | None:
        """Of a margin that is anywhere between the two (JCGM 100:2008, 4.3.7); 0 of a bound."""
        if self.holds is None:
            return None
        return 0.0 if self.loses is None else (self.loses - self.holds) / math.sqrt(12)

    def __str__(self) -> str:
        if self.holds is None:
            return f"does not hold on a processor {1 / _FASTEST:.3g} times faster either"
        if self.holds == 1 and self.loses is not None:
            return f"does not hold on a processor {self.loses:.3g} times slower"
        if self.holds < 1:
            return f"holds on a processor {1 / self.holds:.3g} times faster"
        least = "at least " if self.loses is None else ""
        return f"holds up to a processor {least}{self.holds:.3g} times slower"


async def find_margin(
    keeps_up: Callable[[float], Awaitable[bool]], known: Mapping[float, bool]
) -> Margin:
    """Find how much slower a processor may be, by halving what lies between.

    Parameters
    ----------
    keeps_up : callable
        Tries a processor that takes so many times as long, and says whether it keeps up.
    known : mapping of float to bool
        What has been tried before: at least something between 0.5 and 4.

    Returns
    -------
    Margin
        Its ends are within a factor of 1.17, unless all that were tried kept up, or none did.
    """
    tried = dict(known)

    async def ask(factor: float) -> bool:
        if factor not in tried:
            tried[factor] = await keeps_up(factor)
        return tried[factor]

    while True:
        loses = min((factor for factor, kept_up in tried.items() if not kept_up), default=None)
        slower = math.inf if loses is None else loses
        holds = max((factor for factor in tried if factor < slower), default=None)  # all kept up
        if loses is None and await ask(SLOWEST):
            return Margin(SLOWEST, None, len(tried))
        if holds is None and not await ask(_FASTEST):
            return Margin(None, _FASTEST, len(tried))
        if holds is None or loses is None:
            continue
        if loses / holds <= _STEP:
            return Margin(holds, loses, len(tried))
        await ask(math.sqrt(holds * loses))
