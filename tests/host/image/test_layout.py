"""How a region is divided, and what an image says of itself."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.host.image.file_system import pack
from eegrig.host.image.firmware_image import build_image, read_image
from eegrig.host.image.layout import Layout, block_size_of, layout_of, layout_of_image
from eegrig.host.image.region import pack_region


@given(st.integers(16, 256))
def test_a_divided_region_is_whole_pages_none_of_which_two_parts_share(n_pages):
    layout = Layout(n_pages * 4096, 512, 4096)
    parts = [(volume.start, volume.size) for volume in layout.volumes]
    parts += [(start, 4096) for start in layout.state_pages]
    at = 0
    for start, size in sorted(parts):
        assert start == at
        assert size > 0
        assert size % 4096 == 0
        at += size
    assert at == layout.size
    assert layout.slots["a"].size == layout.slots["b"].size


def test_the_layout_that_boards_have_does_not_change():
    """An image of one version of eegrig and a board that another one flashed must agree."""
    layout = layout_of(load_board("nucleo-wb55-ads1299"))
    assert [(v.name, v.start, v.size) for v in layout.volumes] == [
        ("flash", 0, 49152),
        ("a", 57344, 102400),
        ("b", 159744, 102400),
    ]
    assert layout.state_pages == (49152, 53248)
    one = layout_of(load_board("headband8"))
    assert [(v.name, v.start, v.size) for v in one.volumes] == [("flash", 0, 0x4_0000)]
    assert (one.state_pages, one.slots) == ((), {})


@pytest.mark.parametrize("name", ["headband8", "nucleo-wb55-ads1299"])
def test_an_image_says_itself_how_it_is_divided(name):
    image = build_image(load_board(name))
    assert layout_of_image(image.data) == image.layout
    assert read_image(image.data).files == read_image(image.data, image.layout).files
    # The first block is the one that is lost: the second has a copy.
    first = image.layout.block_size
    assert block_size_of(b"\xff" * first + image.data[first:]) == first


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff" * 8192,
        b"x" * 8 + b"littlefs",
        *(
            b"x" * 8 + b"littlefs" + struct.pack("<IIII", 0, 0, block_size, n_blocks) + bytes(8192)
            for block_size, n_blocks in ((0, 9), (512, 0), (100, 90), (0xFFFF_FFFF, 2))
        ),
    ],
)
def test_what_is_no_file_system_is_said_to_be_none(head):
    assert block_size_of(head) is None
    with pytest.raises(ConfigError, match="no readable LittleFS"):
        read_image(head)


@pytest.mark.parametrize("size", [512, 4096, 49152, 50000, 53260, 100_000])
def test_an_image_that_ends_too_early_is_no_error_of_ours(size):
    image = build_image(load_board("nucleo-wb55-ads1299"))
    try:
        found = read_image(image.data[:size], image.layout)
    except ConfigError:
        assert size < 49152
    else:
        assert not found.intact


def test_folders_with_the_names_of_slots_are_the_users_own_where_slots_are_none():
    layout = layout_of(load_board("nucleo-wb55-ads1299"))
    files = {"boot.py": b"", "a/main.py": b"1", "slot": b"a\n"}
    region = bytearray(pack_region(files, layout).data)
    boot = pack({"boot.py": b"", "a/users.txt": b"2", "slot": b"b\n"}, layout.boot.size, 512)[0]
    region[: layout.boot.size] = boot
    found = read_image(bytes(region), layout)
    assert found.files == files
    assert found.unreadable == {"b"}
