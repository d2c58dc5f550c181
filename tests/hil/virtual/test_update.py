"""Updates over the air, end to end: real firmware on virtual boards, bleak, and everything between.

What can go wrong with the radio, the new firmware, the image and the power, and what is left then.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eegrig.boards import list_boards, load_board
from eegrig.boards.errors import BoardFault, ConfigError, EegrigError
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.hil.virtual.micropython.interpreter import ResetCause
from eegrig.host.flashing.flash import flash
from eegrig.host.image.application import Application, build_application
from eegrig.host.image.file_system import Operation
from eegrig.host.image.firmware_image import Image, ImageContents, image_of, read_image
from eegrig.host.image.layout import layout_of
from eegrig.host.image.loader import SLOT_FILE, SlotState, read_slot_state
from eegrig.host.image.region import pack_region
from eegrig.host.image.signing import raw_public_key
from eegrig.host.link.link_errors import BoardStatusError
from eegrig.host.link.update import UpdateReport, update
from eegrig.host.wire.constants import Status
from eegrig.host.wire.errors import ProtocolError

from ...power_cuts import Reader, record, states_after_cuts
from ..firmwares import connected, console_text, patched_firmware

BOARDS = ["headband8", "nucleo-wb55-ads1299"]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RELEASE = ("eeg/app.py", "_POLL_MS = 50", "_POLL_MS = 49")


@contextlib.contextmanager
def flashed(name: str = "headband8", **extra: bytes) -> Iterator[tuple[VirtualBench, Image]]:
    """A board with the firmware of this package, booted; `extra` are files at its root."""
    board = load_board(name)
    image = image_of(board, build_application(board))
    with VirtualBench(board) as virtual:
        flash(board, with_files(board, image, extra), probe=virtual.bench.probe)
        virtual.bench.run(asyncio.sleep(1))
        yield virtual, image


def with_files(board: Any, image: Image, extra: dict[str, bytes]) -> Any:
    if not extra:
        return image
    return pack_region({**read_image(image.data).files, **extra}, layout_of(board)).data


def new_firmware(
    folder: Path, *patches: tuple[str, str, str], board: str = "headband8", **options: Any
) -> Application:
    patches = patches or (RELEASE,)
    firmware = patched_firmware(folder, *patches)
    return build_application(load_board(board), firmware, version="2.0", **options)


def of_another_release(folder: Path) -> Path:
    """Return the sources of a firmware that has no file in common with this package's."""
    firmware = patched_firmware(folder)
    for path in firmware.rglob("*.py"):
        path.write_text(path.read_text() + "\n_OF_ANOTHER_RELEASE = 1\n")
    (firmware / "boot.py").write_text("_OF_ANOTHER_RELEASE = 1\n")
    return firmware


def updated(virtual: VirtualBench, application: Application) -> UpdateReport:
    radio = virtual.bench.radio
    return virtual.bench.run(
        update(
            virtual.bench.board.radio.name,
            lambda _state: application,
            scanner_backend=radio.scanner_backend,
            client_backend=radio.client_backend,
        )
    )


def memory(virtual: VirtualBench) -> bytes:
    region = virtual.bench.board.mcu.filesystem
    return bytes(virtual.board.chip.flash_bytes(region.start, region.size))


def contents(virtual: VirtualBench) -> ImageContents:
    return read_image(memory(virtual), layout_of(virtual.bench.board))


def banners(virtual: VirtualBench) -> list[str]:
    """Return the image hashes of all boots."""
    lines = console_text(virtual).splitlines()
    return [line.split()[-1] for line in lines if line.startswith("eegrig ") and " image " in line]


def expect_running(virtual: VirtualBench, application: Application | Image) -> None:
    """What would boot now is whole, what runs now is that, and it streams."""
    found = contents(virtual)
    assert found.intact
    assert found.image_hash == application.image_hash
    assert found.slot_state.trial in (None, "failed")
    assert banners(virtual)[-1] == application.image_hash.hex()

    async def session() -> None:
        async with connected(virtual) as link:
            await link.start()
            assert await link.receive()
            await link.stop()

    virtual.bench.run(session())


# ---- an update


@pytest.mark.parametrize("name", BOARDS)
def test_an_update_brings_new_firmware_and_the_next_one_brings_it_back(tmp_path, name):
    with flashed(name) as (virtual, old):
        new = new_firmware(tmp_path, board=name)
        report = updated(virtual, new)
        expect_running(virtual, new)
        assert (report.version, report.previous_version) == ("2.0", old.version)
        assert report.image_hash == new.image_hash.hex()
        assert report.links == 1
        # app and build_info have changed, and the manifest; everything else was there.
        assert report.sent_bytes < report.total_bytes / 2
        assert contents(virtual).slot_state == SlotState("b")
        assert banners(virtual) == [old.image_hash.hex(), *[new.image_hash.hex()] * 2]
        back = updated(virtual, old.application)
        expect_running(virtual, old)
        assert back.sent_bytes == 0, "the other slot still had it"


@pytest.mark.parametrize("name", list_boards())
def test_there_is_room_for_two_firmwares_that_have_no_file_in_common(tmp_path, name):
    """On every board: where little is left, an update must not depend on what has changed."""
    new = build_application(load_board(name), of_another_release(tmp_path), version="2.0")
    with flashed(name) as (virtual, _):
        report = updated(virtual, new)
        assert report.sent_bytes > 0.97 * report.total_bytes
        assert contents(virtual).slot_state == SlotState("b")
        assert contents(virtual).intact


def test_what_runs_already_is_not_sent():
    with flashed() as (virtual, old):
        report = updated(virtual, old.application)
        assert (report.links, report.sent_bytes) == (0, 0)
        assert len(banners(virtual)) == 1


def test_hosts_and_boards_that_do_not_understand_each_other_can_still_update(tmp_path):
    """Another version of everything but the update messages, on the board and then in the host."""
    later = (
        ("eeg/codes.py", "PROTOCOL_VERSION = 1", "PROTOCOL_VERSION = 9"),
        ("eeg/codes.py", "START = 0x01", "START = 0x71"),
    )
    with flashed() as (virtual, old):
        new = new_firmware(tmp_path, *later)
        updated(virtual, new)

        async def connect() -> None:
            async with connected(virtual):
                pass

        with pytest.raises(ProtocolError, match="version 9"):
            virtual.bench.run(connect())
        updated(virtual, old.application)
        expect_running(virtual, old)


def test_firmware_from_before_updates_says_what_to_do(tmp_path):
    old = patched_firmware(
        tmp_path,
        ("eeg/gatt.py", "                    (_uuid(5), FLAG_READ),\n", ""),
        ("eeg/gatt.py", "self._stream, self._update, self._update_state = ours", "*_ = ours"),
        (
            "eeg/gatt.py",
            "self._info, self._control, *_",
            "self._info, self._control, self._stream, self._update",
        ),
        ("eeg/gatt.py", "        ble.gatts_set_buffer(self._update_state, _STATE_SIZE)\n", ""),
        ("eeg/gatt.py", "self._ble.gatts_write(self._update_state, data)", "pass"),
    )
    board = load_board("headband8")
    with VirtualBench(board) as virtual:
        image = image_of(board, build_application(board, old))
        flash(board, image, probe=virtual.bench.probe)
        virtual.bench.run(asyncio.sleep(1))
        with pytest.raises(BoardFault, match=r"cannot be updated over the air: flash it with"):
            updated(virtual, new_firmware(tmp_path / "new"))


# ---- the radio


def test_it_goes_on_where_the_link_broke(tmp_path):
    """The computer goes out of reach at random moments of the transfer, and comes back."""
    rng = random.Random(3)
    with flashed() as (virtual, _):
        new = new_firmware(tmp_path)

        async def walk_about() -> None:
            await asyncio.sleep(1.0)  # until it has found the board
            for _ in range(3):
                await asyncio.sleep(rng.uniform(1.5, 3.0))
                virtual.bench.faults.central_vanishes()
                await asyncio.sleep(rng.uniform(5.0, 7.0))
                virtual.bench.faults.central_returns()

        walk = virtual.loop.create_task(walk_about())
        report = updated(virtual, new)
        assert walk.done()
        assert report.links > 1
        expect_running(virtual, new)


def test_a_noisy_link_only_takes_longer(tmp_path):
    with flashed() as (virtual, _):
        virtual.bench.faults.packet_error_rate(0.1)
        new = new_firmware(tmp_path)
        updated(virtual, new)
        virtual.bench.faults.packet_error_rate(0.0)
        expect_running(virtual, new)


def test_a_board_that_streams_is_not_updated_and_one_that_is_updated_does_not_stream(tmp_path):
    from eegrig.host.wire.constants import UPDATE_UUID
    from eegrig.host.wire.update import UpdateStatus, encode_begin

    with flashed() as (virtual, _):
        new = new_firmware(tmp_path)

        async def session() -> None:
            async with connected(virtual) as link:
                said: asyncio.Queue[bytes] = asyncio.Queue()
                client = link._client
                await client.start_notify(UPDATE_UUID, lambda _, data: said.put_nowait(bytes(data)))
                begin = encode_begin(new.files["manifest.txt"], 244)
                await link.start()
                await client.write_gatt_char(UPDATE_UUID, begin, response=True)
                assert (await said.get())[:3] == bytes((0x81, 5, UpdateStatus.BUSY))
                await link.stop()
                await client.write_gatt_char(UPDATE_UUID, begin, response=True)
                assert (await said.get())[:3] == bytes((0x81, 5, UpdateStatus.OK))
                with pytest.raises(BoardStatusError) as refused:
                    await link.start()
                assert refused.value.status is Status.BUSY
            async with connected(virtual) as link:
                await link.start()
                assert await link.receive()
                await link.stop()

        virtual.bench.run(session())


# ---- firmware that does not work


@pytest.mark.parametrize(
    ("patch", "seconds"),
    [
        pytest.param(
            ("main.py", "app.run()", "raise RuntimeError('broken')"), 20, id="crashes at once"
        ),
        pytest.param(("main.py", "app.run()", "while True:\n    pass"), 30, id="hangs"),
        pytest.param(
            (
                "eeg/app.py",
                "            self.attend()",
                "            self.attend()\n            1 // 0",
            ),
            20,
            id="crashes in its main loop",
        ),
        pytest.param(
            ("eeg/gatt.py", "        self._ble.gap_advertise(", "        (lambda *_, **__: 0)("),
            145,
            id="cannot be reached",
        ),
    ],
)
@pytest.mark.parametrize("name", BOARDS)
def test_firmware_that_fails_its_trial_goes(tmp_path, name, patch, seconds):
    with flashed(name) as (virtual, old):
        new = new_firmware(tmp_path, patch, board=name)
        with pytest.raises(BoardFault, match=r"went back to .* its console says which"):
            updated(virtual, new)
        assert virtual.loop.time() < seconds
        assert contents(virtual).slot_state == SlotState("a", "failed")
        expect_running(virtual, old)


def test_firmware_that_nobody_confirms_goes_and_can_be_sent_again(tmp_path):
    with flashed() as (virtual, old):
        new = new_firmware(tmp_path)

        async def leave_after_the_switch() -> None:
            radio = virtual.bench.radio
            task = asyncio.get_running_loop().create_task(
                update(
                    "eegrig-headband8",
                    lambda _state: new,
                    scanner_backend=radio.scanner_backend,
                    client_backend=radio.client_backend,
                )
            )
            while banners(virtual)[-1] == old.image_hash.hex():
                await asyncio.sleep(0.01)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert contents(virtual).slot_state == SlotState("a", "tried")
            await asyncio.sleep(115)
            assert banners(virtual)[-1] == new.image_hash.hex()
            await asyncio.sleep(15)

        virtual.bench.run(leave_after_the_switch())
        assert contents(virtual).slot_state == SlotState("a", "failed")
        expect_running(virtual, old)
        assert updated(virtual, new).sent_bytes == 0, "it was all there"
        expect_running(virtual, new)


def test_a_board_that_is_reset_during_the_trial_goes_back(tmp_path):
    with flashed() as (virtual, old):
        files = contents(virtual).files
        new = new_firmware(tmp_path)
        files = {
            **files,
            **{f"b/{path}": data for path, data in new.files.items()},
            SLOT_FILE: SlotState("a", "new").encode(),
        }
        power_cycle(virtual, pack_region(files, layout_of(virtual.bench.board)).data)
        assert banners(virtual)[-1] == new.image_hash.hex()
        power_cycle(virtual)
        expect_running(virtual, old)


# ---- images that are not for it


def refused(virtual: VirtualBench, old: Image, application: Application) -> EegrigError:
    with pytest.raises(EegrigError) as raised:
        updated(virtual, application)
    assert "\n" not in str(raised.value)
    expect_running(virtual, old)
    assert len(banners(virtual)) == 1, "it did not even restart"
    return raised.value


def test_what_is_wrong_with_an_image_is_said_and_the_board_stays_as_it_is(tmp_path):
    with flashed() as (virtual, old):
        other = build_application(load_board("headphone8"))
        error = refused(virtual, old, other)
        assert isinstance(error, ConfigError)
        assert "for headphone8, and this board is headband8" in str(error)
        large = patched_firmware(tmp_path / "large", RELEASE)
        (large / "recordings.bin").write_bytes(random.Random(1).randbytes(120_000))
        error = refused(virtual, old, build_application(load_board("headband8"), large))
        assert isinstance(error, ConfigError)
        assert "too large, by about" in str(error)
        new = new_firmware(tmp_path / "new")
        path = "eeg/app.mpy"
        damaged = {**new.files, path: new.files[path][:-1] + b"?"}
        error = refused(virtual, old, Application(new.manifest, damaged))
        assert isinstance(error, BoardFault)
        assert "a file was wrong" in str(error)


def test_a_board_with_a_key_takes_what_that_key_signed(tmp_path):
    public = raw_public_key(KEY.public_key()).hex().encode()
    with flashed(**{"update.key": public}) as (virtual, old):
        error = refused(virtual, old, new_firmware(tmp_path / "unsigned"))
        assert isinstance(error, ConfigError)
        assert "signed firmware only" in str(error)
        other = Ed25519PrivateKey.from_private_bytes(bytes(32))
        error = refused(virtual, old, new_firmware(tmp_path / "other", key=other))
        assert isinstance(error, ConfigError)
        assert "another key" in str(error)
        new = new_firmware(tmp_path / "signed", key=KEY)
        report = updated(virtual, new)
        expect_running(virtual, new)
        assert report.transfer_s < 60
        assert contents(virtual).files["update.key"] == public


def test_refusals_and_streams_leave_memory_for_an_update(tmp_path):
    """Of all that an update does, checking a signature needs most."""
    public = raw_public_key(KEY.public_key()).hex().encode()
    with flashed(**{"update.key": public}) as (virtual, old):
        for seed in range(2):
            other = Ed25519PrivateKey.from_private_bytes(bytes((seed,)) * 32)
            refused(virtual, old, new_firmware(tmp_path / str(seed), key=other))
        new = new_firmware(tmp_path / "signed", key=KEY)
        updated(virtual, new)
        expect_running(virtual, new)
        assert "MemoryError" not in console_text(virtual)


# ---- the power


def power_cycle(virtual: VirtualBench, data: bytes | None = None) -> None:
    """Switch the board off, put `data` into its file system, and let it boot."""
    board = virtual.board
    board.interpreter.stop()
    if data is not None:
        region = virtual.bench.board.mcu.filesystem
        at = region.start - board.chip.flash.base
        board.chip.flash.buffer[at : at + region.size] = data
    board.reset(ResetCause.POWER_ON)
    virtual.bench.run(asyncio.sleep(2))


def what_boots(files: dict[str, bytes]) -> tuple[SlotState, tuple[str | None, ...]]:
    """Return the state, and the image hashes of what boots next and of what it falls back to.

    None for what is not whole.
    """
    state = read_slot_state(files)
    hashes = []
    for slot in dict.fromkeys((state.next_boot, state.active)):
        found = ImageContents({**files, SLOT_FILE: SlotState(slot).encode()})
        hashes.append(found.image_hash.hex() if found.intact else None)
    return state, tuple(hashes)


def recorded(
    tmp_path: Path, name: str, slot: str = "a"
) -> tuple[Image, Application, bytes, list[Operation], int]:
    """A whole update of a board that runs `slot`, with everything it does to the flash memory."""
    with flashed(name) as (virtual, old):
        new = new_firmware(tmp_path / "new", board=name)
        if slot == "b":  # and another firmware is in the other
            board, probe = virtual.bench.board, virtual.bench.probe
            other = build_application(board, of_another_release(tmp_path / "other"), version="0.1")
            flash(board, image_of(board, other), probe=probe, erase="region")
            assert flash(board, old, probe=probe).slot == "b"
            virtual.bench.run(asyncio.sleep(1))
        before = memory(virtual)
        chip, start = virtual.board.chip, virtual.bench.board.mcu.filesystem.start
        with record(chip.flash, start) as operations:
            updated(virtual, new)
        after, granule = memory(virtual), chip.flash.granule
    (last,) = deque(states_after_cuts(before, operations, granule), maxlen=1)
    assert last == after
    return old, new, before, operations, granule


def test_an_update_can_be_done_again_wherever_the_power_was_cut(tmp_path):
    """Where a page of the slot that is written is in RAM only, a cut may leave any file in it."""
    name = "nucleo-wb55-ads1299"
    old, new, before, operations, granule = recorded(tmp_path, name)
    layout = layout_of(load_board(name))
    rng = random.Random(11)
    # Before the switch: without a file system in the slot, with one that is damaged, or sound.
    samples: dict[str, list[bytes]] = {"none": [], "damaged": [], "sound": []}
    seen: Counter[str] = Counter()
    for left in states_after_cuts(before, operations, granule, 512):
        found = read_image(left, layout)
        if found.slot_state != SlotState("a"):
            continue
        slot = layout.slots["b"].of(left)
        kind = "damaged" if "b" in found.unreadable else "sound"
        kind = kind if b"littlefs" in (slot[8:16], slot[520:528]) else "none"
        seen[kind] += 1
        kept = samples[kind]
        if len(kept) < 2:
            kept.append(left)
        elif rng.random() < 2 / seen[kind]:
            kept[rng.randrange(2)] = left
    assert all(seen[kind] > 20 for kind in samples)
    with flashed(name) as (virtual, _):
        for kept in samples.values():
            for left in kept:
                power_cycle(virtual, left)
                assert banners(virtual)[-1] == old.image_hash.hex()
                updated(virtual, new)
                expect_running(virtual, new)


@pytest.mark.parametrize("name", BOARDS)
def test_wherever_the_power_is_cut_the_old_or_the_new_firmware_is_whole(
    tmp_path, name, record_testsuite_property
):
    """Thousands of cut points: every operation of an update and its trial, every word of each.

    From slot b to a: a board that does not know which slot runs takes a.
    """
    old, new, before, operations, granule = recorded(tmp_path, name, "b")
    reader = Reader(layout_of(load_board(name)))
    files: dict[str, bytes] = {}
    good = {old.image_hash.hex(), new.image_hash.hex()}
    seen: Counter[tuple[SlotState, str | None]] = Counter()
    samples: dict[Any, list[bytes]] = {}
    rng = random.Random(7)
    for cut, left in enumerate(states_after_cuts(before, operations, granule, granule)):
        found = reader.files(left)
        if found is not files:
            files = found
            state, hashes = what_boots(files)
        assert set(hashes) <= good, f"cut {cut}: {state} and {hashes}"
        key = (state, hashes[0])
        seen[key] += 1
        kept = samples.setdefault(key, [])
        if len(kept) < 3:
            kept.append(left)
        elif rng.random() < 3 / seen[key]:
            kept[rng.randrange(3)] = left
    n_cuts = sum(seen.values())
    record_testsuite_property(f"cut points: update, {name}", n_cuts)
    assert n_cuts > 8000
    # It goes through all of them, in both slots.
    assert {state for state, _ in seen} == {
        SlotState("b"),
        SlotState("b", "new"),
        SlotState("b", "tried"),
        SlotState("a"),
    }
    with flashed(name) as (virtual, _):
        for (_, image_hash), kept in samples.items():
            for left in kept:
                power_cycle(virtual, left)
                assert banners(virtual)[-1] == image_hash
