"""Flashing through real pyOCD: what was written is read back, and every failure is one line."""

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from intelhex import IntelHex

from eegrig.boards import load_board
from eegrig.boards.errors import BoardFault, ConfigError, InfrastructureError
from eegrig.hil.virtual.chip.chip import Chip
from eegrig.hil.virtual.chip.signals import Ack
from eegrig.hil.virtual.debug_probe.probe import attach, detach
from eegrig.host.flashing import chip_lock
from eegrig.host.flashing.flash import flash
from eegrig.host.flashing.probe import list_probes
from eegrig.host.image.firmware_image import build_image
from tests.host.chips import KINDS, Kind
from tests.host.fake_runtime import write_runtime

UID = "virtual:flash-test"
BOARD = load_board("headband8")
REGION = BOARD.mcu.filesystem
NOISE = random.Random(1).randbytes(REGION.size)
SMALL = NOISE[:16384]


@pytest.fixture(autouse=True)
def _no_board_of_the_user_is_up(tmp_path_factory, monkeypatch) -> None:
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(params=KINDS)
def kind(request) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def chip(kind) -> Iterator[Chip]:
    chip = kind.chip(seed="flash-test")
    attach(UID, chip)
    yield chip
    detach(UID)


def content(chip: Chip, size: int = REGION.size) -> bytes:
    base = chip.flash.base
    start = next(k.start for k in KINDS.values() if k.board.mcu.flash.start == base)
    return bytes(chip.flash_bytes(start, size))


def test_a_whole_region_is_programmed_verified_and_the_chip_started(kind, chip):
    events: list[str] = []
    chip.on_held.append(lambda held: events.append("held" if held else "let go"))
    chip.on_reset.append(lambda: events.append("reset"))
    shown: list[float] = []
    report = flash(
        kind.board, NOISE, probe=UID, progress=shown.append, clock_ns=lambda: chip.elapsed_ns
    )
    assert content(chip) == NOISE
    assert report.verified
    assert (report.bytes_total, report.bytes_programmed) == (REGION.size, REGION.size)
    assert report.probe == UID
    assert report.chip == kind.board.mcu.pyocd_target
    assert report.chip_id == chip.device_id[::-1].hex()
    # The model's own time: every page erased and every word programmed.
    words, pages = REGION.size // 4, REGION.size // chip.flash.page_size
    granules = REGION.size // chip.flash.granule
    # The loop that programs has at least ten instructions.
    per_granule_ns = kind.timing.word_ns + 10 * 1_000_000_000 // kind.clock_hz
    least_ns = pages * kind.timing.page_erase_ns + granules * per_granule_ns
    least_ns += words * 46 * 250  # everything is read back
    assert least_ns < report.duration_s * 1e9 < 1.2 * least_ns
    assert shown == sorted(shown)
    assert shown[-1] == 1.0
    assert events[0] == "held"
    assert "let go" in events
    assert events[-1] == "reset"
    assert not chip.held


def test_what_is_in_place_already_is_left_alone(kind, chip):
    first = flash(kind.board, SMALL, probe=UID)
    assert not first.skipped
    erased = chip.flash.pages_erased
    second = flash(kind.board, SMALL, probe=UID)
    assert second.skipped
    assert second.verified
    assert second.bytes_skipped == len(SMALL)
    assert chip.flash.pages_erased == erased
    changed = SMALL[:4096] + bytes(4) + SMALL[4100:]
    third = flash(kind.board, changed, probe=UID)
    assert (third.bytes_programmed, third.bytes_skipped) == (4096, len(SMALL) - 4096)
    assert content(chip, len(SMALL)) == changed


def test_an_image_is_flashed_and_the_rest_of_the_memory_is_not_touched(kind, chip, tmp_path):
    (tmp_path / "main.py").write_text("print('hello')\n")
    image = build_image(kind.board, tmp_path)
    chip.flash.program(kind.start - 4, b"kept")
    flash(kind.board, image, probe=UID)
    assert content(chip) == image.data
    assert chip.flash_bytes(kind.start - 4, 4) == b"kept"


@pytest.mark.parametrize("suffix", [".hex", ".bin", ".dfu", ".elf"])
def test_a_runtime_goes_where_it_belongs(kind, chip, tmp_path, suffix):
    start, code = kind.board.mcu.flash.start, kind.runtime
    runtime = write_runtime(tmp_path / f"runtime{suffix}", code, start)
    report = flash(kind.board, SMALL, probe=UID, runtime=runtime)
    assert bytes(chip.flash_bytes(start, len(code))) == code
    assert content(chip, len(SMALL)) == SMALL
    assert report.bytes_total == len(code) + len(SMALL)


# Copies its vectors to RAM, lets VTOR point there, starts SysTick, and waits; a tick only returns.
_TICKING = bytes.fromhex(
    "4ff000604ff000530022815899500432402afad1044803600448ff2141600721"
    "0160fee7704700bf08ed00e010e000e0"
)
_TICK = 0x24  # where in it the tick's handler is


def test_a_program_with_its_vectors_in_ram_does_not_get_in_the_way(tmp_path):
    """As MicroPython's on a NUCLEO_WB55: pyOCD's flash algorithm takes the vectors' place."""
    kind = KINDS["stm32wb55"]
    chip = kind.chip(seed="flash-test")
    attach(UID, chip)
    start = kind.board.mcu.flash.start
    code = bytearray(kind.runtime)
    at = 0x4D0
    code[at : at + len(_TICKING)] = _TICKING
    code[8:64] = (start + at + _TICK | 1).to_bytes(4, "little") * 14
    runtime = write_runtime(tmp_path / "ticking.bin", bytes(code))
    try:
        flash(kind.board, SMALL, probe=UID, runtime=runtime)
        assert content(chip, len(SMALL)) == SMALL
        flash(kind.board, NOISE[: len(SMALL)][::-1], probe=UID, runtime=runtime)
        assert content(chip, len(SMALL)) == SMALL[::-1]
    finally:
        detach(UID)


def test_two_equal_flashes_take_the_same_model_time(kind):
    durations = []
    for _ in range(2):
        chip = kind.chip()
        attach(UID, chip)
        durations.append(
            flash(
                kind.board, SMALL, probe=UID, clock_ns=lambda chip=chip: chip.elapsed_ns
            ).duration_s
        )
        detach(UID)
    assert durations[0] == durations[1] > 0


# ---- a board that is wrong


def test_a_stuck_bit_is_caught_by_reading_back(kind, chip):
    chip.faults.stick(kind.start + 0x1234, ones=0x10)
    data = bytearray(SMALL)
    data[0x1234:0x1238] = bytes(4)
    with pytest.raises(BoardFault, match=rf"{kind.start + 0x1234:#010x} reads 0x10 where 0x00"):
        flash(kind.board, bytes(data), probe=UID)
    with pytest.raises(BoardFault, match=f"{kind.start + 0x1234:#010x}"):
        flash(kind.board, bytes(data), probe=UID)


def test_a_locked_chip_is_reported_and_not_erased(kind, chip):
    chip.flash.program(kind.start, b"secret")
    chip.lock()
    with pytest.raises(BoardFault, match=rf"behind {UID} is locked.*--mass-erase-unlock"):
        flash(kind.board, SMALL, probe=UID)
    assert content(chip, 6) == b"secret"


def test_another_chip_is_reported_and_not_written(kind):
    chip = kind.chip(**kind.wrong)
    attach("flash-wrong", chip)
    with pytest.raises(BoardFault, match=f"is {kind.wrong_name}, and headband8 has an "):
        flash(kind.board, SMALL, probe="flash-wrong")
    detach("flash-wrong")
    assert set(content(chip)) == {0xFF}


# ---- a probe that fails


def test_a_power_loss_while_programming_is_reported_and_the_next_flash_recovers(kind, chip):
    chip.faults.lose_power_after(words=2500)
    with pytest.raises(InfrastructureError, match="while programming"):
        flash(kind.board, SMALL, probe=UID)
    assert content(chip, len(SMALL)) != SMALL
    report = flash(kind.board, SMALL, probe=UID)
    assert content(chip, len(SMALL)) == SMALL
    assert report.bytes_skipped > 0  # the pages that were whole
    assert not chip.held


@pytest.mark.parametrize("transactions", [0, 1, 5, 20, 60, 200, 1000, 4000, 9000])
def test_a_probe_that_drops_out_at_any_time_is_infrastructure(kind, chip, transactions):
    chip.faults.unplug_after(transactions)
    with pytest.raises(InfrastructureError) as error:
        flash(kind.board, SMALL, probe=UID)
    assert "\n" not in str(error.value)
    assert flash(kind.board, SMALL, probe=UID).verified
    assert content(chip, len(SMALL)) == SMALL


@pytest.mark.parametrize("ack", [Ack.WAIT, Ack.FAULT, Ack.NONE])
@pytest.mark.parametrize("after", [5, 1500, 9000])
def test_a_bad_answer_ends_in_one_line_or_is_overcome(kind, chip, ack, after):
    chip.faults.answer(ack, after=after)
    try:
        flash(kind.board, SMALL, probe=UID)
        problem = ""
    except InfrastructureError as error:
        problem = str(error)
    assert "\n" not in problem
    assert problem or content(chip, len(SMALL)) == SMALL
    chip.faults.clear()
    assert flash(kind.board, SMALL, probe=UID).verified
    assert content(chip, len(SMALL)) == SMALL


# ---- choosing a probe


def test_probes_are_listed_with_their_ids_and_targets(kind, chip):
    listed = {probe.uid: probe for probe in list_probes()}
    assert listed[UID].target == kind.board.mcu.pyocd_target
    assert "virtual:headband8" in listed


def test_no_probe_of_that_id_lists_the_others(kind, chip):
    with pytest.raises(InfrastructureError, match=rf"no debug probe with the id 'nope'.*{UID}"):
        flash(kind.board, SMALL, probe="nope")


def test_several_probes_without_an_id_are_a_choice_to_make(kind, chip):
    attach("flash-test-2", kind.chip(seed="flash-test-2"))
    try:
        with pytest.raises(InfrastructureError, match=rf"several debug probes.*--probe.*{UID}"):
            flash(kind.board, SMALL)
    finally:
        detach("flash-test-2")


def test_the_only_probe_with_a_board_behind_it_is_taken_beside_those_without(kind, chip):
    assert "virtual:headband8" in [probe.uid for probe in list_probes()]
    assert flash(kind.board, SMALL).probe == UID


def test_another_board_of_ours_that_is_up_is_not_the_one_that_is_meant(kind, chip):
    attach("hairclip1", KINDS["nrf52840"].chip(seed="hairclip1"))
    try:
        assert flash(kind.board, SMALL).probe == UID
    finally:
        detach("hairclip1")


def test_without_a_probe_nothing_is_flashed(kind):
    with pytest.raises(InfrastructureError, match=r"no debug probe found.*virtual up.*--probe"):
        flash(kind.board, SMALL)


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize(
    "operation",
    [
        lambda board: flash(board, SMALL, probe=UID),
        lambda board: chip_lock.lock(board, UID),
        lambda board: chip_lock.mass_erase_unlock(board, UID),
    ],
    ids=["flash", "lock", "unlock"],
)
def test_a_chip_of_another_make_is_a_wrong_board_and_is_left_alone(kind, operation, locked):
    (other,) = (one for one in KINDS.values() if one is not kind)
    chip = other.chip(seed="flash-test")
    if locked:
        chip.lock()
        chip.power_cycle()
    before = bytes(chip.flash_bytes(other.start, 65536))
    attach(UID, chip)
    try:
        with pytest.raises(BoardFault, match=rf"^wrong board: .*{UID} is no ") as caught:
            operation(kind.board)
    finally:
        detach(UID)
    assert "erase" not in str(caught.value)
    assert bytes(chip.flash_bytes(other.start, 65536)) == before


def test_an_unknown_kind_of_probe_is_one_line():
    with pytest.raises(InfrastructureError, match="unknown debug probe type"):
        flash(BOARD, SMALL, probe="nothing:1")


# ---- what does not fit


def test_an_image_that_is_too_large_or_empty_is_refused_before_any_probe_is_asked():
    with pytest.raises(ConfigError, match="262145 bytes"):
        flash(BOARD, bytes(REGION.size + 1), probe="nope")
    with pytest.raises(ConfigError, match="empty"):
        flash(BOARD, b"", probe="nope")


def test_an_image_for_another_board_is_refused(tmp_path):
    (tmp_path / "main.py").write_text("")
    image = build_image(BOARD, tmp_path)
    other = type(image)(
        "other8", image.address, image.layout, image.data, image.application, image.used
    )
    with pytest.raises(ConfigError, match="built for other8, not for headband8"):
        flash(BOARD, other, probe="nope")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("runtime.bin", bytes(REGION.start + 1), "overlaps the file-system region"),
        ("runtime.bin", NOISE, "does not begin as a program"),
        ("runtime.bin", b"", "is empty"),
        ("runtime.elf", b"x", "no ELF file"),
        ("runtime.hex", b"not hex\n", "no Intel hex file"),
    ],
)
def test_a_runtime_that_cannot_be_flashed_is_refused(tmp_path, name, content, message):
    path: Path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        flash(BOARD, SMALL, probe="nope", runtime=path)


def test_a_runtime_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the runtime .*missing\.bin"):
        flash(BOARD, SMALL, probe="nope", runtime=tmp_path / "missing.bin")


def test_a_runtime_outside_the_chip_is_refused(kind, chip, tmp_path):
    path = tmp_path / "runtime.hex"
    hex_file = IntelHex()
    hex_file.frombytes(kind.runtime, offset=kind.board.mcu.flash.start)
    hex_file.frombytes(b"1234", offset=0x0900_0000)
    hex_file.write_hex_file(str(path))
    with pytest.raises(ConfigError, match="the runtime does not fit the chip"):
        flash(kind.board, SMALL, probe=UID, runtime=path)


def test_a_page_that_only_has_the_right_crc_is_programmed(kind, chip):
    """As every LittleFS block: what ends in its own CRC-32 has the same CRC, whatever it holds."""
    first, second = (
        data + zlib.crc32(data).to_bytes(4, "little") for data in (NOISE[:4092], NOISE[4096:8188])
    )
    assert zlib.crc32(first) == zlib.crc32(second)
    flash(kind.board, first, probe=UID)
    flash(kind.board, second, probe=UID)
    assert content(chip, 4096) == second
