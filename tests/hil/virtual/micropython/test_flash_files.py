"""The bytecode a board may run, read from its flash memory by the board and by the host."""

from __future__ import annotations

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import board_runtime
from eegrig.hil.virtual.micropython.flash_files import compiled_files
from eegrig.host.image.firmware_image import build_image, read_image
from eegrig.host.image.layout import layout_of
from eegrig.host.image.loader import SlotState
from eegrig.host.image.region import pack_region
from eegrig.host.image.slot_pages import encode_record

WHOLE, DIVIDED = "headband8", "nucleo-wb55-ads1299"
STATES = [
    b"a\n",
    b"b\n",
    *(f"{pair} {trial}\n".encode() for pair in ("a b", "b a") for trial in ("new", "tried")),
    b"a b failed\n",
    b"",
    b"c\n",
    b"a b never\n",
]


def by_the_host(region: bytes, name: str) -> dict[str, bytes]:
    board = load_board(name)
    try:
        contents = read_image(region, layout_of(board))
    except ConfigError:
        return {}
    state: SlotState = contents.slot_state
    idle = state.active if state.next_boot == state.other else state.other
    return {
        path: content
        for path, content in contents.files.items()
        if path.endswith(".mpy") and not path.startswith(f"{idle}/")
    }


def by_the_board(region: bytes, name: str) -> dict[str, bytes]:
    return compiled_files(region, board_runtime(load_board(name)).storage)


@pytest.fixture(scope="module", params=[WHOLE, DIVIDED])
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def files(name) -> dict[str, bytes]:
    """The files of a board with an application in each slot, and something of a user's."""
    image = build_image(load_board(name))
    files = dict(read_image(image.data, image.layout).files)
    mine = {path: data for path, data in files.items() if path.startswith("a/")}
    files |= {f"b/{path[2:]}": data + b"\0" for path, data in mine.items()}
    files["notes/mine.mpy"] = b"M\x06"
    files["slot"] = b"a\n"
    return files


def test_the_slot_that_runs_and_the_loader(files, name):
    found = by_the_board(pack_region(files, layout_of(load_board(name))).data, name)
    assert {path.partition("/")[0] for path in found} == {"a", "notes", "slots.mpy"} | (
        {"slot_pages.mpy", "volumes.mpy"} if name == DIVIDED else set()
    )
    assert all(content == files[path] for path, content in found.items())


@pytest.mark.parametrize("line", STATES, ids=repr)
def test_host_and_board_find_the_same(files, name, line):
    region = pack_region(files | {"slot": line}, layout_of(load_board(name))).data
    assert by_the_board(region, name) == by_the_host(region, name) != {}


def test_a_board_with_one_slot(files, name):
    for slot in ("a", "b"):
        rest = {path: data for path, data in files.items() if not path.startswith(f"{slot}/")}
        region = pack_region(rest, layout_of(load_board(name))).data
        assert by_the_board(region, name) == by_the_host(region, name) != {}


def test_the_newest_whole_record_counts(files):
    layout = layout_of(load_board(DIVIDED))
    region = bytearray(pack_region(files, layout).data)
    newer = encode_record(2, b"b\n")
    region[layout.state_pages[1] : layout.state_pages[1] + len(newer)] = newer
    assert any(path.startswith("b/") for path in by_the_board(bytes(region), DIVIDED))
    region[layout.state_pages[1] + 5] ^= 1
    assert not any(path.startswith("b/") for path in by_the_board(bytes(region), DIVIDED))


def test_a_first_block_that_cannot_be_read_is_found_in_the_second(files, name):
    board = load_board(name)
    region = bytearray(pack_region(files, layout_of(board)).data)
    block = board_runtime(board).storage.block_octets
    region[:block] = b"\xff" * block
    assert by_the_board(bytes(region), name) == by_the_host(bytes(region), name)


def test_nothing_is_found_in_nothing(name):
    size = load_board(name).mcu.filesystem.size
    assert by_the_board(b"\xff" * size, name) == by_the_board(bytes(size), name) == {}
