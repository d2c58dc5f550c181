"""What the processes of one run found out, made one and held against all it was to find out.

Mostly it is one process; workers of ``pytest -n`` are several.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from eegrig.boards.figures import Catalogue, DeclaredFigure
from eegrig.hil.bench import BrokenRule, RuleCheck, Seen
from eegrig.hil.figures.assumptions import rest
from eegrig.hil.figures.results import Results

__all__ = ["WHOLE_RUN", "Part", "finish", "joined", "notes_of", "put_in_order", "rules_of"]

WHOLE_RUN = ("afe.rules_broken",)
"""Figures of a run as a whole, which no test of its own takes."""


class Part(msgspec.Struct, kw_only=True):
    """What one process of a run found out, before it is held against all that was to be found.

    Attributes
    ----------
    results : Results
        Not closed yet.
    seen : dict of str to Seen
        What its benches saw, by occasion. Processes that shared an occasion saw the same.
    provenance : {"measured", "simulated"}
        Of the bench.
    partial : bool
        Whether tests were left out of the run.
    declared : list of DeclaredFigure
        The figures there are, those of the suites that ran included.
    words : dict
        What their names leave open, as in `Catalogue`.
    """

    results: Results
    seen: dict[str, Seen]
    provenance: Literal["measured", "simulated"]
    partial: bool
    declared: list[DeclaredFigure]
    words: dict[str, dict[str, str]]

    @property
    def catalogue(self) -> Catalogue:
        """The figures there are."""
        return Catalogue(self.declared, self.words)


def joined(parts: Sequence[Part]) -> Part:
    """Return what the processes of one run found out, together.

    Parameters
    ----------
    parts : sequence of Part
        One at least; it does not matter in which order. They are not changed.

    Returns
    -------
    Part
        A figure that several have taken, and not all with the same outcome, is inconclusive in it.
    """
    first, *others = sorted(parts, key=lambda part: part.results.started_at or "")
    whole = msgspec.convert(msgspec.to_builtins(first), Part)
    for other in others:
        _join(whole.results, other.results)
        whole.partial |= other.partial
        for occasion, seen in other.seen.items():
            whole.seen.setdefault(occasion, seen)
    return whole


def _join(whole: Results, other: Results) -> None:
    whole.firmware = whole.firmware or other.firmware
    if other.runtime is not None and other.runtime.sha256:  # this one has flashed it
        whole.runtime = other.runtime
    whole.link = whole.link or dict(other.link)
    whole.limits = {**other.limits, **whole.limits}
    for figure in other.figures:
        same = whole.figure(figure.name)
        if same is None:
            whole.add(figure)
        elif same != figure:
            whole.distrust(figure.name, "taken by several processes, which do not agree")
    for assumption in other.assumptions:
        rest(whole.assumptions, assumption.as_fact(), assumption.shares)
    for entry in other.not_measured:
        whole.omit(entry.what, entry.why, entry.because)
    known = {test.id for test in whole.tests}
    whole.tests += [test for test in other.tests if test.id not in known]
    whole.attempts += [each for each in other.attempts if each not in whole.attempts]
    for fact in other.facts:
        whole.tell(fact)
    whole.stopped = whole.stopped or other.stopped


def put_in_order(results: Results, catalogue: Catalogue) -> None:
    """Put all lists into an order that does not tell in which one the tests ran."""
    results.figures.sort(key=lambda figure: (catalogue.place(figure.name), figure.name))
    results.assumptions.sort(key=lambda each: tuple(map(str, each.fact)))
    results.tests.sort(key=lambda test: test.id)
    results.facts.sort()
    results.attempts.sort(key=lambda each: (each.suite, each.group))  # in a group as they were made
    results.limits = dict(sorted(results.limits.items()))
    results.not_measured.sort(key=lambda each: (catalogue.place(each.what), each.what, each.why))


def rules_of(seen: Mapping[str, Seen]) -> RuleCheck | None:
    """Return what was seen on all occasions of data sheets being followed, or None."""
    checks = [each.rules for each in seen.values() if each.rules is not None]
    if not checks:
        return None
    counts: Counter[tuple[str, str, str]] = Counter()
    for check in checks:
        for rule in check.broken:
            counts[rule.part, rule.says, rule.source] += rule.count
    return RuleCheck(
        exchanges=sum(check.exchanges for check in checks),
        broken=tuple(BrokenRule(*rule, count) for rule, count in sorted(counts.items())),
    )


def notes_of(seen: Mapping[str, Seen]) -> list[str]:
    """Return what is to be told of the firmware, each once."""
    return sorted({note for each in seen.values() for note in each.notes})


def finish(part: Part, folder: Path, *, lost: Sequence[str] = ()) -> None:
    """Hold what a run found out against all it was to find out, and write it.

    Parameters
    ----------
    part : Part
        Of the only process, or of all.
    folder : Path
    lost : sequence of str
        Workers of ``pytest -n`` that did not end well. A target without a figure may be one that
        they took: none counts as left out then, and nobody knows how many rules were broken.
    """
    results = part.results
    results.notes = notes_of(part.seen)
    why = ""
    if lost:
        names = ", ".join(lost)
        why = f"{names} of pytest -n crashed or was stopped: what its last test took is lost"
        results.notes.append(why)
    _record_rules(part, incomplete=why)
    results.close(provenance=part.provenance, partial=part.partial and not lost)
    put_in_order(results, part.catalogue)
    results.save(folder)


def _record_rules(part: Part, *, incomplete: str = "") -> None:
    """Record how many rules of its front ends' data sheets the firmware has broken in this run.

    `incomplete` says why what was seen is not all; the figure is undecided then, unless a rule was
    broken.
    """
    check = rules_of(part.seen)
    (name,), results = WHOLE_RUN, part.results
    if check is None and not part.seen and results.stopped is not None:
        return
    if check is None:
        blind = f"bench {results.bench!r} does not see what its parts see"
        results.omit(name, blind if part.seen else "no test had the board on a bench", "skipped")
        return
    results.record(
        name,
        None if incomplete and not check.count else check.count,
        "1",
        uncertainty=0.0,
        n=check.exchanges,
        provenance=part.provenance,
        note="; ".join([*map(str, check.broken), *([incomplete] if incomplete else [])]),
    )
