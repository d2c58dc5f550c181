"""The exact mode: a stock MicroPython binary on the chip's own core.

Chip, front end, radio and supply are those of the fast mode; between them is no interpreter of this
computer's and no shim, but the binary that a user would flash.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from eegrig.boards import Board
from eegrig.boards.assumed import Assumed
from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import board_runtime
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board.exact_radio import ExactRadio
from eegrig.hil.virtual.board.exact_watch import ExactWatch
from eegrig.hil.virtual.board.supply import Supply
from eegrig.hil.virtual.board.virtual_board import VirtualBoard
from eegrig.hil.virtual.chip.cortex_m import compiled_hook
from eegrig.hil.virtual.chip.cortex_m.tally import TICKS, Field
from eegrig.hil.virtual.chip.free_running import CoreClock, FreeRunning, Wait
from eegrig.hil.virtual.chip.stm32wb.clocks.rcc import HSE_START_NS, PLL_LOCK_NS
from eegrig.hil.virtual.chip.stm32wb.second_processor import BOOT_NS, REACTION_NS
from eegrig.hil.virtual.chip.stm32wb.system import System
from eegrig.hil.virtual.chip.stm32wb55 import Stm32wb55
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.debug_probe import probe
from eegrig.hil.virtual.micropython.interpreter import ResetCause
from eegrig.hil.virtual.micropython.runtime import acl_buffers

__all__ = ["CYCLES_PER_INSTRUCTION", "ExactBoard"]

CYCLES_PER_INSTRUCTION = 2.38
"""Mean price of an instruction on the STM32WB55, from 46 published timings of three chips with the
same core, within a factor of 1.2: assumed."""
_SPREAD = 1.2
_SLOW = 0.5
"""Below this part of the board's frequency the core executes from the oscillator of a wake."""
_PRICE = Assumed(
    part="stm32wb55",
    key="cycles_per_instruction",
    value=CYCLES_PER_INSTRUCTION,
    unit="1",
    source=f"46 published timings of three chips with the same core, within x/÷ {_SPREAD}",
)
_ACL_PACKETS = 8
"""How many packets the second processor says that it holds: assumed. The port gives it one at a
time, whatever it says."""
_WAITS: dict[Wait, Literal["idle", "light", "deep"]] = {
    "sleep": "idle",
    "stop": "light",
    "standby": "deep",
}
_PROMPT = b">>> "
_BUTTON = ("C", 4)  # of the NUCLEO, to ground
# How long the button is held for the second of the port's three modes, which runs no file: it moves
# on after 30 delays of 20 ms, to which HAL_Delay adds 1 ms each (ports/stm32/boardctrl.c).
_SAFE_MODE_S = 1.5 * 30 * 0.021
_CONSOLE_ROOM = 64
"""What a serial bridge takes at once, a packet of USB full speed (USB 2.0, 5.8.3)."""


class ExactBoard(VirtualBoard):
    """One board with a stock STM32WB55 binary.

    Parameters
    ----------
    board, loop, uid
        As for `VirtualBoard`.
    air : Air
    directory : Path
        Where the chip's memories are kept.
    rng : numpy.random.Generator
        For what differs from part to part, and for noise.
    symbols : Mapping of int to str or None
        First address -> name of the firmware's functions, for what is told of crashes; None if
        they are not known.

    Attributes
    ----------
    radio : ExactRadio
    runner : FreeRunning
    unmodelled_accesses : dict of str to int
        The first address that was touched of each peripheral that is not there; `notes` tell them.

    Raises
    ------
    ConfigError
        If the board has another microcontroller, or parts that no stock binary was tried with.
    """

    mode = "exact"
    cpu_spread = _SPREAD
    rests_on = (
        *(
            Assumed(part="stm32wb55", key=key, value=value / 1000, unit="us", source=source)
            for key, value, source in (
                ("second_processor_reaction", REACTION_NS, "no measurement found"),
                ("second_processor_start", BOOT_NS, "no measurement found"),
                ("hse_start", HSE_START_NS, "with the PLL, a wake from Stop takes 0.1 to 0.4 ms"),
                ("pll_lock", PLL_LOCK_NS, "as hse_start"),
            )
        ),
    )
    chip: Stm32wb55

    def __init__(
        self,
        board: Board,
        *,
        loop: VirtualLoop,
        air: Air,
        directory: Path,
        rng: np.random.Generator,
        uid: str | None = None,
        symbols: Mapping[int, str] | None = None,
    ) -> None:
        if board.mcu.part != "stm32wb55":
            raise ConfigError(
                f"{board.name} has an {board.mcu.part}: a runtime runs on virtual STM32WB55 boards "
                "only; leave --runtime out"
            )
        super().__init__(board, loop, uid)
        self.ledger.cpu_assumptions = (_PRICE,)
        self.vdda_v = board.supply.mcu_v
        self._random = air.rng(f"random numbers of {self.uid}")
        self._outputs: dict[tuple[str, int], Callable[[int], None]] = {}
        self.unmodelled_accesses: dict[str, int] = {}
        self.clock = clock = CoreClock(loop)
        self.chip = Stm32wb55(directory, seed=self.uid, clock=clock, outside=self)
        self.address = self.chip.radio_address
        self._add_front_end(clock, rng)
        system = self.chip.system
        assert system is not None
        bluetooth = board_runtime(board).bluetooth
        self.radio = ExactRadio(
            air,
            system.second_processor,
            name=self.uid,
            address=self.address,
            clock=clock,
            # The way from a completed packet to the next is the binary's, and takes its time.
            buffers=dataclasses.replace(acl_buffers(bluetooth), packets=_ACL_PACKETS, refill_ns=0),
            link_octets=bluetooth.link_octets_max,
            sink=self.ledger.radio,
        )
        self._system = system
        self._wire(system)
        self._watch = ExactWatch(self.chip, self.uid, symbols or {}, self.note)
        self.runner = self.chip.runner = FreeRunning(
            self.chip,
            clock,
            loop,
            low_power=self.chip,
            on_active=self._note_active,
            on_wait=self._note_wait,
            on_fault=self._locked_up,
        )
        self.set_slowdown(1.0)
        if compiled_hook.is_available():
            self.chip.core.compile_hook()
        self.chip.on_reset.append(self.afe.release)
        self.chip.attach_firmware()
        self.console.board = self
        self.supply = Supply(loop, self.chip.faults, self)
        self.chip.faults.on_power_lost = self.supply.went
        self.runner.start()
        probe.attach(self.probe_id, self.chip)

    def _wire(self, system: System) -> None:
        pins, ports = self.board.afe.pins, system.ports
        self._outputs |= {
            _pin(pins.cs): self.afe.set_cs,
            _pin(pins.start): self.afe.set_start,
            _pin(pins.reset): self.afe.set_reset,
        }
        if pins.pwdn is not None:
            self._outputs[_pin(pins.pwdn)] = self.afe.set_pwdn
        port, drdy = _pin(pins.drdy)
        self.afe.on_drdy = lambda level: ports[port].drive(drdy, level)
        ports[port].drive(drdy, self.afe.drdy)
        self._press(down=False)

    def _press(self, *, down: bool) -> None:
        port, pin = _BUTTON
        self._system.ports[port].drive(pin, 0 if down else 1)

    # ---- start and stop

    @property
    def is_up(self) -> bool:
        """Whether the firmware can be found on air, or is at its prompt."""
        return self.radio.is_advertising or self.console.log.endswith(_PROMPT)

    @property
    def state(self) -> str:
        """What the firmware does, in words."""
        if self.chip.debug.lockup:
            return "in lock-up"
        return "at the prompt" if self.console.log.endswith(_PROMPT) else "running"

    def reset(self, cause: int = ResetCause.HARD, *, safe_mode: bool = False) -> None:
        """Reset the board, as its reset pin would; a soft reset is Ctrl-D at the prompt.

        Parameters
        ----------
        cause : int
            Of `ResetCause`.
        safe_mode : bool
            With the user button held: neither ``boot.py`` nor ``main.py`` runs.
        """
        if cause == ResetCause.SOFT:
            self.console_input(b"\x03\x03\x04")
            return
        if safe_mode:
            self._press(down=True)
            when_ns = self._loop.now_ns() + round(_SAFE_MODE_S * 1e9)
            self._loop.call_at_ns(when_ns, lambda: self._press(down=False))
        self._watch.forget()
        self.chip.reset()

    def halt(self) -> None:
        """Stop the firmware, as power does that goes."""
        self.runner.stop()
        self.radio.switch_off()

    def power_cycle(self) -> None:
        """Start as power does that comes."""
        self._watch.forget()
        self.chip.power_cycle()
        self.runner.start()

    def hang(self) -> None:
        """Let the firmware stop where it is; a watchdog that it has started will bite."""
        self.runner.hang()

    def set_slowdown(self, factor: float) -> None:
        """Let an instruction take `factor` times as many cycles as on the mean, from now on."""
        self.chip.core.tally.words[Field.PRICE] = round(CYCLES_PER_INSTRUCTION * factor * TICKS)

    def set_reachable(self, reachable: bool) -> None:
        """Take the board out of every other radio's reach, or bring it back."""
        self.radio.set_reachable(reachable)

    def close(self) -> None:
        """Take the power away and let the files go."""
        self.halt()
        self.console.close()
        probe.detach(self.probe_id)
        self.chip.close()

    def _note_active(self, start_ns: int, end_ns: int) -> None:
        mcu, duration_ns = self.ledger.mcu, end_ns - start_ns
        if self.clock.hz < _SLOW * self.board.mcu.clock_hz:
            mcu.waking(start_ns, duration_ns)
        else:
            mcu.active(start_ns, duration_ns)
        self._watch.ran(end_ns - start_ns)

    def _note_wait(self, mode: Wait | None, when_ns: int) -> None:
        self._watch.rested()
        sleep = "idle" if mode is None else _WAITS[mode]
        self.ledger.mcu.set_sleep(when_ns, sleep, wakes_by_itself=False)

    def _locked_up(self) -> None:
        raise self._watch.locked_up()

    # ---- the console

    def console_input(self, data: bytes) -> int:
        """Send bytes to USART1; return how many."""
        self._system.usart1.receive(data)
        return len(data)

    @property
    def console_room(self) -> int:
        """How many bytes may be sent now, before those that are on the wire have arrived."""
        return max(0, _CONSOLE_ROOM - self._system.usart1.arriving)

    # ---- what is around the chip

    def console_bytes(self, data: bytes) -> None:
        """Take what USART1 sends."""
        self._watch.rested()
        self.console.feed(data)

    def output(self, port: str, pin: int, level: int) -> None:
        """Take the level that a pin puts out."""
        output = self._outputs.get((port, pin))
        if output is not None:
            output(level)

    def spi(self, mosi: bytes, sck_hz: float, mode: int) -> bytes:
        """Exchange bytes with the front end."""
        return self.afe.transfer(mosi, sck_hz=sck_hz, mode=mode)

    def volts(self, port: str, pin: int) -> float:
        """Return the voltage at a pin: of the battery's divider, and 0 V where nothing is."""
        if (port, pin) != _pin(self.board.afe.pins.battery):
            return 0.0
        return self.ledger.battery_v / self.board.battery.divider

    def random(self, n: int) -> bytes:
        """Return so many octets of noise."""
        return self._random.bytes(n)

    def unmodelled(self, name: str, address: int) -> None:
        """Take note of the first access to a peripheral that is not there."""
        self.unmodelled_accesses[name] = address
        self.note(
            f"{self.uid}: the firmware uses {name} (at {address:#010x}), which is not modelled: it "
            "reads 0 and does nothing"
        )


def _pin(name: str) -> tuple[str, int]:
    """Return port and number of a pin: ``"A4"`` is port A's fourth."""
    return name[0], int(name[1:])
