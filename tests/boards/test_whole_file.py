"""Files put in place whole: what is there after every way it can end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from eegrig.boards.errors import OutputError
from eegrig.boards.whole_file import whole_files, write_whole


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a.bdf"
    for content in (b"old", b"new"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.bdf"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with whole_files(path) as (fresh,):
            fresh.write_bytes(b"half of the new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_being_written_does_not_pass_for_a_result(tmp_path: Path) -> None:
    with whole_files(tmp_path / "a.bdf", tmp_path / "a.json") as fresh:
        assert not list(tmp_path.glob("a*"))
        # A writer that goes by the file's ending writes the right format all the same.
        assert [path.suffix for path in fresh] == [".bdf", ".json"]


def test_the_first_of_several_files_is_put_in_place_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[str] = []
    replace = Path.replace

    def noted(self: Path, target: Path) -> Path:
        put.append(Path(target).name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    with whole_files(tmp_path / "image", tmp_path / "manifest"):
        pass
    assert put == ["manifest", "image"]


def test_contents_are_on_the_disk_before_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        happened.append("sync folder" if folder else "sync file")
        sync(handle)

    def replaced(self: Path, target: Path) -> Path:
        happened.append("replace")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_whole(tmp_path / "a", b"x")
    assert happened == ["sync file", "replace", "sync folder"]


@pytest.mark.parametrize("place", ["missing/a.bdf", "file/a.bdf", "folder"])
def test_a_place_that_cannot_be_written_is_one_line_and_leaves_nothing(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=rf"{place}:? \w") as told:
        write_whole(tmp_path / place, b"x")
    assert "\n" not in str(told.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_it_is_as_readable_as_any_other_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "whole", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "whole")}
    assert len(modes) == 1
