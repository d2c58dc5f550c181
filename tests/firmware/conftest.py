"""The firmware's own modules, run by MicroPython itself: one process, asked line by line."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eegrig.hil.virtual.micropython.process import micropython_executable

pytest.register_assert_rewrite("tests.firmware.board_model")

FIRMWARE = Path(__file__).parents[2] / "firmware"

_SERVER = """
import sys
sys.path[:] = [{firmware!r}, {firmware!r} + "/loader", {support!r}]
from {module} import *
while True:
    line = sys.stdin.readline()
    if not line:
        break
    try:
        print("=", repr(eval(line)))
    except Exception as error:
        print("!", repr(error))
"""


class MicroPython:
    """A MicroPython process with the firmware on its path and a module of this folder imported."""

    def __init__(self, module: str = "on_micropython") -> None:
        code = _SERVER.format(
            firmware=str(FIRMWARE), support=str(Path(__file__).parent), module=module
        )
        self._process = subprocess.Popen(
            [micropython_executable(), "-X", "heapsize=64M", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "MICROPYPATH": ""},
        )

    def __call__(self, expression: str, *values: Any) -> Any:
        """Evaluate `expression`, with the literals of `values` in place of its braces."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = expression.format(*map(repr, values))
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        kind, _, answer = self._process.stdout.readline().decode().rstrip("\n").partition(" ")
        if kind != "=":
            raise AssertionError(f"{line[:200]} on MicroPython: {answer or 'no answer'}")
        return ast.literal_eval(answer)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def micropython() -> Iterator[MicroPython]:
    process = MicroPython()
    yield process
    process.close()


@pytest.fixture(scope="session")
def board_flash() -> Iterator[MicroPython]:
    """A MicroPython process with a board's file system and the firmware's updater."""
    process = MicroPython("update_on_micropython")
    yield process
    process.close()


@pytest.fixture(scope="session")
def whole_board() -> Iterator[MicroPython]:
    """A MicroPython process with the whole application, its chips and radio played."""
    process = MicroPython("application_on_micropython")
    yield process
    process.close()


@pytest.fixture(scope="session", params=["zephyr", "stm32"])
def port(request: pytest.FixtureRequest) -> str:
    """A port of MicroPython, for `moments`."""
    return str(request.param)


@pytest.fixture(scope="session")
def moments(port: str) -> Iterator[MicroPython]:
    """A MicroPython process with the whole application as it is on a port, in a time of its own."""
    process = MicroPython("moments_on_micropython")
    process("prepare({})", port)
    yield process
    process.close()
