"""How far figures of a virtual bench move though nothing was changed that they show.

Runs with one seed share what is random, but not to the bit once the firmware differs: code at
other addresses shifts phases and draws. ``residual_noise.toml`` has a bound for each figure,
measured with changes that do nothing, or assumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from scipy.stats import chi2, norm

from eegrig.boards.errors import ConfigError
from eegrig.boards.files import read_toml

__all__ = ["LEAST_CHANGES", "NoiseBound", "bound_of", "measured_bound", "read_bounds"]

LEAST_CHANGES = 20
"""Changes that do nothing, for a bound to be called measured."""

_FILE = Path(__file__).parent / "residual_noise.toml"
_COVERED = 0.999
_CONFIDENCE = 0.95

_Bound = Annotated[float, msgspec.Meta(ge=0)]


class NoiseBound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far some figures may move by themselves.

    Attributes
    ----------
    figures : str
        A name, or a pattern with ``*``.
    relative : float
        Of the figure's reference.
    absolute : float
        In the figure's unit.
    measured, assumed : str
        How it is known: one of them.
    """

    figures: str
    relative: _Bound = 0.0
    absolute: _Bound = 0.0
    measured: str = ""
    assumed: str = ""

    def in_unit(self, reference: float) -> float:
        """Return the bound in the figure's unit."""
        return max(self.relative * reference, self.absolute)


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    bounds: list[NoiseBound]


def read_bounds(path: Path) -> list[NoiseBound]:
    """Read a file of bounds.

    Raises
    ------
    boards.errors.ConfigError
        If an entry does not say how it is known, or a number is not finite.
    """
    bounds = read_toml(path, _File).bounds
    for bound in bounds:
        if bool(bound.measured) == bool(bound.assumed):
            raise ConfigError(
                f"{path}: {bound.figures}: say how it is known, as measured or as assumed"
            )
        if not math.isfinite(bound.relative + bound.absolute):
            raise ConfigError(f"{path}: {bound.figures}: a bound is not a finite number")
    return bounds


def bound_of(name: str, bounds: Sequence[NoiseBound] | None = None) -> NoiseBound:
    """Return the bound of a figure: the first whose pattern fits its name."""
    found = _own() if bounds is None else bounds
    return next(bound for bound in found if fnmatchcase(name, bound.figures))


@cache
def _own() -> tuple[NoiseBound, ...]:
    return tuple(read_bounds(_FILE))


def measured_bound(moves: Sequence[float]) -> float:
    """Return a bound from how far changes that do nothing moved a figure.

    A tolerance interval of normal moves about zero: with a confidence of 0.95 it holds 0.999 of all
    such changes; never less than the largest that was seen. The sum of squares over a variance has
    a chi-square distribution, so its 0.05 quantile bounds the variance from above.

    Parameters
    ----------
    moves : sequence of float
        Of `LEAST_CHANGES` changes or more, with their signs.

    Raises
    ------
    ValueError
        If there are fewer, or one is not finite.
    """
    found = np.asarray(moves, dtype=np.float64)
    if found.size < LEAST_CHANGES or not np.isfinite(found).all():
        raise ValueError(f"a bound is measured with {LEAST_CHANGES} changes or more, all finite")
    sigma = math.sqrt(float(np.sum(found**2)) / float(chi2.ppf(1 - _CONFIDENCE, found.size)))
    return max(sigma * float(norm.ppf(0.5 + _COVERED / 2)), float(np.abs(found).max()))
