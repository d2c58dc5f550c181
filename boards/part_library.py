"""The parts that come with eegrig: found, read, and of the right kind."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from eegrig.boards.check_part import check_part
from eegrig.boards.errors import ConfigError
from eegrig.boards.files import read_toml
from eegrig.boards.part import Part, PartKind
from eegrig.boards.wording import unknown

__all__ = ["find_part", "list_parts", "load_part"]

_PARTS = Path(__file__).parent / "parts"


def list_parts(kinds: tuple[PartKind, ...] | None = None) -> list[str]:
    """Return the names of the parts there are, sorted: all, or those of some kinds."""
    names = sorted(path.stem for path in _PARTS.glob("*.toml"))
    return [name for name in names if kinds is None or load_part(name).kind in kinds]


@cache
def load_part(name: str) -> Part:
    """Read and check a part that comes with eegrig.

    Raises
    ------
    boards.errors.ConfigError
        If there is no such part or its file is broken.
    """
    path = _PARTS / f"{name}.toml"
    if name not in list_parts():
        raise ConfigError(unknown("part", name, list_parts()))
    part = read_toml(path, Part)
    try:
        check_part(part, path.stem)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return part


def find_part(where: str, name: str, kinds: tuple[PartKind, ...]) -> Part:
    """Return a part of one of `kinds`.

    Raises
    ------
    boards.errors.ConfigError
        If there is none of that name or it is of another kind; the message begins with `where`.
    """
    if name not in list_parts():
        raise ConfigError(f"{where}: {unknown('part', name, list_parts(kinds))}")
    part = load_part(name)
    if part.kind not in kinds:
        raise ConfigError(
            f"{where}: expected a part of kind {' or '.join(kinds)}, {name} is a {part.kind}"
        )
    return part
