"""What a suite may record: figures that are declared, each in its unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegrig.hil.figures.results import ResultsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eegrig.boards.figures import Catalogue

__all__ = ["expect", "expect_all"]


def expect(catalogue: Catalogue, name: str, unit: str) -> None:
    """Refuse a figure that is not declared, or is in another unit.

    Parameters
    ----------
    catalogue : Catalogue
    name, unit : str
        Of what a suite records.

    Raises
    ------
    ResultsError
        With the nearest name, or the unit that was declared.
    """
    figure = catalogue.find(name)
    if figure is None:
        raise _undeclared(catalogue, name)
    if figure.unit != unit:
        raise ResultsError(
            f"figure {name} is recorded in {unit} and declared in {figure.unit}: "
            f"record it in {figure.unit}"
        )


def expect_all(catalogue: Catalogue, names: Iterable[str]) -> None:
    """Refuse names of which one is neither a figure nor a declaration of many; as `expect`."""
    for name in names:
        if not catalogue.meant(name):
            raise _undeclared(catalogue, name)


def _undeclared(catalogue: Catalogue, name: str) -> ResultsError:
    return ResultsError(
        f"figure {name}: {catalogue.unknown(name)}; "
        "a suite declares figures of its own as docs/results.md says"
    )
