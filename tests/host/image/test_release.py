"""A release: the same sources give the same bytes, and a manifest says which they were."""

import errno
import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.host.image.firmware_image import build_image
from eegrig.host.image.image_file import read_image_file
from eegrig.host.image.release import describe_sources, read_release, write_release


@pytest.fixture
def firmware(tmp_path) -> Path:
    root = tmp_path / "firmware"
    root.mkdir()
    (root / "main.py").write_text("print('hello')\n")
    return root


@pytest.fixture
def board():
    return load_board("headband8")


def git(directory: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def repository(firmware: Path) -> Path:
    git(firmware.parent, "init", "-q")
    git(firmware.parent, "add", "firmware")
    git(firmware.parent, "commit", "-qm", "one")
    git(firmware.parent, "tag", "v1.2")
    return firmware


# --- the same sources, the same bytes ------------------------------------------------------------

BUILD = """
import os, sys
from pathlib import Path
os.umask(int(sys.argv[3], 8))
from eegrig.boards import load_board
from eegrig.host.image.firmware_image import build_image
from eegrig.host.image.release import write_release
sources, image = Path(sys.argv[1]), Path(sys.argv[2])
write_release(build_image(load_board("headband8"), sources), image, sources)
"""


@pytest.mark.parametrize("suffix", [".bin", ".hex"])
def test_folder_time_hash_seed_locale_and_umask_do_not_show(tmp_path, suffix):
    built = []
    environments = (
        ("022", {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"}),
        ("077", {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}),
    )
    for n, (umask, environment) in enumerate(environments):
        folder = tmp_path / f"folder {n}"
        shutil.copytree(
            Path(__file__).parents[3] / "firmware",
            folder / "sources",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        for path in folder.rglob("*"):
            os.utime(path, (10**9 * n, 10**9 * n))
        image = folder / f"image{suffix}"
        command = [sys.executable, "-c", BUILD, str(folder / "sources"), str(image), umask]
        subprocess.run(command, check=True, env={**os.environ, **environment}, cwd=folder)
        built.append((image.read_bytes(), image.with_suffix(".json").read_bytes()))
    assert built[0] == built[1]


# --- the manifest --------------------------------------------------------------------------------


def test_the_manifest_describes_the_file_beside_it(board, firmware, tmp_path):
    path = tmp_path / "image.hex"
    image = build_image(board, firmware)
    release = write_release(image, path, firmware)
    assert release == read_release(path)
    assert release.sha256 == sha256(path.read_bytes()).hexdigest()
    assert release.image_hash == image.image_hash.hex()
    assert (release.board, release.version, release.file) == (board.name, image.version, path.name)
    assert release.files == image.files
    assert release.address == board.mcu.filesystem.start
    assert release.mpy_cross.startswith("MicroPython v")
    assert release.signature is None
    assert json.loads((tmp_path / "image.json").read_text())["format"] == "eegrig image 1"


def test_a_hex_file_reads_back_as_the_image(board, firmware, tmp_path):
    image = build_image(board, firmware)
    write_release(image, tmp_path / "image.hex", firmware)
    read = read_image_file(tmp_path / "image.hex")
    assert (read.data, read.address) == (image.data, image.address)


def test_sources_are_named_by_tag_and_marked_when_changed(repository):
    assert describe_sources(repository) == "v1.2"
    (repository.parent / "unrelated.txt").write_text("")
    assert describe_sources(repository) == "v1.2"
    (repository / "new.py").write_text("")
    assert describe_sources(repository) == "v1.2-dirty"


def test_sources_that_only_lie_inside_of_a_repository_have_no_revision(repository):
    elsewhere = repository.parent / "installed"
    elsewhere.mkdir()
    (elsewhere / "main.py").write_text("")
    assert describe_sources(elsewhere) is None


def test_without_git_there_is_no_revision(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert describe_sources(repository) is None


def test_an_image_cannot_have_the_name_of_its_manifest(board, firmware, tmp_path):
    with pytest.raises(ConfigError, match=r"end in \.bin or \.hex"):
        write_release(build_image(board, firmware), tmp_path / "image.json", firmware)


def test_what_cannot_be_written_leaves_what_was_there(board, firmware, tmp_path, monkeypatch):
    path = tmp_path / "image.bin"
    image = build_image(board, firmware)
    first = write_release(image, path, firmware)
    before = sorted(path.name for path in tmp_path.iterdir())
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.suffix == ".bin":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ConfigError, match=r"cannot write .* No space left on device"):
        write_release(build_image(board, firmware, version="2.0"), path, firmware)
    assert path.read_bytes() == image.data
    assert read_release(path) == first
    assert sorted(path.name for path in tmp_path.iterdir()) == before
