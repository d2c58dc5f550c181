"""Deploy: an application onto a running board over its serial port, in seconds and without a probe.

It goes into the slot that does not run; what the board has already is kept, or copied on the board,
and only the rest is transferred. When the board has checked what it holds, the loader's ``slots``
switches in one step. Until then the board boots the old firmware, from then on the new one; a cable
pulled at any moment changes nothing about that.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from eegrig.boards.errors import BoardFault, ConfigError, EegrigError
from eegrig.host.console.console import Console, RunningFirmware
from eegrig.host.console.slot_sync import SlotPlan, plan_slot, slot_digest
from eegrig.host.image.firmware_image import two_slots
from eegrig.host.image.loader import Slot, loader_files
from eegrig.host.process.run_async import run_async

if TYPE_CHECKING:
    from eegrig.boards.schema import Board
    from eegrig.host.console.board_repl import BoardRepl
    from eegrig.host.image.application import Application

__all__ = ["DeployReport", "check_fits", "deploy"]

_CHUNK: Final = 768  # bytes of a file in one piece; 1 KiB of text
_COMMAND: Final = 2048  # characters sent at once: the board compiles them in its RAM
_BOOT_TIMEOUT_S: Final = 15.0

# Runs on the board. Only what both ports have: no json, no re, no errno (docs/ports.md).
# Where slots have file systems of their own, one that a power cut spoiled is made anew: its loader
# has `slots.renew`.
_ON_BOARD: Final = r"""
import os, sys
try:
    import slots
except ImportError:
    slots = None
from binascii import a2b_base64, hexlify
from hashlib import sha256
buf = bytearray(512)
view = memoryview(buf)
def walk(root, found, path=""):
    try:
        entries = list(os.ilistdir(root + path))
    except OSError:
        return found
    for entry in entries:
        inner = path + "/" + entry[0]
        if entry[1] == 0x4000:
            found[inner[1:]] = None
            walk(root, found, inner)
        else:
            found[inner[1:]] = digest(root + inner)
    return found
def digest(path):
    h = sha256()
    try:
        with open(path, "rb") as file:
            n = file.readinto(buf)
            while n:
                h.update(view[:n])
                n = file.readinto(buf)
    except OSError:
        return "unreadable"
    return hexlify(h.digest()).decode()
def spoiled(slot):
    if getattr(slots, "renew", None):
        try:
            os.statvfs(slots.path(slot))
        except OSError:
            return True
    return False
def ready(slot):
    if spoiled(slot):
        slots.renew(slot)
    root = slots.path(slot)
    try:
        os.stat(root)
    except OSError:
        os.mkdir(root)
def show(slot):
    if spoiled(slot):
        return
    found = walk(slots.path(slot) if slots else "/flash/" + slot, {})
    for path in found:
        print(slot, found[path] or "folder", path)
def total(slot):
    found = walk(slots.path(slot), {})
    h = sha256()
    for path in sorted(found):
        if found[path]:
            h.update(("%s %s\n" % (path, found[path])).encode())
    return hexlify(h.digest()).decode()
def o(path):
    global out
    out = open(path, "wb")
def w(text):
    out.write(a2b_base64(text))
def copy(source, target):
    with open(source, "rb") as file, open(target, "wb") as out:
        n = file.readinto(buf)
        while n:
            out.write(view[:n])
            n = file.readinto(buf)
def sync():
    if hasattr(os, "sync"):
        os.sync()
"""
_LOOK: Final = r"""
active, _, trial = slots.read() if slots else (None, None, None)
print("active", active, active and trial)
try:
    with open(slots.path(active) + "/manifest.txt" if slots else "") as file:
        file.readline()
        print(file.readline().strip())
except OSError:
    print("board")
for path in os.listdir("/flash"):
    if path not in ("a", "b") and os.stat("/flash/" + path)[0] & 0x8000:
        print("root", digest("/flash/" + path), path)
show("a")
show("b")
"""


class DeployReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment did.

    Attributes
    ----------
    board, version, image_hash : str
        What was deployed.
    slot : str
        Where it is and runs.
    sent, copied, kept : int
        Number of files that were transferred, copied on the board, and there already.
    bytes_sent : int
        Size of those that were transferred.
    loader_differs : bool
        Whether the board's loader is another than this package's; only flashing changes it.
    """

    board: str
    version: str
    image_hash: str
    slot: str
    sent: int
    copied: int
    kept: int
    bytes_sent: int
    loader_differs: bool


class _Found:
    """What is on a board, from what `_LOOK` printed."""

    def __init__(self, text: str) -> None:
        self.active: Slot | None = None
        self.trial = False
        self.board: str | None = None
        self.root: dict[str, str] = {}
        self.files: dict[Slot, dict[str, str]] = {"a": {}, "b": {}}
        self.folders: dict[Slot, set[str]] = {"a": set(), "b": set()}
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            what, _, path = rest.partition(" ")
            if word == "active":
                self.active = {"a": "a", "b": "b"}.get(what)  # type: ignore[assignment]
                self.trial = path != "None"
            elif word == "board":
                self.board = rest or None
            elif word == "root":
                self.root[path] = what
            elif word in ("a", "b"):
                slot: Slot = "a" if word == "a" else "b"
                if what == "folder":
                    self.folders[slot].add(path)
                else:
                    self.files[slot][path] = what


def check_fits(board: Board, application: Application) -> None:
    """Check that an application fits beside the one that runs.

    Raises
    ------
    ConfigError
        If it does not.
    """
    if two_slots(board, application) is None:
        total = sum(map(len, application.files.values()))
        raise ConfigError(
            f"the firmware's {total} bytes fit the file system of {board.name} once, not twice: "
            "make it smaller, or flash it"
        )


def deploy(
    repl: BoardRepl,
    board: Board,
    application: Application,
    *,
    force: bool = False,
    progress: Callable[[float], None] | None = None,
) -> DeployReport:
    """Put an application onto a board, restart it, and read what it says it is.

    Whatever goes wrong before the switch, the board is started again with what it had.

    Parameters
    ----------
    repl : BoardRepl
        Open.
    board : Board
    application : Application
        Built for it.
    force : bool
        Also onto a board that says it is of another kind, or none of ours.
    progress : callable or None
        Called with the fraction done, 0 to 1.

    Raises
    ------
    ConfigError
        If it does not fit.
    BoardFault
        If the board is another, has no loader or no room, or starts another firmware than this.
    BootFailure
        If the firmware fails to boot.
    InfrastructureError
        If the board does not answer, or stops to.
    """
    check_fits(board, application)
    repl.stop()
    try:
        repl.run(_ON_BOARD)
        found = _Found(repl.run(_LOOK))
        active = _check_board(found, board, force=force)
        wanted = {path: sha256(data).hexdigest() for path, data in application.files.items()}
        if found.files[active] == wanted:
            slot, plan = active, SlotPlan((), (), (), (), ())
        else:
            slot = "b" if active == "a" else "a"
            plan = plan_slot(
                wanted, found.files[slot], frozenset(found.folders[slot]), found.files[active]
            )
        if found.trial:
            # The other slot may be about to be tried; it must not be once it is being written.
            _switch(repl, active)
        if slot != active:
            _fill(repl, slot, active, plan, application.files, progress)
            _verify(repl, slot, wanted)
            _switch(repl, slot)
    except (EegrigError, KeyboardInterrupt):
        with contextlib.suppress(EegrigError):
            repl.restart()
        raise
    repl.restart()
    _check_identity(_identity(repl), board, application)
    return DeployReport(
        board=board.name,
        version=application.manifest.version,
        image_hash=application.manifest.image_hash,
        slot=slot,
        sent=len(plan.send),
        copied=len(plan.copy),
        kept=len(wanted) - len(plan.send) - len(plan.copy),
        bytes_sent=sum(len(application.files[path]) for path in plan.send),
        loader_differs=_loader_differs(found, board),
    )


def _check_board(found: _Found, board: Board, *, force: bool) -> Slot:
    if found.active is None:
        raise BoardFault(
            "the board has no loader of eegrig: flash it once, with `eegrig flash "
            f"{board.name}`; from then on it takes deployments"
        )
    if not force and found.board != board.name:
        what = f"is {found.board}" if found.board else "has no firmware of eegrig"
        raise BoardFault(
            f"the board on this port {what}, and this is for {board.name}: name the right port "
            "or board, or give --force"
        )
    return found.active


def _loader_differs(found: _Found, board: Board) -> bool:
    files = loader_files(board)
    return any(found.root.get(path) != sha256(files[path]).hexdigest() for path in files)


def _fill(
    repl: BoardRepl,
    slot: Slot,
    other: Slot,
    plan: SlotPlan,
    files: Mapping[str, bytes],
    progress: Callable[[float], None] | None,
) -> None:
    commands = list(_commands(_statements(slot, other, plan, files)))
    for n, command in enumerate(commands):
        repl.run(command)
        if progress is not None:
            progress((n + 1) / len(commands))


def _statements(
    slot: Slot, other: Slot, plan: SlotPlan, files: Mapping[str, bytes]
) -> Iterator[str]:
    yield f"ready({slot!r})\nroot = slots.path({slot!r}) + '/'\nother = slots.path({other!r}) + '/'"
    # What is in the way goes first: it makes room.
    for path in plan.remove:
        yield f"os.remove(root + {path!r})"
    for path in plan.remove_folders:
        yield f"os.rmdir(root + {path!r})"
    for path in plan.make_folders:
        yield f"os.mkdir(root + {path!r})"
    for path in plan.copy:
        yield f"copy(other + {path!r}, root + {path!r})"
    for path in plan.send:
        yield f"o(root + {path!r})"
        data = files[path]
        for start in range(0, len(data), _CHUNK):
            yield f"w({base64.b64encode(data[start : start + _CHUNK]).decode()!r})"
        yield "out.close()"


def _commands(statements: Iterator[str]) -> Iterator[str]:
    """Put statements together, as many as the board takes at once."""
    lines: list[str] = []
    for statement in statements:
        if lines and sum(map(len, lines)) + len(statement) > _COMMAND:
            yield "\n".join(lines)
            lines = []
        lines.append(statement)
    if lines:
        yield "\n".join(lines)


def _verify(repl: BoardRepl, slot: Slot, wanted: Mapping[str, str]) -> None:
    if repl.run(f"sync()\nprint(total({slot!r}))").strip() != slot_digest(wanted):
        raise BoardFault(
            "the board did not keep what was written to it, and goes on with what it had: try "
            "again; if that does not help, flash it with `eegrig flash`"
        )


def _switch(repl: BoardRepl, slot: Slot) -> None:
    repl.run(f"slots.write({slot!r})\nsync()")


def _identity(repl: BoardRepl) -> RunningFirmware:
    repl.port.timeout = 0
    console = Console(repl.port, repl.url)
    identity = run_async(console.identity(_BOOT_TIMEOUT_S))
    repl.heard = console.take_unread()
    return identity


def _check_identity(identity: RunningFirmware, board: Board, application: Application) -> None:
    expected = RunningFirmware(
        application.manifest.version, board.name, application.manifest.image_hash
    )
    if identity != expected:
        raise BoardFault(
            f"the board runs {identity.board} {identity.version}, image "
            f"{identity.image_hash[:12]}, not {expected.board} {expected.version}, image "
            f"{expected.image_hash[:12]} that was deployed: deploy again, or flash it"
        )
