"""`eegrig virtual up --runtime`, with a runtime that only sleeps: it needs no stock binary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.hil.virtual import registry
from eegrig.hil.virtual.chip import open_chip
from eegrig.hil.virtual.device_server.firmware import holds_runtime, write_runtime
from eegrig.host.image.firmware_image import build_image
from eegrig.host.runtime.contents import Segment
from tests.host.fake_runtime import runtime_bytes

KIND = "nucleo-wb55-ads1299"
SLEEP = bytes.fromhex("30bffde7")  # wfi; b back


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    data = bytearray(runtime_bytes())
    entry = int.from_bytes(data[4:8], "little") & 0xFFFE
    data[entry : entry + len(SLEEP)] = SLEEP
    path = tmp_path / "sleeps.bin"
    path.write_bytes(data)
    return path


def test_a_board_comes_up_with_a_runtime(empty_server, runtime):
    arguments = ("up", f"{KIND}@a", "--runtime", runtime, "--flash", "--pace", 100, "--json")
    done = empty_server.eegrig("virtual", *arguments)
    assert done.returncode == 0, done.stderr
    status = empty_server.status("a")
    assert (status["mode"], status["micropython"]) == ("exact", str(runtime))
    assert (status["state"], status["failures"]) == ("running", 0)
    assert "exact, sleeps.bin" in empty_server.virtual("status")
    empty_server.virtual("down", "a")

    board = load_board(KIND)
    chip = open_chip(board.mcu.part, registry.state_directory("a"), seed="a")
    data = runtime.read_bytes()
    assert bytes(chip.flash_bytes(board.mcu.flash.start, len(data))) == data
    image, region = build_image(board).data, board.mcu.filesystem
    assert bytes(chip.flash_bytes(region.start, len(image))) == image
    chip.close()


def test_without_numba_it_says_so_once(empty_server, runtime, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['numba'] = None")
    path = empty_server.environment.get("PYTHONPATH", "")
    empty_server.environment["PYTHONPATH"] = f"{tmp_path}:{path}"
    done = empty_server.eegrig("virtual", "up", f"{KIND}@a", f"{KIND}@b", "--runtime", runtime)
    assert done.returncode == 0
    assert done.stderr.count("numba is not installed") == 1
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("headband8", "sleeps.bin", "headband8 has an nrf52840"),
        (KIND, "missing.bin", "missing.bin"),
        (KIND, "conftest.py", "conftest.py"),
    ],
)
def test_what_cannot_run_is_said_in_a_line(empty_server, runtime, kind, name, told):
    path = Path(__file__).with_name(name) if name.endswith(".py") else runtime.with_name(name)
    done = empty_server.eegrig("virtual", "up", f"{kind}@a", "--runtime", path)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert json.loads(empty_server.virtual("status", "--json")) == {"up": [], "crashed": []}


class Bare:
    """A board that is its memory."""

    def __init__(self) -> None:
        self.board = load_board(KIND)
        self.chip = open_chip(self.board.mcu.part, None)


def test_segments_may_share_a_page_and_keep_what_is_around_them():
    virtual, start = Bare(), 0x0800_0000
    virtual.chip.flash.program(start + 0x800, b"kept....")
    runtime = (Segment(start + 4, b"a" * 9), Segment(start + 0xFFC, b"b" * 8))
    assert not holds_runtime(virtual, runtime)
    write_runtime(virtual, runtime)
    assert holds_runtime(virtual, runtime)
    assert bytes(virtual.chip.flash_bytes(start + 0x800, 8)) == b"kept...."
    pages = virtual.chip.flash.pages_erased
    write_runtime(virtual, runtime)
    assert virtual.chip.flash.pages_erased == pages


def test_a_runtime_outside_the_memory_is_refused():
    with pytest.raises(ConfigError, match="outside the flash memory"):
        write_runtime(Bare(), [Segment(0x1FFF_8000, b"options.")])
