"""What survives a power cycle is kept in files, and one process holds them at a time."""

import os
import subprocess
import sys

import pytest

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.hil.virtual.chip.memory.storage import Storage


def test_a_new_memory_is_erased_and_its_contents_survive_closing(tmp_path):
    storage = Storage(tmp_path / "board")
    memory = storage.map("flash.bin", 4096)
    assert memory[:] == b"\xff" * 4096
    memory[10:14] = b"kept"
    storage.close()
    again = Storage(tmp_path / "board")
    assert again.map("flash.bin", 4096)[10:14] == b"kept"
    again.close()


def test_without_a_directory_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    memory = Storage(None).map("flash.bin", 4096)
    assert memory[:] == b"\xff" * 4096
    assert not list(tmp_path.iterdir())


def test_a_second_holder_is_told_which_process_has_it(tmp_path):
    storage = Storage(tmp_path)
    with pytest.raises(InfrastructureError, match=rf"in use by process {os.getpid()}:"):
        Storage(tmp_path)
    storage.close()
    Storage(tmp_path).close()


def test_a_holder_that_died_holds_nothing(tmp_path):
    code = (
        "import sys, os; from pathlib import Path; "
        "from eegrig.hil.virtual.chip.memory.storage import Storage"
    )
    code += "; s = Storage(Path(sys.argv[1])); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    Storage(tmp_path).close()


def test_a_file_of_the_wrong_size_is_named(tmp_path):
    (tmp_path / "flash.bin").write_bytes(b"short")
    storage = Storage(tmp_path)
    with pytest.raises(ConfigError, match=r"flash\.bin has 5 bytes where the chip has 4096"):
        storage.map("flash.bin", 4096)
    storage.close()


def test_a_place_that_cannot_be_a_directory_is_an_infrastructure_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError, match="EEGRIG_STATE"):
        Storage(tmp_path / "file" / "board")


# ---- let go and taken again


def test_a_directory_nobody_had_meanwhile_is_the_same(tmp_path):
    storage = Storage(tmp_path)
    storage.map("flash.bin", 4096)
    storage.close()
    assert storage.reopen()
    with pytest.raises(InfrastructureError, match="in use by process"):
        Storage(tmp_path)
    storage.close()


def test_one_that_somebody_had_is_another(tmp_path):
    storage = Storage(tmp_path)
    storage.close()
    Storage(tmp_path).close()
    assert not storage.reopen()
    Storage(tmp_path).close()  # it was left to others


def test_a_forked_process_is_somebody_else(tmp_path, monkeypatch):
    storage = Storage(tmp_path)
    storage.close()
    with monkeypatch.context() as forked:  # it inherits the storage, not the process
        forked.setattr(os, "getpid", lambda: 1)
        assert not storage.reopen()
    assert not storage.reopen()


def test_files_that_were_made_anew_are_others(tmp_path):
    storage = Storage(tmp_path)
    storage.map("flash.bin", 4096)
    storage.close()
    kept = tmp_path / "kept"
    (tmp_path / "flash.bin").rename(kept)
    (tmp_path / "flash.bin").write_bytes(kept.read_bytes())
    assert not storage.reopen()
