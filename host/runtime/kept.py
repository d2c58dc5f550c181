"""The runtimes that a user keeps: files beside what they say of themselves, by their contents.

They lie in ``runtimes`` of `boards.places.state_folder`: of each a file as it was added, and a
``.json`` beside it. Nothing is downloaded.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from eegrig.boards.errors import ConfigError, OutputError
from eegrig.boards.places import state_folder
from eegrig.boards.whole_file import whole_files
from eegrig.boards.wording import near
from eegrig.host.runtime.contents import leaves_out
from eegrig.host.runtime.formats import SUFFIXES
from eegrig.host.runtime.runtime_file import Runtime, is_for_chip, read_runtime

if TYPE_CHECKING:
    from eegrig.boards.schema import Board

__all__ = ["KeptRuntime", "find_runtime", "keep_runtime", "kept_runtimes", "remove_runtime"]

_HASH = re.compile(r"[0-9a-f]{4,64}")
_SHOWN = 12


class KeptRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a runtime that is kept.

    Attributes
    ----------
    sha256 : str
        Of its contents in flash memory, hexadecimal.
    name : str
        Of the file that was added, without its ending.
    file : str
        Name of the file in the folder of those that are kept.
    version, date : str
        Of MicroPython.
    board_name, mcu : str or None
        What it says it was built for.
    bluetooth : bool
    size : int
        Bytes in flash memory.
    """

    sha256: str
    name: str
    file: str
    version: str
    date: str
    board_name: str | None
    mcu: str | None
    bluetooth: bool
    size: int

    @property
    def has_symbols(self) -> bool:
        """Whether it can name its functions."""
        return self.file.endswith(".elf")


def kept_runtimes() -> list[KeptRuntime]:
    """Return the runtimes that are kept, by version and name.

    Raises
    ------
    ConfigError
        If the folder cannot be read, or a description in it is damaged.
    """
    found = []
    try:
        for path in _folder().glob("[!.]*.json"):
            found.append(msgspec.json.decode(path.read_bytes(), type=KeptRuntime))
    except OSError as error:
        raise ConfigError(f"cannot read {_folder()}: {error.strerror}") from error
    except msgspec.MsgspecError:
        raise ConfigError(
            f"{path} is damaged: delete it, and add the runtime again with `eegrig runtime add`"
        ) from None
    return sorted(found, key=lambda kept: (kept.version, kept.name, kept.sha256))


def keep_runtime(path: Path, board: Board) -> tuple[KeptRuntime, bool]:
    """Keep a runtime that is for a board.

    Of one build one file is kept, the one with most in it: an ``.elf`` can name its functions,
    and a ``.hex`` may have sections that a ``.bin`` leaves out.

    Returns
    -------
    kept : KeptRuntime
    new : bool
        False if the build was kept already; then that is what is returned.

    Raises
    ------
    ConfigError
        If `read_runtime` refuses it, or it cannot be written.
    """
    runtime = read_runtime(path, board)
    poorer = []
    for other in kept_runtimes():
        if not _say_the_same(other, runtime):
            continue
        before = _open(other, board)
        if before.sha256 == runtime.sha256:
            if other.has_symbols or path.suffix.lower() != ".elf":
                return other, False
        elif leaves_out(runtime.segments, before.segments):
            return other, False
        elif not leaves_out(before.segments, runtime.segments):
            continue
        poorer.append(other)
    kept = _write(runtime)
    for other in poorer:
        _delete(other, but=kept)
    return kept, True


def find_runtime(text: str, board: Board) -> Runtime:
    """Return the runtime for a board that a text stands for.

    Parameters
    ----------
    text : str
        Path of a file; or of a runtime that is kept the name, the version (``v1.26.1`` or
        ``1.26.1``) or the beginning of the hash, four digits or more.
    board : Board

    Raises
    ------
    ConfigError
        If there is none or more than one, or it is not for the board (`read_runtime`).
    """
    path = Path(text).expanduser()
    if path.is_file():
        return read_runtime(path, board)
    found = _matching(text)
    if not found and (path.suffix.lower() in (*SUFFIXES, ".uf2") or path.name != text):
        return read_runtime(path, board)  # says what is wrong with it
    fitting = [kept for kept in found if is_for_chip(kept.mcu, board)]
    return _open(_only(text, fitting or found), board)


def remove_runtime(text: str) -> KeptRuntime:
    """Forget a runtime that is kept, named as `find_runtime` takes it, and return what it was.

    Raises
    ------
    ConfigError
        If there is none or more than one.
    """
    kept = _only(text, _matching(text))
    _delete(kept)
    return kept


def _folder() -> Path:
    return state_folder() / "runtimes"


def _matching(text: str) -> list[KeptRuntime]:
    kept = kept_runtimes()
    for matches in (
        [one for one in kept if one.name == text],
        [one for one in kept if one.version.removeprefix("v") == text.removeprefix("v")],
    ):
        if matches:
            return matches
    if not _HASH.fullmatch(text.lower()):
        return []
    return [one for one in kept if one.sha256.startswith(text.lower())]


def _only(text: str, found: list[KeptRuntime]) -> KeptRuntime:
    if not found:
        names = {one for kept in kept_runtimes() for one in (kept.name, kept.version)}
        raise ConfigError(
            f"no runtime {text!r}: there is no such file, and none is kept under that name"
            f"{near(text, names)}; `eegrig runtime list` shows those that are, `eegrig runtime add "
            "FILE` keeps one"
        )
    if len(found) > 1:
        choice = ", ".join(f"{one.sha256[:_SHOWN]} ({one.name})" for one in found)
        raise ConfigError(f"{text!r} is more than one runtime: name one by its hash: {choice}")
    return found[0]


def _open(kept: KeptRuntime, board: Board) -> Runtime:
    runtime = read_runtime(_folder() / kept.file, board, kept.name)
    if runtime.sha256 != kept.sha256:
        raise ConfigError(
            f"{runtime.path} is not what was kept as {kept.name}: forget it with `eegrig runtime "
            f"remove {kept.sha256[:_SHOWN]}`, and add it again"
        )
    return runtime


def _say_the_same(kept: KeptRuntime, runtime: Runtime) -> bool:
    return (kept.version, kept.date, kept.board_name, kept.mcu) == (
        runtime.version,
        runtime.date,
        runtime.board_name,
        runtime.mcu,
    )


def _write(runtime: Runtime) -> KeptRuntime:
    kept = KeptRuntime(
        sha256=runtime.sha256,
        name=runtime.name,
        file=runtime.sha256 + runtime.path.suffix.lower(),
        version=runtime.version,
        date=runtime.date,
        board_name=runtime.board_name,
        mcu=runtime.mcu,
        bluetooth=runtime.bluetooth,
        size=runtime.size,
    )
    folder = _folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = runtime.path.read_bytes()
    except OSError as error:
        raise OutputError(
            f"cannot keep {runtime.path} in {folder}: {error.strerror}; EEGRIG_STATE may name "
            "another folder"
        ) from error
    # The description comes into its place last: what it describes is there.
    with whole_files(_description(kept), folder / kept.file) as (description, file):
        description.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=2))
        file.write_bytes(content)
    return kept


def _description(kept: KeptRuntime) -> Path:
    return _folder() / f"{kept.sha256}.json"


def _delete(kept: KeptRuntime, but: KeptRuntime | None = None) -> None:
    """Delete a runtime, except for what now belongs to another."""
    places = {_description(kept), _folder() / kept.file}
    if but is not None:
        places -= {_description(but), _folder() / but.file}
    try:
        for path in sorted(places, key=lambda path: path.suffix != ".json"):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot delete {path}: {error.strerror}") from error
