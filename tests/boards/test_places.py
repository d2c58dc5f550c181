"""Files that cannot be written: one line, exit code 2, and nothing left over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eegrig.boards.errors import OutputError
from eegrig.boards.places import check_place

# A disk that is full after some bytes, as a command sees it. Afterwards there is room again: what
# measures coverage writes as the process ends.
FULL = """
import resource, sys
from eegrig.host.commands.cli import main

before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), before[1]))
try:
    main(sys.argv[2:])
finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
"""


@pytest.mark.parametrize(
    ("limit", "arguments"),
    [
        (40, ["key", "new", "x.pem"]),
        (115, ["key", "new", "x.pem"]),  # the private key has room, the public one has not
        (1000, ["build", "headband8", "-o", "x.bin"]),
        (1000, ["build", "--all", "-o", "."]),
        (1000, ["sim", "eyes-open", "--seconds", "4", "-o", "x.bdf"]),
        (1000, ["sim", "eyes-open", "--seconds", "4", "-o", "x.npz"]),
        (9000, ["sim", "eyes-open", "--seconds", "4", "--plot", "x.png"]),
    ],
)
def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, limit: int, arguments: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(limit), *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    # Matplotlib and Fontconfig may have to say that they could not keep their lists of fonts.
    *before, said = done.stderr.splitlines()
    assert said.startswith("eegrig: cannot write ")
    assert all(line.startswith(("Could not save font_manager", "write cache")) for line in before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "headband8", "-o", "x.bin"],
        ["sim", "eyes-open", "--seconds", "4", "-o", "x.bdf"],
        ["record", "headband8", "-o", "x.bdf"],
    ],
)
@pytest.mark.parametrize("taken", ["itself", "beside"])
def test_a_folder_of_that_name_is_found_at_once_and_kept(
    tmp_path: Path, arguments: list[str], taken: str
) -> None:
    end = {"build": ".json", "sim": ".truth.json", "record": ".json"}[arguments[0]]
    folder = tmp_path / (arguments[-1] if taken == "itself" else f"x{end}")
    folder.mkdir()
    (folder / "mine").write_text("mine")
    (tmp_path / "other.json").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-c", "from eegrig.host.commands.cli import main; main()", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert "is a folder" in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([folder.name, "other.json"])
    assert (folder / "mine").read_text() == "mine"


def test_too_little_room_is_said_with_how_much_it_takes(tmp_path: Path) -> None:
    path = tmp_path / "x.bdf"
    path.write_text("mine")
    check_place(path, 1000)
    with pytest.raises(OutputError, match=r"needs 1000000000000\.0 MB, and there is room for"):
        check_place(path, 10**18)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_takes_the_place_of_a_device_or_a_pipe(tmp_path: Path) -> None:
    for name in ("pipe.bin", "pipe.bdf", "pipe.png"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(OutputError, match="is a device or a pipe: name a file"):
            check_place(tmp_path / name)
    eegrig = str(Path(sys.executable).with_name("eegrig"))
    for arguments in (
        ["build", "hairclip1", "-o", "pipe.bin"],
        ["sim", "resting", "-o", "pipe.bdf"],
        ["sim", "resting", "--plot", "pipe.png"],
    ):
        done = subprocess.run(
            [eegrig, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert "is a device or a pipe: name a file" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe.bdf", "pipe.bin", "pipe.png"]
    assert all(path.is_fifo() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "hairclip1", "-o", "file/image.bin"], "there is no folder"),
        (["sim", "resting", "-o", "file/x.bdf"], "there is no folder"),
        (["sim", "resting", "--plot", "file/x.png"], "there is no folder"),
        (["sim", "--gallery", "file"], "cannot make the folder file: File exists"),
        (["sim", "--gallery", "file/gallery"], "cannot make the folder file/gallery: Not a dir"),
    ],
)
def test_a_place_below_a_file_is_said_before_anything_is_made(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "file").write_text("mine")
    eegrig = str(Path(sys.executable).with_name("eegrig"))
    done = subprocess.run(
        [eegrig, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
