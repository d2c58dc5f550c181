"""Puts an image into a board's flash memory through a debug probe, and checks that it is there.

pyOCD does the programming. It does not verify, so everything is read back and compared here;
there is no report of a flash that was not verified. Probes are named by pyOCD's own ids.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from boards.errors import BoardFault, ConfigError
from host.chip_identity import ChipIdentity, identify
from host.image import Image
from host.probe import ProbeInfo, explained, list_probes, one_line, probe_session

if TYPE_CHECKING:
    from boards.schema import Board

__all__ = ["FlashReport", "ProbeInfo", "flash", "list_probes"]

Progress = Callable[[float], None]

_VERIFY_CHUNK = 4096
# Shares of the progress bar: looking and erasing, programming, reading back.
_ERASED, _PROGRAMMED = 0.4, 0.85


class FlashReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a flash did; it exists only if everything was read back as wanted.

    Attributes
    ----------
    probe : str
        pyOCD's id of the probe.
    chip, chip_id : str or None
        Part and serial number as the chip gives them, where that is known.
    bytes_total : int
        Bytes that had to be in flash memory.
    bytes_programmed : int
        Bytes that were programmed, in whole pages.
    bytes_skipped : int
        Bytes in pages that were right already.
    duration_s : float
        Programming, reading back and reset, in seconds of the clock that was passed in.
    verified : bool
        Always True.
    """

    probe: str
    chip: str | None
    chip_id: str | None
    bytes_total: int
    bytes_programmed: int
    bytes_skipped: int
    duration_s: float
    verified: bool = True

    @property
    def skipped(self) -> bool:
        """Whether everything was in place already."""
        return self.bytes_programmed == 0


@dataclass(frozen=True)
class _Segment:
    address: int
    data: bytes

    @property
    def end(self) -> int:
        return self.address + len(self.data)


def flash(
    board: Board,
    image: Image | bytes,
    *,
    probe: str | None = None,
    runtime: Path | None = None,
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
    runtime : Path, optional
        MicroPython for the board, ``.hex``, or ``.bin`` for the start of its flash memory.
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
    segments = [_image_segment(board, image)]
    if runtime is not None:
        segments = _merge_runtime(board, segments[0], runtime)
    with probe_session(board, probe) as session:
        uid = str(session.probe.unique_id)
        return _flash(session, uid, board, segments, _Bar(progress), clock_ns)


def _flash(
    session: Any,
    uid: str,
    board: Board,
    segments: Sequence[_Segment],
    bar: _Bar,
    clock_ns: Callable[[], int],
) -> FlashReport:
    with explained(uid, "reading the chip's identity"):
        chip = _check_chip(session.target, board, uid)
    start_ns = clock_ns()
    with explained(uid, "programming"):
        programmed, skipped = _program(session, segments, bar)
    with explained(uid, "reading back"):
        _verify(session.target, segments, bar)
    with explained(uid, "resetting the board"):
        session.target.reset()
    bar.show(1.0)
    return FlashReport(
        probe=uid,
        chip=chip.part if chip else None,
        chip_id=chip.unique_id if chip else None,
        bytes_total=sum(len(segment.data) for segment in segments),
        bytes_programmed=programmed,
        bytes_skipped=skipped,
        duration_s=(clock_ns() - start_ns) / 1e9,
    )


# ---- what to flash


def _image_segment(board: Board, image: Image | bytes) -> _Segment:
    region = board.mcu.filesystem
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
    return _Segment(region.start, data)


def _merge_runtime(board: Board, image: _Segment, path: Path) -> list[_Segment]:
    segments = _read_runtime(path, board.mcu.flash.start)
    region = board.mcu.filesystem
    for segment in segments:
        if segment.address < region.start + region.size and segment.end > region.start:
            raise ConfigError(
                f"{path} has data at {segment.address:#010x} to {segment.end - 1:#010x}, which "
                f"overlaps the file-system region of {board.name} at {region.start:#010x}"
            )
    return [*segments, image]


def _read_runtime(path: Path, start: int) -> list[_Segment]:
    try:
        if path.suffix.lower() == ".bin":
            segments = [_Segment(start, path.read_bytes())]
        elif path.suffix.lower() == ".hex":
            from intelhex import IntelHex, IntelHexError  # type: ignore[import-untyped]

            try:
                content = IntelHex(str(path))
            except (IntelHexError, UnicodeDecodeError) as error:
                raise ConfigError(f"{path} is no Intel hex file: {error}") from error
            segments = [
                _Segment(first, content.tobinstr(first, size=end - first))
                for first, end in content.segments()
            ]
        else:
            raise ConfigError(f"{path}: a runtime is a .hex or a .bin file")
    except OSError as error:
        raise ConfigError(f"cannot read the runtime {path}: {error.strerror}") from error
    if not any(segment.data for segment in segments):
        raise ConfigError(f"the runtime {path} is empty")
    return segments


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


# ---- programming


def _program(session: Any, segments: Sequence[_Segment], bar: _Bar) -> tuple[int, int]:
    from pyocd.core.target import Target
    from pyocd.flash.loader import MemoryLoader

    results: list[Any] = []
    begin, end = 0.0, _ERASED

    def programming_starts(_: Any) -> None:
        nonlocal begin, end
        begin, end = _ERASED, _PROGRAMMED

    def part_done(notification: Any) -> None:
        results.append(notification.source.get_performance())

    session.subscribe(programming_starts, Target.Event.PRE_FLASH_PROGRAM)
    session.subscribe(part_done, Target.Event.POST_FLASH_PROGRAM)
    loader = MemoryLoader(
        session, progress=lambda fraction: bar.show(begin + fraction * (end - begin))
    )
    try:
        for segment in segments:
            loader.add_data(segment.address, segment.data)
    except ValueError as error:
        raise ConfigError(f"the runtime does not fit the chip: {one_line(error)}") from error
    loader.commit()
    programmed = sum(int(result.program_byte_count) for result in results)
    return programmed, sum(int(result.skipped_byte_count) for result in results)


def _verify(target: Any, segments: Sequence[_Segment], bar: _Bar) -> None:
    total = sum(len(segment.data) for segment in segments)
    done = 0
    for segment in segments:
        for offset in range(0, len(segment.data), _VERIFY_CHUNK):
            wanted = segment.data[offset : offset + _VERIFY_CHUNK]
            address = segment.address + offset
            found = bytes(target.read_memory_block8(address, len(wanted)))
            if found != wanted:
                raise BoardFault(_difference(address, wanted, found))
            done += len(wanted)
            bar.show(_PROGRAMMED + done / total * (1 - _PROGRAMMED))


def _difference(address: int, wanted: bytes, found: bytes) -> str:
    at = next(i for i, pair in enumerate(zip(wanted, found, strict=True)) if pair[0] != pair[1])
    return (
        f"flash memory at {address + at:#010x} reads {found[at]:#04x} where {wanted[at]:#04x} "
        "was programmed: flash again, and replace the board if it stays"
    )


class _Bar:
    """Progress that never goes back."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._shown = -1.0

    def show(self, fraction: float) -> None:
        if self._progress is not None and fraction > self._shown:
            self._shown = fraction
            self._progress(min(fraction, 1.0))
