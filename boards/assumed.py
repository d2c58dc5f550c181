"""A fact that no document confirms, as data: what rests on it says so."""

from __future__ import annotations

import msgspec

__all__ = ["Assumed"]


class Assumed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that is assumed.

    Attributes
    ----------
    part : str
        What it is about: a part, a build of MicroPython, a port.
    key : str
        Which of its facts.
    value : bool, int, float, str or None
        As its file gives it; None for a curve or a table.
    unit : str
        Of `value`, as its file gives it; empty where it has none.
    source : str
        Where it is taken from.
    """

    part: str
    key: str
    value: bool | int | float | str | None = None
    unit: str = ""
    source: str = ""
