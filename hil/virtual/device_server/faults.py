"""What can be broken on a virtual board that is up, from the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eegrig.boards.errors import ConfigError
from eegrig.hil.virtual.afe.inputs import DEFAULT_ELECTRODE_OHM
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board import VirtualBoard

__all__ = ["FAULTS", "Fault", "apply"]


@dataclass(frozen=True)
class Fault:
    """One thing that can be broken, or mended.

    Attributes
    ----------
    arguments : str
        What it needs, as help texts write it.
    help : str
    do : callable
        Does it to a board, with the arguments.
    """

    arguments: str
    help: str
    do: Callable[[VirtualBoard, Air, list[str]], None]


def apply(
    board: VirtualBoard, air: Air, name: str, arguments: list[str], after_words: int | None = None
) -> None:
    """Break something, or mend it.

    Parameters
    ----------
    board : VirtualBoard
    air : Air
        The board is on.
    name : str
        One of `FAULTS`.
    arguments : list of str
    after_words : int or None
        For ``brown-out``: see `Supply.brown_out`.

    Raises
    ------
    ConfigError
        If there is no such fault, or its arguments are wrong.
    """
    fault = FAULTS.get(name)
    if fault is None:
        raise ConfigError(f"there is no fault {name!r}; there are: {', '.join(FAULTS)}")
    if len(arguments) != len(fault.arguments.split()):
        needs = fault.arguments or "no argument"
        raise ConfigError(f"the fault {name} needs {needs}; given: {' '.join(arguments) or 'none'}")
    if after_words is not None:
        if name != "brown-out" or after_words < 0:
            raise ConfigError("--after-words N goes with brown-out, and N is not negative")
        board.supply.brown_out(after_words=after_words)
        return
    fault.do(board, air, arguments)


def _number(text: str, low: float, high: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ConfigError(f"{what} is a number from {low:g} to {high:g}, not {text!r}")
    return value


def _packet_errors(_board: VirtualBoard, air: Air, arguments: list[str]) -> None:
    air.packet_error_rate = _number(arguments[0], 0.0, 1.0, "the share of packets")


def _set_electrode(board: VirtualBoard, channel: str, impedance_ohm: float | None) -> None:
    channels = board.board.afe.channels
    if channel not in channels:
        raise ConfigError(f"the board has no electrode {channel!r}; it has {', '.join(channels)}")
    board.afe.set_electrode(channel, impedance_ohm)


def _electrode(board: VirtualBoard, _air: Air, arguments: list[str]) -> None:
    ohm = _number(arguments[1], 0.0, 1e9, "the impedance in ohms")
    _set_electrode(board, arguments[0], ohm)


def _power_on(board: VirtualBoard, _air: Air, _arguments: list[str]) -> None:
    if not board.supply.is_on:
        board.supply.on()


FAULTS: dict[str, Fault] = {
    "unplug-probe": Fault(
        "", "the debug probe is gone", lambda board, air, a: board.chip.faults.unplug()
    ),
    "plug-probe": Fault(
        "", "the debug probe is back", lambda board, air, a: board.chip.faults.plug()
    ),
    "link-loss": Fault(
        "",
        "the board is out of everybody's reach",
        lambda board, air, a: board.set_reachable(False),
    ),
    "link-back": Fault(
        "",
        "the board is in reach again",
        lambda board, air, a: board.set_reachable(True),
    ),
    "packet-errors": Fault("P", "this share of packets on the boards' air is lost", _packet_errors),
    "brown-out": Fault(
        "", "no power for a tenth of a second", lambda board, air, a: board.supply.brown_out()
    ),
    "power-off": Fault("", "no power", lambda board, air, a: board.supply.off()),
    "power-on": Fault("", "power is back", _power_on),
    "lead-off": Fault(
        "CH",
        "an electrode is off the skin",
        lambda board, air, a: _set_electrode(board, a[0], None),
    ),
    "lead-on": Fault(
        "CH",
        "an electrode is on the skin, as well as from the start",
        lambda board, air, a: _set_electrode(board, a[0], DEFAULT_ELECTRODE_OHM),
    ),
    "electrode": Fault("CH OHM", "an electrode has this impedance", _electrode),
    "afe-lost": Fault(
        "", "the front end stops converting and answering", lambda board, air, a: board.afe.lose()
    ),
    "afe-back": Fault("", "the front end works again", lambda board, air, a: board.afe.restore()),
    "hang": Fault(
        "",
        "the firmware stops where it is",
        lambda board, air, a: board.hang(),
    ),
}
"""Faults by the name they have on the command line."""
