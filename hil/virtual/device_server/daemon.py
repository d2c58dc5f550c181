"""The process that holds virtual boards: how it is started, what it says, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from eegrig.boards.errors import BoardFault, ConfigError, EegrigError, InfrastructureError
from eegrig.hil.virtual import registry
from eegrig.host.process.interruption import exit_code, held, unwinding

__all__ = ["UpRequest", "hold", "start"]

_LOG = logging.getLogger(__name__)
_LONGEST_DIRECTORY = 80  # a socket's path has 107 bytes at most
_ERRORS = {error.exit_code: error for error in (BoardFault, ConfigError, InfrastructureError)}


@dataclass(frozen=True)
class UpRequest:
    """What is to be brought up.

    Attributes
    ----------
    boards : tuple of (str, str)
        Kind (or path of a board.toml) and name of each board.
    pace : float or None
        Virtual seconds per real second; None as fast as possible.
    seed : int
    scene : str
    flash : bool
        Whether to put the current firmware into the boards' memories first.
    runtime : str or None
        Path of a stock MicroPython that the boards' own chips run (exact mode).
    hci_tcp : int or None
        TCP port for adapters.
    hci_serial : bool
        Whether there is an adapter behind a serial port.
    """

    boards: tuple[tuple[str, str], ...]
    pace: float | None = 1.0
    seed: int = 0
    scene: str = "resting"
    flash: bool = False
    runtime: str | None = None
    hci_tcp: int | None = None
    hci_serial: bool = False

    @property
    def log(self) -> Path:
        """Where failures are written to."""
        from eegrig.hil.virtual.registry import state_directory

        return state_directory(self.boards[0][1]) / "device_server.log"


def start(request: UpRequest) -> tuple[list[registry.Device], list[str]]:
    """Start the process, detached from this one; return its boards once they are up, and notes.

    Raises
    ------
    EegrigError
        Why it did not start.
    """
    read, write = os.pipe()
    log = _open_log(request.log)
    command = [
        sys.executable,
        "-m",
        "eegrig.hil.virtual.device_server.daemon",
        json.dumps(asdict(request)),
    ]
    with contextlib.ExitStack() as stack:
        with held():
            process = subprocess.Popen(
                [*command, str(write)],
                pass_fds=(write,),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            stack.enter_context(_down_if_interrupted(process))
            os.close(write)
        with log, os.fdopen(read, encoding="utf-8") as announced:
            line = announced.readline()
        if not line:
            process.wait()
            raise InfrastructureError(f"the virtual boards did not come up: see {request.log}")
        answer = json.loads(line)
        if "error" in answer:
            process.wait()
            raise _ERRORS.get(answer["exit_code"], InfrastructureError)(answer["error"])
        up = [registry.find(name) for name in answer["up"]]
    process.returncode = 0  # it goes on without its parent
    return up, answer["notes"]


@contextlib.contextmanager
def _down_if_interrupted(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Take what was begun down again, and wait until it is gone, if the block is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        with held():
            process.terminate()
            process.wait()
        raise


def hold(request: UpRequest, announce: Callable[[list[registry.Device], list[str]], None]) -> None:
    """Bring boards up in this process and hold them until they are taken down.

    Parameters
    ----------
    request : UpRequest
    announce : callable
        Called once they are up, with notes that are to be told, a line each.

    Raises
    ------
    KeyboardInterrupt
        The process was told to end: everything is down and gone then.
    """
    from eegrig.boards import load_board
    from eegrig.hil.virtual.bench import one_cpu
    from eegrig.hil.virtual.clock import VirtualLoop
    from eegrig.hil.virtual.device_server.server import DeviceServer
    from eegrig.hil.virtual.micropython.process import micropython_executable

    if request.runtime is None:
        micropython_executable()  # what is missing is said at once
    boards = [(load_board(kind), name) for kind, name in request.boards]
    running: list[asyncio.Task[None]] = []
    ended = False

    def end() -> None:
        nonlocal ended
        ended = True
        for task in running:
            task.get_loop().call_soon_threadsafe(task.cancel)

    # A board is not cut in two: what it does is done, it goes down, and then the process ends.
    with held(end), contextlib.suppress(asyncio.CancelledError), contextlib.ExitStack() as stack:
        directory = stack.enter_context(_runtime_directory())
        loop = VirtualLoop(pace=request.pace)
        stack.callback(loop.close)

        def run(work: Callable[[], Coroutine[Any, Any, object]]) -> None:
            task = loop.create_task(_done(work))
            running.append(task)
            if ended:
                task.cancel()
            try:
                loop.run_until_complete(task)
            finally:
                running.remove(task)

        server = DeviceServer(
            loop,
            boards,
            pid=os.getpid(),
            directory=directory,
            log=request.log,
            seed=request.seed,
            scene=request.scene,
            runtime=request.runtime,
        )
        stack.callback(server.close)
        up = partial(server.start, hci_tcp=request.hci_tcp, hci_serial=request.hci_serial)
        run(partial(up, flash=request.flash))
        stack.enter_context(one_cpu(os.getpid()))
        loop.pace, loop.lost_s = request.pace, 0.0  # setting up has taken no time
        run(server.booted)
        loop.lost_s = 0.0  # nobody waits for them yet
        announce(server.devices, server.notes)
        run(server.stopped.wait)


async def _done(work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    await work()  # made only now: a task can be cancelled before it has begun


@contextlib.contextmanager
def _runtime_directory() -> Iterator[Path]:
    """Make a private directory, with a path short enough for sockets."""
    parent = tempfile.gettempdir()
    if len(parent) > _LONGEST_DIRECTORY:
        parent = "/tmp"
    runtime = tempfile.mkdtemp(prefix=registry.RUNTIME_PREFIX, dir=parent)
    before, tempfile.tempdir = tempfile.tempdir, runtime  # what the boards need goes with it
    try:
        yield Path(runtime)
    finally:
        tempfile.tempdir = before
        shutil.rmtree(runtime, ignore_errors=True)


def _open_log(path: Path) -> Any:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(
            f"cannot write {path}: {error.strerror}; set EEGRIG_STATE to a directory that can be "
            "written"
        ) from error


def _main() -> None:
    values = json.loads(sys.argv[1])
    values["boards"] = tuple((kind, name) for kind, name in values["boards"])
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    report = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8")

    def say(answer: dict[str, Any]) -> None:
        if not report.closed:
            with contextlib.suppress(BrokenPipeError), report:
                report.write(json.dumps(answer) + "\n")

    try:
        with unwinding():
            hold(
                UpRequest(**values),
                lambda up, notes: say({"up": [device.name for device in up], "notes": notes}),
            )
    except KeyboardInterrupt:
        sys.exit(exit_code())
    except EegrigError as error:
        _LOG.error("%s", error)
        say({"error": str(error), "exit_code": error.exit_code})
        sys.exit(error.exit_code)
    except Exception as error:
        _LOG.exception("the process ends")
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        say({"error": f"the virtual boards failed, see the log: {what}", "exit_code": 3})
        sys.exit(3)


if __name__ == "__main__":
    _main()
