"""The pyOCD plugin behind `probe`: pyOCD's probe interface on a virtual chip.

Get the plugin class from `hil.virtual.debug_probe.probe`: it sees that pyOCD is imported first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pyocd.board.board_ids import BoardInfo
from pyocd.core import exceptions
from pyocd.core.plugin import Plugin
from pyocd.probe.debug_probe import DebugProbe

from eegrig.boards.errors import EegrigError
from eegrig.hil.virtual.chip.signals import Ack, WireError
from eegrig.hil.virtual.debug_probe.probe import PREFIX, WiredChip, available, find

if TYPE_CHECKING:
    from eegrig.hil.virtual.chip.chip import Chip
    from eegrig.hil.virtual.debug_probe.remote_chip import RemoteChip

__all__ = ["VirtualProbe", "VirtualProbePlugin"]

VENDOR = "eegrig"


class VirtualProbe(DebugProbe):  # type: ignore[misc]
    """A debug probe wired to a virtual chip.

    Parameters
    ----------
    target : WiredChip
        What it is wired to.
    """

    is_virtual = True

    def __init__(self, target: WiredChip) -> None:
        super().__init__()
        self._target = target
        self._chip: Chip | RemoteChip | None = None
        self._protocol: DebugProbe.Protocol | None = None
        self._reset_asserted = False

    # ---- finding probes

    @classmethod
    def get_all_connected_probes(
        cls, unique_id: str | None = None, is_explicit: bool = False
    ) -> list[VirtualProbe]:
        """List attached chips, boards that are up, and every board whose chip has a model."""
        return [cls(target) for target in available()]

    @classmethod
    def get_probe_with_id(cls, unique_id: str, is_explicit: bool = False) -> VirtualProbe | None:
        """Find a probe by its id, with or without ``virtual:``."""
        target = find(unique_id)
        return None if target is None else cls(target)

    # ---- what it is

    @property
    def vendor_name(self) -> str:
        """Who makes it."""
        return VENDOR

    @property
    def product_name(self) -> str:
        """What it is."""
        return f"virtual probe on {self._target.name}"

    @property
    def unique_id(self) -> str:
        """Its id, as ``pyocd -u`` takes it."""
        return PREFIX + self._target.name

    @property
    def on_demand(self) -> bool:
        """Whether the board is there because a probe was opened."""
        return self._target.on_demand

    @property
    def supported_wire_protocols(self) -> list[DebugProbe.Protocol]:
        """SWD only."""
        return [DebugProbe.Protocol.DEFAULT, DebugProbe.Protocol.SWD]

    @property
    def wire_protocol(self) -> DebugProbe.Protocol | None:
        """SWD while connected."""
        return self._protocol

    @property
    def is_open(self) -> bool:
        """Whether the probe is open."""
        return self._chip is not None

    @property
    def capabilities(self) -> set[DebugProbe.Capability]:
        """Leave the DP's SELECT register to pyOCD."""
        return {DebugProbe.Capability.SWJ_SEQUENCE}

    @property
    def associated_board_info(self) -> BoardInfo:
        """Board name and target, which pyOCD lists."""
        return BoardInfo(name=self._target.name, target=self._target.pyocd_target, vendor=VENDOR)

    def create_associated_board(self) -> Any:
        """Make pyOCD's board, so that no target needs to be named."""
        from pyocd.board.board import Board  # circular at import time

        return Board(self.session, board_info=self.associated_board_info)

    # ---- connection

    def open(self) -> None:
        """Open the chip; a probe that had dropped out is plugged in again.

        Raises
        ------
        pyocd.core.exceptions.ProbeError
            If the chip cannot be opened, as when another process has it open.
        """
        try:
            self._chip = self._target.open()
        except EegrigError as error:
            raise exceptions.ProbeError(str(error)) from error

    def close(self) -> None:
        """Close the probe; the chip keeps its power as long as this process lives."""
        chip, self._chip = self._chip, None
        if chip is not None:
            self._target.release(chip)

    def connect(self, protocol: DebugProbe.Protocol | None = None) -> None:
        """Take the SWD pins."""
        self._protocol = DebugProbe.Protocol.SWD

    def disconnect(self) -> None:
        """Let the SWD pins go."""
        self._protocol = None

    def set_clock(self, frequency: float) -> None:
        """Set the SWD clock in hertz."""
        self._opened.set_wire_clock(max(1, int(frequency)))

    def swj_sequence(self, length: int, bits: int) -> None:
        """Send bits to select the protocol; only their time counts here."""
        self._opened.send_bits(length)

    def reset(self) -> None:
        """Pulse the reset pin."""
        self.assert_reset(asserted=True)
        self.assert_reset(asserted=False)

    def assert_reset(self, asserted: bool) -> None:
        """Drive the reset pin; the chip starts when it is let go."""
        if self._reset_asserted and not asserted:
            self._transfer(self._opened.reset)
        self._reset_asserted = asserted

    def is_reset_asserted(self) -> bool:
        """Whether the reset pin is driven."""
        return self._reset_asserted

    # ---- transfers

    def flush(self) -> None:
        """Wait until everything is done, and report what was not acknowledged."""
        if self._chip is not None:
            self._transfer(self._chip.flush)

    def read_dp(self, addr: int, now: bool = True) -> Any:
        """Read a debug port register: the value, or a callable that gives it."""
        return self._transfer(lambda: self._opened.dap.read_dp(addr), now=now)

    def write_dp(self, addr: int, data: int) -> None:
        """Write a debug port register."""
        self._transfer(lambda: self._opened.dap.write_dp(addr, data))

    def read_ap(self, addr: int, now: bool = True) -> Any:
        """Read an access port register: the value, or a callable that gives it."""
        return self._transfer(lambda: self._opened.dap.read_ap(addr)[0], now=now)

    def write_ap(self, addr: int, data: int) -> None:
        """Write an access port register."""
        self._transfer(lambda: self._opened.dap.write_ap(addr, [data]))

    def read_ap_multiple(self, addr: int, count: int = 1, now: bool = True) -> Any:
        """Read one access port register several times: a list, or a callable that gives it."""
        return self._transfer(lambda: self._opened.dap.read_ap(addr, count), now=now)

    def write_ap_multiple(self, addr: int, values: Sequence[int]) -> None:
        """Write one access port register several times."""
        self._transfer(lambda: self._opened.dap.write_ap(addr, values))

    @property
    def _opened(self) -> Chip | RemoteChip:
        if self._chip is None:
            raise exceptions.ProbeError(f"the probe {self.unique_id} is not open")
        return self._chip

    @staticmethod
    def _transfer(transact: Callable[[], Any], *, now: bool = True) -> Any:
        """Do the transfer at once, but report a failure where pyOCD collects the result."""
        failure: exceptions.TransferError | None = None
        result: Any = None
        try:
            result = transact()
        except WireError as error:
            failure = _convert(error)
        if now:
            if failure is not None:
                raise failure
            return result

        def collect() -> Any:
            if failure is not None:
                raise failure
            return result

        return collect


class VirtualProbePlugin(Plugin):  # type: ignore[misc]
    """What pyOCD loads; hidden without Unicorn, or when ``EEGRIG_VIRTUAL`` is 0."""

    def should_load(self) -> bool:
        """Whether virtual probes can be opened here and are wanted."""
        return os.environ.get("EEGRIG_VIRTUAL") != "0" and find_spec("unicorn") is not None

    def load(self) -> type[VirtualProbe]:
        """Hand the probe class to pyOCD, and the targets it does not know."""
        from eegrig.hil.virtual.debug_probe.pyocd_targets import stm32wb55

        stm32wb55.register()
        return VirtualProbe

    @property
    def name(self) -> str:
        """The prefix of probe ids."""
        return PREFIX.rstrip(":")

    @property
    def description(self) -> str:
        """One line for ``pyocd list --plugins``."""
        return "virtual boards of eegrig"


def _convert(error: WireError) -> exceptions.TransferError:
    if error.ack is Ack.FAULT:
        return exceptions.TransferFaultError(error.reason)
    if error.ack is Ack.WAIT:
        return exceptions.TransferTimeoutError(f"the chip answers WAIT ({error.reason})")
    return exceptions.TransferError(f"no answer ({error.reason})")
