"""A flash beside the firmware a board has: whenever the power is cut, it has the old or the new.

The cuts are enumerated on the operations that `plan_installation` gives; that a chip is done
exactly these to, in this order, is tested with the flasher (`test_flash_in_place.py`).
"""

import random
from dataclasses import dataclass

import pytest

from boards import load_board
from boards.errors import ConfigError
from host.file_system import Erase, FileSystemCopy, Program, pack
from host.image import ImageContents, build_image, read_image
from host.installation import CannotKeep, Installation, plan_installation
from host.loader import SCRIPTS, SlotState
from host.manifest import intact_manifest

from ..power_cuts import UNIT, Reader, states_after_cuts

BOARD = load_board("headband8")
BLOCK = BOARD.mcu.filesystem.block_size
SIZE = BOARD.mcu.filesystem.size
KEY = {"update.key": b"5a" * 32}
GRANULES = {"nrf52840": 4, "stm32wb55": 8}


def firmware(folder, **files: bytes) -> ImageContents:
    """Build the image of a small firmware, whose files are as large as wanted."""
    folder.mkdir()
    (folder / "main.py").write_text("print('hello')\n")
    (folder / "eeg").mkdir()
    for name, data in files.items():
        (folder / "eeg" / f"{name}.bin").write_bytes(data)
    return read_image(build_image(BOARD, folder).data)


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def install(region: bytes, image: ImageContents, **extra: bytes) -> Installation:
    return plan_installation(region, BLOCK, image, extra)


@dataclass(frozen=True)
class Pair:
    """What a board holds, and what it is to hold."""

    region: bytes
    new: ImageContents

    @property
    def old(self) -> ImageContents:
        return read_image(self.region, BLOCK)


def packed(files: dict[str, bytes]) -> bytes:
    return pack(files, SIZE, BLOCK)[0]


@pytest.fixture
def small(tmp_path) -> ImageContents:
    return firmware(tmp_path / "small", data=noise(3000))


@pytest.fixture
def large(tmp_path) -> ImageContents:
    return firmware(tmp_path / "large", data=noise(20_000, 1), more=noise(9000, 2), tiny=b"x" * 40)


def the_real_one(small, large) -> Pair:
    built = build_image(BOARD)
    files = {**built_files(built.data), "notes.txt": b"the user's own", **KEY}
    return Pair(packed(files), read_image(build_image(BOARD, version="99.0").data))


def built_files(data: bytes) -> dict[str, bytes]:
    return dict(read_image(data, BLOCK).files)


def growing(small, large) -> Pair:
    return Pair(packed({**small.files, **KEY}), large)


def shrinking(small, large) -> Pair:
    return Pair(packed({**large.files, **KEY}), small)


def from_slot_b(small, large) -> Pair:
    """Slot a holds what was there before, as after any flash."""
    there = install(growing(small, large).region, large)
    return Pair(there.data, read_image(build_image(BOARD).data))


def the_same_but_for_one_file(small, large) -> Pair:
    held = {f"b/{path}": data for path, data in large.application_files.items()}
    return Pair(packed({**small.files, **KEY, **held, "b/eeg/more.bin": noise(8000)}), large)


def with_an_older_loader(small, large) -> Pair:
    older = {**small.files, **KEY, "boot.py": b"import main\n", "main.py": b"import slots\n" * 300}
    return Pair(packed(older), large)


def while_an_update_waits(small, large) -> Pair:
    files = {f"b/{path}": data for path, data in large.application_files.items()}
    waiting = {**small.files, **KEY, **files, "slot": SlotState("a", "new").encode()}
    return Pair(packed(waiting), read_image(build_image(BOARD).data))


def after_a_cut(small, large) -> Pair:
    """What an earlier flash left when it was cut off in the middle."""
    first = growing(small, large)
    plan = install(first.region, large)
    states = list(states_after_cuts(first.region, plan.operations, 4))
    return Pair(states[len(states) // 2], large)


PAIRS = [
    the_real_one,
    growing,
    shrinking,
    from_slot_b,
    the_same_but_for_one_file,
    with_an_older_loader,
    while_an_update_waits,
    after_a_cut,
]


def check_files(
    files: dict[str, bytes],
    pair: Pair,
    old_files: dict[str, bytes],
    allowed: list[dict[str, bytes]],
) -> None:
    """What boots is one of the allowed applications, whole, and nothing else was touched."""
    found = ImageContents(files)
    runs = found.slot(found.slot_state.next_boot)
    assert runs in allowed
    assert intact_manifest(runs) is not None
    for name in pair.new.root_files:
        assert files[name] in (old_files.get(name), pair.new.files[name])
    for name in set(ImageContents(old_files).root_files) - set(pair.new.root_files):
        assert files[name] == old_files[name]


@pytest.mark.parametrize("granule", GRANULES.values(), ids=GRANULES)
@pytest.mark.parametrize("make", PAIRS)
def test_whenever_the_power_is_cut_there_is_the_old_or_the_new_firmware(
    small, large, make, granule, record_testsuite_property
):
    pair = make(small, large)
    plan = install(pair.region, pair.new)
    old = pair.old
    allowed = [old.application_files, old.slot(old.slot_state.next_boot)]
    allowed.append(pair.new.application_files)
    reader = Reader(BLOCK)
    checked: dict[str, bytes] = {}
    # Every single operation of the chip where it matters most, every one of LittleFS elsewhere.
    unit = granule if make is the_real_one else UNIT
    states = states_after_cuts(pair.region, plan.operations, granule, unit)
    cuts = 0
    for cuts, state in enumerate(states, 1):
        files = reader.files(state)
        if files is not checked:
            check_files(files, pair, dict(old.files), allowed)
            checked = files
        if cuts % 500 == 0:
            again = install(state, pair.new)
            assert read_image(again.data).application_files == pair.new.application_files
    assert state == plan.data
    assert reader.files(state) == read_image(plan.data).files
    record_testsuite_property(f"cut points: {make.__name__}, {granule} bytes", cuts)
    assert cuts > 100


def test_cuts_upon_cuts_do_no_harm(small, large):
    """A board whose power fails again and again, at any point of any attempt, never loses both."""
    rng = random.Random(5)
    pair = growing(small, large)
    state = pair.region
    wanted = [pair.old.application_files, pair.new.application_files]
    for attempt in range(12):
        image = (large, small)[attempt // 3 % 2]
        plan = install(state, image)
        states = list(states_after_cuts(state, plan.operations, 8))
        state = rng.choice(states)
        check_files(Reader(BLOCK).files(state), pair, dict(pair.old.files), wanted)


# ---- what is planned


def test_the_new_firmware_goes_into_the_other_slot_and_the_old_one_stays(small, large):
    plan = install(packed(dict(small.files)), large)
    after = read_image(plan.data)
    assert plan.slot == "b"
    assert after.slot_state == SlotState("b")
    assert after.application_files == large.application_files
    assert after.slot("a") == small.application_files
    back = install(plan.data, small)
    assert back.slot == "a"
    # The old one is still there: only the choice changes.
    assert sum(isinstance(op, Erase) for op in back.operations) <= 1


def test_what_is_in_place_needs_no_operation(small, large):
    region = packed({**small.files, "notes.txt": b"x"})
    assert install(region, small).operations == []
    there = install(region, large)
    assert install(there.data, large).operations == []


def test_an_interrupted_flash_is_taken_up_where_it_ended(small, large):
    region = packed(dict(small.files))
    plan = install(region, large)
    states = list(states_after_cuts(region, plan.operations, 4))
    rest = install(states[len(states) * 3 // 4], large)

    def programmed(operations) -> int:
        return sum(len(op.data) for op in operations if isinstance(op, Program))

    assert programmed(rest.operations) < programmed(plan.operations) / 2
    assert read_image(rest.data).application_files == large.application_files


def test_files_of_the_user_and_a_key_stay_and_a_new_key_is_written(small, large):
    region = packed({**small.files, **KEY, "data/notes.txt": b"mine"})
    kept = read_image(install(region, large).data).files
    assert kept["update.key"] == KEY["update.key"]
    assert kept["data/notes.txt"] == b"mine"
    plan = plan_installation(region, BLOCK, small, {"update.key": b"99" * 32})
    assert read_image(plan.data).files["update.key"] == b"99" * 32


def test_no_file_of_the_slot_is_left_that_the_firmware_does_not_have(small, large):
    there = install(packed({**small.files, "b/eeg/old/stale.py": b"1"}), large)
    assert read_image(there.data).slot("b") == large.application_files
    tidy = FileSystemCopy(there.data, BLOCK)
    assert tidy.list_directories("b") == ["b", "b/eeg"]


def test_a_damaged_firmware_in_the_active_slot_is_replaced_and_the_other_kept(small, large):
    two = read_image(install(packed(dict(small.files)), large).data)
    damaged = {**two.files, "b/eeg/data.bin": b"damaged"}
    plan = install(packed(damaged), large)
    assert plan.slot == "b"
    assert read_image(plan.data).slot("a") == small.application_files
    assert read_image(plan.data).application_files == large.application_files


@pytest.mark.parametrize(
    ("region", "why"),
    [
        (b"\xff" * SIZE, "no readable file system"),
        (noise(SIZE), "no readable file system"),
        (packed({"main.py": b"print(1)"}), "no intact application"),
    ],
)
def test_where_there_is_nothing_to_keep_there_is_no_plan(small, region, why):
    with pytest.raises(CannotKeep, match=why):
        install(region, small)


def test_a_firmware_that_does_not_fit_beside_the_old_one_is_refused(tmp_path, small):
    huge = firmware(tmp_path / "huge", data=noise(120_000))
    huger = firmware(tmp_path / "huger", data=noise(120_000, 9))
    with pytest.raises(ConfigError, match=r"no room beside .*--erase region"):
        install(packed(dict(huge.files)), huger)


def test_scripts_are_replaced_after_what_they_import(small, large):
    pair = with_an_older_loader(small, large)
    region = packed({**pair.old.files, "slots.mpy": b"older"})
    plan = install(region, large)
    reader = Reader(BLOCK)
    for state in states_after_cuts(region, plan.operations, 4):
        files = reader.files(state)
        if any(files[name] == large.files[name] for name in SCRIPTS):
            assert files["slots.mpy"] == large.files["slots.mpy"]
