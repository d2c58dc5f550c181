"""`eegrig update` and `eegrig flash` on a board that is up, as a user types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from eegrig.boards import load_board
from eegrig.hil.virtual import registry
from eegrig.host.image.application import build_application

from ...firmwares import Patch, patched_firmware
from .conftest import DeviceServer

NAME = "headband8"
RADIO = f"virtual:{NAME}"
FIGURES = [
    "front_end.identified",
    "firmware.identified",
    "battery.level",
    "square_wave.amplitude",
    "square_wave.frequency",
    "noise.shorted",
    "frame_loss",
]


@pytest.fixture(scope="module")
def fast_server(tmp_path_factory) -> Iterator[DeviceServer]:
    """A board with the current firmware, several times as fast as a real one."""
    server = DeviceServer(tmp_path_factory.mktemp("state"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EEGRIG_STATE", str(server.state))
        server.up(NAME, "--flash", "--pace", 4)
        yield server
        server.virtual("down", NAME)
        assert registry.running() == []


def release(folder: Path, patch: Patch) -> tuple[Path, str]:
    """Return a firmware of its own and the hash of its image."""
    firmware = patched_firmware(folder, patch)
    return firmware, build_application(load_board(NAME), firmware).image_hash.hex()


def update(server: DeviceServer, firmware: Path, *options: str) -> Any:
    return server.eegrig("update", NAME, "--radio", RADIO, "--firmware", firmware, *options)


class Booted:
    """The image hashes that a board has said on its console, one for each boot."""

    def __init__(self, console: serial.Serial) -> None:
        self._console = console
        self._heard = b""

    def __call__(self) -> list[str]:
        self._heard += self._console.read(4096)
        whole = self._heard[: self._heard.rfind(b"\n") + 1].decode()
        return [line.split()[-1] for line in whole.splitlines() if line.startswith("eegrig ")]


@pytest.fixture
def booted(fast_server) -> Iterator[Booted]:
    with serial.Serial(fast_server.status(NAME)["console"], timeout=0) as console:
        yield Booted(console)


def test_an_update_is_sent_once(fast_server, booted, wait, tmp_path):
    firmware, image_hash = release(tmp_path, ("eeg/app.py", "_POLL_MS = 50", "_POLL_MS = 49"))
    done = update(fast_server, firmware, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["image_hash"] == image_hash != report["previous_image_hash"]
    assert 0 < report["sent_bytes"] < report["total_bytes"] / 2
    # On trial, and for good.
    wait(lambda: booted()[-2:] == [image_hash] * 2)
    boots = len(booted())

    again = json.loads(update(fast_server, firmware, "--json").stdout)
    assert again["image_hash"] == again["previous_image_hash"] == image_hash
    assert again["sent_bytes"] == 0
    told = update(fast_server, firmware)
    assert told.returncode == 0
    assert told.stdout.strip().endswith(f"image {image_hash[:12]}: nothing to send")
    assert len(booted()) == boots, "it was restarted for nothing"


def test_an_update_that_crashes_ends_with_what_the_board_went_back_to(
    fast_server, booted, wait, tmp_path
):
    crash = ("            self.attend()", "            self.attend()\n            1 // 0")
    firmware, image_hash = release(tmp_path, ("eeg/app.py", *crash))
    done = update(fast_server, firmware, "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["exit_code"] == 1
    wait(lambda: image_hash in booted()[:-1])
    tried, runs = booted()[-2:]
    assert tried == image_hash != runs
    assert "tried the new firmware" in told["error"]
    assert f"went back to 0.1.0, image {runs[:12]}: the new one crashed" in told["error"]


def test_a_board_is_flashed_tested_and_written_down(fast_server, tmp_path):
    record = tmp_path / "boards.jsonl"
    done = fast_server.eegrig(
        *("flash", NAME, "--probe", f"virtual:{NAME}"),
        *("--self-test", "--radio", RADIO, "--record", record, "--json"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["image_hash"] == build_application(load_board(NAME)).image_hash.hex()
    assert report["verified"]
    figures = report["self_test"]
    assert [figure["name"] for figure in figures] == FIGURES
    assert [figure for figure in figures if not figure["passed"]] == []
    (line,) = record.read_text().splitlines()
    written = json.loads(line)
    assert written["self_test"] == figures
    assert (written["result"], written["exit_code"], written["error"]) == ("pass", 0, None)
    for key in ("board", "probe", "chip_id", "radio_address", "image_hash", "version", "way"):
        assert written[key] == report[key]


def test_boards_of_one_kind_are_each_tested_by_the_address_of_its_own_chip(tmp_path):
    server = DeviceServer(tmp_path)
    names = ["left", "right"]
    devices = server.up(*(f"headband8@{name}" for name in names), "--flash", "--pace", 4)
    try:
        probes = [f"virtual:{name}" for name in names]
        done = server.eegrig(
            *("flash", "headband8", "--self-test", "--json"),
            *(word for probe in probes for word in ("--probe", probe)),
            *("--radio", probes[0]),
        )
        assert done.returncode == 0, done.stderr + done.stdout
        reports = {report["probe"]: report for report in json.loads(done.stdout)}
        assert sorted(reports) == probes
        for report in reports.values():
            assert [figure["name"] for figure in report["self_test"]] == FIGURES
        addresses = {f"virtual:{device['name']}": device["address"] for device in devices}
        told = {probe: report["radio_address"] for probe, report in reports.items()}
        assert told == addresses
    finally:
        server.virtual("down", *names)
