"""Starting and stopping a board's firmware: what a reset does, and a debugger that holds the chip.

A start takes its time: from the reset to the firmware's first instruction the CPU is busy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from eegrig.boards import Board
from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import board_runtime
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral
from eegrig.hil.virtual.clock import Cancellable, VirtualLoop
from eegrig.hil.virtual.micropython.bus import Bus
from eegrig.hil.virtual.micropython.cpu_time.cpu import CpuModel
from eegrig.hil.virtual.micropython.interpreter import Interpreter, ResetCause

if TYPE_CHECKING:
    from eegrig.hil.virtual.chip.chip import Chip

__all__ = ["Boot"]


class Boot:
    """Starts and stops the firmware of one board.

    Parameters
    ----------
    board : Board
    loop : VirtualLoop
    chip : Chip
        Whose flash memory and debugger decide what runs, and whether it does.
    interpreter : Interpreter
    peripheral : Peripheral
        The radio, which a reset switches off.
    bus : Bus
        What the interpreter's firmware reaches.
    release_front_end : callable
        Ends what the firmware was doing with the front end, which a reset of the CPU does not
        reset.
    compiled_files : callable
        Returns the bytecode in the file system that the next boot may use.

    Attributes
    ----------
    slowdown : float
        How many times as long as modelled the processor takes, from the next start on.
    """

    def __init__(
        self,
        board: Board,
        loop: VirtualLoop,
        *,
        chip: Chip,
        interpreter: Interpreter,
        peripheral: Peripheral,
        bus: Bus,
        release_front_end: Callable[[], None],
        compiled_files: Callable[[], Mapping[str, bytes]],
    ) -> None:
        self._port = board.mcu.port
        self._clock_hz = board.mcu.clock_hz
        self._runtime = board_runtime(board)
        self._loop = loop
        self._chip = chip
        self._interpreter = interpreter
        self._peripheral = peripheral
        self._bus = bus
        self._release_front_end = release_front_end
        self._compiled_files = compiled_files
        self._planned: Cancellable | None = None
        self._safe_mode = False
        self._chip_cause = ResetCause.HARD
        self.slowdown = 1.0

    # ------------------------------------------------------------------ resets
    def reset(self, cause: int = ResetCause.HARD, *, safe_mode: bool = False) -> None:
        """Reset the board, as its reset pin would: radio off, interpreter started anew.

        Parameters
        ----------
        cause : int
            Of `ResetCause`.
        safe_mode : bool
            As with the user button held: neither ``boot.py`` nor ``main.py`` runs.

        Raises
        ------
        ConfigError
            If the port has no safe mode.
        """
        if safe_mode and not self._runtime.system.safe_mode:
            raise ConfigError(
                f"the {self._port} port has no safe mode: interrupt main.py with Ctrl-C, "
                "or erase the file system"
            )
        self._safe_mode = safe_mode
        self._interpreter.stop()
        if cause != ResetCause.SOFT:
            self._interpreter.forget_input()
        self._peripheral.deactivate()
        self._release_front_end()
        self._plan(cause)

    def power_cycle(self) -> None:
        """Reset the chip as power does that comes."""
        self._chip_cause = ResetCause.POWER_ON
        self._chip.power_cycle()
        self._chip_cause = ResetCause.HARD

    def halt(self) -> None:
        """Stop the firmware, and any start that is under way."""
        self._interpreter.stop()
        self._peripheral.deactivate()
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None

    # ------------------------------------------------------------------ what the chip tells
    def chip_was_reset(self) -> None:
        """Start anew, unless a debugger caught the reset."""
        self._interpreter.stop()
        self._interpreter.forget_input()
        self._peripheral.deactivate()
        if not self._chip.held:
            self._plan(self._chip_cause)

    def chip_is_held(self, held: bool) -> None:
        """Stand still while a debugger holds the chip, and go on, or start, when it lets go."""
        if self._interpreter.alive:
            self._interpreter.pause(held)
        elif not held:
            self._plan(ResetCause.HARD)

    # ------------------------------------------------------------------ the start
    def _plan(self, cause: int) -> None:
        if self._planned is None and not self._chip.faults.power_lost:
            now_ns = self._loop.now_ns()
            size = sum(map(len, self._compiled_files().values()))
            system = self._runtime.system
            start_ns = system.start_ms * 1e6 + size * system.load_byte_us * 1e3
            when_ns = now_ns + round(start_ns * self.slowdown)
            self._planned = self._loop.call_at_ns(when_ns, self._start, cause)
            self._bus.cpu_active(now_ns, when_ns)

    def _start(self, cause: int) -> None:
        self._planned = None
        if self._chip.held or self._interpreter.alive:
            return
        self._bus.attach(self._interpreter)
        # Prices are cycles: to need more of them is to have a slower clock.
        clock_hz = self._clock_hz / self.slowdown
        cpu = CpuModel.of_image(self._compiled_files(), self._runtime, clock_hz)
        safe_mode, self._safe_mode = self._safe_mode, False
        self._interpreter.start(self._bus, cpu, cause, safe_mode=safe_mode)
