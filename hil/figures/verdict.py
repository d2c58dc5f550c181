"""A figure held against a board's target; the rules are in ``docs/results.md``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from eegrig.boards.schema import Board, Target

__all__ = ["Judgement", "Kind", "RunVerdict", "Verdict", "excess", "judge"]

Kind = Literal["max", "min", "within"]
"""What a limit asks: no more than it, no less, or no farther from zero on either side."""

Verdict = Literal["pass", "marginal", "fail", "inconclusive"]
"""How a figure stands against its target."""

RunVerdict = Verdict | Literal["part"]
"""How a run stands: as its worst figure, or ``part`` if it took a part of the tests, all met."""


class Judgement(NamedTuple):
    """A verdict and how it came about.

    Attributes
    ----------
    verdict : {"pass", "marginal", "fail", "inconclusive"} or None
        None where the board has no target for the figure.
    note : str
        Why the verdict is not a plain pass; empty if there is nothing to say.
    target : Target or None
        What the figure was held against.
    """

    verdict: Verdict | None
    note: str
    target: Target | None


def excess(kind: Kind, value: float, limit: float) -> float:
    """Return by how much a value misses a limit, in its unit; negative is what is left of it."""
    if kind == "min":
        return limit - value
    return (abs(value) if kind == "within" else value) - limit


def judge(
    board: Board,
    name: str,
    value: float | None,
    uncertainty: float | None,
    n: int,
    *,
    lost: int = 0,
    saturated: bool = False,
    signal_fault: str = "",
    identity_ok: bool = True,
    window_ok: bool = True,
) -> Judgement:
    """Hold a figure against the board's target.

    - *inconclusive*: the figure could not be taken properly, whatever its value; or what was played
      cannot show it on every channel, and it meets the limit on the others;
    - *fail*: the value misses the limit;
    - *marginal*: the value meets the limit, but not with its standard uncertainty added on the bad
      side, or that uncertainty is unknown;
    - *pass*: the value meets the limit with its uncertainty.

    A figure without a target gets no verdict; what is wrong with it is noted all the same.

    Parameters
    ----------
    board : Board
        Whose ``targets`` count.
    name : str
        Name of the figure.
    value : float or None
        In the target's unit; None where it could not be determined.
    uncertainty : float or None
        Standard uncertainty in the same unit; None where it is unknown.
    n : int
        Number of samples behind the value.
    lost : int
        Samples missing from the stretch the figure was computed over.
    saturated : bool
        Whether the instrument or the front end was out of range.
    signal_fault : str
        Why what was played cannot show the figure on every channel; empty if it can. The value is
        that of the others.
    identity_ok : bool
        Whether the board runs the firmware that was asked for.
    window_ok : bool
        Whether the stretch was long enough for the figure.
    """
    target = board.targets.get(name)
    undetermined = value is None or not math.isfinite(value) or n <= 0
    flaws = [
        text
        for present, text in (
            (undetermined, "no value was obtained"),
            (lost > 0, f"computed over {lost} lost samples"),
            (saturated, "out of range during the measurement"),
            (not identity_ok, "the board does not run the firmware that was asked for"),
            (not window_ok, "the window was too short"),
        )
        if present
    ]
    if target is None:
        return Judgement(None, "; ".join([*flaws, *filter(None, [signal_fault])]), None)
    if signal_fault and (flaws or value is None):
        # What was played explains why there is no value.
        flaws = [signal_fault, *flaws[int(undetermined) :]]
    if flaws or value is None:
        return Judgement("inconclusive", "; ".join(flaws), target)
    beyond = excess(target.kind, value, target.limit)
    if beyond > 0:
        return Judgement("fail", signal_fault, target)
    if signal_fault:
        return Judgement("inconclusive", signal_fault, target)
    if uncertainty is None:
        return Judgement("marginal", "its uncertainty is unknown", target)
    if beyond + uncertainty > 0:
        return Judgement("marginal", "meets the limit, but not with its uncertainty", target)
    return Judgement("pass", "", target)
