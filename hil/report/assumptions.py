"""Assumptions as a reader wants them: in words, those that most rests on first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eegrig.hil.figures.quantities import NO_BREAK, number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eegrig.boards.assumed import Assumed
    from eegrig.hil.figures.assumptions import Assumption

__all__ = ["Sentence", "sentences"]


class Sentence(NamedTuple):
    """An assumption in words.

    Attributes
    ----------
    text, source : str
        What is assumed, and what is said apart of where it is from; empty if the text says it.
    """

    text: str
    source: str


_SENTENCES = {
    "cpu_time": (
        "CPU time of MicroPython is priced per bytecode event and call, {source}, no board"
        " measured ({unit} {value})"
    ),
    "cpu_prices_assumed": "prices of CPU time that are assumed: {value} ({source})",
}
"""Facts that need more words than their key."""


def sentences(assumptions: Iterable[Assumption]) -> list[Sentence]:
    """Return assumptions in words.

    Those with a share of the energy come first, the largest share ahead; the others follow in
    their order.
    """
    every = list(assumptions)
    weighed = [(fact.share, _words(fact)) for fact in every if fact.share is not None]
    weighed.sort(key=lambda item: -item[0])
    ranked = [
        Sentence(
            f"{words.text}: up to {number(100 * share, 2)}{NO_BREAK}% of a mode’s energy",
            words.source,
        )
        for share, words in weighed
    ]
    return ranked + [_words(fact) for fact in every if fact.share is None]


def _words(fact: Assumed) -> Sentence:
    if not fact.part:  # of a run whose assumptions were sentences
        return Sentence(fact.key, fact.source)
    value = _value(fact.value)
    if fact.key in _SENTENCES:
        sentence = _SENTENCES[fact.key]
        return Sentence(sentence.format(value=value, unit=fact.unit, source=fact.source), "")
    if fact.value is None:
        return Sentence(f"{fact.part}: {fact.key} ({fact.source})", "")
    if fact.unit:
        return Sentence(f"{fact.part}: {fact.key} = {value} {fact.unit} ({fact.source})", "")
    # What is assumed of a build of MicroPython has a whole sentence for its source.
    return Sentence(f"{fact.part}: {fact.key} = {value}", fact.source)


def _value(value: bool | float | str | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else f"{value}"
