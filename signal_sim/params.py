"""Parameters that carry their unit, range and source, and say so when they are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from math import inf, isfinite
from typing import Any, ClassVar

from eegrig.boards.wording import nearest
from eegrig.signal_sim.errors import SceneError

__all__ = ["ASSUMED", "Parameter", "Spec", "par", "parameters"]

ASSUMED = "assumed"
"""Stands in place of a source where nobody measured."""


def par(
    default: Any,
    unit: str,
    source: str,
    *,
    low: float = 0.0,
    high: float = inf,
    one_of: tuple[str, ...] = (),
) -> Any:
    """Declare a parameter: a dataclass field with unit, source and range.

    Parameters
    ----------
    default : object
        Its value where a scene says nothing.
    unit : str
        ``"V"``, ``"Hz"``, ``"s"``, ``"1"`` ...
    source : str
        Where the default comes from, or ``"assumed"``.
    low, high : float
        Smallest and largest allowed value, for numbers and sequences of numbers.
    one_of : tuple of str
        Allowed values, for strings.
    """
    about = {"unit": unit, "source": source, "low": low, "high": high, "one_of": one_of}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a `Spec`, for documentation and checks."""

    name: str
    default: Any
    unit: str
    source: str
    low: float
    high: float
    one_of: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Something with checked parameters that a scene can name."""

    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for about in parameters(type(self)):
            check(f"{self.kind}: {about.name}", getattr(self, about.name), about)

    @classmethod
    def from_mapping(cls, values: dict[str, Any], where: str) -> Any:
        """Build from what a file says.

        Raises
        ------
        SceneError
            A key is no parameter of this (the nearest is named), or a value is out of range.
        """
        names = {item.name for item in fields(cls) if item.init}
        for key in values:
            if key not in names:
                msg = f"{where}: {cls.kind} has no parameter {key!r}{nearest(key, names)}"
                raise SceneError(msg)
        frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        try:
            return cls(**frozen)
        except SceneError as error:
            msg = f"{where}: {error}"
            raise SceneError(msg) from None
        except TypeError as error:
            msg = f"{where}: {cls.kind}: {error}"
            raise SceneError(msg) from None


def parameters(spec: type[Spec]) -> Iterator[Parameter]:
    """Iterate over the declared parameters of `spec`."""
    for item in fields(spec):
        if "unit" not in item.metadata:
            continue
        yield Parameter(name=item.name, default=item.default, **item.metadata)


def check(where: str, value: Any, about: Parameter) -> None:
    """Raise `SceneError` where `value` is of another type or out of range."""
    if isinstance(about.default, str):
        if not isinstance(value, str):
            msg = f"{where} is {value!r}: give a text"
            raise SceneError(msg)
        if about.one_of and value not in about.one_of:
            msg = f"{where} is {value!r}{nearest(value, about.one_of)}"
            raise SceneError(msg)
        return
    if isinstance(about.default, bool):
        if not isinstance(value, bool):
            msg = f"{where} is {value!r}: give true or false"
            raise SceneError(msg)
        return
    if isinstance(about.default, tuple):
        if not isinstance(value, tuple | list):
            msg = f"{where} is {value!r}: give a list"
            raise SceneError(msg)
        if about.default and not isinstance(about.default[0], str):
            for item in value:
                _check_number(where, item, about)
        return
    if isinstance(about.default, int | float):
        _check_number(where, value, about)


def _check_number(where: str, value: Any, about: Parameter) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        msg = f"{where} is {value!r}: give a finite number in {about.unit}"
        raise SceneError(msg)
    if not about.low <= value <= about.high:
        span = (
            f"from {about.low:g} to {about.high:g}"
            if about.high < inf
            else f"at least {about.low:g}"
        )
        msg = f"{where} is {value:g}: give {span} {about.unit}"
        raise SceneError(msg)
