"""What figures rest on that nobody has measured here: each fact once, with what rests on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from eegrig.boards.assumed import Assumed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Assumption", "rest"]


class Assumption(Assumed, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact that figures rest on and no document confirms.

    Attributes
    ----------
    shares : dict of str to float
        Part of the energy that rests on it, by mode of the board; empty for what carries none.
    """

    shares: dict[str, float] = msgspec.field(default_factory=dict)

    @property
    def fact(self) -> tuple[object, ...]:
        """What is assumed, without what rests on it."""
        return self.part, self.key, self.value, self.unit, self.source

    def as_fact(self) -> Assumed:
        """Return what is assumed, as who assumed it gave it."""
        fields = msgspec.structs.asdict(self)
        del fields["shares"]
        return Assumed(**fields)

    @property
    def share(self) -> float | None:
        """The largest share of any mode; None where it carries no energy."""
        return max(self.shares.values(), default=None)


def rest(known: list[Assumption], fact: Assumed, shares: Mapping[str, float]) -> None:
    """Add a fact to those known, or what rests on it to one that is there.

    Parameters
    ----------
    known : list of Assumption
        Is changed.
    fact : Assumed
    shares : mapping of str to float
        By mode; replaces what was known of these modes.
    """
    more = Assumption(**msgspec.structs.asdict(fact), shares=dict(shares))
    for index, other in enumerate(known):
        if other.fact == more.fact:
            merged = {**other.shares, **more.shares}
            known[index] = msgspec.structs.replace(other, shares=merged)
            return
    known.append(more)
