"""The pytest plugin: a bench, a flashed board and a place for figures, as fixtures.

It is loaded in every pytest run of the environment and does nothing unless a test asks for a
fixture of it, all of which begin with ``rig``. Each test has a bench of its own, in the same state
whatever ran before. A test that is a coroutine and uses `rig` runs on its bench's event loop.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from eegrig.hil.session import hookspecs
from eegrig.hil.session.ending import EndingWatch, ending_of, exit_code_of, reason_of
from eegrig.hil.session.junit import JunitWatch
from eegrig.hil.session.options import add_markers, add_options, leave_out
from eegrig.hil.session.outcomes import Outcomes
from eegrig.hil.session.recorder import RigRecorder, as_property
from eegrig.hil.session.workers import Gathering, Giving, is_worker, worker_folder

if TYPE_CHECKING:
    from eegrig.boards import Board
    from eegrig.boards.figures import Catalogue
    from eegrig.hil.bench import Bench
    from eegrig.hil.benches import Benches
    from eegrig.hil.figures.parts import Part
    from eegrig.hil.figures.results import Results
    from eegrig.hil.flashed_board import FlashedBoard

_PARTIAL = pytest.StashKey[bool]()
_GIVING = pytest.StashKey[Giving]()  # in a worker of pytest -n
_OUTCOMES = pytest.StashKey[Outcomes]()
_JUNIT = pytest.StashKey[JunitWatch]()
_RUN = pytest.StashKey["_Run"]()
_RESULTS = pytest.StashKey[tuple["Results", Path]]()  # once they are written


@dataclass
class _Run:
    """What this process has of the run."""

    benches: Benches
    results: Results
    catalogue: Catalogue
    folder: Path


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hooks that tell what goes on in a run."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the rig's options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the rig's markers, and keep what becomes of the tests and how the run ends."""
    config.stash[_OUTCOMES] = Outcomes()
    config.pluginmanager.register(EndingWatch(config), "eegrig-ending")
    if is_worker(config):
        config.stash[_GIVING] = Giving(config)
        config.pluginmanager.register(config.stash[_GIVING], "eegrig-worker")
    else:
        config.stash[_JUNIT] = JunitWatch(config)
        config.pluginmanager.register(config.stash[_JUNIT], "eegrig-junit")
        config.pluginmanager.register(Gathering(_finish_all), "eegrig-workers")
    add_markers(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes days, unless it is asked for."""
    leave_out(config, items)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Take note that the run is one of a part of the tests, by whichever option."""
    for item in items[:1]:
        item.config.stash[_PARTIAL] = True


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests on the bench's event loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or "rig" not in pyfuncitem.fixturenames:
        return None
    from eegrig.hil.session.presence import LIMIT_S, run_on_bench

    rig = cast("Bench", pyfuncitem.funcargs["rig"])
    names = pyfuncitem._fixtureinfo.argnames
    lasts = pyfuncitem.get_closest_marker("lasts")
    run_on_bench(
        rig,
        pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}),
        limit_s=max(LIMIT_S, 2 * lasts.args[0]) if lasts is not None else LIMIT_S,
    )
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Take note of the figures of a test that could not even begin."""
    try:
        return (yield)
    except (Exception, pytest.fail.Exception) as error:
        run = item.config.stash.get(_RUN, None)
        if run is not None:
            recorder = RigRecorder(run.benches, run.results, run.catalogue)
            recorder.abandon(_figures_of(item), error)
            _tell_junit(item, recorder)
        raise


def _figures_of(item: pytest.Item) -> list[str]:
    return [name for marker in item.iter_markers("figures") for name in marker.args]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Judge the figures of a test as a part of it; without a verdict if the test itself failed."""
    recorder = _recorder_of(item)
    if recorder is None:
        return (yield)
    try:
        result = yield
    except (Exception, pytest.fail.Exception) as error:
        recorder.abandon(_figures_of(item), error)
        raise
    finally:
        _tell_junit(item, recorder)
    recorder.judge()
    return result


def _recorder_of(item: pytest.Item) -> RigRecorder | None:
    return cast("RigRecorder | None", getattr(item, "funcargs", {}).get("rig_record"))


def _tell_junit(item: pytest.Item, recorder: RigRecorder) -> None:
    """Give a test a property for each of its figures."""
    item.user_properties += [(figure.name, as_property(figure)) for figure in recorder.figures]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what became of the test."""
    report = yield
    recorder = _recorder_of(item)
    run = item.config.stash.get(_RUN, None)
    meant = [] if run is None else run.catalogue.meant(*_figures_of(item))
    figures = [figure.name for figure in meant]
    if recorder is not None:
        figures += [figure.name for figure in recorder.figures]
    error = None if call.excinfo is None else call.excinfo.value
    by_figures = recorder is not None and recorder.missed
    item.config.stash[_OUTCOMES].take(report, error, figures, by_figures=by_figures)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Account for all that the run was to find out, and write it; before ``junit.xml`` is."""
    run = session.config.stash.get(_RUN, None)
    if run is None or is_worker(session.config):
        return
    # A run that was stopped within a test has a bench up still, and what that saw counts, too.
    session._setupstate.teardown_exact(None)
    _finish(session, _part(session.config, run), run.folder)


def _part(config: pytest.Config, run: _Run) -> Part:
    """Return what this process found out so far."""
    from eegrig.hil.figures.parts import Part

    run.results.tests = config.stash[_OUTCOMES].tests()
    ending = ending_of(config)
    if ending is not None:
        run.results.stop(reason_of(ending), exit_code_of(ending))
    left_out = config.stash.get(_PARTIAL, False)
    return Part(
        results=run.results,
        seen=dict(run.benches.seen()),
        provenance=run.benches.provenance,
        partial=left_out or bool(config.option.keyword or config.option.markexpr),
        declared=list(run.catalogue.declared),
        words={name: dict(words) for name, words in run.catalogue.words.items()},
    )


def _finish(session: pytest.Session, part: Part, folder: Path, lost: Sequence[str] = ()) -> None:
    """Write what the run found out, and let ``junit.xml`` and the exit code say the same."""
    from eegrig.hil.figures.parts import finish

    results = part.results
    if session.shouldstop or session.shouldfail:
        results.stop(str(session.shouldstop or session.shouldfail))
    finish(part, folder, lost=lost)
    session.config.stash[_RESULTS] = results, folder
    session.config.stash[_JUNIT].tell(results)
    # Targets that nobody measured fail no test, and the run all the same.
    if session.exitstatus == pytest.ExitCode.OK and results.exit_code != 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _finish_all(
    session: pytest.Session, encoded: Sequence[bytes], folder: Path, lost: Sequence[str]
) -> None:
    """Make one of all that workers found out."""
    import msgspec

    from eegrig.hil.figures.parts import Part, joined

    part = joined([msgspec.msgpack.decode(each, type=Part) for each in encoded])
    _finish(session, part, folder, lost)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how the run ended: its tests alone do not tell."""
    written = config.stash.get(_RESULTS, None)
    if written is not None:
        results, folder = written
        terminalreporter.write_line(f"eegrig: {results.verdict}, {folder / 'results.json'}")


@pytest.fixture(autouse=True)
def rig_capabilities(request: pytest.FixtureRequest) -> None:
    """Skip a test that needs what the bench lacks."""
    needs = {need for marker in request.node.iter_markers("needs") for need in marker.args}
    if not needs:
        return
    benches: Benches = request.getfixturevalue("rig_benches")
    lacking = sorted(needs - benches.capabilities)
    if lacking:
        pytest.skip(f"bench {benches.name!r} has no {', '.join(lacking)}")


@pytest.fixture(scope="session")
def rig_catalogue(request: pytest.FixtureRequest) -> Catalogue:
    """Return the figures that tests may record; a suite with figures of its own extends it."""
    from eegrig.boards.catalogue import catalogue_with

    return catalogue_with(map(Path, request.config.getoption("--rig-figures")))


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
    if is_worker(request.config):
        # The workers' temporary folders are side by side.
        path = tmp_path_factory.getbasetemp().parent / "rig" if named is None else Path(named)
        return worker_folder(request.config, path)
    if named is None:
        return tmp_path_factory.mktemp("rig")
    path = Path(named)
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="session")
def rig_benches(request: pytest.FixtureRequest, rig_board: Board) -> Iterator[Benches]:
    """Make ready the benches that ``--rig`` names."""
    from eegrig.hil.rig import open_benches

    config = request.config
    with open_benches(
        config.getoption("--rig"),
        rig_board,
        seed=config.getoption("--rig-seed"),
        signal=config.getoption("--rig-signal"),
        assign=config.getoption("--rig-map"),
        firmware_dir=config.getoption("--rig-firmware"),
        runtime=config.getoption("--rig-runtime"),
        repeat=config.getoption("--rig-repeat"),
    ) as benches:
        yield benches


@pytest.fixture(scope="session")
def rig_flashed(
    request: pytest.FixtureRequest, rig_benches: Benches, rig_results: Results, rig_out: Path
) -> FlashedBoard:
    """Build the firmware from source, flash it and identify the board."""
    from eegrig.hil.flashed_board import flash_and_identify

    def step(what: str) -> None:
        request.config.hook.pytest_rig_step(config=request.config, what=what)

    with rig_benches.fresh("flashing", flashed=False) as bench:
        flashed = flash_and_identify(bench, step=step)
        rig_benches.keep(bench)
    flashed.image.write(rig_out / "image.bin")
    rig_results.firmware = flashed.identity
    rig_results.note_runtime(flashed.report.runtime_sha256 or "")
    return flashed


@pytest.fixture(scope="session")
def rig_booted(
    rig_benches: Benches, rig_flashed: FlashedBoard
) -> Callable[[str], AbstractContextManager[Bench]]:
    """Return what sets up a bench with the flashed board, booted, for what several tests share.

    It takes a name for what that is, which no other has: ``with rig_booted("noise") as rig``.
    """
    from eegrig.hil.flashed_board import boot_and_identify

    @contextlib.contextmanager
    def booted(occasion: str) -> Iterator[Bench]:
        with rig_benches.fresh(occasion, flashed=True) as bench:
            boot_and_identify(bench, rig_flashed)
            yield bench

    return booted


@pytest.fixture
def rig(request: pytest.FixtureRequest, rig_benches: Benches) -> Iterator[Bench]:
    """Set up the bench that ``--rig`` names, for this test alone.

    The board on it has booted if the test asks for `rig_flashed`.
    """
    occasion = _occasion(request.node)
    if "rig_flashed" in request.fixturenames:
        setting_up = request.getfixturevalue("rig_booted")(occasion)
    else:
        setting_up = rig_benches.fresh(occasion, flashed=False)
    with setting_up as bench:
        yield bench


def _occasion(item: pytest.Item) -> str:
    """Return a test's name, the same wherever pytest was started."""
    return f"{item.path.stem}::{item.nodeid.partition('::')[2]}"


@pytest.fixture(scope="session")
def rig_results(
    request: pytest.FixtureRequest, rig_benches: Benches, rig_catalogue: Catalogue, rig_out: Path
) -> Results:
    """Everything this run finds out; written to the run's folder when the session ends."""
    import msgspec

    from eegrig.boards.ports import board_runtime
    from eegrig.hil.figures.results import Results

    benches = rig_benches
    results = Results(
        board=benches.board.name,
        board_title=benches.board.title,
        bench=benches.name,
        seed=benches.seed,
        signal=benches.signal,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        targets=dict(benches.board.targets),
    )
    modelled = benches.provenance == "simulated" and benches.mode != "exact"
    results.rest_on(board_runtime(benches.board), modelled=modelled, mode=benches.mode or "")
    results.assume(benches.rests_on)
    run = _Run(benches, results, rig_catalogue, rig_out)
    request.config.stash[_RUN] = run
    giving = request.config.stash.get(_GIVING, None)
    if giving is not None:
        giving.folder = rig_out
        giving.found = lambda: msgspec.msgpack.encode(_part(request.config, run))
    return results


@pytest.fixture
def rig_record(
    request: pytest.FixtureRequest,
    rig_benches: Benches,
    rig_results: Results,
    rig_catalogue: Catalogue,
) -> RigRecorder:
    """Take figures; the test fails at its end if one misses its target."""
    from eegrig.hil.figures.catalogue import expect_all

    expect_all(rig_catalogue, _figures_of(request.node))
    recorder = RigRecorder(rig_benches, rig_results, rig_catalogue)
    recorder.on_figure = lambda figure: request.config.hook.pytest_rig_figure(
        config=request.config, figure=figure
    )
    return recorder
