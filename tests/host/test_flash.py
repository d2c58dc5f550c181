"""Flashing through real pyOCD: what was written is read back, and every failure is one line."""

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from intelhex import IntelHex

from boards import load_board
from boards.errors import BoardFault, ConfigError, InfrastructureError
from hil.virtual.chip.nrf52840 import TIMING, Nrf52840
from hil.virtual.chip.signals import Ack
from hil.virtual.probe import attach, detach
from host.flash import flash, list_probes
from host.image import build_image

UID = "virtual:flash-test"
BOARD = load_board("headband8")
REGION = BOARD.mcu.filesystem
NOISE = random.Random(1).randbytes(REGION.size)
SMALL = NOISE[:16384]


@pytest.fixture
def chip() -> Iterator[Nrf52840]:
    chip = Nrf52840(seed="flash-test")
    attach(UID, chip)
    yield chip
    detach(UID)


def content(chip: Nrf52840, size: int = REGION.size) -> bytes:
    return bytes(chip.flash_bytes(REGION.start, size))


def test_a_whole_region_is_programmed_verified_and_the_chip_started(chip):
    events: list[str] = []
    chip.on_held.append(lambda held: events.append("held" if held else "let go"))
    chip.on_reset.append(lambda: events.append("reset"))
    shown: list[float] = []
    report = flash(BOARD, NOISE, probe=UID, progress=shown.append, clock_ns=lambda: chip.elapsed_ns)
    assert content(chip) == NOISE
    assert report.verified
    assert (report.bytes_total, report.bytes_programmed) == (REGION.size, REGION.size)
    assert report.probe == UID
    assert report.chip == "nrf52840"
    assert report.chip_id == chip.device_id[::-1].hex()
    # The model's own time: every page erased, every word programmed, everything read back.
    words, pages = REGION.size // 4, REGION.size // REGION.block_size
    least_ns = pages * TIMING.page_erase_ns + words * TIMING.word_ns + words * 46 * 250
    assert least_ns < report.duration_s * 1e9 < 1.15 * least_ns
    assert shown == sorted(shown)
    assert shown[-1] == 1.0
    assert events[0] == "held"
    assert "let go" in events
    assert events[-1] == "reset"
    assert not chip.held


def test_what_is_in_place_already_is_left_alone(chip):
    first = flash(BOARD, SMALL, probe=UID)
    assert not first.skipped
    erased = chip.flash.pages_erased
    second = flash(BOARD, SMALL, probe=UID)
    assert second.skipped
    assert second.verified
    assert second.bytes_skipped == len(SMALL)
    assert chip.flash.pages_erased == erased
    changed = SMALL[:4096] + bytes(4) + SMALL[4100:]
    third = flash(BOARD, changed, probe=UID)
    assert (third.bytes_programmed, third.bytes_skipped) == (4096, len(SMALL) - 4096)
    assert content(chip, len(SMALL)) == changed


def test_an_image_is_flashed_and_the_rest_of_the_memory_is_not_touched(chip, tmp_path):
    (tmp_path / "main.py").write_text("print('hello')\n")
    image = build_image(BOARD, tmp_path)
    chip.flash.program(REGION.start - 4, b"kept")
    flash(BOARD, image, probe=UID)
    assert content(chip) == image.data
    assert chip.flash_bytes(REGION.start - 4, 4) == b"kept"


@pytest.mark.parametrize("suffix", [".hex", ".bin"])
def test_a_runtime_goes_where_it_belongs(chip, tmp_path, suffix):
    runtime = tmp_path / f"runtime{suffix}"
    code = SMALL[:10001]
    if suffix == ".hex":
        hex_file = IntelHex()
        hex_file.frombytes(code, offset=0x1000)
        hex_file.write_hex_file(str(runtime))
        start = 0x1000
    else:
        runtime.write_bytes(code)
        start = 0
    report = flash(BOARD, SMALL, probe=UID, runtime=runtime)
    assert bytes(chip.flash_bytes(start, len(code))) == code
    assert content(chip, len(SMALL)) == SMALL
    assert report.bytes_total == len(code) + len(SMALL)


def test_two_equal_flashes_take_the_same_model_time():
    durations = []
    for _ in range(2):
        chip = Nrf52840()
        attach(UID, chip)
        durations.append(
            flash(BOARD, SMALL, probe=UID, clock_ns=lambda chip=chip: chip.elapsed_ns).duration_s
        )
        detach(UID)
    assert durations[0] == durations[1] > 0


# ---- a board that is wrong


def test_a_stuck_bit_is_caught_by_reading_back(chip):
    chip.faults.stick(REGION.start + 0x1234, ones=0x10)
    data = bytearray(SMALL)
    data[0x1234:0x1238] = bytes(4)
    with pytest.raises(BoardFault, match=r"0x000c1234 reads 0x10 where 0x00"):
        flash(BOARD, bytes(data), probe=UID)
    with pytest.raises(BoardFault, match="0x000c1234"):
        flash(BOARD, bytes(data), probe=UID)


def test_a_locked_chip_is_reported_and_not_erased(chip):
    chip.flash.program(REGION.start, b"secret")
    chip.lock()
    with pytest.raises(BoardFault, match=rf"locked.*pyocd erase --chip -u {UID}"):
        flash(BOARD, SMALL, probe=UID)
    assert content(chip, 6) == b"secret"


def test_another_chip_is_reported_and_not_written():
    chip = Nrf52840(part=0x52832)
    attach("flash-wrong", chip)
    with pytest.raises(BoardFault, match="is an nrf52832, and headband8 has an nrf52840"):
        flash(BOARD, SMALL, probe="flash-wrong")
    detach("flash-wrong")
    assert set(content(chip)) == {0xFF}


# ---- a probe that fails


def test_a_power_loss_while_programming_is_reported_and_the_next_flash_recovers(chip):
    chip.faults.lose_power_after(words=2500)
    with pytest.raises(InfrastructureError, match="while programming"):
        flash(BOARD, SMALL, probe=UID)
    assert content(chip, len(SMALL)) != SMALL
    report = flash(BOARD, SMALL, probe=UID)
    assert content(chip, len(SMALL)) == SMALL
    assert report.bytes_skipped > 0  # the pages that were whole
    assert not chip.held


@pytest.mark.parametrize("transactions", [0, 1, 5, 20, 60, 200, 1000, 4000, 9000])
def test_a_probe_that_drops_out_at_any_time_is_infrastructure(chip, transactions):
    chip.faults.unplug_after(transactions)
    with pytest.raises(InfrastructureError) as error:
        flash(BOARD, SMALL, probe=UID)
    assert "\n" not in str(error.value)
    assert flash(BOARD, SMALL, probe=UID).verified
    assert content(chip, len(SMALL)) == SMALL


@pytest.mark.parametrize("ack", [Ack.WAIT, Ack.FAULT, Ack.NONE])
@pytest.mark.parametrize("after", [5, 1500, 9000])
def test_a_bad_answer_ends_in_one_line_or_is_overcome(chip, ack, after):
    chip.faults.answer(ack, after=after)
    try:
        flash(BOARD, SMALL, probe=UID)
        problem = ""
    except InfrastructureError as error:
        problem = str(error)
    assert "\n" not in problem
    assert problem or content(chip, len(SMALL)) == SMALL
    chip.faults.clear()
    assert flash(BOARD, SMALL, probe=UID).verified
    assert content(chip, len(SMALL)) == SMALL


# ---- choosing a probe


def test_probes_are_listed_with_their_ids_and_targets(chip):
    listed = {probe.uid: probe for probe in list_probes()}
    assert listed[UID].target == "nrf52840"
    assert "virtual:headband8" in listed


def test_no_probe_of_that_id_lists_the_others(chip):
    with pytest.raises(InfrastructureError, match=rf"no debug probe with the id 'nope'.*{UID}"):
        flash(BOARD, SMALL, probe="nope")


def test_several_probes_without_an_id_are_a_choice_to_make(chip):
    with pytest.raises(InfrastructureError, match=rf"several debug probes.*--probe.*{UID}"):
        flash(BOARD, SMALL)


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
        "other8", image.address, image.block_size, image.data, image.manifest, image.used_bytes
    )
    with pytest.raises(ConfigError, match="built for other8, not for headband8"):
        flash(BOARD, other, probe="nope")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("runtime.bin", bytes(REGION.start + 1), "overlaps the file-system region"),
        ("runtime.bin", b"", "is empty"),
        ("runtime.elf", b"x", r"a runtime is a \.hex or a \.bin"),
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


def test_a_runtime_outside_the_chip_is_refused(chip, tmp_path):
    path = tmp_path / "runtime.hex"
    hex_file = IntelHex()
    hex_file.frombytes(b"1234", offset=0x0900_0000)
    hex_file.write_hex_file(str(path))
    with pytest.raises(ConfigError, match="the runtime does not fit the chip"):
        flash(BOARD, SMALL, probe=UID, runtime=path)


def test_a_page_that_only_has_the_right_crc_is_programmed(chip):
    """As every LittleFS block: what ends in its own CRC-32 has the same CRC, whatever it holds."""
    first, second = (
        data + zlib.crc32(data).to_bytes(4, "little") for data in (NOISE[:4092], NOISE[4096:8188])
    )
    assert zlib.crc32(first) == zlib.crc32(second)
    flash(BOARD, first, probe=UID)
    flash(BOARD, second, probe=UID)
    assert content(chip, 4096) == second
