"""A virtual board that runs a stock MicroPython binary on the chip's own core: the exact mode.

Chip, front end, radio and supply are those of `VirtualBoard`; between them is no interpreter of
this computer's and no shim, but the binary that a user would flash.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from eegrig.boards import Board, load_part
from eegrig.boards.ports import board_runtime
from eegrig.boards.schema import Board as BoardSchema
from eegrig.hil.bench import BrokenRule, RuleCheck
from eegrig.hil.virtual.afe.ads129x import Ads129x
from eegrig.hil.virtual.afe.source import VirtualSignalSource
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board.exact_radio import ExactRadio
from eegrig.hil.virtual.chip.cortex_m.tally import TICKS, Field
from eegrig.hil.virtual.chip.free_running import CoreClock, FreeRunning, Wait
from eegrig.hil.virtual.chip.stm32wb55 import Stm32wb55
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.debug_probe import probe
from eegrig.hil.virtual.power.ledger import PowerLedger
from eegrig.hil.virtual.power.meter import VirtualPowerMeter
from eegrig.hil.virtual.serial.console import VirtualConsole

__all__ = ["CYCLES_PER_INSTRUCTION", "ExactBoard"]

CYCLES_PER_INSTRUCTION = 2.38
"""Mean price of an instruction on the STM32WB55, from 46 published timings of three chips with the
same core, within a factor of 1.2: assumed."""
_OVERSAMPLING = 8
_POWER_STEP_S = 1e-4
_WAITS = {"sleep": "idle", "stop": "light", "standby": "deep"}


class ExactBoard:
    """One board, powered as long as the object is open.

    Parameters
    ----------
    board : Board
    loop : VirtualLoop
    air : Air
    directory : Path
        Where the chip's memories are kept.
    rng : numpy.random.Generator
        For what differs from part to part, and for noise.
    uid : str or None
        Name of this one board; by default the board's name.
    """

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
        uid = uid or board.name
        self.board = board
        self._loop = loop
        self._random = air.rng(f"random numbers of {uid}")
        self.probe_id = probe.PREFIX + uid
        self.ledger = PowerLedger(board, loop)
        self.meter = VirtualPowerMeter(self.ledger, step_s=_POWER_STEP_S)
        self.console = VirtualConsole(uid)
        self.console.open()
        self.console.board = self
        self.unmodelled_accesses: dict[str, int] = {}
        self.clock = clock = CoreClock(loop)
        self.chip = Stm32wb55(directory, seed=uid, clock=clock, outside=self)
        self.address = self.chip.radio_address
        rate_hz = float(_OVERSAMPLING * board.afe.default_rate_sps)
        self.source = VirtualSignalSource(loop, board.afe.channels, rate_hz)
        self.afe = Ads129x(
            load_part(board.afe.part),
            clock=clock,
            rng=rng,
            source=self.source,
            avdd_v=board.supply.avdd_v,
            dvdd_v=board.supply.mcu_v,
            on_state=self.ledger.afe,
        )
        bluetooth = board_runtime(board).bluetooth
        system = self.chip.system
        assert system is not None
        self.radio = ExactRadio(
            air,
            system.second_processor,
            name=uid,
            address=self.address,
            clock=clock,
            octets=bluetooth.acl_octets,
            packets=bluetooth.acl_packets,
            link_octets=bluetooth.link_octets_max,
            sink=self.ledger.radio,
        )
        self._system = system
        self._wire()
        mcu = self.ledger.mcu
        self.runner = FreeRunning(
            self.chip,
            clock,
            loop,
            low_power=self.chip,
            on_active=lambda start_ns, end_ns: mcu.active(start_ns, end_ns - start_ns),
            on_wait=self._note_wait,
            on_fault=self._locked_up,
        )
        self.chip.runner = self.runner
        self.chip.core.tally.words[Field.PRICE] = round(CYCLES_PER_INSTRUCTION * TICKS)
        self.chip.core.compile_hook()
        self.chip.attach_firmware()
        probe.attach(self.probe_id, self.chip)

    def _wire(self) -> None:
        pins, ports = self.board.afe.pins, self._system.ports
        self._outputs: dict[tuple[str, int], Callable[[int], None]] = {
            _pin(pins.cs): self.afe.set_cs,
            _pin(pins.start): self.afe.set_start,
            _pin(pins.reset): self.afe.set_reset,
        }
        if pins.pwdn is not None:
            self._outputs[_pin(pins.pwdn)] = self.afe.set_pwdn
        port, drdy = _pin(pins.drdy)
        self.afe.on_drdy = lambda level: ports[port].drive(drdy, level)
        ports[port].drive(drdy, self.afe.drdy)
        ports["C"].drive(4, 1)  # the user button is up

    def start(self) -> None:
        """Let the firmware run."""
        self.runner.start()

    def close(self) -> None:
        """Take the power away and let the files go."""
        self.runner.stop()
        self.radio.switch_off()
        self.console.close()
        probe.detach(self.probe_id)
        self.chip.close()

    def reset(self) -> None:
        """Reset the board, as its reset pin would."""
        self.chip.reset()

    def rules(self) -> RuleCheck:
        """Return what the firmware did so far to its front end, by the rules of its maker."""
        return RuleCheck(
            exchanges=self.afe.exchanges,
            broken=tuple(
                BrokenRule(self.board.afe.part, rule.says, rule.source, count)
                for rule, count in self.afe.rules_broken.items()
            ),
        )

    def _note_wait(self, mode: Wait | None) -> None:
        sleep = "idle" if mode is None else _WAITS[mode]
        self.ledger.mcu.set_sleep(self.clock.now_ns(), sleep)  # type: ignore[arg-type]

    def _locked_up(self) -> None:
        raise RuntimeError(f"locked up: {self.chip.core.fault.reason}")

    # ---- the console

    def console_input(self, data: bytes) -> int:
        """Send bytes to USART1."""
        self._system.usart1.receive(data)
        return len(data)

    @property
    def console_room(self) -> int:
        """How many bytes there is room for: whoever sends does not know what is lost."""
        return 4096

    # ---- what is around the chip

    def console_bytes(self, data: bytes) -> None:
        """Take what USART1 sends."""
        self.console.feed(data)

    def output(self, port: str, pin: int, level: int) -> None:
        """Take the level that a pin puts out."""
        output = self._outputs.get((port, pin))
        if output is not None:
            output(level)

    def spi(self, mosi: bytes, sck_hz: float, mode: int) -> bytes:
        """Exchange bytes with the front end."""
        return self.afe.transfer(mosi, sck_hz=sck_hz, mode=mode)

    def volts(self, channel: int) -> float:
        """Return the voltage at a channel of the ADC: the battery's divider is at one."""
        return self.ledger.battery_v / self.board.battery.divider

    def random(self, n: int) -> bytes:
        """Return so many octets of noise."""
        return self._random.bytes(n)

    def unmodelled(self, name: str, address: int) -> None:
        """Take note of the first access to a peripheral that is not there."""
        self.unmodelled_accesses[name] = address


def _pin(name: str) -> tuple[str, int]:
    """Return port and number of a pin: ``"A4"`` is port A's fourth."""
    return name[0], int(name[1:])
