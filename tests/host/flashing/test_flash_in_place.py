"""A flash of a board that has a firmware: to the chip is done what was planned, in that order."""

import random
from collections.abc import Iterator

import pytest

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.hil.virtual.chip.chip import Chip
from eegrig.hil.virtual.debug_probe.probe import attach, detach
from eegrig.host.flashing.flash import KEY_FILE, flash
from eegrig.host.flashing.installation import plan_installation
from eegrig.host.image.file_system import Erase, Operation, pack
from eegrig.host.image.firmware_image import ImageContents, build_image, read_image
from eegrig.host.image.layout import layout_of
from eegrig.host.image.region import pack_region
from tests.host.chips import KINDS, Kind

UID = "virtual:in-place-test"


@pytest.fixture(params=KINDS)
def kind(request) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def chip(kind) -> Iterator[Chip]:
    chip = kind.chip(seed="in-place-test")
    attach(UID, chip)
    yield chip
    detach(UID)


def old_and_new(kind: Kind) -> tuple[bytes, bytes]:
    return tuple(build_image(kind.board, version=version).data for version in ("1.0", "2.0"))


def region(kind: Kind, chip: Chip) -> bytes:
    return bytes(chip.flash_bytes(kind.start, kind.board.mcu.filesystem.size))


def contents(kind: Kind, chip: Chip) -> ImageContents:
    return read_image(region(kind, chip), layout_of(kind.board))


def put(kind: Kind, chip: Chip, data: bytes) -> None:
    """Have something in flash memory without flashing it."""
    chip.flash.program(kind.start, data)


def watch(chip: Chip, start: int, done: list[Operation | tuple[int, bytes]]) -> None:
    """Note every operation of the chip's flash memory, a granule at a time."""
    memory = chip.flash
    erase = memory.erase_page

    def erase_page(address: int) -> int:
        done.append(Erase(address - start, memory.page_size))
        return erase(address)

    memory.erase_page = erase_page
    if memory.granule == 4:
        program_word = memory.program_word

        def word(address: int, value: int) -> int:
            done.append((address - start, value.to_bytes(4, "little")))
            return program_word(address, value)

        memory.program_word = word
    else:
        program_double = memory.program_double

        def double(address: int, low: int, high: int) -> int:
            done.append((address - start, (low | high << 32).to_bytes(8, "little")))
            return program_double(address, low, high)

        memory.program_double = double


def test_the_chip_is_done_what_was_planned_in_that_order_and_nothing_else(kind, chip):
    old, new = old_and_new(kind)
    put(kind, chip, old)
    plan = plan_installation(old, layout_of(kind.board), read_image(new), {})
    done: list[Operation | tuple[int, bytes]] = []
    watch(chip, kind.start, done)
    report = flash(kind.board, new, probe=UID)
    expected: list[Operation | tuple[int, bytes]] = []
    for operation in plan.operations:
        if isinstance(operation, Erase):
            expected.append(operation)
        else:
            size = chip.flash.granule
            expected += [
                (operation.offset + at, operation.data[at : at + size])
                for at in range(0, len(operation.data), size)
            ]
    assert done == expected
    assert region(kind, chip) == plan.data
    assert (report.way, report.slot, report.reason) == ("slot", "b", "")
    assert report.verified


def test_the_firmware_in_place_is_recognised_in_either_slot(kind, chip):
    old, new = old_and_new(kind)
    assert flash(kind.board, old, probe=UID).way == "region"
    assert flash(kind.board, new, probe=UID).way == "slot"
    erased = chip.flash.pages_erased
    report = flash(kind.board, new, probe=UID)
    assert (report.way, report.slot) == ("unchanged", "b")
    assert report.skipped
    assert report.bytes_skipped == kind.board.mcu.filesystem.size
    assert chip.flash.pages_erased == erased


def test_a_users_files_stay_unless_the_region_is_written_anew(kind, chip):
    old, new = old_and_new(kind)
    files = {**read_image(old).files, "notes.txt": b"mine"}
    put(kind, chip, pack_region(files, layout_of(kind.board)).data)
    flash(kind.board, new, probe=UID)
    assert contents(kind, chip).files["notes.txt"] == b"mine"
    report = flash(kind.board, new, probe=UID, erase="region")
    assert report.way == "region"
    assert report.reason == "--erase region"
    assert region(kind, chip) == new


def test_a_damaged_file_system_is_written_anew_and_the_report_says_why(kind, chip):
    old, new = old_and_new(kind)
    layout = layout_of(kind.board)
    damaged = bytearray(old)
    for volume in layout.volumes:
        damaged[volume.start : volume.start + 8192] = bytes(8192)
    put(kind, chip, damaged)
    report = flash(kind.board, new, probe=UID)
    assert (report.way, report.reason) == ("region", "there is no readable file system")
    assert region(kind, chip) == new


def test_a_file_system_of_other_blocks_is_written_anew_and_files_of_the_user_are_kept(kind, chip):
    old, new = old_and_new(kind)
    layout = layout_of(kind.board)
    blocks = 4096 if layout.divided else 512
    files = {**read_image(old).files, "notes.txt": b"mine"}
    put(kind, chip, pack(files, layout.size, blocks)[0])
    report = flash(kind.board, new, probe=UID)
    assert report.way == "region"
    assert report.reason == (
        f"what is there is a file system of {blocks}-byte blocks, and the board's port mounts "
        f"{layout.block_size}-byte blocks only; files of yours were kept: notes.txt"
    )
    there = contents(kind, chip)
    assert there.files == {**read_image(new).files, "notes.txt": b"mine"}


def test_an_image_of_other_blocks_is_refused(kind, chip):
    _, new = old_and_new(kind)
    layout = layout_of(kind.board)
    blocks = 4096 if layout.divided else 512
    image = pack(read_image(new).files, layout.size, blocks)[0]
    with pytest.raises(ConfigError, match=f"{blocks}-byte blocks, .* build it with") as refused:
        flash(kind.board, image, probe=UID)
    assert "\n" not in str(refused.value)
    assert set(region(kind, chip)) == {0xFF}


def test_a_key_to_trust_is_written_either_way(kind, chip):
    old, new = old_and_new(kind)
    flash(kind.board, old, probe=UID, trust=bytes(range(32)))
    assert contents(kind, chip).files[KEY_FILE] == bytes(range(32)).hex().encode()
    flash(kind.board, new, probe=UID)
    assert contents(kind, chip).files[KEY_FILE] == bytes(range(32)).hex().encode()
    flash(kind.board, new, probe=UID, trust=bytes(32))
    assert contents(kind, chip).files[KEY_FILE] == b"0" * 64


def test_a_chip_is_erased_only_with_a_runtime_at_hand(kind, chip, tmp_path):
    old, new = old_and_new(kind)
    put(kind, chip, old)
    base = kind.board.mcu.flash.start
    chip.flash.program(base + 0x20000, b"leftover")
    with pytest.raises(ConfigError, match="--runtime"):
        flash(kind.board, new, probe=UID, erase="chip")
    runtime = tmp_path / "runtime.bin"
    runtime.write_bytes(kind.runtime)
    report = flash(kind.board, new, probe=UID, erase="chip", runtime=runtime)
    assert report.way == "chip"
    assert region(kind, chip) == new
    assert set(chip.flash_bytes(base + 0x20000, 8)) == {0xFF}
    assert bytes(chip.flash_bytes(base, len(kind.runtime))) == kind.runtime


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.99])
def test_a_power_loss_leaves_the_old_or_the_new_and_the_next_flash_mends(kind, chip, share):
    old, new = old_and_new(kind)
    put(kind, chip, old)
    words = sum(len(op.data) // 4 for op in plan_of(kind, old, new) if not isinstance(op, Erase))
    chip.faults.lose_power_after(int(words * share))
    with pytest.raises(InfrastructureError, match=r"while programming slot b.*flash again"):
        flash(kind.board, new, probe=UID)
    there = contents(kind, chip)
    assert there.intact
    assert there.application_files == read_image(old).application_files
    report = flash(kind.board, new, probe=UID)
    assert report.way == "slot"
    assert contents(kind, chip).application_files == read_image(new).application_files


def plan_of(kind: Kind, old: bytes, new: bytes) -> list[Operation]:
    return list(plan_installation(old, layout_of(kind.board), read_image(new), {}).operations)


@pytest.mark.parametrize("seed", range(8))
def test_a_cable_pulled_at_any_moment_leaves_the_old_or_the_new(kind, chip, seed):
    old, new = old_and_new(kind)
    put(kind, chip, old)
    transactions = random.Random(seed).randrange(100_000)
    chip.faults.unplug_after(transactions)
    problem = ""
    try:
        flash(kind.board, new, probe=UID)
    except InfrastructureError as error:
        problem = str(error)
    assert "\n" not in problem
    runs = contents(kind, chip)
    assert runs.intact
    assert runs.manifest is not None
    assert runs.manifest.version in ("1.0", "2.0")
    chip.faults.clear()
    assert flash(kind.board, new, probe=UID).verified
    assert contents(kind, chip).application_files == read_image(new).application_files
