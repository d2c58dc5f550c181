"""What a part is: the shape of ``boards/parts/<name>.toml``, every figure with its source."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec

from eegrig.boards.assumed import Assumed
from eegrig.boards.errors import ConfigError

__all__ = ["Curve", "Part", "PartKind", "PartValue", "Table", "to_si"]

_T = TypeVar("_T")

PartKind = Literal["mcu", "afe", "optics", "led", "buck", "boost", "ldo", "charger", "battery"]

_PREFIX = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_BASE = ("A", "C", "F", "Hz", "J", "Ohm", "V", "W", "s", "SPS", "Vrms")
_SI: dict[str, float] = {
    **{prefix + base: factor for prefix, factor in _PREFIX.items() for base in _BASE},
    "1": 1.0,
    "%": 1e-2,
    "ppm": 1e-6,
    "dB": 1.0,
    "dBm": 1.0,
    "bit": 1.0,
    "B": 1.0,
    "tCLK": 1.0,
    "h": 3600.0,
    "mAh": 3.6,
    "month": 30.44 * 86400.0,
    "%/month": 1e-2 / (30.44 * 86400.0),
    "ppm/C": 1e-6,
    "uV/C": 1e-6,
    "uA/MHz": 1e-12,
    "mA/channel": 1e-3,
    "C": 1.0,
    "degC": 1.0,
    "nm": 1e-9,
}
del _SI["C"]  # ambiguous between coulomb and Celsius: write uC, mC or degC

DEFAULT_SPREAD = 0.10
"""Relative one-sigma spread of a typical value with a source; data sheets seldom give one."""
ASSUMED_SPREAD = 0.30
"""Relative one-sigma spread of a figure marked ``assumed``."""


def to_si(value: float, unit: str) -> float:
    """Return `value` in the SI unit that belongs to `unit`.

    Raises
    ------
    boards.errors.ConfigError
        If the unit is not one the part files may use.
    """
    try:
        return value * _SI[unit]
    except KeyError:
        raise ConfigError(
            f"unit {unit!r} is not known; write one of: {', '.join(sorted(_SI))}"
        ) from None


class _Sourced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something with a provenance.

    Attributes
    ----------
    source : str
        The document, and where in it, the values were read; or how they were derived.
    assumed : bool
        Whether no document confirms them. A report that rests on them lists them.
    note : str
        Conditions or a caveat.
    spread : float or None
        Relative one-sigma uncertainty; without it 10 % for sourced, 30 % for assumed values.
    """

    source: Annotated[str, msgspec.Meta(min_length=3)]
    assumed: bool = False
    note: str = ""
    spread: Annotated[float, msgspec.Meta(ge=0)] | None = None

    @property
    def uncertainty(self) -> float:
        """Relative one-sigma uncertainty."""
        if self.spread is not None:
            return self.spread
        return ASSUMED_SPREAD if self.assumed else DEFAULT_SPREAD


class PartValue(_Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One number, in the unit its source gives it in; `si` converts."""

    value: float
    unit: str

    @property
    def si(self) -> float:
        """The value in the SI unit (amps, volts, seconds, hertz; ratios as fractions)."""
        return to_si(self.value, self.unit)


class Curve(_Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A figure that depends on another one: efficiency on load, voltage on charge.

    `x` rises strictly; between points it is interpolated by whoever uses it.
    """

    x: Annotated[list[float], msgspec.Meta(min_length=2)]
    y: Annotated[list[float], msgspec.Meta(min_length=2)]
    x_unit: str
    y_unit: str

    @property
    def x_si(self) -> list[float]:
        """Abscissa in SI units."""
        return [to_si(v, self.x_unit) for v in self.x]

    @property
    def y_si(self) -> list[float]:
        """Ordinate in SI units."""
        return [to_si(v, self.y_unit) for v in self.y]


class Table(_Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A figure by row and column (noise by data rate and gain); ``values[row][column]``."""

    row_axis: str
    column_axis: str
    rows: Annotated[list[float], msgspec.Meta(min_length=1)]
    columns: Annotated[list[float], msgspec.Meta(min_length=1)]
    values: list[list[float]]
    unit: str

    def si(self, row: float, column: float) -> float:
        """Return the entry at `row` and `column` in SI units.

        Raises
        ------
        boards.errors.ConfigError
            If the table has no such row or column.
        """
        if row not in self.rows:
            raise ConfigError(f"{self.row_axis} {row:g} is not one of {_listed(self.rows)}")
        if column not in self.columns:
            raise ConfigError(
                f"{self.column_axis} {column:g} is not one of {_listed(self.columns)}"
            )
        entry = self.values[self.rows.index(row)][self.columns.index(column)]
        return to_si(entry, self.unit)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A chip, converter or cell and its figures.

    ``part["iavdd_8ch"].si`` is a number in SI units; `curves` and `tables` hold what one number
    cannot say.

    Attributes
    ----------
    ports : list of str
        Of a microcontroller: the MicroPython ports that run on it and that eegrig supports.
    """

    name: str
    title: str
    kind: PartKind
    ports: list[str] = []
    figures: dict[str, PartValue]
    curves: dict[str, Curve] = {}
    tables: dict[str, Table] = {}

    def __getitem__(self, key: str) -> PartValue:
        """Return the figure called `key`.

        Raises
        ------
        boards.errors.ConfigError
            If the part has no such figure.
        """
        return _lookup(self.figures, key, f"part {self.name}: figures")

    def curve(self, key: str) -> Curve:
        """Return the curve called `key`; raises ConfigError if there is none."""
        return _lookup(self.curves, key, f"part {self.name}: curves")

    def table(self, key: str) -> Table:
        """Return the table called `key`; raises ConfigError if there is none."""
        return _lookup(self.tables, key, f"part {self.name}: tables")

    def assumption(self, key: str) -> Assumed | None:
        """Return `key` as a fact that figures rest on if its values are assumed, else None."""
        entry = self.figures.get(key) or self.curves.get(key) or self.tables.get(key)
        if entry is None or not entry.assumed:
            return None
        if isinstance(entry, PartValue):
            return Assumed(
                part=self.name, key=key, value=entry.value, unit=entry.unit, source=entry.source
            )
        return Assumed(part=self.name, key=key, source=entry.source)


def _listed(values: list[float]) -> str:
    return ", ".join(f"{v:g}" for v in values)


def _lookup(entries: dict[str, _T], key: str, where: str) -> _T:
    try:
        return entries[key]
    except KeyError:
        raise ConfigError(
            f"{where}: no entry {key!r}; there are: {', '.join(sorted(entries)) or 'none'}"
        ) from None
