"""Puts an image into a board's flash memory through a debug probe, and checks that it is there.

A board that has a firmware keeps it until the new one is complete (`installation`); where there is
none to lose, the whole file-system region is written. pyOCD does the programming. It does
not verify, so everything is read back and compared here; there is no report of a flash that was
not verified. Probes are named by pyOCD's own ids.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from eegrig.boards.errors import BoardFault, ConfigError
from eegrig.host.flashing import flash_memory
from eegrig.host.flashing.chip_identity import ChipIdentity, identify
from eegrig.host.flashing.installation import CannotKeep, Installation, plan_installation
from eegrig.host.flashing.probe import explained, probe_session
from eegrig.host.image.file_system import FileSystemFull, Program
from eegrig.host.image.firmware_image import Image, ImageContents, read_image
from eegrig.host.image.layout import Layout, block_size_of, layout_of
from eegrig.host.image.region import pack_region
from eegrig.host.runtime.contents import Segment
from eegrig.host.runtime.runtime_file import Runtime, read_runtime

if TYPE_CHECKING:
    from eegrig.boards.schema import Board

__all__ = [
    "KEY_FILE",
    "ErasePolicy",
    "FlashReport",
    "Way",
    "check_blocks",
    "flash",
]

Progress = Callable[[float], None]
ErasePolicy = Literal["auto", "region", "chip"]
Way = Literal["unchanged", "slot", "region", "chip"]

KEY_FILE = "update.key"
"""The file at the root that holds the public key of updates a board takes (``docs/update.md``)."""

_MAGIC = b"littlefs"
# Shares of the progress bar: reading what is there, programming the runtime and the image.
_READ, _RUNTIME, _PROGRAMMED = 0.1, 0.3, 0.85


class FlashReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a flash did; it exists only if everything was read back as wanted.

    Attributes
    ----------
    probe : str
        pyOCD's id of the probe.
    chip, chip_id : str or None
        Part and serial number as the chip gives them, where that is known.
    radio_address : str or None
        Bluetooth address the board will have, where that is known.
    way : {"unchanged", "slot", "region", "chip"}
        Nothing had to be done to the file system; the firmware went into the slot that did not
        run, which was then switched to (safe against power cuts, unless `loader_rewritten`); the
        whole file-system region was written; the whole chip was erased before.
    reason : str
        Why the region was written, if it was.
    loader_rewritten : bool
        Whether what the port mounts had to be rewritten in place, which a power cut would have
        left to be flashed again.
    slot : {"a", "b"} or None
        The slot the firmware is in; None where the image is no file system of eegrig.
    runtime_sha256 : str or None
        Hash of the runtime that was flashed, too: of its contents (`Runtime.sha256`).
    bytes_total : int
        Bytes that had to be in flash memory.
    bytes_programmed : int
        Bytes that were programmed.
    bytes_skipped : int
        Bytes that were right already.
    duration_s : float
        Programming, reading back and reset, in seconds of the clock that was passed in.
    verified : bool
        Always True.
    """

    probe: str
    chip: str | None
    chip_id: str | None
    radio_address: str | None
    way: Way
    reason: str
    slot: Literal["a", "b"] | None
    runtime_sha256: str | None
    bytes_total: int
    bytes_programmed: int
    bytes_skipped: int
    duration_s: float
    loader_rewritten: bool = False
    verified: bool = True

    @property
    def skipped(self) -> bool:
        """Whether everything was in place already."""
        return self.bytes_programmed == 0


@dataclass(frozen=True)
class _Job:
    """What is to be on a board."""

    board: Board
    layout: Layout
    data: bytes
    contents: ImageContents | None
    runtime: Runtime | None
    extra: dict[str, bytes]


def flash(
    board: Board,
    image: Image | bytes,
    *,
    probe: str | None = None,
    runtime: Path | Runtime | None = None,
    erase: ErasePolicy = "auto",
    trust: bytes | None = None,
    progress: Progress | None = None,
    clock_ns: Callable[[], int] = time.perf_counter_ns,
) -> FlashReport:
    """Flash a board, read everything back, and reset it.

    Parameters
    ----------
    board : Board
        The board.
    image : Image or bytes
        What goes into its file-system region.
    probe : str, optional
        pyOCD's id of the probe, or a part of it; not needed if there is only one.
    runtime : Path or Runtime, optional
        MicroPython for the board; `read_runtime` says which files can be read.
    erase : {"auto", "region", "chip"}
        ``auto`` keeps a firmware the board has until the new one is complete, and other files
        for good; ``region`` writes the whole file system anew; ``chip`` erases everything first.
    trust : bytes, optional
        Raw Ed25519 public key: from then on the board takes only updates signed with it.
    progress : callable, optional
        Called with the fraction done, rising from 0 to 1.
    clock_ns : callable, optional
        Clock for the report's duration, in integer nanoseconds.

    Returns
    -------
    FlashReport
        What was done; everything in it was verified.

    Raises
    ------
    ConfigError
        If image or runtime do not fit the board, or pyOCD does not know its target.
    InfrastructureError
        If there is no probe or more than one, or the probe stops answering. Flashing again
        recovers.
    BoardFault
        If the chip is another one or locked, or does not hold what was programmed.
    """
    job = _make_job(board, image, runtime, erase, trust)
    with probe_session(board, probe) as session:
        return _flash(session, str(session.probe.unique_id), job, erase, _Bar(progress), clock_ns)


def _flash(
    session: Any,
    uid: str,
    job: _Job,
    erase: ErasePolicy,
    bar: _Bar,
    clock_ns: Callable[[], int],
) -> FlashReport:
    target = session.target
    region = job.board.mcu.filesystem
    with explained(uid, "reading the chip's identity"):
        chip = _check_chip(target, job.board, uid)
    with explained(uid, "halting the board"):
        # A program that runs may have its vectors in RAM and its timer on, as MicroPython's
        # NUCLEO_WB55: the next tick would jump into what pyOCD's flash algorithm has put there.
        target.reset_and_halt()
    start_ns = clock_ns()
    plan: Installation | None = None
    reason, data = f"--erase {erase}", job.data
    if erase == "chip":
        with explained(uid, "erasing the chip"):
            flash_memory.erase_chip(session)
    elif erase == "auto":
        try:
            plan = _plan(target, uid, job, bar)
        except CannotKeep as why:
            reason, data = _with_users_files(job, why)
    if plan is not None:
        data = plan.data
    image = Segment(region.start, data)
    segments = list(job.runtime.segments) if job.runtime is not None else []
    programmed = skipped = 0
    if plan is None:
        segments.append(image)
        with explained(uid, "programming"):
            programmed, skipped = flash_memory.program(
                session, segments, bar.part(_READ, _PROGRAMMED)
            )
    else:
        if segments:
            with explained(uid, "programming the runtime"):
                programmed, skipped = flash_memory.program(
                    session, segments, bar.part(_READ, _RUNTIME)
                )
        if plan.operations:
            segments.append(image)
            with explained(uid, f"programming slot {plan.slot}, beside the firmware the board has"):
                flash_memory.replay(
                    target, region.start, plan.operations, bar.part(_RUNTIME, _PROGRAMMED)
                )
        written = sum(len(op.data) for op in plan.operations if isinstance(op, Program))
        programmed += written
        skipped += region.size - written
    if segments:
        with explained(uid, "reading back"):
            flash_memory.verify(target, segments, bar.part(_PROGRAMMED, 1.0))
    with explained(uid, "resetting the board"):
        target.reset()
    bar.show(1.0)
    way: Way = "chip" if erase == "chip" else "region"
    if plan is not None:
        way, reason = ("slot" if plan.operations else "unchanged"), ""
    slot = None
    if plan is not None:
        slot = plan.slot
    elif job.contents is not None and job.contents.intact:
        slot = job.contents.slot_state.active
    return FlashReport(
        probe=uid,
        chip=chip.part if chip else None,
        chip_id=chip.unique_id if chip else None,
        radio_address=chip.radio_address if chip else None,
        way=way,
        reason=reason,
        slot=slot,
        runtime_sha256=job.runtime.sha256 if job.runtime else None,
        bytes_total=programmed + skipped if plan else sum(len(part.data) for part in segments),
        bytes_programmed=programmed,
        bytes_skipped=skipped,
        duration_s=(clock_ns() - start_ns) / 1e9,
        loader_rewritten=plan is not None and plan.loader_rewritten,
    )


def _plan(target: Any, uid: str, job: _Job, bar: _Bar) -> Installation:
    region = job.board.mcu.filesystem
    if job.contents is None or not job.contents.intact:
        raise CannotKeep("the image has no application of eegrig")
    with explained(uid, "reading what the board has"):
        # Saves reading an empty board.
        pages = 2 * job.layout.page_size
        starts = [region.start + volume.start for volume in job.layout.volumes]
        heads = [flash_memory.read(target, at, pages, bar.part(0.0, 0.0)) for at in starts]
        if not any(_MAGIC in head for head in heads):
            raise CannotKeep("there is no readable file system")
        found = flash_memory.read(target, region.start, region.size, bar.part(0.0, _READ))
    return plan_installation(found, job.layout, job.contents, job.extra)


def _with_users_files(job: _Job, why: CannotKeep) -> tuple[str, bytes]:
    """Return why the region is written anew, and the image with what can be saved in it."""
    reason = str(why)
    if job.contents is None or not why.files:
        return reason, job.data
    names = ", ".join(sorted(why.files))
    try:
        packed = pack_region({**why.files, **job.contents.files, **job.extra}, job.layout)
    except FileSystemFull:
        return f"{reason}; files of yours had no room and are gone: {names}", job.data
    return f"{reason}; files of yours were kept: {names}", packed.data


# ---- what to flash


def _make_job(
    board: Board,
    image: Image | bytes,
    runtime: Path | Runtime | None,
    erase: ErasePolicy,
    trust: bytes | None,
) -> _Job:
    region, layout = board.mcu.filesystem, layout_of(board)
    if isinstance(image, Image):
        if image.board != board.name:
            raise ConfigError(f"the image was built for {image.board}, not for {board.name}")
        data = image.data
    else:
        data = bytes(image)
    if not data:
        raise ConfigError("the image is empty: build it with `eegrig build`")
    if len(data) > region.size:
        raise ConfigError(
            f"the image has {len(data)} bytes, and the file-system region of {board.name} "
            f"only {region.size}"
        )
    if erase == "chip" and runtime is None:
        raise ConfigError(
            "--erase chip erases MicroPython, too: give it with --runtime, or use --erase region"
        )
    check_blocks(data, board)
    try:
        contents = read_image(data, layout)
    except ConfigError:
        contents = None
    extra = {} if trust is None else {KEY_FILE: trust.hex().encode()}
    if extra:
        if contents is None:
            raise ConfigError("a key to trust goes into an image of eegrig, and this is none")
        data = pack_region({**contents.files, **extra}, layout).data
    if isinstance(runtime, Path):
        runtime = read_runtime(runtime, board)
    return _Job(board, layout, data, contents, runtime, extra)


def check_blocks(image: bytes, board: Board, name: str = "the image") -> None:
    """Refuse an image that the board's port would not mount.

    Parameters
    ----------
    image : bytes
    board : Board
    name : str
        Of the image, for the message.

    Raises
    ------
    ConfigError
        If its file system has blocks of another size.
    """
    wanted, found = layout_of(board).block_size, block_size_of(image)
    if found not in (None, wanted):
        raise ConfigError(
            f"{name} has a file system of {found}-byte blocks, and the {board.mcu.port} port of "
            f"{board.name} mounts {wanted}-byte blocks only: build it with `eegrig build "
            f"{board.name}`"
        )


# ---- the chip


def _check_chip(target: Any, board: Board, uid: str) -> ChipIdentity | None:
    wanted = board.mcu.pyocd_target
    chip = identify(wanted, target.read32)
    if chip is not None and chip.part != wanted:
        raise BoardFault(
            f"the chip behind {uid} is an {chip.part}, and {board.name} has an {wanted}: "
            "choose the right probe or the right board"
        )
    return chip


class _Bar:
    """Progress that never goes back."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._shown = -1.0

    def show(self, fraction: float) -> None:
        if self._progress is not None and fraction > self._shown:
            self._shown = fraction
            self._progress(min(fraction, 1.0))

    def part(self, begin: float, end: float) -> Progress:
        """Return the progress of a part that lies between two fractions of the whole."""
        return lambda fraction: self.show(begin + fraction * (end - begin))
