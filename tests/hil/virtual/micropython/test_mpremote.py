"""Real mpremote on a virtual board's console, bridged to a pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hil.virtual.ports.conftest import World

MAIN = "print('main ran')\nimport time\nwhile True:\n    time.sleep_ms(50)\n"


class Terminal:
    """A board whose console is a pseudo-terminal, in real time."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.node = self.world.board(MAIN, boot="booted = True")
        self.world.run(0.01)
        self.world.loop.pace = 1.0
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.device = os.ttyname(self.slave)
        interpreter = self.node.interpreter
        interpreter._on_console = lambda data: (
            self.node.output.extend(data),
            os.write(self.master, data),
        )

        def arrived() -> None:
            with contextlib.suppress(BlockingIOError):
                data = os.read(self.master, min(4096, interpreter.console_room))
                interpreter.console_input(data)

        self.world.loop.add_reader(self.master, arrived)

    def mpremote(self, *words: str) -> str:
        """Run mpremote and return what it printed."""

        async def run() -> tuple[int | None, str]:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "mpremote", "connect", self.device, *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            out, _ = await asyncio.wait_for(process.communicate(), 50)
            return process.returncode, out.decode()

        code, out = self.world.loop.run_until_complete(run())
        assert code == 0, out
        return out.replace("\r\n", "\n")

    def close(self) -> None:
        self.world.loop.remove_reader(self.master)
        self.world.close()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


def test_mpremote_runs_code_and_moves_files(terminal, tmp_path):
    assert terminal.mpremote("exec", "print(booted, 'main' in globals())") == "True False\n"
    assert terminal.mpremote("resume", "eval", "6 * 7") == "42\n"
    script = tmp_path / "script.py"
    script.write_text("import machine\nprint('cause', machine.reset_cause())\n" + "#" * 3000)
    assert terminal.mpremote("run", str(script)) == "cause 0\n"
    copy = tmp_path / "data.txt"
    copy.write_text("line\n" * 200)
    terminal.mpremote("resume", "fs", "cp", str(copy), ":data.txt")
    assert "1000 data.txt" in terminal.mpremote("resume", "fs", "ls")
    assert terminal.mpremote("resume", "fs", "cat", "data.txt") == "line\n" * 200
    terminal.mpremote("resume", "fs", "rm", "data.txt")
    terminal.mpremote("soft-reset")
    assert terminal.node.output.count(b"main ran") == 1, "no soft reset of its runs main.py"


def test_mpremote_sees_the_file_systems_of_a_board_and_no_others(terminal):
    lines = terminal.mpremote("df").splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["/flash"]
    assert terminal.mpremote("eval", "__import__('os').listdir('/')") == "['flash']\n"


def test_mpremote_mounts_a_folder(terminal, tmp_path):
    folder = tmp_path / "local"
    folder.mkdir()
    (folder / "here.py").write_text("print('from', __name__)\n")
    out = terminal.mpremote(
        "mount", str(folder), "exec", "import here; print(open('here.py').read())"
    )
    assert "from here\nprint('from', __name__)\n" in out
