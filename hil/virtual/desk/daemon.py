"""The process that holds virtual boards: how it is started, what it says, how it ends."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eegrig.boards.errors import BoardFault, ConfigError, EegrigError, InfrastructureError
from eegrig.hil.virtual import registry

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
    hci_tcp: int | None = None
    hci_serial: bool = False

    @property
    def log(self) -> Path:
        """Where failures are written to."""
        from eegrig.hil.virtual.registry import state_directory

        return state_directory(self.boards[0][1]) / "desk.log"


def start(request: UpRequest) -> tuple[list[registry.Device], list[str]]:
    """Start the process, detached from this one; return its boards once they are up, and notes.

    Raises
    ------
    EegrigError
        Why it did not start.
    """
    read, write = os.pipe()
    log = _open_log(request.log)
    command = [sys.executable, "-m", "eegrig.hil.virtual.desk.daemon", json.dumps(asdict(request))]
    with log, os.fdopen(read, encoding="utf-8") as announced:
        try:
            process = subprocess.Popen(
                [*command, str(write)],
                pass_fds=(write,),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(write)
        try:
            line = announced.readline()
        except KeyboardInterrupt:
            process.terminate()
            raise
    if not line:
        process.wait()
        raise InfrastructureError(f"the virtual boards did not come up: see {request.log}")
    answer = json.loads(line)
    if "error" in answer:
        process.wait()
        raise _ERRORS.get(answer["exit_code"], InfrastructureError)(answer["error"])
    process.returncode = 0  # it goes on without its parent
    return [registry.find(name) for name in answer["up"]], answer["notes"]


def hold(request: UpRequest, announce: Callable[[list[registry.Device], list[str]], None]) -> None:
    """Bring boards up in this process and hold them until it is told to stop.

    Parameters
    ----------
    request : UpRequest
    announce : callable
        Called once they are up, with notes that are to be told, a line each.
    """
    from eegrig.boards import load_board
    from eegrig.hil.virtual.bench import one_cpu
    from eegrig.hil.virtual.clock import VirtualLoop
    from eegrig.hil.virtual.desk.desk import Desk
    from eegrig.hil.virtual.micropython.process import micropython_executable

    micropython_executable()  # what is missing is said at once
    boards = [(load_board(kind), name) for kind, name in request.boards]
    with contextlib.ExitStack() as stack:
        runtime = stack.enter_context(_runtime_directory())
        loop = VirtualLoop(pace=request.pace)
        stack.callback(loop.close)
        desk = Desk(
            loop,
            boards,
            pid=os.getpid(),
            runtime=runtime,
            log=request.log,
            seed=request.seed,
            scene=request.scene,
        )
        stack.callback(desk.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, desk.stop)
        loop.run_until_complete(
            desk.start(flash=request.flash, hci_tcp=request.hci_tcp, hci_serial=request.hci_serial)
        )
        stack.enter_context(one_cpu(os.getpid()))
        loop.pace, loop.lost_s = request.pace, 0.0  # setting up has taken no time
        loop.run_until_complete(desk.booted())
        announce(desk.devices, desk.notes)
        loop.run_until_complete(desk.stopped.wait())


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
        hold(
            UpRequest(**values),
            lambda up, notes: say({"up": [device.name for device in up], "notes": notes}),
        )
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
