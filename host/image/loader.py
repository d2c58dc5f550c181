"""The loader: what a board's file system holds besides its application.

``boot.py`` and ``main.py`` at the root, where MicroPython looks for them, choose one of the slots
``a`` and ``b`` and start the application in it; one line says which, in the file ``slot`` or, where
slots are file systems of their own, in two pages between them. An update over the air writes the
other slot and leaves the loader alone. ``docs/update.md`` specifies both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import board_runtime
from eegrig.host.image.application import LOADER, add_module, default_firmware, read_sources
from eegrig.host.image.layout import Layout, layout_of

if TYPE_CHECKING:
    from eegrig.boards.schema import Board

__all__ = [
    "SCRIPTS",
    "SLOTS",
    "SLOT_FILE",
    "Slot",
    "SlotState",
    "Trial",
    "loader_files",
    "read_slot_state",
]

Slot = Literal["a", "b"]
Trial = Literal["new", "tried", "failed"]

SLOTS: tuple[Slot, Slot] = ("a", "b")
SLOT_FILE = "slot"
# MicroPython looks for these two by name, as source.
SCRIPTS = ("boot.py", "main.py")
# Its folder of what a divided region needs besides.
_PAGES = "pages/"


@dataclass(frozen=True)
class SlotState:
    """What the file ``slot`` says.

    Attributes
    ----------
    active : {"a", "b"}
        The slot that runs, unless the other is being tried.
    trial : {"new", "tried", "failed"} or None
        How an update in the other slot stands.
    """

    active: Slot = "a"
    trial: Trial | None = None

    @property
    def other(self) -> Slot:
        """The slot that does not run, and takes the next update."""
        return "b" if self.active == "a" else "a"

    @property
    def next_boot(self) -> Slot:
        """The slot that runs after the next reset."""
        return self.other if self.trial == "new" else self.active

    def encode(self) -> bytes:
        """Return the contents of the file."""
        words = [self.active] if self.trial is None else [self.active, self.other, self.trial]
        return " ".join(words).encode() + b"\n"


def read_slot_state(files: Mapping[str, bytes]) -> SlotState:
    """Return what the loader makes of a file system with these files."""
    words = files.get(SLOT_FILE, b"").split()
    active: Slot = "b" if words[:1] == [b"b"] else "a"
    trials: dict[bytes, Trial] = {b"new": "new", b"tried": "tried", b"failed": "failed"}
    return SlotState(active, trials.get(words[2]) if len(words) == 3 else None)


def loader_files(board: Board) -> dict[str, bytes]:
    """Return the loader's files for a board, by path from the root.

    Raises
    ------
    ConfigError
        If one cannot be compiled.
    """
    files: dict[str, bytes] = {}
    directory = default_firmware() / LOADER
    layout, runtime = layout_of(board), board_runtime(board)
    for path, data in read_sources(directory).items():
        if path in SCRIPTS:
            files[path] = data
        elif layout.divided or not path.startswith(_PAGES):
            add_module(files, path.removeprefix(_PAGES), data, runtime)
    if layout.divided:
        add_module(files, "volumes.py", _volumes_source(layout), runtime)
    if not set(SCRIPTS) <= set(files):
        raise ConfigError(f"the loader in {directory} is incomplete: install eegrig again")
    return files


def _volumes_source(layout: Layout) -> bytes:
    """Return the module that tells the loader where everything is."""
    slots = {name: (volume.start, volume.size) for name, volume in layout.slots.items()}
    lines = (
        f"PAGE = {layout.page_size}",
        f"STATE = {layout.state_pages[0]}",
        f"SLOTS = {slots!r}",
    )
    return "".join(f"{line}\n" for line in lines).encode()
