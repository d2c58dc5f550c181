"""``report.html``: one self-contained file that says first whether the board meets its targets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards.whole_file import write_whole
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.results import Results
from eegrig.hil.report import attempts, sections
from eegrig.hil.report.assumptions import sentences
from eegrig.hil.report.ending import labels, verdict_sentence, verdict_word
from eegrig.hil.report.style import style_sheet
from eegrig.hil.report.vocabulary import (
    HEADLINES,
    Headline,
    by_topic,
    condition_text,
    limit_text,
    limit_words,
    margin_text,
    shown,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FILE_NAME",
    "Card",
    "attention",
    "provenances",
    "render",
    "verdict_sentence",
    "verdict_word",
    "write_report",
]

FILE_NAME = "report.html"
_TEMPLATES = Path(__file__).parent / "templates"
_WORST_FIRST = ("fail", "inconclusive", "marginal", "pass", None)

_PROVENANCE = {
    "measured": "Taken with instruments, on hardware.",
    "simulated": (
        "The real firmware, host software and protocol ran on models of the board, in virtual "
        "time; no hardware was involved."
    ),
    "modelled": "Calculated from formulas.",
}


@dataclass(frozen=True)
class Card:
    """One headline: a topic, the figure that stands for it, and what to mention below."""

    title: str
    figure: Figure
    also: list[Figure]


def write_report(directory: Path) -> Path:
    """Write ``report.html`` from a run's ``results.json`` and traces, and return its path.

    The same run gives the same bytes.

    Raises
    ------
    ResultsError
        If the results or a trace cannot be read.
    """
    path = directory / FILE_NAME
    write_whole(path, render(Results.load(directory), directory).encode())
    return path


def render(results: Results, directory: Path) -> str:
    """Return the page of some results, with the traces found in `directory`."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["capfirst"] = _capitalised
    environment.globals.update(
        condition_text=condition_text,
        shown=shown,
        limit_text=limit_text,
        limit_words=limit_words,
        margin_text=margin_text,
        word=word,
    )
    return environment.get_template("report.html.j2").render(
        results=results,
        style=Markup(style_sheet()),
        verdict=verdict_word(results),
        sentence=verdict_sentence(results),
        assumptions=sentences(results.assumptions),
        provenances=list(provenances(results.figures)),
        cards=_cards(results.figures),
        attention=attention(results.figures),
        attempts=attempts.by_group(results.attempts),
        outcomes=attempts.OUTCOMES,
        tests=results.tests,
        judged=by_topic(figure for figure in results.figures if figure.limit is not None),
        others=by_topic(figure for figure in results.figures if figure.limit is None),
        sections=sections.all_of(results, directory),
        bullet=sections.bullet,
    )


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cards(figures: list[Figure]) -> list[Card]:
    by_name = {figure.name: figure for figure in figures}
    cards = []
    for headline in HEADLINES:
        main = _main(headline, by_name)
        if main is not None:
            also = [by_name[name] for name in headline.also if name in by_name]
            cards.append(
                Card(
                    headline.title,
                    main,
                    [figure for figure in also if figure is not main and figure.value is not None],
                )
            )
    return cards


def _main(headline: Headline, by_name: dict[str, Figure]) -> Figure | None:
    """Return the first choice among a headline's figures, unless another one is worse off."""
    candidates = [by_name[name] for name in headline.main if name in by_name]
    # `min` keeps the first of equals; a figure without a verdict is the last resort.
    return min(candidates, key=lambda figure: _WORST_FIRST.index(figure.verdict), default=None)


def attention(figures: list[Figure]) -> list[Figure]:
    """Return what is not a plain pass, worst first."""
    troubled = [figure for figure in figures if figure.verdict not in (None, "pass")]
    return sorted(troubled, key=lambda figure: _WORST_FIRST.index(figure.verdict))


def provenances(figures: list[Figure]) -> Iterable[tuple[str, str]]:
    """Yield where figures come from; all but the most frequent origin say for which ones."""
    by_origin: dict[str, list[Figure]] = {}
    for figure in figures:
        by_origin.setdefault(figure.provenance, []).append(figure)
    most = max(by_origin, key=lambda origin: len(by_origin[origin]), default=None)
    for origin, text in _PROVENANCE.items():
        if origin == most:
            yield origin, text
        elif origin in by_origin:
            yield origin, f"{text} Here: {labels(by_origin[origin])}."
