"""A change of the sources is noticed once; what is no source is not."""

import os
from pathlib import Path

import pytest

from eegrig.host.console import source_watcher
from eegrig.host.console.source_watcher import SourceWatcher


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(source_watcher, "_PERIOD_S", 0.0)
    monkeypatch.setattr(source_watcher, "_SETTLED_S", 0.0)
    (tmp_path / "eeg").mkdir()
    (tmp_path / "main.py").write_text("1")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "main.py").write_text("12"),
        lambda root: os.utime(root / "main.py", ns=(1, 1)),
        lambda root: (root / "main.py").unlink(),
        lambda root: (root / "eeg" / "new.py").write_text(""),
        lambda root: (root / "main.py").rename(root / "other.py"),
    ],
    ids=["longer", "written again", "gone", "new", "renamed"],
)
def test_a_change_is_told_once(sources, change):
    watcher = SourceWatcher(sources)
    assert not watcher.changed()
    change(sources)
    assert watcher.changed()
    assert not watcher.changed()


@pytest.mark.parametrize("name", [".main.py.swp", "__pycache__/main.pyc", "eeg/x.pyi"])
def test_what_goes_into_no_image_is_not_watched(sources, name):
    watcher = SourceWatcher(sources)
    (sources / name).parent.mkdir(exist_ok=True)
    (sources / name).write_text("")
    assert not watcher.changed()
