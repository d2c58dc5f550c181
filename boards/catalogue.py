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

__all__ = ["FILE_NAME", "catalogue", "catalogue_with", "own_catalogue", "with_others"]

FILE_NAME = "figures.toml"
"""Of a file that declares figures, beside the suites that take them."""
_FILE = Path(__file__).parent / FILE_NAME
_GROUP = "eegrig.figures"


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shape of ``figures.toml``: words, and figures by topic and name."""

    words: dict[str, dict[str, str]] = {}
    topics: dict[str, dict[str, dict[str, Any]]]


@cache
def catalogue() -> Catalogue:
    """Return all figures that are declared."""
    return with_others(own_catalogue(), entry_points(group=_GROUP))


@cache
def own_catalogue() -> Catalogue:
    """Return the figures that come with eegrig."""
    file = read_toml(_FILE, _File)
    return Catalogue(_declared(_FILE, file), file.words)


def catalogue_with(files: Iterable[Path]) -> Catalogue:
    """Return all figures that are declared, with those of these files.

    Parameters
    ----------
    files : iterable of Path
        Of the form of ``boards/figures.toml``; ``words`` are those of eegrig.

    Raises
    ------
    boards.errors.ConfigError
        If a file is broken, or a figure is declared twice.
    """
    found = catalogue()
    for path in files:
        file = read_toml(path, _File)
        if file.words:
            raise ConfigError(f"{path}: words: only eegrig's own figures have some; name each one")
        declared = _declared(path, file)
        try:
            found = found.extended(declared)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None
    return found


def _declared(path: Path, file: _File) -> list[DeclaredFigure]:
    declared = []
    for topic, figures in file.topics.items():
        for name, fields in figures.items():
            try:
                declared.append(
                    msgspec.convert({"name": name, "topic": topic, **fields}, DeclaredFigure)
                )
            except msgspec.ValidationError as error:
                raise ConfigError(f"{path}: {name}: {error}") from None
    return declared


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
