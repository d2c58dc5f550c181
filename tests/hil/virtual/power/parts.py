"""Parts with figures that a test chooses, in SI units, so that sums can be done by hand."""

from __future__ import annotations

from eegrig.boards import Curve, Part, PartValue
from eegrig.boards.part import PartKind

SOURCE = "chosen for a test"


def figure(value: float, spread: float = 0.0, *, assumed: bool = False) -> PartValue:
    return PartValue(value=value, unit="1", spread=spread, assumed=assumed, source=SOURCE)


def a_part(
    name: str,
    kind: PartKind,
    curves: dict[str, Curve] | None = None,
    spreads: dict[str, float] | None = None,
    **values: float,
) -> Part:
    """A part with these figures; those without a spread are certain."""
    spreads = spreads or {}
    figures = {key: figure(value, spreads.get(key, 0.0)) for key, value in values.items()}
    return Part(name=name, title=name, kind=kind, figures=figures, curves=curves or {})


def curve(x: list[float], y: list[float], spread: float = 0.0) -> Curve:
    return Curve(x=x, y=y, x_unit="1", y_unit="1", spread=spread, source=SOURCE)
