"""The firmware of a commit, measured on the virtual bench and held against that of a good one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from eegrig.boards.errors import ConfigError, EegrigError
from eegrig.boards.figures import Catalogue
from eegrig.hil.figures.catalogue import expect_all
from eegrig.hil.gate.bisect import take_out
from eegrig.hil.gate.judge import FigureVerdict, judge
from eegrig.hil.gate.observations import Taken, from_folders
from eegrig.hil.gate.text import relative_text
from eegrig.hil.run import RunRequest, run_suites

__all__ = ["Trials"]


class Trials:
    """Runs of several commits' firmware with one seed; a context manager, which keeps none of them.

    Parameters
    ----------
    repository : Path
    folder : str
        Of the firmware's sources, in the repository.
    request : RunRequest
        What to run; folder and sources are the trial's own.
    figure : str
        What to look at.
    catalogue : Catalogue
        The figures there are.

    Attributes
    ----------
    threshold : float or None
        As in `hil.gate.judge.judge`.

    Raises
    ------
    boards.errors.ConfigError
        If there is no such figure.
    """

    def __init__(
        self, repository: Path, folder: str, request: RunRequest, figure: str, catalogue: Catalogue
    ) -> None:
        expect_all(catalogue, [figure])
        self.threshold: float | None = None
        self._repository = repository
        self._folder = folder
        self._request = request
        self._figure = figure
        self._catalogue = catalogue
        self._place = tempfile.TemporaryDirectory(prefix="eegrig-trials-")
        self._good: Taken | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._place.cleanup()

    def start_from(self, good: str) -> None:
        """Measure the commit that others are held against.

        Raises
        ------
        boards.errors.EegrigError
            If it cannot be measured, or its run does not take the figure.
        """
        taken = self._measured(good)
        if self._figure not in taken.series:
            why = taken.unsound.get(self._figure, "its run did not take it; mend -k")
            raise ConfigError(f"{self._figure} of {good} is not known: {why}")
        self._good = taken

    def against_good(self, commit: str) -> FigureVerdict:
        """Measure a commit, and judge its figure.

        Raises
        ------
        boards.errors.EegrigError
            If it cannot be measured, or its run does not take the figure.
        """
        assert self._good is not None, "start_from comes first"
        new = self._measured(commit)
        verdict = judge(self._good, new, self._catalogue, threshold=self.threshold)
        found = [each for each in verdict.figures if each.name == self._figure]
        if not found:
            why = verdict.left_out.get(self._figure, "it was not taken")
            raise ConfigError(f"{self._figure} of {commit} cannot be judged: {why}")
        return found[0]

    def is_worse(self, commit: str, told: Callable[[str, str], None]) -> bool | None:
        """Tell whether a commit's figure is worse; None where it cannot be measured.

        Parameters
        ----------
        commit : str
        told : callable
            Takes the commit and what was found, in words.
        """
        try:
            found = self.against_good(commit)
        except EegrigError as error:
            told(commit, f"cannot be measured: {error}")
            return None
        told(commit, relative_text(found))
        return None if found.outcome == "undecided" else found.outcome == "worse"

    def _measured(self, commit: str) -> Taken:
        place = Path(tempfile.mkdtemp(dir=self._place.name))
        sources = take_out(self._repository, commit, self._folder, place / "sources")
        run = replace(self._request, out=place / "run", firmware_dir=sources)
        # Whether it meets its targets is another question.
        run_suites(run, quiet=True, progress=False)
        return from_folders([run.out], self._catalogue, commit=commit)
