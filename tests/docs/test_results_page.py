"""``docs/results.md`` shows the figures that are declared."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from eegrig.boards.catalogue import own_catalogue
from eegrig.boards.figures import Catalogue, DeclaredFigure
from eegrig.hil.figures.results import SCHEMA_VERSION
from eegrig.hil.figures.table import catches_table, figures_table, with_table

PAGE = Path(__file__).parents[2] / "docs" / "results.md"
SUITES = PAGE.with_name("suites.md")


def test_the_tables_on_the_page_are_those_of_the_catalogue() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert figures_table(own_catalogue()) in text, "run: python -m eegrig.hil.figures.table"
    assert with_table(text, own_catalogue()) == text, "run: python -m eegrig.hil.figures.table"


def test_another_catalogue_makes_another_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    figure = DeclaredFigure(name="decode.loss", unit="1", label="Loss", what="of | bits")
    page = with_table(text, own_catalogue().extended([figure]))
    assert "| `decode.loss` | 1 |  | Loss: of \\| bits |" in page
    assert page.startswith(text[:200])
    assert page.endswith(text[-200:])


def test_a_pattern_is_one_row_that_names_all_it_stands_for() -> None:
    words = {"group": {"afe": "Front end", "mcu": "MCU"}}
    figures = [
        DeclaredFigure(name="power.<group>", unit="W", better="lower", label="{group}", what="a"),
        DeclaredFigure(name="on.<group>.time", unit="s", label="On, {group}", what="b"),
    ]
    rows = figures_table(Catalogue(figures, words)).splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == [
        "| `power.afe`, `.mcu`",
        "| `on.<group>.time` (`<group>`: afe, mcu)",
    ]


def test_the_page_says_of_which_schema_it_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert f"`schema` is {SCHEMA_VERSION};" in text
    assert f"| {SCHEMA_VERSION} | " in text


def of_uncertainties() -> list[str]:
    """Return patterns of the figures of which the page says how their uncertainty is made."""
    text = PAGE.read_text(encoding="utf-8").partition("## How each uncertainty is made")[2]
    patterns: list[str] = []
    for row in re.findall(r"^\| (`.*?) \|", text.partition("\n## ")[0], re.MULTILINE):
        for name in re.findall(r"`(.*?)`", row):
            whole = patterns[-1].rpartition(".")[0] + name if name.startswith(".") else name
            patterns.append(re.sub(r"<\w+>", "*", whole))
    return patterns


def test_the_page_says_of_no_figure_that_is_none_how_its_uncertainty_is_made() -> None:
    names = [figure.name.replace("latency.efficient.", "latency.") for figure in own_catalogue()]
    idle = [each for each in of_uncertainties() if not any(fnmatch(name, each) for name in names)]
    assert not idle


def test_every_figure_says_what_it_catches_and_how_its_uncertainty_is_made() -> None:
    declared = own_catalogue().declared
    assert [figure.name for figure in declared if not figure.catches] == []
    assert [figure.name for figure in declared if not figure.uncertainty] == []


def test_the_page_of_the_suites_shows_it() -> None:
    text = SUITES.read_text(encoding="utf-8")
    assert catches_table(own_catalogue()) in text, "run: python -m eegrig.hil.figures.table"
    assert with_table(text, own_catalogue()) == text, "run: python -m eegrig.hil.figures.table"
