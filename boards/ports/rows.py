"""A fact about something we did not make: a value, and where it was read or why it is assumed."""

from __future__ import annotations

from typing import Annotated

import msgspec

from eegrig.boards.errors import ConfigError

__all__ = ["Row", "Value", "check_row"]

Value = bool | int | float | str | list[str]


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fact.

    Attributes
    ----------
    value : bool, int, float, str or list of str
        ``"none"`` where the answer is that there is none: TOML has no word for it.
    source : str or None
        Where it was read: file and revision, the stock binary, a data sheet.
    assumed : str or None
        Instead of a source: where it comes from, and what was not checked.
    spread : float or None
        Of a count that varies: its geometric uncertainty, one sigma; 1.2 is x/÷ 1.2.
    """

    value: Value
    source: str | None = None
    assumed: str | None = None
    spread: Annotated[float, msgspec.Meta(ge=1)] | None = None

    @property
    def meaning(self) -> Value | None:
        """The value, None for ``"none"``."""
        return None if self.value == "none" else self.value


def check_row(where: str, row: Row) -> None:
    """Refuse a fact that says neither where it was read nor that it is assumed.

    Raises
    ------
    boards.errors.ConfigError
        With the row's key.
    """
    given = [text for text in (row.source, row.assumed) if text is not None]
    if len(given) != 1 or len(given[0].strip()) < 3:
        raise ConfigError(
            f'{where}: expected source = "file and revision" or assumed = "why, from where", one'
            f" of them; got {'both' if len(given) == 2 else 'nothing that says it'}"
        )
