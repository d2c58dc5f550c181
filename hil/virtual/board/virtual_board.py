"""What every virtual board has, whichever way its firmware runs: parts, supply, console, probe."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

from eegrig.boards import Board, load_part
from eegrig.boards.assumed import Assumed
from eegrig.hil.bench import BrokenRule, RuleCheck
from eegrig.hil.virtual.afe.ads129x import Ads129x
from eegrig.hil.virtual.afe.source import VirtualSignalSource
from eegrig.hil.virtual.board.supply import Supply
from eegrig.hil.virtual.debug_probe import probe
from eegrig.hil.virtual.micropython.interpreter import ResetCause
from eegrig.hil.virtual.power.ledger import PowerLedger
from eegrig.hil.virtual.power.meter import VirtualPowerMeter
from eegrig.hil.virtual.serial.console import VirtualConsole

if TYPE_CHECKING:
    import numpy as np

    from eegrig.hil.virtual.afe.optics.adpd4101 import Adpd4101
    from eegrig.hil.virtual.chip.chip import Chip
    from eegrig.hil.virtual.clock import Clock, VirtualLoop

__all__ = ["VirtualBoard"]

_LOG = logging.getLogger(__name__)
_OVERSAMPLING = 8
_POWER_STEP_S = 1e-4  # fine enough to show the packets of a connection event


class VirtualBoard(ABC):
    """One board, powered as long as the object is open.

    A derived class makes chip and radio, wires them to what is here, and runs the firmware.

    Parameters
    ----------
    board : Board
    loop : VirtualLoop
    uid : str or None
        Name of this one board, for its probe and console, where there are several of a kind; by
        default the board's name. Chip identity and radio address follow from it.

    Attributes
    ----------
    mode : {"fast", "exact"}
        How the firmware runs.
    rests_on : tuple of Assumed
        What is assumed of the way it runs, besides what the power model assumes.
    cpu_spread : float
        Factor of one sigma by which the modelled processor may be too fast or too slow.
    uid : str
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
    console : VirtualConsole
    supply : Supply
        The power, which can be taken away.
    notes : list of str
        What the user is to be told of the firmware; of several lines the first says it all.
    """

    mode: Literal["fast", "exact"]
    rests_on: tuple[Assumed, ...] = ()
    cpu_spread: float
    address: str
    chip: Chip
    afe: Ads129x
    source: VirtualSignalSource
    supply: Supply

    def __init__(self, board: Board, loop: VirtualLoop, uid: str | None) -> None:
        self.board = board
        self.uid = uid or board.name
        self.probe_id = probe.PREFIX + self.uid
        self.ledger = PowerLedger(board, loop)
        self.meter = VirtualPowerMeter(self.ledger, step_s=_POWER_STEP_S)
        self.console = VirtualConsole(self.uid)
        self.console.open()
        self.light: VirtualSignalSource | None = None
        self.optics: Adpd4101 | None = None
        self.notes: list[str] = []
        self._loop = loop

    def note(self, text: str) -> None:
        """Tell the user something, once, and write it to the log."""
        if text not in self.notes:
            self.notes.append(text)
            _LOG.warning("at %.6f s: %s", self._loop.time(), text)

    def _add_front_end(self, clock: Clock, rng: np.random.Generator) -> None:
        """Make electrodes and front end."""
        board = self.board
        rate_hz = float(_OVERSAMPLING * board.afe.default_rate_sps)
        self.source = VirtualSignalSource(self._loop, board.afe.channels, rate_hz)
        self.afe = Ads129x(
            load_part(board.afe.part),
            clock=clock,
            rng=rng,
            source=self.source,
            avdd_v=board.supply.avdd_v,
            dvdd_v=board.supply.mcu_v,
            on_state=self.ledger.afe,
        )

    def draw_noise_from(self, rng: np.random.Generator) -> None:
        """Take the front ends' noise from another generator; the board stays the one it is."""
        for front_end in (self.afe, self.optics):
            if front_end is not None:
                front_end.draw_noise_from(rng.spawn(1)[0])

    @property
    @abstractmethod
    def is_up(self) -> bool:
        """Whether the firmware has booted: it can be found on air, or is at its prompt."""

    @property
    @abstractmethod
    def state(self) -> str:
        """What the firmware does, in words: starting, running, or at the prompt."""

    @abstractmethod
    def reset(self, cause: int = ResetCause.HARD, *, safe_mode: bool = False) -> None:
        """Reset the board, as its reset pin would.

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

    @abstractmethod
    def set_slowdown(self, factor: float) -> None:
        """Let the processor take `factor` times as long as modelled, from the next reset on."""

    @abstractmethod
    def set_reachable(self, reachable: bool) -> None:
        """Take the board out of every other radio's reach, or bring it back."""

    @abstractmethod
    def hang(self) -> None:
        """Let the firmware stop where it is."""

    @abstractmethod
    def close(self) -> None:
        """Take the power away and let the files go."""

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
