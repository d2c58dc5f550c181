"""A board with the firmware built, flashed and identified: what every run begins with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eegrig.boards.errors import BoardFault, EegrigError
from eegrig.hil.bench import Bench
from eegrig.hil.figures.results import FirmwareCheck
from eegrig.host.flashing.flash import FlashReport, flash
from eegrig.host.image.firmware_image import Image, build_image

__all__ = ["FlashedBoard", "boot_and_identify", "flash_and_identify"]

_BOOT_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class FlashedBoard:
    """What flashing a board gave.

    Attributes
    ----------
    image : Image
        What was flashed.
    report : FlashReport
        How it went.
    identity : FirmwareCheck
        What the board says it runs, beside what was asked for.
    """

    image: Image
    report: FlashReport
    identity: FirmwareCheck


def flash_and_identify(
    bench: Bench,
    *,
    progress: Callable[[float], None] | None = None,
    step: Callable[[str], object] = lambda what: None,
) -> FlashedBoard:
    """Build the firmware, flash it, and read back over the console what the board runs.

    Parameters
    ----------
    bench : Bench
    progress : callable, optional
        Is told the fraction that is flashed.
    step : callable, optional
        Is told what begins.

    Raises
    ------
    ConfigError
        If the firmware does not build or does not fit.
    BoardFault
        If the chip is wrong or does not hold what was programmed, or the firmware does not boot.
    InfrastructureError
        If probe or console cannot be reached.
    """
    step("build the firmware")
    image = build_image(bench.board, bench.firmware_dir)
    step(f"flash {image.version}, {len(image.data) / 1024:.0f} KiB, through {bench.probe}")
    report = flash(
        bench.board,
        image,
        probe=bench.probe,
        runtime=bench.runtime,
        progress=progress,
        clock_ns=bench.flash_clock_ns,
    )
    step("boot it")
    return FlashedBoard(image, report, _identity(bench, image))


def boot_and_identify(bench: Bench, flashed: FlashedBoard) -> None:
    """Reset a board that was flashed before, and make sure that it runs what it was given.

    It is then where `flash_and_identify` leaves one.

    Raises
    ------
    BoardFault
        If the firmware does not boot, or is another one.
    InfrastructureError
        If the console cannot be reached.
    """
    bench.reset()
    _identity(bench, flashed.image)


def _identity(bench: Bench, image: Image) -> FirmwareCheck:
    """Return what a board says it runs, once it has booted the image that was flashed."""
    identity = bench.run(_identify(bench, image))
    if not identity.matches:
        raise BoardFault(
            f"{bench.board.name} runs {identity.version} ({identity.image_hash[:12]}), not the "
            f"{image.version} ({image.manifest.image_hash[:12]}) that was flashed: reset it and "
            "flash again"
        )
    return identity


async def _identify(bench: Bench, image: Image) -> FirmwareCheck:
    from eegrig.host.console.console import BootFailure, read_identity

    try:
        found = await read_identity(bench.console, timeout_s=_BOOT_TIMEOUT_S)
    except BootFailure:
        raise
    except EegrigError as error:
        # What the console does not say the bench may have seen: a fault, a loop.
        seen = [note.splitlines()[0] for note in bench.notes()]
        if not seen:
            raise
        raise BoardFault(f"{error}; the bench saw: {seen[-1]}") from error
    return FirmwareCheck(
        version=found.version,
        image_hash=found.image_hash,
        expected_hash=image.manifest.image_hash,
    )
