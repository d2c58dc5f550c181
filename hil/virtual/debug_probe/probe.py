"""Virtual debug probes: which there are, and which chip each of them opens.

pyOCD finds them through the entry point group ``pyocd.probe``, so that pyOCD works on a virtual
board unchanged. It loads this module whenever it starts: importing it needs neither pyOCD nor
anything of the virtual bench.

A probe is named ``virtual:<board>``, or ``virtual:<board>-<number>`` where there are several of a
kind. It opens the chip that was attached under that name in this process, or else the one of the
board of that name that is up in another (`hil.virtual.device_server`), or else the one kept in the
state directory (`hil.virtual.registry`). That one has power as long as this process lives, from the
first session on, as a board on a bench has between two of them; another process may have it
meanwhile, and it is then as if it had been unplugged and plugged in again.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from eegrig.boards.errors import EegrigError
from eegrig.hil.virtual.chip import MODELLED_PARTS, open_chip
from eegrig.hil.virtual.registry import state_directory

if TYPE_CHECKING:
    from eegrig.hil.virtual.chip.chip import Chip
    from eegrig.hil.virtual.debug_probe.remote_chip import RemoteChip

__all__ = ["PREFIX", "WiredChip", "attach", "available", "detach", "find"]

PREFIX = "virtual:"

_LOG = logging.getLogger(__name__)
_attached: dict[str, Chip] = {}
_powered: dict[Path, Chip] = {}  # chips of the state directory between two sessions


@dataclass(frozen=True)
class WiredChip:
    """What a virtual probe is wired to.

    Attributes
    ----------
    name : str
        Board or attached chip: the probe's id without ``virtual:``.
    part : str
        Part to open from the state directory; empty for an attached chip.
    pyocd_target : str
        pyOCD's name for it.
    socket : str
        Where the chip of a board is that is up in another process; else empty.
    """

    name: str
    part: str
    pyocd_target: str
    socket: str = ""

    @property
    def on_demand(self) -> bool:
        """Whether the chip is there because a probe was opened."""
        return self.name not in _attached and not self.socket

    def open(self) -> Chip | RemoteChip:
        """Open the chip; where it is in this process, a probe that had dropped out is plugged in.

        Raises
        ------
        EegrigError
            If the chip cannot be opened, as when another process has it open.
        """
        chip = _attached.get(self.name)
        if chip is None and self.socket:
            from eegrig.hil.virtual.debug_probe.remote_chip import RemoteChip

            return RemoteChip(self.name, self.socket)
        if chip is None:
            chip = self._kept()
        if chip is None:
            return open_chip(self.part, state_directory(self.name), seed=self.name)
        lost_power = chip.faults.power_lost
        chip.faults.replug()
        if lost_power:
            chip.power_cycle()
        return chip

    def release(self, chip: Chip | RemoteChip) -> None:
        """Let the chip go; it stays powered."""
        if chip is _attached.get(self.name):
            return
        chip.close()
        if not self.socket:
            _powered[state_directory(self.name)] = cast("Chip", chip)

    def _kept(self) -> Chip | None:
        """Return the chip of an earlier session of this process, unless it is another by now."""
        directory = state_directory(self.name)
        chip = _powered.get(directory)
        if chip is None:
            return None
        same = chip.reopen()  # where another process has it, it is still ours afterwards
        del _powered[directory]
        return chip if same else None


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


def available() -> list[WiredChip]:
    """List the attached chips, boards that are up, and those with a model; makes nothing."""
    from eegrig.boards import list_boards, load_board
    from eegrig.hil.virtual import registry

    targets = [WiredChip(name, "", chip.pyocd_target) for name, chip in _attached.items()]
    targets += [
        WiredChip(device.name, device.part, device.pyocd_target, device.probe_socket)
        for device in registry.running()
        if device.name not in _attached
    ]
    known = {target.name for target in targets}
    for name in list_boards():
        if name in known:
            continue
        try:
            mcu = load_board(name).mcu
        except EegrigError as error:
            # A broken board file must not keep pyOCD from the other boards.
            _LOG.warning("no virtual probe for board %s: %s", name, error)
            continue
        if mcu.part in MODELLED_PARTS:
            targets.append(WiredChip(name, mcu.part, mcu.pyocd_target))
    return targets


def find(uid: str) -> WiredChip | None:
    """Find what the probe `uid` is wired to; the id may come with or without ``virtual:``."""
    wanted = _name(uid)
    kind = re.sub(r"-\d+$", "", wanted)
    targets = {target.name: target for target in available()}
    if wanted in targets or kind not in targets or not targets[kind].part:
        return targets.get(wanted)
    return replace(targets[kind], name=wanted, socket="")


def _name(uid: str) -> str:
    return uid.removeprefix(PREFIX)


def __getattr__(name: str) -> Any:
    # The plugin class derives from pyOCD's, and importing pyOCD makes it load this module's
    # plugin: it has to be made when asked for, after pyOCD is there.
    if name == "VirtualProbePlugin":
        import pyocd  # noqa: F401

        from eegrig.hil.virtual.debug_probe.pyocd_plugin import VirtualProbePlugin

        return VirtualProbePlugin
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
