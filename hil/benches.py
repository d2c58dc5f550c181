"""What a rig gives a run: its board on a bench, again and again, each time in the same state."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from eegrig.hil.bench import RuleCheck

if TYPE_CHECKING:
    from eegrig.boards import Board
    from eegrig.boards.assumed import Assumed
    from eegrig.hil.bench import Bench

__all__ = ["Benches", "Seen"]


@dataclass(frozen=True)
class Seen:
    """What a bench saw of the firmware, from when it was set up until it was taken down.

    Attributes
    ----------
    rules : RuleCheck or None
        None where nobody can tell.
    notes : tuple of str
        Crashes, hangs, what no model answers.
    """

    rules: RuleCheck | None
    notes: tuple[str, ...] = ()


class Benches(Protocol):
    """One board, put on a bench again and again: each time in the same state, whatever was before.

    A model is made anew, its clock at 0; on hardware the board is reset, faults are undone and the
    signal begins anew. There is one board: one bench at a time.

    Attributes
    ----------
    name, board, capabilities, provenance, mode, rests_on, seed
        As of every `Bench` that `fresh` gives.
    signal : str
        What drives the electrodes, in a few words.
    """

    @property
    def name(self) -> str: ...
    @property
    def board(self) -> Board: ...
    @property
    def capabilities(self) -> frozenset[str]: ...
    @property
    def provenance(self) -> Literal["measured", "simulated"]: ...
    @property
    def mode(self) -> Literal["fast", "exact"] | None: ...
    @property
    def rests_on(self) -> tuple[Assumed, ...]: ...
    @property
    def seed(self) -> int: ...
    @property
    def signal(self) -> str: ...

    def fresh(self, occasion: str, *, flashed: bool) -> AbstractContextManager[Bench]:
        """Set up a bench.

        Parameters
        ----------
        occasion : str
            What for. What is random follows from it and the seed.
        flashed : bool
            Whether the board has the flash memory that `keep` took; else it is one that nobody
            flashed, where the bench can have such a one.

        Raises
        ------
        ConfigError
            If the board is on a bench already.
        """
        ...

    def keep(self, bench: Bench) -> None:
        """Give each bench from now on the flash memory that the board on this one has."""
        ...

    def seen(self) -> Mapping[str, Seen]:
        """Return what was seen so far, by occasion."""
        ...
