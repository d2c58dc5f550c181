"""The virtual debug probe: a pyOCD plugin, so that pyOCD works on a virtual board unchanged.

pyOCD finds it through the entry point group ``pyocd.probe`` and loads this module whenever it
starts, so it is cheap to import and needs nothing of the virtual bench until a probe is opened.

A probe is named ``virtual:<board>``. It opens the chip that was attached under that name in this
process, or else the one kept in the state directory (see `state_directory`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyocd.board.board_ids import BoardInfo
from pyocd.core import exceptions
from pyocd.core.plugin import Plugin
from pyocd.probe.debug_probe import DebugProbe

from boards.errors import EegrigError
from hil.virtual.chip import MODELLED_PARTS, open_chip
from hil.virtual.chip.signals import Ack, WireError

if TYPE_CHECKING:
    from hil.virtual.chip.chip import Chip

__all__ = ["VirtualProbe", "VirtualProbePlugin", "attach", "detach", "state_directory"]

PREFIX = "virtual:"
VENDOR = "eegrig"

_attached: dict[str, Chip] = {}


def attach(uid: str, chip: Chip) -> None:
    """Let the probe `uid` open this chip in this process; it stays powered between sessions.

    Parameters
    ----------
    uid : str
        Probe id, with or without ``virtual:``.
    chip : Chip
        A chip that this process has open.
    """
    _attached[_name(uid)] = chip


def detach(uid: str) -> None:
    """Forget the chip attached as `uid`; nothing happens if there is none."""
    _attached.pop(_name(uid), None)


def state_directory(board: str) -> Path:
    """Directory that keeps the memories of the virtual board outside any bench.

    ``eegrig/virtual/<board>`` under ``EEGRIG_STATE``, or ``XDG_STATE_HOME``, or
    ``~/.local/state``.
    """
    root = os.environ.get("EEGRIG_STATE") or os.environ.get("XDG_STATE_HOME")
    base = Path(root).expanduser() if root else Path.home() / ".local" / "state"
    return base / "eegrig" / "virtual" / board


class VirtualProbe(DebugProbe):  # type: ignore[misc]
    """A debug probe wired to a virtual chip.

    Parameters
    ----------
    name : str
        Board or attached chip, without ``virtual:``.
    part : str
        The chip to open from the state directory.
    target : str
        pyOCD's name for it.
    """

    def __init__(self, name: str, part: str, target: str) -> None:
        super().__init__()
        self._board = name
        self._part = part
        self._target = target
        self._chip: Chip | None = None
        self._protocol: DebugProbe.Protocol | None = None
        self._reset_asserted = False

    # ---- finding probes

    @classmethod
    def get_all_connected_probes(
        cls,
        unique_id: str | None = None,
        is_explicit: bool = False,
    ) -> list[VirtualProbe]:
        """List the attached chips and every board whose chip has a model."""
        return [cls(*probe) for probe in _available()]

    @classmethod
    def get_probe_with_id(cls, unique_id: str, is_explicit: bool = False) -> VirtualProbe | None:
        """Find a probe by its id, with or without ``virtual:``."""
        wanted = _name(unique_id)
        return next((cls(*probe) for probe in _available() if probe[0] == wanted), None)

    # ---- what it is

    @property
    def vendor_name(self) -> str:
        """Who makes it."""
        return VENDOR

    @property
    def product_name(self) -> str:
        """What it is."""
        return f"virtual probe on {self._board}"

    @property
    def unique_id(self) -> str:
        """Its id, as ``pyocd -u`` takes it."""
        return PREFIX + self._board

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
        return BoardInfo(name=self._board, target=self._target, vendor=VENDOR)

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
        chip = _attached.get(self._board)
        if chip is None:
            try:
                chip = open_chip(self._part, state_directory(self._board), seed=self._board)
            except EegrigError as error:
                raise exceptions.ProbeError(str(error)) from error
        elif chip.faults.power_lost:
            chip.faults.replug()
            chip.power_cycle()
        chip.faults.replug()
        self._chip = chip

    def close(self) -> None:
        """Close the probe; a chip from the state directory loses its power with it."""
        chip, self._chip = self._chip, None
        if chip is not None and chip is not _attached.get(self._board):
            chip.close()

    def connect(self, protocol: DebugProbe.Protocol | None = None) -> None:
        """Take the SWD pins."""
        self._protocol = DebugProbe.Protocol.SWD

    def disconnect(self) -> None:
        """Let the SWD pins go."""
        self._protocol = None

    def set_clock(self, frequency: float) -> None:
        """Set the SWD clock in hertz."""
        self._opened.timeline.wire_hz = max(1, int(frequency))

    def swj_sequence(self, length: int, bits: int) -> None:
        """Send bits to select the protocol; only their time counts here."""
        self._opened.timeline.wire_bits(length)

    def reset(self) -> None:
        """Pulse the reset pin."""
        self.assert_reset(asserted=True)
        self.assert_reset(asserted=False)

    def assert_reset(self, asserted: bool) -> None:
        """Drive the reset pin; the chip starts when it is let go."""
        if self._reset_asserted and not asserted:
            self._opened.reset()
        self._reset_asserted = asserted

    def is_reset_asserted(self) -> bool:
        """Whether the reset pin is driven."""
        return self._reset_asserted

    # ---- transfers

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
    def _opened(self) -> Chip:
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
        """Hand the probe class to pyOCD."""
        return VirtualProbe

    @property
    def name(self) -> str:
        """The prefix of probe ids."""
        return PREFIX.rstrip(":")

    @property
    def description(self) -> str:
        """One line for ``pyocd list --plugins``."""
        return "virtual boards of eegrig"


def _name(uid: str) -> str:
    return uid.removeprefix(PREFIX)


def _available() -> Iterable[tuple[str, str, str]]:
    """Yield name, part and pyOCD target of every probe there is."""
    for name, chip in _attached.items():
        yield name, "", chip.pyocd_target
    from boards import list_boards, load_board

    for name in list_boards():
        if name in _attached:
            continue
        try:
            mcu = load_board(name).mcu
        except EegrigError as error:
            import logging

            logging.getLogger(__name__).warning("no virtual probe for board %s: %s", name, error)
            continue
        if mcu.part in MODELLED_PARTS:
            yield name, mcu.part, mcu.pyocd_target


def _convert(error: WireError) -> exceptions.TransferError:
    if error.ack is Ack.FAULT:
        return exceptions.TransferFaultError(error.reason)
    if error.ack is Ack.WAIT:
        return exceptions.TransferTimeoutError(f"the chip answers WAIT ({error.reason})")
    return exceptions.TransferError(f"no answer ({error.reason})")
