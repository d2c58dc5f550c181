"""A virtual board: chip, interpreter, front end, radio and supply, wired as ``board.toml`` says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eegrig.boards import Board, Part, load_part
from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import board_runtime
from eegrig.boards.schema import Optics
from eegrig.hil.bench import BrokenRule, RuleCheck
from eegrig.hil.virtual.afe.ads129x import Ads129x
from eegrig.hil.virtual.afe.optics.adpd4101 import Adpd4101
from eegrig.hil.virtual.afe.source import VirtualSignalSource
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral
from eegrig.hil.virtual.chip import open_chip
from eegrig.hil.virtual.clock import Cancellable, Clock, OwnedClock, VirtualLoop
from eegrig.hil.virtual.debug_probe import probe
from eegrig.hil.virtual.micropython.ble import BleRequests
from eegrig.hil.virtual.micropython.bus import Bus
from eegrig.hil.virtual.micropython.cpu import CpuModel
from eegrig.hil.virtual.micropython.interpreter import Interpreter, ResetCause
from eegrig.hil.virtual.micropython.runtime import acl_buffers, figures_for_shim, stack_rules
from eegrig.hil.virtual.power.ledger import PowerLedger
from eegrig.hil.virtual.power.meter import VirtualPowerMeter
from eegrig.hil.virtual.serial.console import VirtualConsole
from eegrig.host.flashing.chip_identity import identify
from eegrig.host.image.layout import layout_of

if TYPE_CHECKING:
    from eegrig.hil.virtual.chip.chip import Chip

__all__ = ["VirtualBoard"]

_OVERSAMPLING = 8
_LIGHT_RATE_HZ = 100.0
_POWER_STEP_S = 1e-4  # fine enough to show the packets of a connection event
# Reset vector, clocks, Zephyr and the interpreter's own start, until boot.py runs: assumed.
_RUNTIME_START_NS = 45_000_000
_BROWN_OUT_NS = 100_000_000  # long enough for every supply to fall: assumed


class VirtualBoard:
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
        Name of this one board, for its probe and console, where there are several of a kind; by
        default the board's name. Chip identity and radio address follow from it.

    Attributes
    ----------
    address : str
        Of its radio.
    chip : Chip
    afe : Ads129x
    source : VirtualSignalSource
        What drives the electrodes.
    optics : Adpd4101 or None
        The optical front end, where the board has one.
    light : VirtualSignalSource or None
        What its photodiodes see, in amperes.
    ledger : PowerLedger
    meter : VirtualPowerMeter
    peripheral : Peripheral
        The board's radio.
    console : VirtualConsole
    interpreter : Interpreter
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
        self._directory = directory
        self.probe_id = probe.PREFIX + uid
        self.chip: Chip = open_chip(board.mcu.part, directory, seed=uid)
        self.address = _radio_address(board, self.chip)
        self.ledger = PowerLedger(board, loop)
        self.meter = VirtualPowerMeter(self.ledger, step_s=_POWER_STEP_S)
        self.console = VirtualConsole(uid)
        self.console.open()
        region, runtime, layout = board.mcu.filesystem, board_runtime(board), layout_of(board)
        self.interpreter = Interpreter(
            loop,
            flash_path=directory / "flash.bin",
            filesystem=(region.start, region.size, layout.block_size),
            heap_size=runtime.memory.free_at_prompt_bytes,
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
        rate_hz = float(_OVERSAMPLING * board.afe.default_rate_sps)
        self.source = VirtualSignalSource(loop, board.afe.channels, rate_hz)
        self.afe = Ads129x(
            load_part(board.afe.part),
            clock=OwnedClock(loop, object()),  # the interpreter asks the bus what is coming
            rng=rng,
            source=self.source,
            avdd_v=board.supply.avdd_v,
            dvdd_v=board.supply.mcu_v,
            on_state=self.ledger.afe,
        )
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
                on_phy=self._on_phy,
            ),
        )
        self.peripheral = ble.peripheral
        self.interpreter.on_reset = self._firmware_reset
        self._bus = Bus(
            board,
            clock,
            afe=self.afe,
            flash=self.chip.flash,
            ble=ble,
            random=air.rng(f"random numbers of {uid}"),
            battery_v=lambda: self.ledger.battery_v,
            cpu_active=self._cpu_active,
            edge_interrupts=self._edge_interrupts,
            set_sleep=lambda mode: self.ledger.mcu.set_sleep(loop.now_ns(), mode),
        )
        self.light: VirtualSignalSource | None = None
        self.optics: Adpd4101 | None = None
        if board.optics is not None:
            self._wire_optics(board.optics, clock, rng)
        self._boot_planned: Cancellable | None = None
        self._safe_mode = False
        self._power_returns = False
        self._reset_cause = ResetCause.HARD
        self.chip.faults.on_power_lost = self._power_lost
        self.chip.attach_firmware()
        self.chip.on_reset.append(self._chip_reset)
        self.chip.on_held.append(self._held)
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

    def rules(self) -> RuleCheck:
        """Return what the firmware did so far to its front ends, by the rules of their makers."""
        parts: list[tuple[str, Ads129x | Adpd4101]] = [(self.board.afe.part, self.afe)]
        if self.board.optics is not None and self.optics is not None:
            parts.append((self.board.optics.part, self.optics))
        return RuleCheck(
            exchanges=sum(model.exchanges for _, model in parts),
            broken=tuple(
                BrokenRule(name, rule.says, rule.source, count)
                for name, model in parts
                for rule, count in model.rules_broken.items()
            ),
        )

    @property
    def is_up(self) -> bool:
        """Whether the firmware has booted: it can be found on air, or is at its prompt."""
        interpreter = self.interpreter
        return interpreter.alive and (
            self.peripheral.is_advertising or not interpreter.running_main
        )

    def close(self) -> None:
        """Take the power away and let the files go."""
        self.interpreter.stop()
        self.peripheral.deactivate()
        self.console.close()
        probe.detach(self.probe_id)
        self.chip.close()

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
        if safe_mode and not board_runtime(self.board).system.safe_mode:
            raise ConfigError(
                f"the {self.board.mcu.port} port has no safe mode: interrupt main.py with Ctrl-C, "
                "or erase the file system"
            )
        self._safe_mode = safe_mode
        self.interpreter.stop()
        if cause != ResetCause.SOFT:
            self.interpreter.forget_input()
        self.peripheral.deactivate()
        self.afe.release()
        self._plan_boot(cause)

    # ------------------------------------------------------------------ supply
    @property
    def powered(self) -> bool:
        """Whether the board has a supply."""
        return not self.chip.faults.power_lost

    def power_off(self) -> None:
        """Take the supply away: everything stops, only flash memory stays as it is."""
        self.chip.faults.lose_power()
        self.interpreter.stop()
        self.peripheral.deactivate()
        if self._boot_planned is not None:
            self._boot_planned.cancel()
            self._boot_planned = None

    def power_on(self) -> None:
        """Give the supply back: the board starts as from a new battery."""
        self.chip.faults.restore_power()
        self._reset_cause = ResetCause.POWER_ON
        self.chip.power_cycle()
        self._reset_cause = ResetCause.HARD

    def brown_out(self, *, after_words: int | None = None) -> None:
        """Take the supply away for a tenth of a second.

        Parameters
        ----------
        after_words : int or None
            Not now, but in the middle of the word of flash memory that is programmed after that
            many more.
        """
        if after_words is not None:
            self._power_returns = True
            self.chip.faults.lose_power_after(after_words)
            return
        self.power_off()
        self._loop.call_at_ns(self._loop.now_ns() + _BROWN_OUT_NS, self.power_on)

    def _power_lost(self) -> None:
        # In a callback of its own: the memory is in the middle of a word.
        returns, self._power_returns = self._power_returns, False
        self._loop.call_next(self._stop_without_power, returns)

    def _stop_without_power(self, returns: bool) -> None:
        if self.powered:  # a probe that was opened again has given it back
            return
        self.power_off()
        if returns:
            self._loop.call_at_ns(self._loop.now_ns() + _BROWN_OUT_NS, self.power_on)

    # ------------------------------------------------------------------ what the debugger does
    def _chip_reset(self) -> None:
        self.interpreter.stop()
        self.interpreter.forget_input()
        self.peripheral.deactivate()
        if not self.chip.held:
            self._plan_boot(self._reset_cause)

    def _held(self, held: bool) -> None:
        if self.interpreter.alive:
            self.interpreter.pause(held)
        elif not held:
            self._plan_boot(ResetCause.HARD)

    def _firmware_reset(self, cause: int) -> None:
        self.reset(cause)

    # ------------------------------------------------------------------ boot
    def _plan_boot(self, cause: int) -> None:
        if self._boot_planned is None and self.powered:
            when_ns = self._loop.now_ns() + _RUNTIME_START_NS
            self._boot_planned = self._loop.call_at_ns(when_ns, self._boot, cause)
            self._cpu_active(self._loop.now_ns(), self._loop.now_ns() + _RUNTIME_START_NS)

    def _boot(self, cause: int) -> None:
        self._boot_planned = None
        if self.chip.held or self.interpreter.alive:
            return
        self._bus.attach(self.interpreter)
        cpu = CpuModel.of_image(
            self._compiled_files(), board_runtime(self.board), self.board.mcu.clock_hz
        )
        safe_mode, self._safe_mode = self._safe_mode, False
        self.interpreter.start(self._bus, cpu, cause, safe_mode=safe_mode)

    def _compiled_files(self) -> dict[str, bytes]:
        """Return the bytecode in the file system that the next boot may use."""
        from eegrig.host.image.firmware_image import read_image

        region = self.board.mcu.filesystem
        data = bytes(self.chip.flash_bytes(region.start, region.size))
        try:
            contents = read_image(data, layout_of(self.board))
        except ConfigError:
            return {}
        state = contents.slot_state
        idle = state.active if state.next_boot == state.other else state.other
        return {
            path: content
            for path, content in contents.files.items()
            if path.endswith(".mpy") and not path.startswith(f"{idle}/")
        }

    # ------------------------------------------------------------------ power
    def _on_phy(self, phy: int) -> None:
        self.ledger.radio.phy = phy

    def _cpu_active(self, start_ns: int, stop_ns: int) -> None:
        self.ledger.mcu.active(start_ns, stop_ns - start_ns)

    def _edge_interrupts(self, *, armed: bool) -> None:
        self.ledger.mcu.set_edge_interrupts(self._loop.now_ns(), armed)


def _light_sleep_wake_ns(mcu: Part) -> int:
    """Return what waking from light sleep takes, 0 on a chip whose port has no such sleep."""
    figure = mcu.figures.get("light_sleep_wake_time")
    return 0 if figure is None else round(figure.si * 1e9)


def _radio_address(board: Board, chip: Chip) -> str:
    """Return the address that the board's MicroPython makes of what the chip was given."""
    identity = identify(board.mcu.pyocd_target, lambda address: chip.bus.read(address, 4))
    if identity is None or identity.radio_address is None:
        raise ConfigError(f"no radio address is known for the chip {board.mcu.pyocd_target}")
    return identity.radio_address
