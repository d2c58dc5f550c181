"""The pages that say which slot runs: the host's end against the board's own loader."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from eegrig.hil.virtual.micropython.process import micropython_executable
from eegrig.host.image.application import default_firmware
from eegrig.host.image.slot_pages import NO_RECORD, Newest, encode_record, newest_record

PAGE = 4096
SHOW = """
import json, sys
MEMORY = bytearray(open("pages", "rb").read())
class Flash:
    log = []
    def __init__(self, start, len):
        self.start = start
    def readblocks(self, block, buf, offset=0):
        at = self.start + 512 * block + offset
        buf[:] = MEMORY[at : at + len(buf)]
        return 0
    def writeblocks(self, block, buf):
        at = self.start + 512 * block
        MEMORY[at : at + len(buf)] = buf
        self.log.append(("write", at, len(buf)))
        return 0
    def ioctl(self, op, arg):
        self.log.append(("ioctl", op, arg))
        return 0
class Module: pass
for name in ("pyb", "volumes"):
    sys.modules[name] = Module()
sys.modules["pyb"].Flash = Flash
sys.modules["volumes"].PAGE, sys.modules["volumes"].STATE = 4096, 0
sys.modules["volumes"].SLOTS = {}
sys.path[:] = sys.argv[1:3]
import slots
found = [slots._load()]
for words in json.loads(sys.argv[3]):
    slots.write(*words)
    found.append(slots._load())
open("pages", "wb").write(MEMORY)
print(json.dumps([found, Flash.log]))
"""


def on_board(folder: Path, pages: bytes, *writes: list[str]) -> tuple[list[str], list, bytes]:
    """Let the loader read, write and read again; return what it read and did, and the pages."""
    (folder / "pages").write_bytes(pages)
    (folder / "show.py").write_text(SHOW)
    loader = default_firmware() / "loader"
    done = subprocess.run(
        [micropython_executable(), "show.py", loader, loader / "pages", json.dumps(writes)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    found, log = json.loads(done.stdout)
    return found, log, (folder / "pages").read_bytes()


def pages(*records: bytes) -> list[bytes]:
    return [record.ljust(PAGE, b"\xff") for record in records]


def test_the_record_with_the_higher_number_counts_and_the_next_goes_into_the_other_page():
    old, new = encode_record(7, b"a\n"), encode_record(8, b"a b new\n")
    assert newest_record(pages(old, new)) == Newest(1, 8, b"a b new\n")
    assert newest_record(pages(new, old)) == Newest(0, 8, b"a b new\n")
    assert newest_record(pages(new, old)).next_page == 1
    assert newest_record(pages(b"", b"")) == NO_RECORD
    assert NO_RECORD.next_page == 0


@pytest.mark.parametrize("at", range(28))
def test_a_record_of_which_one_byte_is_wrong_does_not_count(tmp_path, at):
    good, new = encode_record(1, b"a\n"), bytearray(encode_record(2, b"b\n"))
    new[at] ^= 0x10
    assert newest_record(pages(good, bytes(new))) == Newest(0, 1, b"a\n")
    if at % 9 == 0:
        found, _, _ = on_board(tmp_path, b"".join(pages(good, bytes(new))))
        assert found == ["a\n"]


def test_board_and_host_read_what_the_other_wrote(tmp_path):
    image = b"".join(pages(encode_record(1, b"a\n"), b""))
    writes = [["a", "new"], ["a", "tried"], ["b"], ["b", "failed"]]
    lines = ["a\n", "a b new\n", "a b tried\n", "b\n", "b a failed\n"]
    found, log, after = on_board(tmp_path, image, *writes)
    assert found == lines
    # Each into the other page, and brought to the flash memory at once.
    assert log == [
        step for n in (1, 0, 1, 0) for step in (["write", n * PAGE, 512], ["ioctl", 3, 0])
    ]
    newest = newest_record([after[:PAGE], after[PAGE:]])
    assert newest == Newest(0, 5, b"b a failed\n")
    record = encode_record(6, b"a\n").ljust(PAGE, b"\xff")
    found, _, _ = on_board(tmp_path, after[:PAGE] + record)
    assert found == ["a\n"]


def test_a_board_whose_pages_hold_nothing_runs_slot_a_and_begins_with_the_first(tmp_path):
    noise = random.Random(1).randbytes(2 * PAGE)
    for nothing in (b"\xff" * (2 * PAGE), bytes(2 * PAGE), noise):
        found, log, after = on_board(tmp_path, nothing, ["b"])
        assert found == ["", "b\n"]
        assert log[0][:2] == ["write", 0]
        assert newest_record([after[:PAGE], after[PAGE:]]) == Newest(0, 1, b"b\n")
