"""What a board runs: facts of its port, of its build, and of the options it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eegrig.boards.errors import ConfigError
from eegrig.boards.ports.facts import Facts
from eegrig.boards.ports.port import Option, Sections, facts_of, list_ports, load_port
from eegrig.boards.ports.rows import Row
from eegrig.boards.wording import near, unknown

if TYPE_CHECKING:
    from eegrig.boards.schema import Board

__all__ = ["Runtime", "beyond_stock", "board_runtime", "stock_runtime"]


class Runtime(Facts, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A build of MicroPython.

    Attributes
    ----------
    port, build : str
        Names of both.
    options : dict of str to bool or int
        Options of the build beyond stock, by name.
    rows : dict
        The facts with their sources, by section and key.
    """

    port: str
    build: str
    options: dict[str, bool | int]
    rows: Sections

    def row(self, key: str) -> Row:
        """Return the row of a fact: ``runtime.row("bluetooth.acl_packets")``."""
        section, _, fact = key.partition(".")
        return self.rows[section][fact]

    def assumed(self, *sections: str) -> dict[str, Row]:
        """Return the rows that are assumed, by key; all of them or those of some sections."""
        return {
            f"{section}.{key}": row
            for section, rows in self.rows.items()
            if not sections or section in sections
            for key, row in rows.items()
            if row.assumed is not None
        }


def beyond_stock(options: Mapping[str, bool | int | float | str]) -> str:
    """Return options of a build beyond stock in words; empty if there are none."""
    return ", ".join(
        name if value is True else f"{name} = {value}" for name, value in options.items()
    )


def stock_runtime(port: str, build: str) -> Runtime:
    """Return a stock build.

    Raises
    ------
    boards.errors.ConfigError
        If nobody described that port or that build.
    """
    return _resolve(port, build, {})


def board_runtime(board: Board) -> Runtime:
    """Return what a board runs.

    Raises
    ------
    boards.errors.ConfigError
        If nobody described the runtime it names, or it asks for an option that its port does not
        have or of a value that the option cannot have; the message begins with the key.
    """
    return _resolve(board.mcu.port, board.mcu.build, board.mcu.options)


def _resolve(
    port_name: str, build: str, options: Mapping[str, bool | int | float | str]
) -> Runtime:
    if port_name not in list_ports():
        raise ConfigError(f"mcu.port: {unknown('port', port_name, list_ports())}")
    port = load_port(port_name)
    if build not in port.builds:
        raise ConfigError(f"mcu.build: {unknown('build', build, sorted(port.builds))}")
    sections = port.rows(build)
    for name in options:
        if name not in port.options:
            raise ConfigError(
                f"mcu.options.{name}: the {port_name} port has no such option"
                f"{near(name, port.options)}; options are:"
                f" {', '.join(port.options) or 'none'}"
            )
    asked_for: dict[str, bool | int] = {}
    for name, option in port.options.items():
        if name not in options:
            continue
        value = _value_of(name, option, options[name], sections)
        asked_for[name] = value
        for key in option.sets:
            section, _, fact = key.partition(".")
            stock = sections[section][fact].value
            source = f"mcu.options.{name} of the board; the stock build has {stock}"
            sections[section][fact] = Row(value=value, source=source)
    facts = facts_of(sections)
    return Runtime(
        **{name: getattr(facts, name) for name in facts.__struct_fields__},
        port=port_name,
        build=build,
        options=asked_for,
        rows=sections,
    )


def _value_of(
    name: str, option: Option, value: bool | int | float | str, sections: Sections
) -> bool | int:
    """Return the value a board gives an option, if it may."""
    section, _, fact = option.sets[0].partition(".")
    if isinstance(sections[section][fact].value, bool):
        if isinstance(value, bool):
            return value
        raise ConfigError(f"mcu.options.{name}: expected true or false, got {value!r}")
    whole = value if isinstance(value, int) and not isinstance(value, bool) else None
    if whole is not None and option.least <= whole <= option.most:
        return whole
    raise ConfigError(
        f"mcu.options.{name}: expected {option.least} to {option.most}, got {value!r}"
    )
