"""Runtimes that are kept: one for each build, found by version, name or hash."""

import errno
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.host.runtime.kept import find_runtime, keep_runtime, kept_runtimes, remove_runtime
from eegrig.host.runtime.runtime_file import ForAnotherBoard, read_runtime
from tests.host.fake_runtime import NRF, nrf_bytes, runtime_bytes, write_runtime

BOARD = load_board("headphone8")
HEADBAND = load_board("headband8")


@pytest.fixture(autouse=True)
def state(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path / "state"))
    return tmp_path / "state" / "eegrig" / "runtimes"


@pytest.fixture
def stock(tmp_path) -> Path:
    return write_runtime(tmp_path / "NUCLEO_WB55-v1.26.1.hex", runtime_bytes())


def names(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


def test_nothing_is_kept_at_first():
    assert kept_runtimes() == []


def test_a_runtime_is_kept_with_what_it_says_of_itself(stock):
    kept, new = keep_runtime(stock, BOARD)
    assert new
    assert kept_runtimes() == [kept]
    assert (kept.version, kept.date, kept.name) == ("v1.26.1", "2025-09-11", "NUCLEO_WB55-v1.26.1")
    assert (kept.board_name, kept.mcu) == ("NUCLEO-WB55", "STM32WB55RGV6")
    assert kept.bluetooth
    assert kept.size == 8192
    stock.unlink()
    found = find_runtime("v1.26.1", BOARD)
    assert found.sha256 == kept.sha256
    assert found.name == kept.name


@pytest.mark.parametrize("suffix", [".hex", ".bin", ".dfu"])
def test_the_same_build_in_another_file_is_kept_once(stock, state, tmp_path, suffix):
    kept, _ = keep_runtime(stock, BOARD)
    again = write_runtime(tmp_path / f"other{suffix}", runtime_bytes())
    assert keep_runtime(again, BOARD) == (kept, False)
    assert names(state) == [".hex", ".json"]


def test_an_elf_file_takes_the_place_of_one_without_functions(stock, state, tmp_path):
    keep_runtime(stock, BOARD)
    elf = write_runtime(tmp_path / "firmware.elf", runtime_bytes())
    kept, new = keep_runtime(elf, BOARD)
    assert new
    assert kept.has_symbols
    assert names(state) == [".elf", ".json"]
    assert find_runtime("v1.26.1", BOARD).function_at(0x0800_04D0) == "Reset_Handler"
    assert keep_runtime(stock, BOARD) == (kept, False)


def test_a_file_that_leaves_sections_out_is_the_same_build(tmp_path, state):
    whole = bytearray(runtime_bytes())
    whole[0x1000:0x1030] = b"f" * 48
    dfu = write_runtime(tmp_path / "x.dfu", runtime_bytes())
    first, _ = keep_runtime(dfu, BOARD)
    more, new = keep_runtime(write_runtime(tmp_path / "x.hex", bytes(whole)), BOARD)
    assert new
    assert more.sha256 != first.sha256
    assert kept_runtimes() == [more]
    assert names(state) == [".hex", ".json"]
    assert keep_runtime(dfu, BOARD) == (more, False)


def test_a_version_with_two_builds_has_to_be_named_by_hash(stock, tmp_path):
    first, _ = keep_runtime(stock, BOARD)
    other = write_runtime(tmp_path / "mine.bin", runtime_bytes(seed=9))
    second, new = keep_runtime(other, BOARD)
    assert new
    with pytest.raises(ConfigError, match=r"more than one .*by its hash") as caught:
        find_runtime("v1.26.1", BOARD)
    for kept in (first, second):
        assert kept.sha256[:12] in str(caught.value)
        assert find_runtime(kept.sha256[:12], BOARD).sha256 == kept.sha256
        assert find_runtime(kept.sha256.upper(), BOARD).sha256 == kept.sha256
        assert find_runtime(kept.name, BOARD).sha256 == kept.sha256


@pytest.mark.parametrize("text", ["v1.26.1", "1.26.1"])
def test_of_a_version_the_one_for_the_board_is_taken(stock, tmp_path, text):
    keep_runtime(stock, BOARD)
    keep_runtime(write_runtime(tmp_path / "nrf.hex", nrf_bytes(), NRF), HEADBAND)
    assert find_runtime(text, BOARD).mcu == "STM32WB55RGV6"
    assert find_runtime(text, HEADBAND).mcu == "nRF52840"


def test_one_that_is_kept_for_another_chip_is_refused(stock):
    keep_runtime(stock, BOARD)
    with pytest.raises(ForAnotherBoard, match=r"the runtime NUCLEO_WB55-v1\.26\.1 is .* nrf52840"):
        find_runtime("v1.26.1", HEADBAND)


def test_a_path_goes_before_what_is_kept(stock, tmp_path, monkeypatch):
    keep_runtime(stock, BOARD)
    monkeypatch.chdir(tmp_path)
    other = write_runtime(tmp_path / "mine.bin", runtime_bytes(seed=9))
    assert find_runtime("mine.bin", BOARD).sha256 == read_runtime(other, BOARD).sha256
    assert find_runtime(str(stock), BOARD).path == stock


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v1.26.0", r"no runtime 'v1.26.0': .*did you mean 'v1.26.1'.*eegrig runtime list"),
        ("abc", r"no runtime 'abc'"),
        ("missing.hex", r"cannot read the runtime missing\.hex: No such file"),
        ("some/where.dfu", "cannot read the runtime some/where.dfu"),
        ("missing.uf2", r"a \.uf2 is for chips"),
    ],
)
def test_what_is_no_runtime_is_said(stock, text, message):
    keep_runtime(stock, BOARD)
    with pytest.raises(ConfigError, match=message):
        find_runtime(text, BOARD)


def test_a_hash_of_less_than_four_digits_names_nothing(stock):
    kept, _ = keep_runtime(stock, BOARD)
    assert find_runtime(kept.sha256[:4], BOARD).sha256 == kept.sha256
    with pytest.raises(ConfigError, match="no runtime"):
        find_runtime(kept.sha256[:3], BOARD)


def test_a_runtime_that_is_removed_is_gone(stock, state):
    kept, _ = keep_runtime(stock, BOARD)
    assert remove_runtime("v1.26.1") == kept
    assert kept_runtimes() == []
    assert names(state) == []
    with pytest.raises(ConfigError, match="no runtime"):
        remove_runtime("v1.26.1")


def test_a_file_that_was_changed_is_not_taken_for_what_was_kept(stock, state):
    kept, _ = keep_runtime(stock, BOARD)
    write_runtime(state / kept.file, runtime_bytes(seed=9))
    with pytest.raises(ConfigError, match=r"is not what was kept as NUCLEO_WB55-v1\.26\.1: forget"):
        find_runtime("v1.26.1", BOARD)
    remove_runtime("v1.26.1")
    assert keep_runtime(stock, BOARD)[1]


def test_a_description_that_is_damaged_is_named(stock, state):
    kept, _ = keep_runtime(stock, BOARD)
    description = state / f"{kept.sha256}.json"
    description.write_text("{")
    with pytest.raises(ConfigError, match=rf"{description} is damaged"):
        kept_runtimes()


def test_what_is_refused_is_not_kept(tmp_path):
    path = write_runtime(tmp_path / "x.bin", runtime_bytes(bluetooth=False))
    with pytest.raises(ConfigError, match="without Bluetooth"):
        keep_runtime(path, BOARD)
    assert kept_runtimes() == []


def test_a_full_disk_leaves_nothing_half_kept(stock, state, monkeypatch):
    def full(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ConfigError, match="No space left"):
        keep_runtime(stock, BOARD)
    assert names(state) == []


def test_a_folder_that_cannot_be_made_is_said(stock, monkeypatch):
    monkeypatch.setenv("EEGRIG_STATE", "/dev/null/x")
    with pytest.raises(ConfigError, match="EEGRIG_STATE may name another folder"):
        keep_runtime(stock, BOARD)
