"""What a test records figures with: it fails at its end if one of them misses its target."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from eegrig.boards.figures import Catalogue
    from eegrig.boards.schema import Target
    from eegrig.hil.benches import Benches
    from eegrig.hil.figures.figure import Figure
    from eegrig.hil.figures.results import Results

__all__ = ["RigRecorder", "as_property"]


class RigRecorder:
    """Records figures and, at the end of a test, fails it if one of them misses its target."""

    def __init__(self, benches: Benches, results: Results, catalogue: Catalogue) -> None:
        self._benches = benches
        self._catalogue = catalogue
        self.results = results
        self.missed = False
        self._names: list[str] = []
        self.on_figure: Callable[[Figure], object] | None = None

    def __call__(
        self,
        name: str,
        value: float | None,
        unit: str,
        *,
        uncertainty: float | None,
        n: int,
        provenance: Literal["measured", "simulated", "modelled"] | None = None,
        **flags: Any,
    ) -> Figure:
        """Record a figure; see `hil.figures.results.Results.record`.

        Raises
        ------
        ResultsError
            If the figure is not in the catalogue, or there in another unit.
        """
        from eegrig.hil.figures.catalogue import expect

        expect(self._catalogue, name, unit)
        figure = self.results.record(
            name,
            value,
            unit,
            uncertainty=uncertainty,
            n=n,
            provenance=provenance or self._benches.provenance,
            everywhere=self._limit_everywhere(name),
            **flags,
        )
        self._names.append(name)
        if self.on_figure is not None:
            self.on_figure(figure)
        return figure

    def abandon(self, names: Iterable[str], error: BaseException) -> None:
        """Take note that the test failed: nothing it took, or was to take, counts.

        Parameters
        ----------
        names : iterable of str
            Targets the test was there for.
        error : BaseException
            How it failed.
        """
        lines = str(error).strip().splitlines()
        how = lines[0] if lines else type(error).__name__
        for name in self._names:
            self.results.distrust(name, how)
        for figure in self._catalogue.meant(*names):
            target = self.results.targets.get(figure.name) or figure.target
            if target is not None and figure.name not in self._names:
                self(figure.name, None, target.unit, uncertainty=None, n=0, failed_test=how)

    def _limit_everywhere(self, name: str) -> Target | None:
        declared = self._catalogue.find(name)
        return None if declared is None else declared.target

    @property
    def figures(self) -> list[Figure]:
        """What was recorded, as the results have it now."""
        found = (self.results.figure(name) for name in self._names)
        return [figure for figure in found if figure is not None]

    def judge(self) -> None:
        """Fail the test if a figure misses its target or could not be taken."""
        from eegrig.hil.figures.in_words import stated

        missed = [
            stated(figure) for figure in self.figures if figure.verdict in ("fail", "inconclusive")
        ]
        if missed:
            self.missed = True
            pytest.fail("; ".join(missed), pytrace=False)


def as_property(figure: Figure) -> str:
    """Return a figure as a property of ``junit.xml`` has it: an object of JSON."""
    fields = ("value", "unit", "uncertainty", "kind", "limit", "verdict")
    return json.dumps({name: getattr(figure, name) for name in fields})
