"""A stock MicroPython of the user's on a board that is up, and what a user types at it.

``EEGRIG_STM32_RUNTIME`` says where the binary is: none comes with the sources.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from eegrig.hil.virtual import registry

from ...device_server.conftest import DeviceServer

KIND, NAME = "nucleo-wb55-ads1299", "stock"
PROMPT = b"\r\n>>> "
VARIABLE = "EEGRIG_STM32_RUNTIME"


class Desk(DeviceServer):
    """The board on the desk."""

    radio = f"virtual:{NAME}"

    @property
    def console(self) -> str:
        return str(registry.find(NAME).console)

    def mpremote(self, *arguments: object) -> str:
        done = self.run("mpremote", "connect", self.console, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fault(self, *arguments: object) -> None:
        self.virtual("fault", NAME, *arguments)


class Terminal:
    """Somebody at the serial port."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._heard = b""

    def send(self, data: bytes) -> None:
        self._port.write(data)

    def until(self, text: bytes, timeout_s: float = 30.0) -> bytes:
        """Return what is said up to and with a text."""
        deadline = time.monotonic() + timeout_s
        while text not in self._heard:
            assert time.monotonic() < deadline, self._heard
            self._heard += self._port.read(4096)
        at = self._heard.index(text) + len(text)
        said, self._heard = self._heard[:at], self._heard[at:]
        return said

    def ask(self, statement: str) -> str:
        """Return what one line at the prompt prints."""
        self.send(statement.encode() + b"\r")
        return self.until(PROMPT).decode().partition("\r\n")[2].removesuffix(PROMPT.decode())

    def stop(self) -> None:
        """Come to the prompt, whatever runs."""
        self.send(b"\x03\x03")
        self.until(b">>> ")
        self.send(b"\rprint('here')\r")
        self.until(b"\nhere" + PROMPT)

    def reset_cause(self) -> int:
        """Let the board boot, and ask it why."""
        self.until(b" image ")
        self.stop()
        return int(self.ask("import machine; machine.reset_cause()"))


@pytest.fixture(scope="session")
def _session_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    runtime = os.environ.get(VARIABLE)
    if not runtime:
        pytest.skip(f"{VARIABLE} does not say where a stock MicroPython for NUCLEO_WB55 is")
    desk = Desk(tmp_path_factory.mktemp("state"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EEGRIG_STATE", str(desk.state))
        desk.up(f"{KIND}@{NAME}", "--runtime", Path(runtime), "--flash")
        yield desk
        desk.virtual("down", "--all")


@pytest.fixture
def desk(_session_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return the board, freshly reset, with its firmware running."""
    monkeypatch.setenv("EEGRIG_STATE", str(_session_desk.state))
    with serial.Serial(_session_desk.console, timeout=0.02) as port:
        _session_desk.virtual("reset", NAME)
        Terminal(port).until(b" image ")
    return _session_desk


@pytest.fixture
def terminal(desk: Desk) -> Iterator[Terminal]:
    """Return a terminal at the prompt."""
    with serial.Serial(desk.console, timeout=0.02) as port:
        terminal = Terminal(port)
        terminal.stop()
        yield terminal
