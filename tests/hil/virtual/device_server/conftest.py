"""Virtual boards in a process of their own, brought up and spoken to as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from eegrig.hil.virtual import registry
from eegrig.hil.virtual.device_server import control

Done = subprocess.CompletedProcess[str]


@dataclass
class DeviceServer:
    """A state directory of its own, and commands that work in it."""

    state: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {**os.environ, "EEGRIG_STATE": str(self.state)}

    def run(self, program: str, *arguments: object) -> Done:
        return subprocess.run(
            self.command(program, *arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def command(self, program: str, *arguments: object) -> list[str]:
        return [str(Path(sys.executable).with_name(program)), *map(str, arguments)]

    def eegrig(self, *arguments: object) -> Done:
        return self.run("eegrig", *arguments)

    def virtual(self, *arguments: object) -> str:
        done = self.eegrig("virtual", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def up(self, *arguments: object) -> list[dict[str, Any]]:
        up: list[dict[str, Any]] = json.loads(self.virtual("up", *arguments, "--json"))
        return up

    def status(self, name: str) -> dict[str, Any]:
        """What ``eegrig virtual status --json`` has of a board, without its start-up."""
        device = registry.find(name)
        return asdict(device) | control.ask(device, "status")


def eventually(holds: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """Wait for what another process does; the limit only ends a test that fails anyway."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        result = holds()
        if result:
            return result
        time.sleep(0.02)
    return pytest.fail("it never came")


@pytest.fixture
def wait() -> Callable[..., Any]:
    return eventually


@pytest.fixture(scope="session")
def _session_server(tmp_path_factory) -> Iterator[DeviceServer]:
    server = DeviceServer(tmp_path_factory.mktemp("state"))
    # Not set in between: tests of other files run on the same worker before the session ends.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EEGRIG_STATE", str(server.state))
        server.up("headband8", "headband8@second", "--flash", "--hci-tcp", 0, "--hci-serial")
    yield server
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EEGRIG_STATE", str(server.state))
        server.virtual("down", "--all")
        assert registry.running() == []


@pytest.fixture
def server(_session_server, monkeypatch) -> DeviceServer:
    """Two boards with the current firmware on one air, ``headband8`` and ``second``."""
    monkeypatch.setenv("EEGRIG_STATE", str(_session_server.state))
    return _session_server


@pytest.fixture
def empty_server(tmp_path, monkeypatch) -> Iterator[DeviceServer]:
    """A server with nothing on it."""
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path))
    server = DeviceServer(tmp_path)
    yield server
    if registry.running():
        server.virtual("down", "--all")
