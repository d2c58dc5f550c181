"""Any command, ended at any moment: its exit code says so, nothing is printed, nothing is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eegrig.hil.run import RunRequest, run_suites
from eegrig.hil.virtual import registry

from .conftest import DeviceServer

MOMENTS = 2
COMMANDS = {
    "build headband8 -o {out}/image.bin": 0.5,
    "sim resting -o {out}/resting.bdf --seconds 20 --plot {out}/resting.png": 1.8,
    "hil run --out {out}/run --seconds 5 -k equals_the_input": 3.5,
    "compare headband8 hairclip1 --seconds 5 --out {out}/compare": 5.0,
    "report {run}": 0.5,
    "virtual up hairclip1@other": 2.5,
    "virtual up hairclip1@other --foreground --flash": 3.5,
    "record headband8 -o {out}/out.bdf --radio virtual:headband8 --seconds 20": 4.0,
    "impedance headband8 --radio virtual:headband8": 2.0,
    "flash headband8 -u virtual:headband8": 0.9,
    "deploy headband8 --port {port} --watch": 4.0,
}
"""Each with the seconds within which it is ended, at random."""


@pytest.fixture(scope="module")
def board_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceServer]:
    server = DeviceServer(tmp_path_factory.mktemp("state"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EEGRIG_STATE", str(server.state))
        server.up("headband8", "--flash", "--pace", 4)
        yield server
        server.virtual("down", "--all")


@pytest.fixture(scope="module")
def earlier_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    request = RunRequest(board="hairclip1", out=out, seconds=5.0, select="equals_the_input")
    run_suites(request, quiet=True, progress=False)
    return out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_ends_at_any_moment(
    board_up: DeviceServer,
    earlier_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    monkeypatch.setenv("EEGRIG_STATE", str(board_up.state))
    temporary, out = tmp_path / "temporary", tmp_path / "out"
    out.mkdir()
    temporary.mkdir()
    port = registry.find("headband8").console
    words = command.format(out=out, run=earlier_run, port=port).split()
    rng = random.Random(command)
    for number, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143)] * (MOMENTS // 2):
        after_s = rng.uniform(0.05, COMMANDS[command])
        found = ended_after(board_up, words, temporary, after_s, number)
        # It may have been done; or Python itself was still beginning, which has a say of its own.
        assert found in ((code, ""), (0, "")) or found[0] == -number, after_s
        up = [device.name for device in registry.running()]
        assert up == (["headband8", "other"] if found[0] == 0 and "up" in words else ["headband8"])
        if "other" in up:
            board_up.virtual("down", "other")
        assert [path.name for path in temporary.rglob("*")] == []
        assert [path.name for path in out.rglob(".*")] == []


def ended_after(
    server: DeviceServer, words: list[str], temporary: Path, after_s: float, number: signal.Signals
) -> tuple[int, str]:
    """Return what a command ends with that is sent a signal, and what it complains of."""
    with subprocess.Popen(
        server.command("eegrig", *words),
        env={**server.environment, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what it does not wait for with SIGINT ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        time.sleep(after_s)
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=60)
    signs = ("Traceback", "Exception ignored", "Warning", "never awaited", "internal error")
    return process.returncode, errors if any(sign in errors for sign in signs) else ""
