"""The folder of a run: what is in it before, while and after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.hil.run.run_folder import FILE_NAME, note_rewritten, open_run_folder


def run(out: Path, **files: str) -> None:
    """Do a run that writes these files; in their names `__` is a slash and `_` a dot."""
    names = {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
    with open_run_folder(out, names) as folder:
        for name, text in names.items():
            path = folder.work / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        folder.publish()


def there(out: Path) -> dict[str, str]:
    files = (path for path in out.rglob("*") if path.is_file() and path.name != FILE_NAME)
    return {path.relative_to(out).as_posix(): path.read_text() for path in files}


def test_a_run_replaces_the_one_before_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    run(out, results_json="1", recording_bdf="1", traces__eeg_npz="1")
    run(out, results_json="2")
    assert there(out) == {"results.json": "2"}
    assert sorted(path.name for path in out.iterdir()) == [FILE_NAME, "results.json"]


def test_what_no_run_wrote_stays(tmp_path: Path) -> None:
    run(tmp_path, results_json="1", traces__eeg_npz="1")
    (tmp_path / "traces" / "mine.npz").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    run(tmp_path, results_json="2")
    assert there(tmp_path) == {
        "results.json": "2",
        "traces/mine.npz": "mine",
        "notes.txt": "mine",
    }


def test_a_file_of_the_users_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("mine")
    with pytest.raises(ConfigError, match=r"results\.json was not written by a run"):
        run(tmp_path, results_json="1")
    assert there(tmp_path) == {"results.json": "mine"}
    assert not (tmp_path / FILE_NAME).exists()


def test_a_file_the_user_put_in_place_of_a_runs_is_the_users(tmp_path: Path) -> None:
    run(tmp_path, results_json="1", recording_bdf="1")
    (tmp_path / "recording.bdf").write_text("mine")
    run(tmp_path, results_json="2")
    assert there(tmp_path) == {"results.json": "2", "recording.bdf": "mine"}
    with pytest.raises(ConfigError, match=r"recording\.bdf was not written"):
        run(tmp_path, results_json="3", recording_bdf="3")


def test_a_report_made_again_is_still_the_runs(tmp_path: Path) -> None:
    run(tmp_path, report_html="1")
    (tmp_path / "report.html").write_text("again")
    note_rewritten(tmp_path, "report.html")
    run(tmp_path, report_html="2")
    assert there(tmp_path) == {"report.html": "2"}


def test_a_list_that_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"files": 3}')
    with pytest.raises(ConfigError, match=r"files\.json is not the list of a run's files"):
        run(tmp_path, results_json="1")
    assert (tmp_path / FILE_NAME).read_text() == '{"files": 3}'


def test_a_run_that_publishes_nothing_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    with open_run_folder(out, ()) as folder:
        (folder.work / "results.json").write_text("half")
    assert list(tmp_path.iterdir()) == []


def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    another = pytest.raises(ConfigError, match="another run is writing to")
    with open_run_folder(tmp_path, ()), another:
        run(tmp_path, results_json="1")
    run(tmp_path, results_json="1")


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="cannot write to"):
        run(tmp_path / "file" / "out", results_json="1")
    assert there(tmp_path) == {"file": "mine"}


def test_a_link_to_somewhere_else_is_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "eeg.npz").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "traces").symlink_to(mine)
    with pytest.raises(ConfigError, match=r"eeg\.npz was not written"):
        run(out, traces__eeg_npz="1")
    assert there(mine) == {"eeg.npz": "mine"}


def test_a_killed_run_keeps_nobody_from_the_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; from eegrig.hil.run.run_folder import open_run_folder\n"
        "with open_run_folder(pathlib.Path(sys.argv[1]), ()): print('there', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        os.kill(process.pid, signal.SIGKILL)
    assert len(list(tmp_path.iterdir())) == 1
    run(tmp_path, results_json="1")
    assert there(tmp_path) == {"results.json": "1"}


def test_a_folder_named_from_where_one_is_serves_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_run_folder(Path("out/demo"), ["report.html"]) as folder:
        (folder.work / "report.html").write_text("whole")
        monkeypatch.chdir("/")
        folder.publish()
    assert (tmp_path / "out/demo/report.html").read_text() == "whole"
