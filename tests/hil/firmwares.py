"""Copies of the firmware with something changed, and a bench that runs them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from eegrig.boards import load_board
from eegrig.hil.flashed_board import FlashedBoard, flash_and_identify
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.image.application import default_firmware
from eegrig.host.link.board_link import BoardLink
from eegrig.host.link.connection import connect

Patch = tuple[str, str, str]
"""File, what is in it exactly once, and what takes its place."""


def patched_firmware(folder: Path, *patches: Patch) -> Path:
    """Copy the firmware into `folder` and change it."""
    copy = folder / "firmware"
    shutil.copytree(default_firmware(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    for name, old, new in patches:
        path = copy / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
        path.write_text(text.replace(old, new))
    return copy


@contextlib.contextmanager
def flashed_bench(
    firmware_dir: Path | None = None, board: str = "headband8", **options: Any
) -> Iterator[tuple[VirtualBench, FlashedBoard]]:
    """Set up a virtual board with a firmware, booted."""
    with VirtualBench(load_board(board), firmware_dir=firmware_dir, **options) as virtual:
        yield virtual, flash_and_identify(virtual.bench)


@contextlib.asynccontextmanager
async def connected(
    virtual: VirtualBench, timeout_s: float = 10.0, interval_ms: float | None = 7.5
) -> AsyncIterator[BoardLink]:
    """Connect to the board of a bench, at an interval that carries all it does."""
    bench = virtual.bench
    if interval_ms is not None:
        await bench.radio.set_link(phy=bench.board.radio.phy, interval_ms=interval_ms)
    async with connect(
        bench.board.radio.name,
        scanner_backend=bench.radio.scanner_backend,
        client_backend=bench.radio.client_backend,
        timeout_s=timeout_s,
        now_ns=bench.clock.now_ns,
    ) as link:
        yield link


def console_text(virtual: VirtualBench) -> str:
    """Return everything the board has printed."""
    return virtual.board.console.log.decode().replace("\r\n", "\n")
