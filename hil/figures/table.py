"""The catalogue as ``docs/results.md`` and ``docs/suites.md`` show it.

``python -m eegrig.hil.figures.table`` writes it into the pages again; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from eegrig.boards.catalogue import own_catalogue
from eegrig.boards.figures import Catalogue, DeclaredFigure
from eegrig.hil.figures.quantities import quantity

__all__ = ["catches_table", "figures_table", "with_table"]

_BEGIN = "<!-- figures: python -m eegrig.hil.figures.table -->\n"
_END = "<!-- end of figures -->\n"
_PAGES = (Path("docs") / "results.md", Path("docs") / "suites.md")
_CATCHES = "<!-- what figures catch: python -m eegrig.hil.figures.table -->\n"


def figures_table(catalogue: Catalogue) -> str:
    """Return a table of figures for each topic, in the order of the catalogue."""
    tables = []
    for topic in catalogue.topics:
        rows = [_cells(figure, catalogue) for figure in catalogue.declared if figure.topic == topic]
        if rows:
            heads = [topic, "unit", "better", "what", "statistic", "how it is taken"]
            tables.append(_row(heads) + "|---" * len(heads) + "|\n" + "".join(map(_row, rows)))
    return "\n".join(tables)


def catches_table(catalogue: Catalogue) -> str:
    """Return, topic by topic, what is wrong with a board whose figure is off."""
    tables = []
    for topic in catalogue.topics:
        rows = [
            [
                _names(figure, catalogue),
                figure.catches,
                figure.uncertainty,
                _limit(figure),
            ]
            for figure in catalogue.declared
            if figure.topic == topic
        ]
        if rows:
            heads = [topic, "what it catches", "how its uncertainty is made", "limit everywhere"]
            tables.append(_row(heads) + "|---" * len(heads) + "|\n" + "".join(map(_row, rows)))
    return "\n".join(tables)


def _limit(figure: DeclaredFigure) -> str:
    if figure.limit is None:
        return ""
    sign = {"max": "at most ", "min": "at least ", "within": "± "}[figure.kind or "max"]
    return f"{sign}{quantity(figure.limit, figure.unit, shown_in=figure.shown_in)}: {figure.reason}"


def with_table(page: str, catalogue: Catalogue) -> str:
    """Return a page with the tables of now between the marks it has."""
    for mark, table in ((_BEGIN, figures_table), (_CATCHES, catches_table)):
        before, begin, rest = page.partition(mark)
        if begin:
            _, end, after = rest.partition(_END)
            page = before + begin + table(catalogue) + end + after
    return page


def _cells(figure: DeclaredFigure, catalogue: Catalogue) -> list[str]:
    label, what = figure.label, figure.what
    for word in figure.placeholders:
        label = label.replace(f"{{{word}}}", f"`<{word}>`")
    return [
        _names(figure, catalogue),
        figure.unit,
        figure.better or "",
        f"{label}: {what}",
        figure.statistic,
        figure.taken,
    ]


def _names(figure: DeclaredFigure, catalogue: Catalogue) -> str:
    """Return the names a declaration is of; where they differ at their end, the first in full."""
    name = figure.name
    *before, last = figure.placeholders or [""]
    if before or not name.endswith(f"<{last}>"):
        choices = "; ".join(
            f"`<{word}>`: {', '.join(catalogue.words[word])}" for word in figure.placeholders
        )
        return f"`{name}`" + (f" ({choices})" if choices else "")
    stem = name.removesuffix(f".<{last}>")
    first, *others = catalogue.words[last]
    return ", ".join([f"`{stem}.{first}`", *(f"`.{word}`" for word in others)])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    for path in _PAGES:
        text = with_table(path.read_text(encoding="utf-8"), own_catalogue())
        path.write_text(text, encoding="utf-8")
