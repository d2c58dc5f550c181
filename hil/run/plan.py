"""What a run is going to do: its tests, the figures they take, what they need and how long."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.hil.figures.account import words
from eegrig.hil.figures.parts import WHOLE_RUN
from eegrig.hil.figures.verdict import Kind
from eegrig.hil.rig import capabilities_of
from eegrig.hil.run.surroundings import own_settings
from eegrig.hil.session.options import asks_for_soak

if TYPE_CHECKING:
    from eegrig.boards import Board
    from eegrig.boards.figures import Catalogue
    from eegrig.hil.run.request import RunRequest

__all__ = [
    "Plan",
    "PlannedFigure",
    "PlannedTest",
    "Selection",
    "make_plan",
    "plan_of",
    "selected",
    "selection_of",
]

_UNKNOWN_S = 5.0
"""Of a test that does not say how long it lasts."""


@dataclass(frozen=True)
class PlannedFigure:
    """A figure that a test is there for.

    Attributes
    ----------
    name, label, unit : str
        As declared.
    kind, limit : {"max", "min", "within"}, float, or None
        The board's target, if it has one.
    """

    name: str
    label: str
    unit: str
    kind: Kind | None
    limit: float | None


@dataclass(frozen=True)
class PlannedTest:
    """A test of a run.

    Attributes
    ----------
    id : str
        As pytest names it.
    suite, name : str
        In words.
    figures : tuple of PlannedFigure
    needs : tuple of str
        What it needs of a bench.
    lacking : tuple of str
        What of that the bench lacks: then it is skipped.
    quick : bool
        Whether it is one of a first look.
    soak : bool
        Whether it takes days, and is run only where ``-m`` asks for it, which this run does not.
    lasts_s : float
        On the bench's clock, with what it shares with others if it is the first to need it.
    """

    id: str
    suite: str
    name: str
    figures: tuple[PlannedFigure, ...]
    needs: tuple[str, ...]
    lacking: tuple[str, ...]
    quick: bool
    lasts_s: float
    soak: bool = False


@dataclass(frozen=True)
class Plan:
    """What a run is going to do.

    Attributes
    ----------
    board, bench : str
        Their names.
    tests : tuple of PlannedTest
        In their order.
    of_all : tuple of PlannedFigure
        What is taken of the run as a whole.
    """

    board: str
    bench: str
    tests: tuple[PlannedTest, ...]
    of_all: tuple[PlannedFigure, ...] = ()

    @property
    def lasts_s(self) -> float:
        """How long it takes on the bench's clock, in seconds."""
        return sum(test.lasts_s for test in self.tests if not (test.lacking or test.soak))

    @property
    def figures(self) -> tuple[PlannedFigure, ...]:
        """What is taken of the board, each figure once."""
        taken = [figure for test in self.tests for figure in test.figures]
        return tuple({figure.name: figure for figure in (*taken, *self.of_all)}.values())


def plan_of(
    items: Sequence[pytest.Item], board: Board, catalogue: Catalogue, capabilities: Collection[str]
) -> Plan:
    """Return the plan of a run of these tests.

    Parameters
    ----------
    items : sequence of pytest.Item
        As they were collected.
    board : Board
    catalogue : Catalogue
    capabilities : collection of str
        Of the bench.
    """
    taken: set[str] = set()
    tests = []
    for item in items:
        needs = sorted({need for mark in item.iter_markers("needs") for need in mark.args})
        lacking = tuple(need for need in needs if need not in capabilities)
        suite, name = words(item.nodeid)
        tests.append(
            PlannedTest(
                id=item.nodeid,
                suite=suite,
                name=name,
                figures=tuple(_planned(_names(item), board, catalogue)),
                needs=tuple(needs),
                lacking=lacking,
                quick=item.get_closest_marker("quick") is not None,
                soak=item.get_closest_marker("soak") is not None and not asks_for_soak(item.config),
                lasts_s=0.0 if lacking else _lasts_s(item, taken),
            )
        )
    config = items[0].config if items else None
    bench = config.getoption("--rig") if config else ""
    return Plan(board.name, bench, tuple(tests), tuple(_planned(WHOLE_RUN, board, catalogue)))


def _names(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers("figures") for name in mark.args]


def _planned(names: Iterable[str], board: Board, catalogue: Catalogue) -> Iterator[PlannedFigure]:
    for figure in catalogue.meant(*names):
        target = board.targets.get(figure.name) or figure.target
        if figure.name not in board.targets and not _can_have(board, figure.name):
            continue
        yield PlannedFigure(
            figure.name,
            figure.label,
            figure.unit,
            None if target is None else target.kind,
            None if target is None else target.limit,
        )


def _can_have(board: Board, name: str) -> bool:
    """Say whether a board can have a figure of a part: only optics is one that some lack."""
    parts = name.split(".")
    if parts[0] == "stream" and parts[1] != "optics":
        return False
    return board.optics is not None or "optics" not in parts


def _lasts_s(item: pytest.Item, taken: set[str]) -> float:
    """Return how long a test lasts; `taken` has the shared fixtures that were there before it."""
    marker = item.get_closest_marker("lasts")
    shared = 0.0
    known = False
    for fixture in getattr(item, "fixturenames", ()):
        seconds = item.config.hook.pytest_rig_lasts(config=item.config, fixture=fixture)
        if seconds is not None:
            known = True
            shared += 0.0 if fixture in taken else seconds
            taken.add(fixture)
    own = float(marker.args[0]) if marker is not None else 0.0 if known else _UNKNOWN_S
    return own + shared


class Selection:
    """A pytest plugin that keeps the plan of what was selected, or what is wrong with it.

    Parameters
    ----------
    board : Board
    catalogue : Catalogue
    capabilities : collection of str
        Of the bench.
    planned : callable, optional
        Is told the plan before the first test begins.
    """

    def __init__(
        self,
        board: Board,
        catalogue: Catalogue,
        capabilities: Collection[str],
        planned: Callable[[Plan], None] | None = None,
    ) -> None:
        self.board = board
        self._catalogue = catalogue
        self._capabilities = capabilities
        self._planned = planned
        self.plan: Plan | None = None
        self.error: ConfigError | None = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Make the plan of the tests that are going to be run."""
        if self.error is None:
            self._check_names(session.items)
        if self.error is not None:
            pytest.exit(str(self.error), returncode=int(pytest.ExitCode.USAGE_ERROR))
        self.plan = plan_of(session.items, self.board, self._catalogue, self._capabilities)
        if self._planned is not None:
            self._planned(self.plan)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep why a file could not be read."""
        if report.failed and self.error is None:
            lines = [line for line in str(report.longrepr).splitlines() if line.startswith("E ")]
            why = lines[-1].removeprefix("E").strip() if lines else "it cannot be read"
            self.error = ConfigError(f"{report.nodeid or 'the suites'}: {why}")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self) -> Generator[None, None, None]:
        """Keep what is wrong with a selection; pytest would print it, and a usage of its own."""
        try:
            return (yield)
        except pytest.UsageError as error:
            self.error = ConfigError(_usage(" ".join(str(error).split())))
            pytest.exit(str(self.error), returncode=int(pytest.ExitCode.USAGE_ERROR))

    def _check_names(self, items: Sequence[pytest.Item]) -> None:
        """Refuse two suites of one name: nobody could tell their tests apart."""
        files: dict[str, Path] = {}
        for item in items:
            other = files.setdefault(item.nodeid.partition("::")[0], item.path)
            if other != item.path:
                self.error = ConfigError(
                    f"{item.path}: there is a suite of that name already ({other}); "
                    "give the file another name"
                )
                return


def _usage(said: str) -> str:
    """Return what pytest says of a selection in the words of our command line."""
    broken = re.fullmatch(r"Wrong expression passed to '(-[km])': (.*)", said)
    if broken is not None:
        return f"{broken[1]}: {broken[2]}"
    unknown = re.fullmatch(r"Unknown marker\(s\) in '-m' expression: (.*?)\. .*", said)
    if unknown is not None:
        return f"-m: no test is marked {unknown[1]}: 'eegrig hil list' shows which are quick"
    return said


def make_plan(request: RunRequest) -> Plan:
    """Find out what a run would do, without a bench.

    Raises
    ------
    ConfigError
        If board, bench, selection or a suite are wrong, or no test is selected.
    """
    from eegrig.hil import plugin

    selection = selection_of(request)
    with tempfile.TemporaryDirectory() as empty, own_settings(Path(empty)):
        code = pytest.main(request.pytest_arguments(None), plugins=[plugin, selection])
    return selected(selection, int(code), request)


def selection_of(request: RunRequest, planned: Callable[[Plan], None] | None = None) -> Selection:
    """Return what keeps the plan of a run.

    Raises
    ------
    ConfigError
        If the board, the bench or the figures that a suite declares are wrong.
    """
    figures = request.catalogue()
    board = load_board(request.board, figures)
    return Selection(board, figures, capabilities_of(request.rig), planned)


def selected(selection: Selection, code: int, request: RunRequest) -> Plan:
    """Return the plan of a run of pytest that ended with a code.

    Raises
    ------
    ConfigError
        If there is none: the selection is broken, or selects nothing.
    """
    if selection.error is not None:
        raise selection.error
    if selection.plan is None or not selection.plan.tests:
        raise ConfigError(f"no test of the suites matches {request.selection}")
    return selection.plan
