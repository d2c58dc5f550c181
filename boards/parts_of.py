"""Finding the parts a board names, as long as they are of the right kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from boards.errors import ConfigError
from boards.part import Part, PartKind

__all__ = ["LoadPart", "find_part", "listed"]

LoadPart = Callable[[str], Part]
"""Returns the part of a name, or raises ConfigError."""


def find_part(where: str, name: str, kinds: tuple[PartKind, ...], load_part: LoadPart) -> Part:
    """Return a part of one of `kinds`.

    Raises
    ------
    boards.errors.ConfigError
        If there is none of that name or it is of another kind; the message begins with `where`.
    """
    try:
        part = load_part(name)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    if part.kind not in kinds:
        raise ConfigError(
            f"{where}: expected a part of kind {' or '.join(kinds)}, {name} is a {part.kind}"
        )
    return part


def listed(values: Sequence[float]) -> str:
    """Return numbers as a sentence lists them."""
    return ", ".join(f"{v:g}" for v in values)
