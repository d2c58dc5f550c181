"""The pytest plugin: a bench, a flashed board and a place for figures, as fixtures.

It is loaded in every pytest run of the environment and does nothing unless a test asks for a
fixture of it, all of which begin with ``rig``. A test that is a coroutine and uses `rig` runs on
the bench's event loop.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest

if TYPE_CHECKING:
    from eegrig.boards import Board
    from eegrig.boards.figures import Catalogue
    from eegrig.hil.bench import Bench
    from eegrig.hil.figures.figure import Figure
    from eegrig.hil.figures.results import Results
    from eegrig.hil.flashed_board import FlashedBoard

__all__ = ["RigRecorder"]

_RESULTS = pytest.StashKey["Results"]()
_PARTIAL = pytest.StashKey[bool]()
_RECORDER = pytest.StashKey["RigRecorder"]()  # of tests that could not begin


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the rig's options."""
    group = parser.getgroup("eegrig", "eegrig: hardware-in-the-loop rig")
    group.addoption(
        "--rig", default="sim", metavar="sim|FILE", help="bench: sim (default) or a bench.toml"
    )
    group.addoption("--rig-board", default="headband8", metavar="NAME", help="board to test")
    group.addoption("--rig-out", default=None, metavar="DIR", help="folder for results and traces")
    group.addoption("--rig-seed", default=0, type=int, metavar="N", help="of everything random")
    group.addoption(
        "--rig-seconds", default=30.0, type=float, metavar="S", help="length of each recording"
    )
    group.addoption(
        "--rig-signal",
        default="resting",
        metavar="SCENE|FILE",
        help="what drives the electrodes: a scene of signal_sim, or a recording",
    )
    group.addoption(
        "--rig-map",
        action="append",
        default=[],
        metavar="ELECTRODE=LABEL",
        help="channel of the recording that drives an electrode; repeatable",
    )
    group.addoption(
        "--rig-firmware", default=None, metavar="DIR", help="firmware sources to build and flash"
    )
    group.addoption(
        "--rig-runtime",
        default=None,
        metavar="FILE",
        help="MicroPython to flash besides; a virtual board's chip runs it itself",
    )
    group.addoption(
        "--rig-repeat",
        action="store_true",
        help="signal and noise begin anew with each stream, so that two runs can be compared",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers `needs` and `figures`."""
    config.addinivalue_line(
        "markers",
        "needs(*capabilities): what a test needs of a bench; it is skipped where the bench lacks "
        "it (power, power_split, source, faults, link_control, reset, flash, processor)",
    )
    config.addinivalue_line(
        "markers",
        "figures(*names): figures a test is there for; if it fails before it has taken them, those "
        "of them that are targets are inconclusive",
    )


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Take note that the run is one of a part of the tests, by whichever option."""
    for item in items[:1]:
        item.config.stash[_PARTIAL] = True


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests on the bench's event loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or "rig" not in pyfuncitem.fixturenames:
        return None
    rig = cast("Bench", pyfuncitem.funcargs["rig"])
    names = pyfuncitem._fixtureinfo.argnames
    rig.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Take note of the figures of a test that could not even begin."""
    try:
        return (yield)
    except (Exception, pytest.fail.Exception) as error:
        recorder = item.config.stash.get(_RECORDER, None)
        if recorder is not None:
            recorder.abandon(_figures_of(item), error)
        raise


def _figures_of(item: pytest.Item) -> list[str]:
    return [name for marker in item.iter_markers("figures") for name in marker.args]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Judge the figures of a test as a part of it; without a verdict if the test itself failed."""
    recorder: RigRecorder | None = getattr(item, "funcargs", {}).get("rig_record")
    if recorder is None:
        return (yield)
    try:
        result = yield
    except (Exception, pytest.fail.Exception) as error:
        recorder.abandon(_figures_of(item), error)
        raise
    recorder.judge()
    return result


@pytest.fixture(autouse=True)
def rig_capabilities(request: pytest.FixtureRequest) -> None:
    """Skip a test that needs what the bench lacks."""
    needs = {need for marker in request.node.iter_markers("needs") for need in marker.args}
    if not needs:
        return
    rig: Bench = request.getfixturevalue("rig")
    lacking = sorted(needs - rig.capabilities)
    if lacking:
        pytest.skip(f"bench {rig.name!r} has no {', '.join(lacking)}")


@pytest.fixture(scope="session")
def rig_catalogue() -> Catalogue:
    """Return the figures that tests may record; a suite with figures of its own extends it."""
    from eegrig.boards.catalogue import catalogue

    return catalogue()


@pytest.fixture(scope="session")
def rig_board(request: pytest.FixtureRequest, rig_catalogue: Catalogue) -> Board:
    """Return the board under test, as data."""
    from eegrig.boards import load_board

    return load_board(request.config.getoption("--rig-board"), rig_catalogue)


@pytest.fixture(scope="session")
def rig_seconds(request: pytest.FixtureRequest) -> float:
    """Length of each recording in seconds."""
    return float(request.config.getoption("--rig-seconds"))


@pytest.fixture(scope="session")
def rig_out(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of this run."""
    named = request.config.getoption("--rig-out")
    if named is None:
        return tmp_path_factory.mktemp("rig")
    path = Path(named)
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="session")
def rig(request: pytest.FixtureRequest, rig_board: Board) -> Iterator[Bench]:
    """Set up the bench that ``--rig`` names, for the whole session."""
    from eegrig.hil.rig import open_bench

    config = request.config
    with open_bench(
        config.getoption("--rig"),
        rig_board,
        seed=config.getoption("--rig-seed"),
        signal=config.getoption("--rig-signal"),
        assign=config.getoption("--rig-map"),
        firmware_dir=config.getoption("--rig-firmware"),
        runtime=config.getoption("--rig-runtime"),
        repeat=config.getoption("--rig-repeat"),
    ) as bench:
        yield bench


@pytest.fixture(scope="session")
def rig_flashed(rig: Bench, rig_results: Results, rig_out: Path) -> FlashedBoard:
    """Build the firmware from source, flash it and identify the board."""
    from eegrig.hil.flashed_board import flash_and_identify

    flashed = flash_and_identify(rig)
    flashed.image.write(rig_out / "image.bin")
    rig_results.firmware = flashed.identity
    rig_results.note_runtime(flashed.report.runtime_sha256 or "")
    return flashed


@pytest.fixture(scope="session")
def rig_results(
    request: pytest.FixtureRequest, rig: Bench, rig_catalogue: Catalogue, rig_out: Path
) -> Iterator[Results]:
    """Everything this run finds out; written to the run's folder at its end."""
    from eegrig.boards.ports import board_runtime
    from eegrig.hil.figures.results import Results

    results = Results(
        board=rig.board.name,
        board_title=rig.board.title,
        bench=rig.name,
        seed=rig.seed,
        signal=rig.source.description,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    modelled = rig.provenance == "simulated" and rig.mode != "exact"
    results.rest_on(board_runtime(rig.board), modelled=modelled, mode=rig.mode or "")
    results.assume(rig.rests_on)
    request.config.stash[_RESULTS] = results
    request.config.stash[_RECORDER] = RigRecorder(rig, results, rig_catalogue)
    yield results
    record_rules(rig, results)
    option = request.config.option
    left_out = request.config.stash.get(_PARTIAL, False)
    partial = left_out or bool(option.keyword or option.markexpr)
    results.notes = list(rig.notes())
    results.close(rig.board, provenance=rig.provenance, partial=partial)
    results.save(rig_out)


def record_rules(rig: Bench, results: Results) -> None:
    """Record how many rules of its front ends' data sheets the firmware has broken in this run."""
    if rig.rules is None:
        results.omit("afe.rules_broken", f"bench {rig.name!r} does not see what its parts see")
        return
    check = rig.rules()
    results.record(
        rig.board,
        "afe.rules_broken",
        check.count,
        "1",
        uncertainty=0.0,
        n=check.exchanges,
        provenance=rig.provenance,
        note="; ".join(map(str, check.broken)),
    )


@pytest.fixture
def rig_record(
    request: pytest.FixtureRequest, rig: Bench, rig_results: Results, rig_catalogue: Catalogue
) -> RigRecorder:
    """Take figures; the test fails at its end if one misses its target."""
    from eegrig.hil.figures.catalogue import expect_all

    expect_all(rig_catalogue, _figures_of(request.node))
    return RigRecorder(rig, rig_results, rig_catalogue)


class RigRecorder:
    """Records figures and, at the end of a test, fails it if one of them misses its target."""

    def __init__(self, rig: Bench, results: Results, catalogue: Catalogue) -> None:
        self._rig = rig
        self._catalogue = catalogue
        self.results = results
        self._figures: list[Figure] = []

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
            self._rig.board,
            name,
            value,
            unit,
            uncertainty=uncertainty,
            n=n,
            provenance=provenance or self._rig.provenance,
            **flags,
        )
        self._figures.append(figure)
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
        note = f"the test failed: {lines[0] if lines else type(error).__name__}"
        for figure in self._figures:
            self.results.distrust(figure.name, note)
        taken = {figure.name for figure in self._figures}
        for name in names:
            target = self._rig.board.targets.get(name)
            if target is not None and name not in taken:
                self(name, None, target.unit, uncertainty=None, n=0, note=note)

    def judge(self) -> None:
        """Fail the test if a figure misses its target or could not be taken."""
        missed = [
            f"{figure.name} = {figure.value} {figure.unit}, limit {figure.limit} {figure.unit}"
            f" ({figure.verdict}{': ' + figure.note if figure.note else ''})"
            for figure in self._figures
            if figure.verdict in ("fail", "inconclusive")
        ]
        if missed:
            pytest.fail("; ".join(missed), pytrace=False)
