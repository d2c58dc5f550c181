"""A flash beside the firmware a board has: whenever the power is cut, it has the old or the new.

The cuts are enumerated on the operations that `plan_installation` gives; that a chip is done
exactly these to, in this order, is tested with the flasher (`test_flash_in_place.py`). On both
layouts: a region that is one file system (zephyr), and one that is divided (stm32).
"""

import random
from dataclasses import dataclass

import pytest
from littlefs import LittleFSError

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.host.flashing.installation import CannotKeep, Installation, plan_installation
from eegrig.host.image.file_system import Erase, FileSystemCopy, Operation, Program, pack
from eegrig.host.image.firmware_image import ImageContents, build_image, read_image
from eegrig.host.image.layout import layout_of
from eegrig.host.image.loader import SCRIPTS, SlotState
from eegrig.host.image.manifest import intact_manifest
from eegrig.host.image.region import pack_region
from tests.power_cuts import UNIT, Reader, states_after_cuts

KEY = {"update.key": b"5a" * 32}


class Kind:
    """A board, and how flash memory is programmed on it."""

    def __init__(self, name: str, granule: int) -> None:
        self.board = load_board(name)
        self.layout = layout_of(self.board)
        self.granule = granule

    def firmware(self, folder, **files: bytes) -> ImageContents:
        """Build the image of a small firmware, whose files are as large as wanted."""
        folder.mkdir()
        (folder / "main.py").write_text("print('hello')\n")
        (folder / "eeg").mkdir()
        for name, data in files.items():
            (folder / "eeg" / f"{name}.bin").write_bytes(data)
        return read_image(build_image(self.board, folder).data)

    def real(self, **options) -> ImageContents:
        """Build the image of the firmware of this package."""
        return read_image(build_image(self.board, **options).data)

    def packed(self, files: dict[str, bytes]) -> bytes:
        return pack_region(files, self.layout).data

    def read(self, region: bytes) -> ImageContents:
        return read_image(region, self.layout)

    def install(self, region: bytes, image: ImageContents, **extra: bytes) -> Installation:
        return plan_installation(region, self.layout, image, extra)

    def cuts(self, region: bytes, operations: list[Operation], unit: int = UNIT):
        return states_after_cuts(region, operations, self.granule, unit)


@pytest.fixture(
    params=[("headband8", 4), ("headband8", 8), ("nucleo-wb55-ads1299", 8)],
    ids=["one volume, words", "one volume, double words", "divided, double words"],
)
def kind(request) -> Kind:
    return Kind(*request.param)


@pytest.fixture(params=[("headband8", 4), ("nucleo-wb55-ads1299", 8)], ids=["one", "divided"])
def layout_kind(request) -> Kind:
    return Kind(*request.param)


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def small_of(kind: Kind, folder) -> ImageContents:
    return kind.firmware(folder / "small", data=noise(3000))


def large_of(kind: Kind, folder) -> ImageContents:
    return kind.firmware(
        folder / "large", data=noise(20_000, 1), more=noise(9000, 2), tiny=b"x" * 40
    )


@dataclass(frozen=True)
class Pair:
    """What a board holds, and what it is to hold."""

    region: bytes
    new: ImageContents


def the_real_one(kind, small, large) -> Pair:
    files = {**kind.real().files, "notes.txt": b"the user's own", **KEY}
    return Pair(kind.packed(files), kind.real(version="99.0"))


def growing(kind, small, large) -> Pair:
    return Pair(kind.packed({**small.files, **KEY}), large)


def shrinking(kind, small, large) -> Pair:
    return Pair(kind.packed({**large.files, **KEY}), small)


def from_slot_b(kind, small, large) -> Pair:
    """Slot a holds what was there before, as after any flash."""
    there = kind.install(growing(kind, small, large).region, large)
    return Pair(there.data, kind.real())


def the_same_but_for_one_file(kind, small, large) -> Pair:
    held = {f"b/{path}": data for path, data in large.application_files.items()}
    files = {**small.files, **KEY, **held, "b/eeg/more.bin": noise(8000)}
    return Pair(kind.packed(files), large)


def with_an_older_loader(kind, small, large) -> Pair:
    older = {**small.files, **KEY, "boot.py": b"import main\n", "main.py": b"import slots\n" * 300}
    return Pair(kind.packed(older), large)


def while_an_update_waits(kind, small, large) -> Pair:
    files = {f"b/{path}": data for path, data in large.application_files.items()}
    waiting = {**small.files, **KEY, **files, "slot": SlotState("a", "new").encode()}
    return Pair(kind.packed(waiting), kind.real())


def after_a_cut(kind, small, large) -> Pair:
    """What an earlier flash left when it was cut off in the middle."""
    first = growing(kind, small, large)
    plan = kind.install(first.region, large)
    states = list(kind.cuts(first.region, plan.operations))
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
    new: ImageContents,
    old_files: dict[str, bytes],
    allowed: list[dict[str, bytes]],
) -> None:
    """What boots is one of the allowed applications, whole, and nothing else was touched."""
    found = ImageContents(files)
    runs = found.slot(found.slot_state.next_boot)
    assert runs in allowed
    assert intact_manifest(runs) is not None
    for name in new.root_files:
        assert files[name] in (old_files.get(name), new.files[name])
    for name in set(ImageContents(old_files).root_files) - set(new.root_files):
        assert files[name] == old_files[name]


@pytest.mark.parametrize("make", PAIRS)
def test_whenever_the_power_is_cut_there_is_the_old_or_the_new_firmware(
    tmp_path, kind, make, record_testsuite_property, request
):
    """But for a loader that is replaced where the port rewrites pages: then only, it is at risk."""
    pair = make(kind, small_of(kind, tmp_path), large_of(kind, tmp_path))
    plan = kind.install(pair.region, pair.new)
    old = kind.read(pair.region)
    allowed = [old.application_files, old.slot(old.slot_state.next_boot)]
    allowed.append(pair.new.application_files)
    reader = Reader(kind.layout)
    checked: dict[str, bytes] = {}
    # Every single operation of the chip where it matters most, every one of LittleFS elsewhere.
    unit = kind.granule if make is the_real_one else UNIT
    cuts = bricked = 0
    for cuts, state in enumerate(kind.cuts(pair.region, plan.operations, unit), 1):
        try:
            files = reader.files(state)
        except LittleFSError:
            assert plan.loader_rewritten
            bricked += 1
            files = checked
        if files is not checked:
            # A loader that is being replaced may be half of it.
            check_files(
                {**files, **old.root_files} if plan.loader_rewritten else files,
                pair.new,
                dict(old.files),
                allowed,
            )
            checked = files
        if cuts % 500 == 0:
            again = kind.install(state, pair.new)
            assert kind.read(again.data).application_files == pair.new.application_files
    assert state == plan.data
    assert reader.files(state) == kind.read(plan.data).files
    assert plan.loader_rewritten == (kind.layout.divided and make is with_an_older_loader)
    record_testsuite_property(f"cut points: {request.node.name}", cuts)
    assert cuts > 100


def test_cuts_upon_cuts_do_no_harm(tmp_path, kind):
    """A board whose power fails again and again, at any point of any attempt, never loses both."""
    rng = random.Random(5)
    small, large = small_of(kind, tmp_path), large_of(kind, tmp_path)
    pair = growing(kind, small, large)
    state = pair.region
    old = kind.read(state)
    wanted = [old.application_files, large.application_files]
    for attempt in range(12):
        image = (large, small)[attempt // 3 % 2]
        plan = kind.install(state, image)
        state = rng.choice(list(kind.cuts(state, plan.operations)))
        check_files(Reader(kind.layout).files(state), large, dict(old.files), wanted)


def test_a_loader_that_a_cut_took_away_is_mended_and_the_firmware_is_still_there(tmp_path):
    kind = Kind("nucleo-wb55-ads1299", 8)
    small, large = small_of(kind, tmp_path), large_of(kind, tmp_path)
    pair = with_an_older_loader(kind, small, large)
    plan = kind.install(pair.region, large)
    reader = Reader(kind.layout)
    n_mended = 0
    for state in kind.cuts(pair.region, plan.operations, 512):
        try:
            reader.files(state)
        except LittleFSError:
            again = kind.install(state, large)
            assert again.loader_rewritten
            mended = kind.read(again.data)
            assert mended.application_files == large.application_files
            assert mended.slot(mended.slot_state.other) == small.application_files
            assert mended.root_files == large.root_files
            n_mended += 1
    assert n_mended > 3


# ---- what is planned


@pytest.fixture
def small(tmp_path, layout_kind) -> ImageContents:
    return small_of(layout_kind, tmp_path)


@pytest.fixture
def large(tmp_path, layout_kind) -> ImageContents:
    return large_of(layout_kind, tmp_path)


def test_the_new_firmware_goes_into_the_other_slot_and_the_old_one_stays(layout_kind, small, large):
    plan = layout_kind.install(layout_kind.packed(dict(small.files)), large)
    after = layout_kind.read(plan.data)
    assert plan.slot == "b"
    assert after.slot_state == SlotState("b")
    assert after.application_files == large.application_files
    assert after.slot("a") == small.application_files
    back = layout_kind.install(plan.data, small)
    assert back.slot == "a"
    # The old one is still there: only the choice changes.
    assert sum(isinstance(op, Erase) for op in back.operations) <= 1


def test_what_is_in_place_needs_no_operation(layout_kind, small, large):
    region = layout_kind.packed({**small.files, "notes.txt": b"x"})
    assert layout_kind.install(region, small).operations == []
    there = layout_kind.install(region, large)
    assert layout_kind.install(there.data, large).operations == []


def test_an_interrupted_flash_is_taken_up_where_it_ended(layout_kind, small, large):
    region = layout_kind.packed(dict(small.files))
    plan = layout_kind.install(region, large)
    states = list(layout_kind.cuts(region, plan.operations))
    rest = layout_kind.install(states[len(states) * 3 // 4], large)

    def programmed(operations) -> int:
        return sum(len(op.data) for op in operations if isinstance(op, Program))

    assert programmed(rest.operations) < programmed(plan.operations) / 2
    assert layout_kind.read(rest.data).application_files == large.application_files


def test_files_of_the_user_and_a_key_stay_and_a_new_key_is_written(layout_kind, small, large):
    region = layout_kind.packed({**small.files, **KEY, "data/notes.txt": b"mine"})
    kept = layout_kind.read(layout_kind.install(region, large).data).files
    assert kept["update.key"] == KEY["update.key"]
    assert kept["data/notes.txt"] == b"mine"
    plan = layout_kind.install(region, small, **{"update.key": b"99" * 32})
    assert layout_kind.read(plan.data).files["update.key"] == b"99" * 32
    assert plan.loader_rewritten == layout_kind.layout.divided


def test_no_file_of_the_slot_is_left_that_the_firmware_does_not_have(layout_kind, small, large):
    region = layout_kind.packed({**small.files, "b/eeg/old/stale.py": b"1"})
    there = layout_kind.install(region, large)
    assert layout_kind.read(there.data).slot("b") == large.application_files
    slot = layout_kind.layout.slots.get("b")
    tidy = FileSystemCopy(
        slot.of(there.data) if slot else there.data, layout_kind.layout.block_size
    )
    root = "" if slot else "b"
    assert tidy.list_directories(root) == [root, f"{root}/eeg".lstrip("/")]


def test_a_damaged_firmware_in_the_active_slot_is_replaced_and_the_other_kept(
    layout_kind, small, large
):
    region = layout_kind.packed(dict(small.files))
    two = layout_kind.read(layout_kind.install(region, large).data)
    damaged = {**two.files, "b/eeg/data.bin": b"damaged"}
    plan = layout_kind.install(layout_kind.packed(damaged), large)
    assert plan.slot == "b"
    after = layout_kind.read(plan.data)
    assert after.slot("a") == small.application_files
    assert after.application_files == large.application_files


@pytest.mark.parametrize(
    ("region", "why"),
    [
        (lambda kind: b"\xff" * kind.layout.size, "no readable file system"),
        (lambda kind: noise(kind.layout.size), "no readable file system"),
        (lambda kind: kind.packed({"main.py": b"print(1)"}), "no intact application"),
    ],
)
def test_where_there_is_nothing_to_keep_there_is_no_plan(layout_kind, small, region, why):
    with pytest.raises(CannotKeep, match=why):
        layout_kind.install(region(layout_kind), small)


def test_a_file_system_that_the_port_does_not_mount_is_not_kept_but_the_files_of_the_user_are(
    layout_kind, small
):
    """As of boards that an earlier version flashed, with 4096-byte blocks whatever the port."""
    other = 4096 if layout_kind.layout.divided else 512
    files = {**small.files, "a/main.py": b"old", "data/notes.txt": b"mine", "slot.new": b"a\n"}
    region = pack(files, layout_kind.layout.size, other)[0]
    with pytest.raises(CannotKeep, match=f"{other}-byte blocks, and the board's port") as why:
        layout_kind.install(region, small)
    assert why.value.files == {"data/notes.txt": b"mine"}


def test_a_firmware_that_does_not_fit_beside_the_old_one_is_refused(tmp_path):
    kind = Kind("headband8", 4)
    huge = kind.firmware(tmp_path / "huge", data=noise(120_000))
    huger = kind.firmware(tmp_path / "huger", data=noise(120_000, 9))
    with pytest.raises(ConfigError, match=r"no room beside .*--erase region"):
        kind.install(kind.packed(dict(huge.files)), huger)


def test_a_firmware_that_does_not_fit_into_a_slot_of_its_own_is_refused(tmp_path):
    kind = Kind("nucleo-wb55-ads1299", 8)
    with pytest.raises(ConfigError, match=r"does not fit .* 102400 of application"):
        kind.firmware(tmp_path / "huge", data=noise(120_000))


def test_scripts_are_replaced_after_what_they_import(tmp_path):
    kind = Kind("headband8", 4)
    small, large = small_of(kind, tmp_path), large_of(kind, tmp_path)
    pair = with_an_older_loader(kind, small, large)
    region = kind.packed({**kind.read(pair.region).files, "slots.mpy": b"older"})
    plan = kind.install(region, large)
    reader = Reader(kind.layout)
    for state in kind.cuts(region, plan.operations):
        files = reader.files(state)
        if any(files[name] == large.files[name] for name in SCRIPTS):
            assert files["slots.mpy"] == large.files["slots.mpy"]
