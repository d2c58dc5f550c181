"""The catalogue of figures: those of eegrig, and those that other packages declare.

A package that has suites of its own names a function in the entry-point group ``eegrig.figures``;
it takes nothing and returns an iterable of `boards.figures.DeclaredFigure`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import msgspec

from eegrig.boards.errors import ConfigError
from eegrig.boards.figures import Catalogue, DeclaredFigure
from eegrig.boards.files import read_toml

__all__ = ["catalogue", "own_catalogue", "with_others"]

_FILE = Path(__file__).parent / "figures.toml"
_GROUP = "eegrig.figures"


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shape of ``figures.toml``: words, and figures by topic and name."""

    words: dict[str, dict[str, str]]
    topics: dict[str, dict[str, dict[str, Any]]]


@cache
def catalogue() -> Catalogue:
    """Return all figures that are declared."""
    return with_others(own_catalogue(), entry_points(group=_GROUP))


@cache
def own_catalogue(path: Path = _FILE) -> Catalogue:
    """Return the figures that come with eegrig.

    Raises
    ------
    boards.errors.ConfigError
        If the file is broken.
    """
    file = read_toml(path, _File)
    declared = []
    for topic, figures in file.topics.items():
        for name, fields in figures.items():
            try:
                declared.append(
                    msgspec.convert({"name": name, "topic": topic, **fields}, DeclaredFigure)
                )
            except msgspec.ValidationError as error:
                raise ConfigError(f"{path}: {name}: {error}") from None
    return Catalogue(declared, file.words)


def with_others(own: Catalogue, points: Iterable[EntryPoint]) -> Catalogue:
    """Return a catalogue with the figures that other packages declare.

    A package that cannot be loaded, or whose figures cannot be, takes nothing else along: what
    is wrong with it is said where a figure is missed (`Catalogue.unknown`).
    """
    for point in sorted(points, key=lambda point: point.name):
        try:
            own = own.extended(point.load()())
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            own = own.noting(f"{point.value} declares figures, but could not: {reason}")
    return own
