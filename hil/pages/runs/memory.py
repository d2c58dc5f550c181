"""What a board's firmware takes of its file system; nothing is simulated."""

from __future__ import annotations

from eegrig.boards import load_board
from eegrig.hil.pages.stored import Figures, StoredFigure
from eegrig.host.image.firmware_image import build_image
from eegrig.host.image.manifest import MANIFEST
from eegrig.host.image.size_report import size_report

__all__ = ["memory"]


def memory(name: str) -> Figures:
    """Measure a board's image, as ``eegrig build`` does.

    Returns
    -------
    dict of str to StoredFigure
        ``memory.application`` and so on; where there are several file systems, ``.used`` and
        ``.size`` of each, as ``memory.volume.NAME``.
    """
    board = load_board(name)
    image = build_image(board)
    report = size_report(board, image)
    sizes = {
        "memory.application": sum(file.size for file in report.files),
        "memory.manifest": len(image.application.files[MANIFEST]),
        "memory.region": report.region_size,
        "memory.used": report.used,
        "memory.used_by_two": report.used_by_update,
        "memory.free_beside_update": report.free_after_update,
    }
    for volume in report.volumes:
        sizes[f"memory.volume.{volume.name}.used"] = volume.used
        sizes[f"memory.volume.{volume.name}.size"] = volume.size
    return {key: StoredFigure.of(value, "B") for key, value in sizes.items()}
