"""What runs found out, as text that people review: one TOML file a board in ``docs/figures``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec

from eegrig.boards.errors import ConfigError
from eegrig.boards.whole_file import write_whole

__all__ = [
    "FOLDER",
    "ROOT",
    "Step",
    "Stored",
    "StoredFigure",
    "StoredWalk",
    "load",
    "load_all",
    "load_walk",
    "save",
    "save_walk",
]

ROOT = Path(os.environ.get("EEGRIG_CLONE") or Path(__file__).resolve().parents[2])
"""The clone: this file's, unless EEGRIG_CLONE says where, since an installed package has none."""
FOLDER = ROOT / "docs" / "figures"

_DIGITS, _UNCERTAINTY_DIGITS = 5, 3
_HEAD = "# Written by `make figures`, see README.md in this folder. Not to be edited.\n"

Fingerprint = dict[str, str | int | float]


class StoredFigure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure, rounded.

    Attributes
    ----------
    value : float or None
        None where a run could not determine it.
    unit : str
        SI unit, as in `hil.figures.figure.Figure`; ``"B"`` for bytes.
    uncertainty : float or None
        One standard uncertainty; None where it is unknown.
    sound : bool
        False if the run found it inconclusive, whatever its value (``docs/results.md``).
    """

    value: int | float | None = None
    unit: str
    uncertainty: float | None = None
    sound: bool = True

    @classmethod
    def of(
        cls,
        value: int | float | None,
        unit: str,
        uncertainty: float | None = None,
        *,
        sound: bool = True,
    ) -> StoredFigure:
        """Return a figure with the digits that are kept: all of bytes, else some more than shown.

        Not all of them, for the last ones depend on the computer's arithmetic.
        """
        return cls(
            value=value if value is None or unit == "B" else _rounded(value, _DIGITS),
            unit=unit,
            uncertainty=None if uncertainty is None else _rounded(uncertainty, _UNCERTAINTY_DIGITS),
            sound=sound,
        )

    def agrees(self, other: StoredFigure) -> bool:
        """Say whether it is the same figure: a number that lies between two may be either of them.

        Computers add up in different orders (numpy takes the widest vectors there are), so what
        differs in the sixteenth digit on two of them may differ by one in the last that is kept.
        """
        return (
            (self.unit, self.sound) == (other.unit, other.sound)
            and _neighbours(self.value, other.value, 0 if self.unit == "B" else _DIGITS)
            and _neighbours(self.uncertainty, other.uncertainty, _UNCERTAINTY_DIGITS)
        )


Figures = dict[str, StoredFigure]


class Stored(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the runs of one board, or of a model, found out.

    Attributes
    ----------
    identity : dict
        What was run, and how (`hil.pages.identity`).
    figures : dict of str to StoredFigure
    """

    identity: Fingerprint
    figures: Figures


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command on a page, and the lines that the page shows of what it says.

    Attributes
    ----------
    command : str
    shown : list of str
    """

    command: str
    shown: list[str]


class StoredWalk(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the commands of a page said.

    Attributes
    ----------
    identity : dict
    steps : list of Step
    """

    identity: Fingerprint
    steps: list[Step]


T = TypeVar("T", Stored, StoredWalk)


def save(name: str, stored: Stored, folder: Path = FOLDER) -> None:
    """Write what a board's runs found out; the same content gives the same bytes."""
    lines = ["", "[figures]"]
    for key, figure in stored.figures.items():
        fields = {
            "value": figure.value,
            "unit": figure.unit,
            "uncertainty": figure.uncertainty,
        }
        said = ", ".join(f"{k} = {_toml(v)}" for k, v in fields.items() if v is not None)
        if not figure.sound:
            said += ", sound = false"
        lines.append(f"{_toml(key)} = {{ {said} }}")
    _write(folder / f"{name}.toml", stored.identity, lines)


def save_walk(name: str, walk: StoredWalk, folder: Path = FOLDER) -> None:
    """Write what the commands of a page said."""
    lines: list[str] = []
    for step in walk.steps:
        lines += ["", "[[steps]]", f"command = {_toml(step.command)}", "shown = ["]
        lines += [f"  {_toml(line)}," for line in step.shown]
        lines.append("]")
    _write(folder / f"{name}.toml", walk.identity, lines)


def load(name: str, folder: Path = FOLDER) -> Stored:
    """Read what a board's runs found out.

    Raises
    ------
    ConfigError
        If there is no such file, or it is broken.
    """
    return _read(folder / f"{name}.toml", Stored)


def load_walk(name: str, folder: Path = FOLDER) -> StoredWalk:
    """Read what the commands of a page said; as `load`."""
    return _read(folder / f"{name}.toml", StoredWalk)


def load_all(names: Iterable[str], folder: Path = FOLDER) -> dict[str, Stored]:
    """Read several, those that were never run left out."""
    return {name: load(name, folder) for name in names if (folder / f"{name}.toml").exists()}


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; run `make figures` in a clone") from None
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}; run `make figures`") from None


def _write(path: Path, identity: Mapping[str, str | int | float], lines: Iterable[str]) -> None:
    head = [_HEAD, "[identity]", *(f"{key} = {_toml(value)}" for key, value in identity.items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, ("\n".join([*head, *lines]) + "\n").encode())


def _toml(value: str | int | float) -> str:
    # What JSON makes of text without control characters is a basic string of TOML.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _neighbours(one: float | None, other: float | None, digits: int) -> bool:
    """Say whether two numbers of so many digits are equal, or next to each other."""
    if one is None or other is None or one == other or not digits:
        return one == other
    step = Decimal(1).scaleb(min(Decimal(str(x)).adjusted() for x in (one, other)) - digits + 1)
    return abs(Decimal(str(one)) - Decimal(str(other))) <= step
