"""What a part's file must be beyond its types: its own name, units that exist, curves that rise."""

from __future__ import annotations

from eegrig.boards.errors import ConfigError
from eegrig.boards.part import Part, to_si

__all__ = ["check_part"]


def check_part(part: Part, stem: str) -> None:
    """Compare a part read from ``<stem>.toml`` with itself.

    Raises
    ------
    boards.errors.ConfigError
        On the first contradiction: ``key: what is wrong and what was expected``.
    """
    if part.name != stem:
        raise ConfigError(f"name: expected {stem!r}, the file's name, got {part.name!r}")
    for key, figure in part.figures.items():
        _check_unit(f"figures.{key}.unit", figure.unit)
    for key, curve in part.curves.items():
        _check_unit(f"curves.{key}.x_unit", curve.x_unit)
        _check_unit(f"curves.{key}.y_unit", curve.y_unit)
        if len(curve.x) != len(curve.y):
            raise ConfigError(
                f"curves.{key}.y: expected {len(curve.x)} values, one for each x,"
                f" got {len(curve.y)}"
            )
        if any(b <= a for a, b in zip(curve.x, curve.x[1:], strict=False)):
            raise ConfigError(f"curves.{key}.x: expected values that rise strictly")
    for key, table in part.tables.items():
        _check_unit(f"tables.{key}.unit", table.unit)
        widths = {len(row) for row in table.values}
        if len(table.values) != len(table.rows) or widths != {len(table.columns)}:
            raise ConfigError(
                f"tables.{key}.values: expected {len(table.rows)} rows"
                f" of {len(table.columns)} values"
            )


def _check_unit(where: str, unit: str) -> None:
    try:
        to_si(1.0, unit)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
