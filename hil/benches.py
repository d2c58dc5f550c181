"""What a rig gives a run: its board on a bench, again and again, each time in the same state."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from eegrig.boards import Board
    from eegrig.boards.assumed import Assumed
    from eegrig.hil.bench import Bench, Seen

__all__ = ["Benches"]


class Benches(Protocol):
    """One board, put on a bench again and again: each time in the same state, whatever was before.

    A model is made anew, its clock at 0; on hardware the board is reset, faults are undone and the
    signal begins anew. There is one board: one bench at a time.

    What it says of itself holds for every `Bench` that `fresh` gives.
    """

    @property
    def name(self) -> str:
        """Of the bench, for results."""
        ...

    @property
    def board(self) -> Board:
        """What the board is."""
        ...

    @property
    def capabilities(self) -> frozenset[str]:
        """What the bench can do."""
        ...

    @property
    def provenance(self) -> Literal["measured", "simulated"]:
        """Of every figure taken on it."""
        ...

    @property
    def mode(self) -> Literal["fast", "exact"] | None:
        """How a virtual board runs its firmware."""
        ...

    @property
    def rests_on(self) -> tuple[Assumed, ...]:
        """What the bench's own models assume."""
        ...

    @property
    def seed(self) -> int:
        """Of everything random."""
        ...

    @property
    def signal(self) -> str:
        """Say in a few words what drives the electrodes."""
        ...

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
