"""Reads a TOML file into a structure; a mistake in it becomes one line that says where it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from eegrig.boards.errors import ConfigError
from eegrig.boards.wording import near

__all__ = ["explain", "read_toml"]

_T = TypeVar("_T")


def read_toml(path: Path, kind: type[_T]) -> _T:
    """Read a file.

    Parameters
    ----------
    path : Path
    kind : type
        The structure it is to have.

    Raises
    ------
    boards.errors.ConfigError
        If it cannot be read, is no TOML or has another structure; the message names file, key and
        what was expected.
    """
    try:
        # Some editors begin a file with a byte-order mark, which TOML has no place for.
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8, which TOML is: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {explain(str(error), kind)}") from None


_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<where>.*)`)?$", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"^Object contains unknown field `(?P<key>.*)`$")
_MISSING_FIELD = re.compile(r"^Object missing required field `(?P<key>.*)`$")


def explain(message: str, kind: Any) -> str:
    """Turn msgspec's message into ``key.path: what was expected``."""
    match = _AT.match(message)
    if match is None:
        return message
    where = (match["where"] or "").lstrip(".")
    what = match["what"]
    if unexpected := _UNKNOWN_FIELD.match(what):
        known = _fields_at(kind, where)
        return (
            f"{_join(where, unexpected['key'])}: unknown key"
            f"{near(unexpected['key'], known)}; keys here are: {', '.join(sorted(known))}"
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
