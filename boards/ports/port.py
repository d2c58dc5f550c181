"""A port's file: facts of the port, of its stock builds, and options beyond them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from eegrig.boards.errors import ConfigError
from eegrig.boards.files import explain, read_toml
from eegrig.boards.ports.facts import Facts
from eegrig.boards.ports.rows import Row, check_row
from eegrig.boards.wording import unknown

__all__ = ["Build", "Option", "Port", "facts_of", "list_ports", "load_port", "read_port"]

_FOLDER = Path(__file__).parent

_COUNTED = ("prices", "calls")  # sections whose rows are counts, which vary

Sections = dict[str, dict[str, Row]]
"""Rows by section and key."""


class Build(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stock build of a port: official, or made with the port's own files alone.

    Attributes
    ----------
    title : str
        What it is made for.
    facts : dict
        What is true of it, beyond or instead of what is true of the port.
    """

    title: str
    facts: Sections = {}


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An option of the build that a board may ask for beyond stock.

    Attributes
    ----------
    meaning : str
        What it buys.
    sets : list of str
        Keys of the facts that take its value; of the first of them, the stock build's row says the
        option's stock value and where that was read.
    least, most : int
        The values it may have; of one that is true or false, nothing is said.
    source, assumed : str or None
        Where the option and its range were read, or why they are assumed.
    """

    meaning: str
    sets: list[str]
    least: int = 0
    most: int = 1
    source: str | None = None
    assumed: str | None = None


class Port(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A port of MicroPython.

    Attributes
    ----------
    name : str
        As in ``mcu.port`` of a ``board.toml``.
    title : str
    facts : dict
        What is true of all builds, by section and key.
    builds : dict of str to Build
        Stock builds, by the name that ``mcu.build`` gives.
    options : dict of str to Option
        By the name that ``mcu.options`` gives; those that come later override what earlier ones
        set.
    """

    name: str
    title: str
    facts: Sections
    builds: dict[str, Build]
    options: dict[str, Option] = {}

    def rows(self, build: str) -> Sections:
        """Return the rows of a stock build; its own go before the port's."""
        merged = {section: dict(rows) for section, rows in self.facts.items()}
        for section, rows in self.builds[build].facts.items():
            merged.setdefault(section, {}).update(rows)
        return merged


def list_ports() -> list[str]:
    """Return the names of the ports that are described, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


@cache
def load_port(name: str) -> Port:
    """Read and check the file of a port.

    Raises
    ------
    boards.errors.ConfigError
        If nobody described that port, or its file is broken.
    """
    if name not in list_ports():
        raise ConfigError(unknown("port", name, list_ports()))
    return read_port(_FOLDER / f"{name}.toml")


def read_port(path: Path) -> Port:
    """Read and check ``<port>.toml``.

    Raises
    ------
    boards.errors.ConfigError
        With file and key of the first row that is wrong.
    """
    port = read_toml(path, Port)
    try:
        _check(port, path.stem)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return port


def facts_of(sections: Sections) -> Facts:
    """Return the values of rows as the facts they are.

    Raises
    ------
    boards.errors.ConfigError
        If one is missing, is not known or has another type or range than it is to have.
    """
    values: dict[str, Any] = {
        section: {key: row.meaning for key, row in rows.items()}
        for section, rows in sections.items()
    }
    try:
        return msgspec.convert(values, Facts)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(str(error), Facts)) from None


def _check(port: Port, stem: str) -> None:
    if port.name != stem:
        raise ConfigError(f"name: expected {stem!r}, the file's name, got {port.name!r}")
    for where, sections in (
        ("facts", port.facts),
        *((f"builds.{name}.facts", build.facts) for name, build in port.builds.items()),
    ):
        for section, rows in sections.items():
            for key, row in rows.items():
                check_row(f"{where}.{section}.{key}", row)
                if section in _COUNTED and row.spread is None:
                    raise ConfigError(
                        f"{where}.{section}.{key}: expected a spread: 1.2 is x/÷ 1.2, one sigma"
                    )
    for name, option in port.options.items():
        check_row(
            f"options.{name}",
            Row(value=option.most, source=option.source, assumed=option.assumed),
        )
    for name in port.builds:
        try:
            facts_of(port.rows(name))
        except ConfigError as error:
            raise ConfigError(f"builds.{name}: {error}") from None
        for option_name, option in port.options.items():
            _check_option(option_name, option, port.rows(name))


def _check_option(name: str, option: Option, sections: Sections) -> None:
    if option.least > option.most:
        raise ConfigError(f"options.{name}.most: expected at least {option.least}")
    if not option.sets:
        raise ConfigError(f"options.{name}.sets: expected the key of at least one fact")
    for key in option.sets:
        section, _, fact = key.partition(".")
        row = sections.get(section, {}).get(fact)
        if row is None or not isinstance(row.value, int):
            raise ConfigError(
                f"options.{name}.sets: expected keys of facts that are whole numbers or true and"
                f" false, got {key!r}"
            )
