"""The boards of one process on one air, each with its ports, and what commands do to them."""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from eegrig.boards import Board
from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.hil.signal_factory import SignalFactory, light_factory
from eegrig.hil.virtual import registry
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board import FastBoard, VirtualBoard
from eegrig.hil.virtual.board.exact_board import ExactBoard
from eegrig.hil.virtual.chip.cortex_m import compiled_hook
from eegrig.hil.virtual.clock import NS_PER_S, VirtualLoop
from eegrig.hil.virtual.debug_probe import probe
from eegrig.hil.virtual.device_server import control, faults
from eegrig.hil.virtual.device_server.firmware import (
    holds_runtime,
    renew,
    write_firmware,
    write_runtime,
)
from eegrig.hil.virtual.device_server.hci_server import HciServer
from eegrig.hil.virtual.device_server.probe_server import ProbeServer
from eegrig.hil.virtual.device_server.serial_port import SerialPort
from eegrig.hil.virtual.micropython.interpreter import ResetCause
from eegrig.host.console.boot_text import last_words, says_failure
from eegrig.host.runtime.kept import find_runtime
from eegrig.host.runtime.runtime_file import Runtime

__all__ = ["DeviceServer"]

_BOOT_S, _LOOK_S = 5.0, 0.05
_LOG = logging.getLogger(__name__)
# Bounds how long the interpreter may run without looking up: sockets wait that long at most.
_HEARTBEAT_NS = 5_000_000
_PACE_WINDOW_S = 1.0
_SLOW = (
    "numba is not installed, and the boards' chips are emulated some ten times as slowly without: "
    "pip install 'eegrig[exact]'"
)


@dataclass
class _Place:
    """A board with its ports."""

    virtual: VirtualBoard
    serial: SerialPort
    probe: ProbeServer
    device: registry.Device
    runtime: Runtime | None

    def close(self) -> None:
        registry.forget(self.device)
        self.probe.close()
        self.serial.close()
        self.virtual.close()


class DeviceServer:
    """Boards on one loop and one air.

    Parameters
    ----------
    loop : VirtualLoop
    boards : sequence of (Board, str)
        The boards and their names.
    pid : int
        Of this process.
    directory : Path
        For sockets; its path must be short.
    log : Path
        Where failures are written to.
    seed : int
        Of everything random.
    scene : str
        What drives the electrodes: a scene of `signal_sim`, or a recording.
    runtime : str or None
        A stock MicroPython that the boards' own chips run (exact mode); None runs the firmware in
        a MicroPython of this computer (fast mode).

    Attributes
    ----------
    notes : list of str
        What those who bring the boards up are to be told, a line each.
    stopped : asyncio.Event
        Set when the last board is down.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        boards: Sequence[tuple[Board, str]],
        *,
        pid: int,
        directory: Path,
        log: Path,
        seed: int,
        scene: str,
        runtime: str | None = None,
    ) -> None:
        self._loop = loop
        self._boards = boards
        self._pid = pid
        self._directory = directory
        self._runtime = runtime
        self._log = log
        self._seed = seed
        self._scene = scene
        self._air = Air(loop, seed=seed)
        self._hci = HciServer(self._air)
        self._places: dict[str, _Place] = {}
        self._server: asyncio.Server | None = None
        self._failures: list[str] = []
        self._achieved: float | None = None
        self._mark = (loop.now_ns(), time.perf_counter())
        self.notes: list[str] = []
        if runtime is not None and not compiled_hook.is_available():
            self.notes.append(_SLOW)
        self.stopped = asyncio.Event()

    # ------------------------------------------------------------------ up and down
    async def start(
        self, *, flash: bool, hci_tcp: int | None = None, hci_serial: bool = False
    ) -> None:
        """Set everything up and switch the boards on.

        Parameters
        ----------
        flash : bool
            Whether to put the current firmware into their memories first.
        hci_tcp : int or None
            TCP port for adapters; 0: any.
        hci_serial : bool
            Whether to offer an adapter as a serial port.
        """
        self._loop.set_exception_handler(self._failed)
        await self._hci.listen_unix(str(self._directory / "hci"))
        if hci_tcp is not None:
            try:
                await self._hci.listen_tcp(hci_tcp)
            except OSError as error:
                raise InfrastructureError(
                    f"cannot listen at TCP port {hci_tcp} ({error.strerror}): choose another one"
                ) from error
        if hci_serial:
            self._hci.open_terminal(self._directory / "hci-serial")
        self._server = await control.serve(str(self._directory / "control"), self._command)
        for board, name in self._boards:
            self._places[name] = self._set_up(board, name)
        for place in self._places.values():
            if place.runtime is not None:
                write_runtime(place.virtual, place.runtime.segments)
            done = renew(place.virtual)
            if done is not None:
                self.notes.append(f"{place.device.name}: {done}")
            elif flash:
                write_firmware(place.virtual)
        for place in self._places.values():
            place.virtual.supply.on()
            registry.record(place.device)
        self._heartbeat()

    async def booted(self) -> None:
        """Wait until the boards have booted, for some seconds at most.

        What is typed at a board that boots is lost: Ctrl-C ends its ``boot.py``, as on a real one.
        One whose console says what went wrong has a note.
        """
        virtuals = [place.virtual for place in self._places.values()]
        for _ in range(round(_BOOT_S / _LOOK_S)):
            if all(virtual.is_up for virtual in virtuals):
                break
            await asyncio.sleep(_LOOK_S)
        for name, place in self._places.items():
            text = place.virtual.console.log.decode("utf-8", "replace")
            if says_failure(text):
                self.notes.append(f"{name} did not boot its firmware, and said: {last_words(text)}")

    def _set_up(self, board: Board, name: str) -> _Place:
        directory = registry.state_directory(name)
        rng = np.random.default_rng([self._seed, zlib.crc32(name.encode())])
        runtime = None if self._runtime is None else find_runtime(self._runtime, board)
        if runtime is not None and runtime.warning is not None:
            self.notes.append(runtime.warning)
        make: Callable[..., VirtualBoard] = FastBoard
        if runtime is not None:
            functions = {symbol.address: symbol.name for symbol in runtime.symbols}
            make = partial(ExactBoard, symbols=functions)
        virtual = make(
            board, loop=self._loop, air=self._air, directory=directory, rng=rng, uid=name
        )
        virtual.source.play_made(SignalFactory(self._scene, board, self._seed))
        light = light_factory(board, self._seed)
        if light is not None and virtual.light is not None:
            virtual.light.play_made(light)
        console = directory / "console"
        serial = SerialPort(self._loop, virtual.console, console)
        probe_socket = str(self._directory / f"probe{len(self._places)}")
        served = ProbeServer(self._loop, name, virtual.chip, probe_socket)
        device = registry.Device(
            name=name,
            board=board.name,
            part=board.mcu.part,
            pyocd_target=board.mcu.pyocd_target,
            pid=self._pid,
            console=str(console),
            terminal=serial.path,
            probe=virtual.probe_id,
            address=virtual.address,
            hci=tuple(self._hci.transports),
            control=str(self._directory / "control"),
            probe_socket=probe_socket,
            runtime=str(self._directory),
            log=str(self._log),
        )
        return _Place(virtual, serial, served, device, runtime)

    @property
    def devices(self) -> list[registry.Device]:
        """What other processes are told of the boards that are up."""
        return [place.device for place in self._places.values()]

    def stop(self) -> None:
        """Take all boards down."""
        self.stopped.set()

    def close(self) -> None:
        """Let everything go."""
        for name in list(self._places):
            self._places.pop(name).close()
        self._hci.close()
        if self._server is not None:
            self._server.close()

    # ------------------------------------------------------------------ how it goes
    def _heartbeat(self) -> None:
        self._loop.call_at_ns(self._loop.now_ns() + _HEARTBEAT_NS, self._heartbeat)
        since_ns, since_s = self._mark
        elapsed_s = time.perf_counter() - since_s
        if elapsed_s >= _PACE_WINDOW_S:
            now_ns = self._loop.now_ns()
            self._achieved = (now_ns - since_ns) / NS_PER_S / elapsed_s
            self._mark = (now_ns, time.perf_counter())

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Write down what failed in a model or a port; the others go on."""
        error = context.get("exception")
        what = context.get("message", "something failed")
        if isinstance(error, Exception):
            summary = f"{type(error).__name__}: {error}".splitlines()[0]
            self._failures.append(f"{self._loop.time():.3f} s: {summary}")
        _LOG.error("at %.6f s: %s", self._loop.time(), what, exc_info=error)

    # ------------------------------------------------------------------ commands
    def _command(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        name = str(request.get("board"))
        place = self._places.get(name)
        if place is None:
            raise InfrastructureError(f"no virtual board {name!r} is up in this process")
        virtual = place.virtual
        match command:
            case "status":
                return self._status(place)
            case "down":
                self._loop.call_soon(self._down, name)
            case "reset":
                self._reset(virtual, str(request.get("how", "hard")))
            case "fault":
                arguments = [str(argument) for argument in request.get("arguments", [])]
                fault = str(request.get("fault"))
                faults.apply(virtual, self._air, fault, arguments, request.get("after_words"))
            case _:
                raise ConfigError(f"there is no command {command!r}: use the same eegrig on both")
        return {}

    def _down(self, name: str) -> None:
        place = self._places.pop(name, None)
        if place is not None:
            place.close()
        if not self._places:
            self.stop()

    def _reset(self, virtual: VirtualBoard, how: str) -> None:
        if not virtual.supply.is_on:
            name = virtual.probe_id.removeprefix(probe.PREFIX)
            raise InfrastructureError(
                f"{name} has no power: `eegrig virtual fault {name} power-on` first"
            )
        match how:
            case "soft":
                virtual.reset(ResetCause.SOFT)
            case "safe":
                virtual.reset(ResetCause.HARD, safe_mode=True)
            case _:
                virtual.reset(ResetCause.HARD)

    def _status(self, place: _Place) -> dict[str, Any]:
        virtual, loop = place.virtual, self._loop
        if not virtual.supply.is_on:
            state = "no power"
        elif virtual.chip.held:
            state = "held by a debugger"
        else:
            state = virtual.state
        holds = place.runtime is not None and holds_runtime(virtual, place.runtime.segments)
        return {
            "mode": virtual.mode,
            "micropython": str(place.runtime.path) if holds and place.runtime else None,
            "state": state,
            "time_s": loop.time(),
            "pace": loop.pace,
            "achieved_pace": self._achieved,
            "lost_s": loop.lost_s,
            "probe_client": place.probe.client_pid,
            "adapters": self._hci.adapters,
            "failures": len(self._failures),
            "last_failure": self._failures[-1] if self._failures else None,
            "notes": list(virtual.notes),
        }
