"""A figure held against a board's target; the rules are in ``docs/results.md``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from eegrig.boards.schema import Target

__all__ = [
    "SOUND",
    "Flags",
    "Judgement",
    "Kind",
    "RunVerdict",
    "Verdict",
    "excess",
    "judge",
]

Kind = Literal["max", "min", "within"]
"""What a limit asks: no more than it, no less, or no farther from zero on either side."""

Verdict = Literal["pass", "marginal", "fail", "inconclusive"]
"""How a figure stands against its target."""

RunVerdict = Verdict | Literal["part"]
"""How a run stands: as its worst figure or test, or ``part`` if it took a part of its targets, all
met."""


class Flags(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What was wrong while a figure was taken: all that its verdict rests on besides its numbers.

    Attributes
    ----------
    lost : int
        Samples missing from the stretch the figure was computed over.
    saturated : bool
        Whether the instrument or the front end was out of range.
    short_window : bool
        Whether the stretch was shorter than the figure needs.
    other_firmware : bool
        Whether the board ran other firmware than was asked for.
    signal_fault : str
        Why what was played cannot show the figure on every channel; empty if it can. The value is
        that of the others.
    failed_test : str
        How the test failed that took the figure; empty if it did not, or only because of figures.
    """

    lost: int = 0
    saturated: bool = False
    short_window: bool = False
    other_firmware: bool = False
    signal_fault: str = ""
    failed_test: str = ""


SOUND = Flags()
"""Nothing was wrong."""


class Judgement(NamedTuple):
    """A verdict and how it came about.

    Attributes
    ----------
    verdict : {"pass", "marginal", "fail", "inconclusive"} or None
        None where the board has no target for the figure.
    note : str
        Why the verdict is not a plain pass; empty if there is nothing to say.
    """

    verdict: Verdict | None
    note: str


def excess(kind: Kind, value: float, limit: float) -> float:
    """Return by how much a value misses a limit, in its unit; negative is what is left of it."""
    if kind == "min":
        return limit - value
    return (abs(value) if kind == "within" else value) - limit


def judge(
    target: Target | None,
    value: float | None,
    uncertainty: float | None,
    n: int,
    flags: Flags = SOUND,
) -> Judgement:
    """Hold a figure against a target.

    - *inconclusive*: the figure could not be taken properly, whatever its value; or what was played
      cannot show it on every channel, or its test failed otherwise, and it meets the limit;
    - *fail*: the value misses the limit;
    - *marginal*: the value meets the limit, but not with its standard uncertainty added on the bad
      side, or that uncertainty is unknown;
    - *pass*: the value meets the limit with its uncertainty.

    A figure without a target gets no verdict; what is wrong with it is noted all the same.

    Parameters
    ----------
    target : Target or None
        What it is held against.
    value : float or None
        In the target's unit; None where it could not be determined.
    uncertainty : float or None
        Standard uncertainty in the same unit; None where it is unknown.
    n : int
        Number of samples behind the value.
    flags : Flags
        What was wrong meanwhile.
    """
    undetermined = value is None or not math.isfinite(value) or n <= 0
    flaws = [
        text
        for present, text in (
            (undetermined, "no value was obtained"),
            (flags.lost > 0, f"computed over {flags.lost} lost samples"),
            (flags.saturated, "out of range during the measurement"),
            (flags.other_firmware, "the board does not run the firmware that was asked for"),
            (flags.short_window, "the window was too short"),
        )
        if present
    ]
    doubts = [
        *filter(None, [flags.signal_fault]),
        *([f"the test failed: {flags.failed_test}"] if flags.failed_test else []),
    ]
    if doubts and undetermined:
        flaws = flaws[1:]  # they explain why there is no value
    said = "; ".join([*doubts, *flaws])
    if target is None:
        return Judgement(None, said)
    if flaws or value is None or undetermined:
        return Judgement("inconclusive", said)
    beyond = excess(target.kind, value, target.limit)
    if beyond > 0:
        return Judgement("fail", said)
    if doubts:
        return Judgement("inconclusive", said)
    if uncertainty is None:
        return Judgement("marginal", "its uncertainty is unknown")
    if beyond + uncertainty > 0:
        return Judgement("marginal", "meets the limit, but not with its uncertainty")
    return Judgement("pass", "")
