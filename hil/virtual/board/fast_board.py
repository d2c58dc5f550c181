"""The fast mode: a computer's MicroPython behind a shim, wired as ``board.toml`` says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eegrig.boards import Board, Part, load_part
from eegrig.boards.ports import board_runtime
from eegrig.boards.schema import Optics
from eegrig.hil.virtual.afe.optics.adpd4101 import Adpd4101
from eegrig.hil.virtual.afe.source import VirtualSignalSource
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board.boot import Boot
from eegrig.hil.virtual.board.supply import Supply
from eegrig.hil.virtual.board.virtual_board import VirtualBoard
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral
from eegrig.hil.virtual.chip import open_chip
from eegrig.hil.virtual.clock import Clock, OwnedClock, VirtualLoop
from eegrig.hil.virtual.debug_probe import probe
from eegrig.hil.virtual.micropython.ble import BleRequests
from eegrig.hil.virtual.micropython.bus import Bus
from eegrig.hil.virtual.micropython.flash_files import compiled_files
from eegrig.hil.virtual.micropython.interpreter import Interpreter, ResetCause
from eegrig.hil.virtual.micropython.runtime import acl_buffers, figures_for_shim, stack_rules

__all__ = ["FastBoard"]

_LIGHT_RATE_HZ = 100.0


class FastBoard(VirtualBoard):
    """One board whose firmware an interpreter on this computer runs.

    Parameters
    ----------
    board, loop, uid
        As for `VirtualBoard`.
    air : Air
    directory : Path
        Where the chip's memories are kept.
    rng : numpy.random.Generator
        For what differs from part to part, and for noise.

    Attributes
    ----------
    peripheral : Peripheral
        The board's radio.
    interpreter : Interpreter
    boot : Boot
        Starts and stops the firmware.
    """

    mode = "fast"

    def __init__(
        self,
        board: Board,
        *,
        loop: VirtualLoop,
        air: Air,
        directory: Path,
        rng: np.random.Generator,
        uid: str | None = None,
    ) -> None:
        super().__init__(board, loop, uid)
        uid = self.uid
        self.chip = open_chip(board.mcu.part, directory, seed=uid)
        region, runtime = board.mcu.filesystem, board_runtime(board)
        self.cpu_spread = runtime.prices.spread
        self.address = self.chip.radio_address
        self.interpreter = Interpreter(
            loop,
            flash_path=directory / "flash.bin",
            filesystem=(region.start, region.size, runtime.storage.block_octets),
            memory=runtime.memory,
            port=figures_for_shim(
                runtime,
                board.name,
                board.mcu.part,
                unique_id=self.chip.device_id,
                clock_hz=board.mcu.clock_hz,
                supply_v=board.supply.mcu_v,
                i2c_hz=400e3 if board.optics is None else board.optics.i2c_hz,
            ),
            on_console=self.console.feed,
            light_sleep_wake_ns=_light_sleep_wake_ns(load_part(board.mcu.part)),
        )
        clock = OwnedClock(loop, self.interpreter)  # of what concerns no other board
        self.console.board = self.interpreter
        # A clock of its own: the interpreter asks the bus what is coming.
        self._add_front_end(OwnedClock(loop, object()), rng)
        ble = BleRequests(
            runtime.bluetooth,
            lambda user: Peripheral(
                air,
                user,
                rules=stack_rules(runtime.bluetooth),
                clock=clock,
                address=self.address,
                name=uid,
                mtu=board.radio.mtu,
                acl=acl_buffers(runtime.bluetooth),
                max_octets=runtime.bluetooth.link_octets_max,
                sink=self.ledger.radio,
            ),
        )
        self.peripheral = ble.peripheral
        mcu = self.ledger.mcu
        self._bus = Bus(
            board,
            clock,
            afe=self.afe,
            flash=self.chip.flash,
            ble=ble,
            random=air.rng(f"random numbers of {uid}"),
            battery_v=lambda: self.ledger.battery_v,
            cpu_active=lambda start_ns, stop_ns: mcu.active(start_ns, stop_ns - start_ns),
            edge_interrupts=lambda *, armed: mcu.set_edge_interrupts(loop.now_ns(), armed),
            set_sleep=lambda mode: mcu.set_sleep(loop.now_ns(), mode),
        )
        if board.optics is not None:
            self._wire_optics(board.optics, clock, rng)
        self.boot = Boot(
            board,
            loop,
            chip=self.chip,
            interpreter=self.interpreter,
            peripheral=self.peripheral,
            bus=self._bus,
            release_front_end=self.afe.release,
            compiled_files=lambda: compiled_files(
                bytes(self.chip.flash_bytes(region.start, region.size)), runtime.storage
            ),
        )
        self.supply = Supply(loop, self.chip.faults, self.boot)
        self.interpreter.on_reset = self.boot.reset
        self.chip.faults.on_power_lost = self.supply.went
        self.chip.attach_firmware()
        self.chip.on_reset.append(self.boot.chip_was_reset)
        self.chip.on_held.append(self.boot.chip_is_held)
        probe.attach(self.probe_id, self.chip)

    def _wire_optics(self, optics: Optics, clock: Clock, rng: np.random.Generator) -> None:
        self.light = VirtualSignalSource(self._loop, optics.channels, _LIGHT_RATE_HZ)
        self.optics = Adpd4101(
            load_part(optics.part),
            optics,
            clock=clock,
            rng=rng.spawn(1)[0],
            source=self.light,
            load=self.ledger.optics,
        )
        self._bus.add_i2c(optics.pins.i2c, self.optics.address, self.optics)
        chip = self.optics
        chip.on_interrupt = self._bus.drive(optics.pins.interrupt, lambda: chip.interrupt)

    @property
    def is_up(self) -> bool:
        """Whether the firmware has booted: it can be found on air, or is at its prompt."""
        interpreter = self.interpreter
        return interpreter.alive and (
            self.peripheral.is_advertising or not interpreter.running_main
        )

    @property
    def state(self) -> str:
        """What the firmware does, in words."""
        if self.interpreter.running_main:
            return "running"
        return "at the prompt" if self.interpreter.alive else "starting"

    def set_slowdown(self, factor: float) -> None:
        """Let the processor take `factor` times as long as modelled, from the next reset on."""
        self.boot.slowdown = factor

    def set_reachable(self, reachable: bool) -> None:
        """Take the board out of every other radio's reach, or bring it back."""
        self.peripheral.set_reachable(reachable)

    def hang(self) -> None:
        """Let the firmware stop where it is."""
        self.interpreter.pause(True)  # noqa: FBT003

    def close(self) -> None:
        """Take the power away and let the files go."""
        self.interpreter.stop()
        self.peripheral.deactivate()
        self.console.close()
        probe.detach(self.probe_id)
        self.chip.close()

    def reset(self, cause: int = ResetCause.HARD, *, safe_mode: bool = False) -> None:
        """Reset the board, as its reset pin would: radio off, interpreter started anew.

        Parameters and errors are those of `Boot.reset`.
        """
        self.boot.reset(cause, safe_mode=safe_mode)


def _light_sleep_wake_ns(mcu: Part) -> int:
    """Return what waking from light sleep takes, 0 on a chip whose port has no such sleep."""
    figure = mcu.figures.get("light_sleep_wake_time")
    return 0 if figure is None else round(figure.si * 1e9)
