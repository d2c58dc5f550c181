"""Ctrl-C, SIGTERM and SIGHUP: the exit code, nothing printed, nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from eegrig.host.image.file_system import pack
from eegrig.host.process.interruption import held, noticed, unwinding

# A command that goes on for ever, in a process of its own.
COMMAND = """
import asyncio, sys, tempfile, time
import typer
from eegrig.host.commands import cli, entry
from eegrig.host.process.run_async import run_async

def forever():
    with tempfile.TemporaryDirectory():
        tempfile.mkdtemp()  # nobody takes this away
        print("there", flush=True)
        {wait}

def app():
    made = typer.Typer()
    made.command("forever")(forever)
    made.callback()(lambda: None)
    return made

cli.make_app = app
sys.argv[1:] = ["forever"]
entry.main()
"""
IMPORTS = """sys.path.append(tempfile.mkdtemp())
        open(sys.path[-1] + "/slow.py", "w").write("import time; time.sleep(0.5)")
        try:
            import slow
        except BaseException:
            pass
        time.sleep(60)
"""
WAITS = [
    "time.sleep(60)",
    "asyncio.run(asyncio.sleep(60))",
    "run_async(asyncio.sleep(60))",
    # Where Python drops what is raised, for the first half second.
    "drops = type('', (), {'__del__': lambda self: time.sleep(0.5)}); drops(); time.sleep(60)",
    # Where somebody tries to import something, and goes on without it.
    IMPORTS,
]
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_ends_a_command_in_order(
    tmp_path: Path, wait: str, number: signal.Signals, code: int
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(wait=wait)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"there\n"
        assert list(tmp_path.iterdir()) != []
        process.send_signal(number)
        assert process.stderr.read() == b""
        assert process.wait(20) == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_a_signal_while_it_starts_leaves_no_traceback(tmp_path: Path, after_s: float) -> None:
    code = "from eegrig.host.commands.entry import main; print('there', flush=True); main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "boards"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        try:
            process.wait(after_s + 0.02)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode in (0, 130)
        assert errors == b""
    assert list(tmp_path.iterdir()) == []


def test_what_must_be_finished_is_finished_first() -> None:
    done = []

    def work() -> None:
        with held():
            signal.raise_signal(signal.SIGTERM)
            done.append("all of it")

    with unwinding(), pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all of it"]


def test_what_must_come_to_its_end_is_told_so() -> None:
    told = []

    def work() -> None:
        with held(lambda: told.append("end")):
            signal.raise_signal(signal.SIGINT)
            assert told == ["end"]

    with unwinding(), pytest.raises(KeyboardInterrupt):
        work()


def test_an_image_is_whole_or_not_at_all_whenever_it_is_interrupted() -> None:
    files = {f"lib/{number}.py": bytes([number]) * 3000 for number in range(40)}
    whole, _ = pack(files, 262144, 4096)
    interrupted = 0
    for delay_s in (0.0005, 0.001, 0.002, 0.004):
        timer = threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGINT))
        with unwinding():
            try:
                timer.start()
                assert pack(files, 262144, 4096)[0] == whole
                timer.join()
                time.sleep(5)  # where Python dropped it, it comes again a moment later
            except KeyboardInterrupt:
                interrupted += 1
            timer.join()
    assert interrupted == 4


def test_ctrl_c_that_was_swallowed_is_noticed() -> None:
    with noticed() as interrupted:
        assert not interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert interrupted()


def test_a_signal_that_was_to_be_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with unwinding():
            signal.raise_signal(signal.SIGHUP)
        with held():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
