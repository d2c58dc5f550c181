"""Power cuts on virtual boards: a board whose flash was cut boots, and so do its own files."""

from collections import deque
from pathlib import Path

import pytest
from littlefs import LittleFSError

from eegrig.boards import load_board
from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.console.console import read_identity
from eegrig.host.flashing.flash import flash
from eegrig.host.flashing.installation import plan_installation
from eegrig.host.image.file_system import Operation, Program
from eegrig.host.image.firmware_image import build_image, read_image
from eegrig.host.image.layout import layout_of

from ...power_cuts import Reader, record, states_after_cuts

BOARDS = ["headband8", "headphone8"]


def boots(virtual: VirtualBench) -> str:
    """Return the version of the firmware that says on the console what it is."""
    bench = virtual.bench
    return bench.run(read_identity(bench.console, 5.0, reset=bench.reset)).version


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_whose_power_went_during_a_flash_boots_the_old_or_the_new(name):
    board = load_board(name)
    old, new = (build_image(board, version=version) for version in ("1.0", "2.0"))
    plan = plan_installation(old.data, old.layout, read_image(new.data), {})
    words = sum(len(op.data) // 4 for op in plan.operations if isinstance(op, Program))
    with VirtualBench(board) as virtual:
        probe, chip = virtual.bench.probe, virtual.board.chip
        for share in (0.02, 0.35, 0.7, 0.97):
            flash(board, old, probe=probe, erase="region")
            assert boots(virtual) == "1.0"
            chip.faults.lose_power_after(int(words * share))
            with pytest.raises(InfrastructureError, match="flash again"):
                flash(board, new, probe=probe)
            chip.faults.clear()
            chip.power_cycle()
            assert boots(virtual) in ("1.0", "2.0")
            assert flash(board, new, probe=probe).slot == "b"
            assert boots(virtual) == "2.0"


# ---- what the firmware itself writes

WRITER = """
import os
for n in range(1, 4):
    with open("/flash/plain.txt", "w") as file:
        file.write(str(n) * 3000)
    with open("/flash/small.txt", "w") as file:
        file.write(str(n) * 20)
    with open("/flash/new", "w") as file:
        file.write(str(n) * 9000)
    os.rename("/flash/new", "/flash/renamed.txt")
print("written")
"""


def writes_of(name: str, folder: Path) -> tuple[bytes, list[Operation], int]:
    """Let a firmware write its files; return the region before, and all that was done to it."""
    (folder / "main.py").write_text(WRITER)
    board = load_board(name)
    region = board.mcu.filesystem
    with VirtualBench(board, firmware_dir=folder) as virtual:
        before = build_image(board, folder).data
        flash(board, before, probe=virtual.bench.probe)

        async def finished() -> None:
            from eegrig.host.console.console import Console

            with Console.open(virtual.bench.console) as console:
                await console.wait_for("written", 60.0)

        with record(virtual.board.chip.flash, region.start) as done:
            virtual.bench.run(finished())
        after = bytes(virtual.board.chip.flash_bytes(region.start, region.size))
        granule = virtual.board.chip.flash.granule
    (last,) = deque(states_after_cuts(before, done, granule), maxlen=1)
    assert last == after
    return before, done, granule


def test_a_file_the_firmware_writes_is_the_old_or_the_new_at_every_cut(
    tmp_path, record_testsuite_property
):
    """Where the port erases a block when the file system says so."""
    name = "headband8"
    before, done, granule = writes_of(name, tmp_path)
    image = read_image(before)
    # A file that is new is there, empty, from its opening on.
    versions = [b"", *(str(n).encode() for n in (1, 2, 3))]
    sizes = {"plain.txt": 3000, "small.txt": 20, "renamed.txt": 9000}
    reader = Reader(layout_of(load_board(name)))
    seen: dict[str, set[bytes]] = {path: set() for path in sizes}
    cuts = 0
    for state in states_after_cuts(before, done, granule, granule):
        cuts += 1
        files = reader.files(state)
        for path, size in sizes.items():
            found = files.get(path, b"")
            assert found in [version * size for version in versions]
            seen[path].add(found[:1])
        assert {path: files[path] for path in image.files} == image.files
    assert all(values == set(versions) for values in seen.values())
    record_testsuite_property(f"cut points: file system writes, {name}", cuts)
    assert cuts > 1000


def test_a_firmware_that_writes_files_risks_what_the_port_mounts_where_it_rewrites_pages(
    tmp_path, record_testsuite_property
):
    """Its own files and the loader, that is; which slot runs, and what is in it, stays."""
    name = "headphone8"
    layout = layout_of(load_board(name))
    before, done, granule = writes_of(name, tmp_path)
    reader = Reader(layout)
    application = read_image(before).application_files
    cuts = lost = 0
    for state in states_after_cuts(before, done, granule, granule):
        cuts += 1
        assert state[layout.boot.size :] == before[layout.boot.size :]
        try:
            reader.files(state)
        except LittleFSError:
            lost += 1
    assert lost > 0, "then the documentation need not warn"
    record_testsuite_property(f"cut points: file system writes, {name}", cuts)
    record_testsuite_property(f"cut points that need a flash: writes, {name}", lost)
    mended = plan_installation(state, layout, read_image(before), {})
    assert read_image(mended.data).application_files == application
