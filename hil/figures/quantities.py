"""Numbers as people read them: a fitting unit, and the digits that mean something."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["NO_BREAK", "Quantity", "factor_of", "number", "quantity"]

NO_BREAK = "\u00a0"
_MINUS = "\u2212"
_MOST_SIGNIFICANT = 6

# Prefixes in use for each SI unit, largest first. Times split into everyday units.
_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "W": ((1.0, "W"), (1e-3, "mW"), (1e-6, "µW"), (1e-9, "nW")),
    "J": ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ")),
    "V": ((1.0, "V"), (1e-3, "mV"), (1e-6, "µV"), (1e-9, "nV")),
    "A": ((1.0, "A"), (1e-3, "mA"), (1e-6, "µA"), (1e-9, "nA")),
    "Ohm": ((1e9, "GOhm"), (1e6, "MOhm"), (1e3, "kOhm"), (1.0, "Ohm")),
    "V/s": ((1.0, "V/s"), (1e-3, "mV/s"), (1e-6, "µV/s"), (1e-9, "nV/s")),
    "C": ((1.0, "C"), (1e-3, "mC"), (1e-6, "µC"), (1e-9, "nC")),
    "s": ((86400.0, "d"), (3600.0, "h"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")),
    "bit/s": ((1e3, "kbit/s"), (1.0, "bit/s")),
    "%": ((1e-2, "%"),),
    "ppm": ((1e-6, "ppm"),),
    "B": ((1e6, "MB"), (1024.0, "KiB"), (1e3, "kB"), (1.0, "B")),
}
_FACTOR = {name: factor for scale in _SCALES.values() for factor, name in scale}


class Quantity(NamedTuple):
    """A value as text.

    Attributes
    ----------
    number, unit : str
        What is printed; the unit is empty for a plain number.
    uncertainty : str
        With as many decimals as the number; empty where there is none.
    """

    number: str
    unit: str
    uncertainty: str

    def __str__(self) -> str:
        with_uncertainty = self.number
        if self.uncertainty:
            with_uncertainty += f"{NO_BREAK}±{NO_BREAK}{self.uncertainty}"
        return f"{with_uncertainty}{NO_BREAK}{self.unit}" if self.unit else with_uncertainty


def quantity(
    value: float,
    unit: str,
    uncertainty: float | None = None,
    *,
    shown_in: str | None = None,
    significant: int = 4,
) -> Quantity:
    """Write a value in the unit and with the digits that suit it.

    Parameters
    ----------
    value : float
        In `unit`.
    unit : str
        SI unit; ``"1"`` for a plain number. One that is not known is printed as it is.
    uncertainty : float, optional
        In `unit`; decides how many digits there are. It gets two of its own up to 35, else one
        (the rule of the Particle Data Group, *Review of Particle Physics*, section 5.3).
    shown_in : str, optional
        Unit to print (``"mW"``, ``"%"``); without it, the one that leaves a number from 1 up.
    significant : int
        Digits of the value where no uncertainty decides.
    """
    if shown_in is None:
        shown_in = _fitting(value, unit)
    factor = _FACTOR.get(shown_in, 1.0) / _FACTOR.get(unit, 1.0)
    value = value / factor
    if not uncertainty:
        return Quantity(number(value, significant), _name(shown_in), "")
    uncertainty = uncertainty / factor
    magnitude = math.floor(math.log10(uncertainty))
    decimals = -magnitude + (1 if uncertainty / 10.0**magnitude < 3.55 else 0)
    if value:
        decimals = min(decimals, _MOST_SIGNIFICANT - 1 - math.floor(math.log10(abs(value))))
    decimals = max(decimals, 0)
    return Quantity(
        _signed(f"{value:.{decimals}f}"), _name(shown_in), _spread(uncertainty, decimals)
    )


def factor_of(shown_in: str, unit: str) -> float | None:
    """Return how many of an SI unit one of another unit is; None if it is not of that kind."""
    if shown_in == unit:
        return 1.0
    kind = "%" if unit == "1" else unit
    return next((factor for factor, name in _SCALES.get(kind, ()) if name == shown_in), None)


def number(value: float, significant: int = 4) -> str:
    """Write a number with so many significant digits, without an exponent or idle zeros."""
    if value == 0 or not math.isfinite(value):
        return _signed(f"{value:g}")
    decimals = max(significant - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return _signed(text)


def _spread(uncertainty: float, decimals: int) -> str:
    """Write an uncertainty; one that vanishes at so many decimals is below the last of them."""
    text = f"{uncertainty:.{decimals}f}"
    return text if float(text) else f"<{NO_BREAK}{10.0**-decimals:.{decimals}f}"


def _signed(text: str) -> str:
    if text.startswith("-"):
        return _MINUS + text[1:] if float(text) else text[1:]
    return text


def _fitting(value: float, unit: str) -> str:
    scale = _SCALES.get(unit)
    if not scale:
        return unit
    for factor, name in scale:
        if name != "d" and abs(value) >= factor:
            return name
    return scale[-1][1] if value else unit


def _name(unit: str) -> str:
    return "" if unit == "1" else unit
