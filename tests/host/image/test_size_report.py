"""What an image takes: the report is what LittleFS does, and says whether an update fits."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eegrig.boards import list_boards, load_board
from eegrig.host.image.file_system import data_blocks, pack
from eegrig.host.image.firmware_image import build_image
from eegrig.host.image.size_report import size_report

REGION = 64 * 4096


@pytest.mark.parametrize("block", [512, 4096])
@settings(max_examples=40)
@given(st.integers(0, 140) | st.integers(4000, 4200) | st.integers(8000, 60_000))
def test_the_blocks_of_a_file_are_those_littlefs_takes(block, size):
    empty = pack({}, REGION, block)[1]
    assert pack({"x": bytes(size)}, REGION, block)[1] - empty == data_blocks(size, block) * block


@pytest.mark.parametrize("name", list_boards())
def test_every_board_has_room_for_its_firmware_twice(name):
    board = load_board(name)
    image = build_image(board)
    report = size_report(board, image)
    blocks = report.loader.blocks + report.folder_blocks + sum(f.blocks for f in report.files)
    assert blocks * report.block_size == report.used == image.used_bytes
    assert {file.path for file in report.files} == set(image.application.files)
    assert [file.size for file in report.files] == sorted(f.size for f in report.files)[::-1]
    assert report.free + report.used == report.region_size
    assert report.free_after_update is not None
    assert report.free_after_update < report.free
    assert report.warning(name) is None


def test_a_firmware_too_large_for_two_slots_is_reported(tmp_path):
    (tmp_path / "main.py").write_text("")
    (tmp_path / "big.dat").write_bytes(os.urandom(150_000))
    board = load_board("headband8")
    report = size_report(board, build_image(board, tmp_path))
    assert report.free_after_update is None
    assert "big.dat first" in (report.warning("headband8") or "")
