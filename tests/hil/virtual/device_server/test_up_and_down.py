"""Boards come up, say where they are, and go without a trace, however their process ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual import registry
from eegrig.hil.virtual.chip import open_chip
from eegrig.hil.virtual.device_server import control
from eegrig.host.image.file_system import pack
from eegrig.host.image.firmware_image import build_image, read_image
from eegrig.host.image.layout import layout_of

from ...firmwares import patched_firmware


def test_boards_that_are_up_say_where_everything_is(server):
    told = json.loads(server.virtual("status", "--json"))
    assert told["crashed"] == []
    assert [board["name"] for board in told["up"]] == ["headband8", "second"]
    for board in told["up"]:
        name = board["name"]
        assert board["board"] == "headband8"
        assert board["probe"] == f"virtual:{name}"
        assert str(Path(board["console"]).readlink()) == board["terminal"]
        assert Path(board["terminal"]).is_char_device()
        assert [transport.split(":")[0] for transport in board["hci"]] == [
            "unix",
            "tcp-client",
            "serial",
        ]
        assert board["state"] == "running"
        assert board["pace"] == 1.0
        assert board["failures"] == 0
        assert Path(board["log"]).exists()
    assert server.status("headband8")["address"] != server.status("second")["address"]


def test_status_is_told_to_people_too(server):
    told = server.virtual("status")
    assert "virtual:headband8" in told
    assert "log: " in told


def test_a_board_that_is_up_is_not_brought_up_again(server):
    done = server.eegrig("virtual", "up", "headband8")
    assert done.returncode == 3
    assert f"process {server.status('headband8')['pid']}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_its_flash_memory_belongs_to_its_process(server):
    pid = server.status("headband8")["pid"]
    with pytest.raises(InfrastructureError, match=f"in use by process {pid}"):
        open_chip("nrf52840", registry.state_directory("headband8"))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["headband8@a/b"], 2),
        (["headband8@x", "hairclip1@x"], 2),
        (["headband8@hairclip1"], 2),
        (["no-such-board"], 2),
        (["headband8@x", "--scene", "no-such-scene"], 2),
        (["headband8@x", "--hci-tcp", "70000"], 2),
    ],
)
def test_what_cannot_come_up_is_said_in_a_line(empty_server, arguments, code):
    done = empty_server.eegrig("virtual", "up", *arguments)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert registry.running() == []


@pytest.mark.parametrize("arguments", [["down"], ["down", "nobody"], ["reset", "nobody"]])
def test_commands_to_nobody_say_so(empty_server, arguments):
    done = empty_server.eegrig("virtual", *arguments)
    assert done.returncode in (2, 3)
    assert len(done.stderr.splitlines()) == 1


def test_down_leaves_nothing_but_the_memories(empty_server):
    first, second = empty_server.up("headband8@a", "hairclip1@b")
    empty_server.virtual("down", "a")
    assert [device.name for device in registry.running()] == ["b"]
    assert not Path(first["console"]).is_symlink()
    empty_server.virtual("down", "b")
    assert registry.running() == []
    assert not Path(second["runtime"]).exists()
    assert not Path(second["terminal"]).exists()
    left = {path.name for path in Path(first["console"]).parent.iterdir()}
    assert left == {"flash.bin", "uicr.bin", "lock", "device_server.log"}


def test_a_board_kept_from_before_with_blocks_its_port_does_not_mount_is_written_anew(empty_server):
    board = load_board("nucleo-wb55-ads1299")
    image, region = build_image(board, version="0.0.1"), board.mcu.filesystem
    files = {**read_image(image.data).files, "notes.txt": b"mine"}
    chip = open_chip(board.mcu.part, registry.state_directory("kept"), seed="kept")
    chip.flash.program(region.start, pack(files, region.size, 4096)[0])
    chip.close()
    done = empty_server.eegrig("virtual", "up", f"{board.name}@kept")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("eegrig: kept: its memory held eegrig 0.0.1, image ")
    assert "4096-byte blocks, and its port mounts 512-byte blocks only: it was written" in line
    assert line.endswith("; files of yours were kept: notes.txt")
    empty_server.virtual("down", "kept")
    chip = open_chip(board.mcu.part, registry.state_directory("kept"), seed="kept")
    there = read_image(bytes(chip.flash_bytes(region.start, region.size)), layout_of(board))
    chip.close()
    assert there.files == {**read_image(build_image(board).data).files, "notes.txt": b"mine"}
    again = empty_server.eegrig("virtual", "up", f"{board.name}@kept")
    assert (again.returncode, again.stderr) == (0, "")


def test_a_board_that_does_not_boot_says_why(empty_server, tmp_path):
    board = load_board("nucleo-wb55-ads1299")
    bad = patched_firmware(tmp_path, ("main.py", "app.run()", "app.run(1 // 0)"))
    image, region = build_image(board, bad), board.mcu.filesystem
    chip = open_chip(board.mcu.part, registry.state_directory("bad"), seed="bad")
    chip.flash.program(region.start, image.data)
    chip.close()
    done = empty_server.eegrig("virtual", "up", f"{board.name}@bad", f"{board.name}@empty")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("eegrig: bad did not boot its firmware, and said: File ")
    assert line.endswith("in <module>; ZeroDivisionError: divide by zero")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_what_a_killed_process_left_behind_is_cleaned_up(empty_server, wait):
    (board,) = empty_server.up("headband8@a")
    interpreters = wait(lambda: children(board["pid"]))
    os.kill(board["pid"], signal.SIGKILL)
    wait(lambda: all(ended(pid) for pid in [board["pid"], *interpreters]))
    told = json.loads(empty_server.virtual("status", "--json"))
    assert told["up"] == []
    assert [(gone["name"], gone["pid"]) for gone in told["crashed"]] == [("a", board["pid"])]
    assert not Path(board["console"]).is_symlink()
    assert not Path(board["runtime"]).exists()
    (again,) = empty_server.up("headband8@a")
    assert again["pid"] != board["pid"]
    os.kill(again["pid"], signal.SIGTERM)
    wait(lambda: not Path(again["runtime"]).exists())
    assert registry.sweep() == []  # this one cleaned up itself


def test_a_failure_inside_is_told_and_logged_and_the_board_goes_on(empty_server):
    (board,) = empty_server.up("headband8@a")
    with pytest.raises(InfrastructureError, match="see the log: TypeError"):
        control.ask(registry.find("a"), "fault", fault="lead-off", arguments=5)
    status = empty_server.status("a")
    assert status["failures"] == 1
    assert "TypeError" in status["last_failure"]
    assert "Traceback" in Path(board["log"]).read_text()
    told = empty_server.eegrig("virtual", "status")
    assert "a model failed" in told.stderr
    assert board["log"] in told.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_in_the_foreground_ctrl_c_takes_the_boards_down(empty_server, number, code):
    command = empty_server.command(
        "eegrig", "virtual", "up", "headband8@a", "--foreground", "--free"
    )
    with subprocess.Popen(
        command, env=empty_server.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("a (headband8) is up")
        interpreters = children(process.pid)
        process.send_signal(number)
        assert process.wait(30) == code
    assert registry.running() == []
    assert all(ended(pid) for pid in interpreters)
    assert not registry.sweep()
