"""Finds and reads boards and parts; a mistake in a file becomes one line that says where it is."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from boards.check import check_board, check_part
from boards.errors import ConfigError
from boards.part import Part
from boards.schema import Board

__all__ = ["list_boards", "list_parts", "load_board", "load_part"]

_ROOT = Path(__file__).parent
_PARTS = _ROOT / "parts"

_T = TypeVar("_T")


def list_boards() -> list[str]:
    """Return the names of the boards that come with eegrig, sorted."""
    return sorted(path.parent.name for path in _ROOT.glob("*/board.toml"))


def list_parts() -> list[str]:
    """Return the names of the parts that come with eegrig, sorted."""
    return sorted(path.stem for path in _PARTS.glob("*.toml"))


def load_board(name_or_path: str | Path) -> Board:
    """Read and check a board.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a board that comes with eegrig, or the path of a ``board.toml`` or its folder.

    Raises
    ------
    boards.errors.ConfigError
        If there is no such board, or its file is broken or contradicts itself or its parts; the
        message names file, key and what was expected.
    """
    path = _board_path(name_or_path)
    board = _read(path, Board)
    try:
        check_board(board, load_part)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return board


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
        raise ConfigError(_unknown("part", name, list_parts()))
    part = _read(path, Part)
    try:
        check_part(part, path.stem)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return part


def _board_path(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if text in list_boards():
        return _ROOT / text / "board.toml"
    path = Path(name_or_path)
    if path.is_dir():
        path = path / "board.toml"
    if path.is_file():
        return path
    if isinstance(name_or_path, Path) or "/" in text or text.endswith(".toml"):
        raise ConfigError(f"{path}: no such board file")
    raise ConfigError(_unknown("board", text, list_boards()))


def _unknown(what: str, name: str, known: list[str]) -> str:
    hint = _nearest(name, known)
    return f"unknown {what} {name!r};{hint} {what}s are: {', '.join(known) or 'none'}"


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" did you mean {close[0]!r}?" if close else ""


def _read(path: Path, kind: type[_T]) -> _T:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_explain(str(error), kind)}") from None


_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<where>.*)`)?$", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"^Object contains unknown field `(?P<key>.*)`$")
_MISSING_FIELD = re.compile(r"^Object missing required field `(?P<key>.*)`$")


def _explain(message: str, kind: Any) -> str:
    """Turn msgspec's message into ``key.path: what was expected``."""
    match = _AT.match(message)
    if match is None:
        return message
    where = (match["where"] or "").lstrip(".")
    what = match["what"]
    if unknown := _UNKNOWN_FIELD.match(what):
        known = _fields_at(kind, where)
        return (
            f"{_join(where, unknown['key'])}: unknown key;"
            f"{_nearest(unknown['key'], known)} keys here are: {', '.join(sorted(known))}"
        )
    if missing := _MISSING_FIELD.match(what):
        return f"{_join(where, missing['key'])}: missing; this key is required"
    return f"{where or 'top level'}: {what[:1].lower()}{what[1:].replace('`', '')}"


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _fields_at(kind: Any, where: str) -> list[str]:
    """Return the keys the schema allows at a key path such as ``afe.pins`` or ``targets[...]``."""
    node: Any = msgspec.inspect.type_info(kind)
    for step in re.findall(r"\[[^\]]*\]|[^.\[\]]+", where):
        if isinstance(node, msgspec.inspect.StructType):
            found = [f.type for f in node.fields if f.encode_name == step]
            if not found:
                return []
            node = found[0]
        elif isinstance(node, msgspec.inspect.DictType):
            node = node.value_type
        elif isinstance(node, msgspec.inspect.ListType):
            node = node.item_type
    if isinstance(node, msgspec.inspect.StructType):
        return [f.encode_name for f in node.fields]
    return []
