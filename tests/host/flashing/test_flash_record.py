"""The manufacturing record: whole lines, whoever else writes them."""

import json
import multiprocessing
from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.host.flashing.flash_record import FlashRecord, append_record, check_writable, now


def record(probe: str = "p", error: str | None = None) -> FlashRecord:
    return FlashRecord(
        time=now(),
        operator="Ada",
        board="headband8",
        probe=probe,
        chip="nrf52840",
        chip_id="0123",
        radio_address="E6:55:44:33:22:11",
        version="1.0",
        image_hash="f" * 64,
        runtime_sha256=None,
        way="slot",
        locked=False,
        duration_s=1.5,
        result="pass",
        exit_code=0,
        error=error,
        self_test=None,
    )


def write_many(path: Path, writer: int) -> None:
    for number in range(50):
        append_record(path, record(f"{writer}-{number}", "x" * 3000))


def test_processes_that_write_at_once_do_not_mix_their_lines(tmp_path):
    path = tmp_path / "boards.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, writer)) for writer in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    probes = {json.loads(line)["probe"] for line in path.read_text().splitlines()}
    assert len(probes) == 150


def test_a_full_disk_leaves_no_part_of_a_line(tmp_path, monkeypatch):
    path = tmp_path / "boards.jsonl"
    append_record(path, record())
    before = path.read_bytes()
    import os

    write = os.write
    monkeypatch.setattr("os.write", lambda file, data: write(file, data[:20]))
    with pytest.raises(InfrastructureError, match="No space left on device"):
        append_record(path, record())
    assert path.read_bytes() == before


def test_a_device_that_is_full_is_one_line():
    with pytest.raises(InfrastructureError, match="No space left on device"):
        append_record(Path("/dev/full"), record())


def test_a_folder_that_is_not_there_is_told_beforehand(tmp_path):
    with pytest.raises(ConfigError, match="No such file or directory"):
        check_writable(tmp_path / "nowhere" / "boards.jsonl")


def test_the_time_is_utc_in_iso_8601():
    assert record().time.endswith("Z")
    assert len(record().time) == len("2026-11-28T02:24:12.165Z")
