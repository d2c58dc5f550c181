"""Workers of ``pytest -n``: what each found out becomes one result, and its files one folder.

pytest-xdist runs tests in processes of their own, each with a bench and results of its own. A
worker gives what it found out so far to the process that started it, with the report of each test:
so one that crashes takes along no more than its last test. Nothing here needs xdist: its hooks are
there or are not.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Gathering", "Giving", "is_worker", "worker_folder"]

_EXTRA = "eegrig_found"
"""What reports carry it as."""


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process is a worker."""
    return hasattr(config, "workerinput")


def worker_folder(config: pytest.Config, folder: Path) -> Path:
    """Return where a worker writes its files until the run's folder gets them; it is made anew.

    Parameters
    ----------
    config : pytest.Config
    folder : Path
        The run's.
    """
    own = folder / _folder_name(_worker_id(config))
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    return own


class Giving:
    """A worker's end: a pytest plugin that gives what was found out along with each test.

    Parameters
    ----------
    config : pytest.Config
        The worker's.

    Attributes
    ----------
    found : callable or None
        Returns what was found out so far; None before there is a bench.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._worker = _worker_id(config)
        self.found: Callable[[], bytes] | None = None
        self.folder = Path()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put it into the last report of a test, which comes when its bench is down."""
        report = yield
        if call.when == "teardown" and self.found is not None:
            found = {"worker": self._worker, "part": self.found(), "folder": str(self.folder)}
            vars(report)[_EXTRA] = found
        return report


class Gathering:
    """The other end: a pytest plugin of the process that started the workers.

    Parameters
    ----------
    finish : callable
        Takes the session, what the workers found out, in their order, the run's folder, and the
        names of those workers that crashed or were stopped. Not called where no worker had a bench.
    """

    def __init__(
        self, finish: Callable[[pytest.Session, Sequence[bytes], Path, Sequence[str]], None]
    ) -> None:
        self._finish = finish
        self._lost: set[str] = set()  # while they run, and for good if they do not end well
        self._found: dict[str, dict[str, Any]] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Take note of a worker that starts."""
        self._lost.add(node.gateway.id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take note of a worker that ends; one that crashed has not said so."""
        if not error and getattr(node, "workeroutput", None) is not None:
            self._lost.discard(node.gateway.id)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a worker found out so far."""
        found: dict[str, Any] | None = vars(report).pop(_EXTRA, None)
        if found is not None:
            self._found[found["worker"]] = found

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Make one of all."""
        workers = _sorted(self._found)
        if not workers:
            return
        folder = Path(self._found[workers[0]]["folder"]).parent
        placed: set[Path] = set()
        for worker in workers:
            _move_files(folder / _folder_name(worker), folder, placed)
        lost = _sorted(self._lost)
        for worker in lost:  # had it a folder before it had found anything
            shutil.rmtree(folder / _folder_name(worker), ignore_errors=True)
        self._finish(session, [self._found[worker]["part"] for worker in workers], folder, lost)


def _sorted(workers: Iterable[str]) -> list[str]:
    """Return workers in the order they were started: gw2 before gw10."""
    return sorted(workers, key=lambda name: (len(name), name))


def _worker_id(config: pytest.Config) -> str:
    return str(vars(config)["workerinput"]["workerid"])


def _folder_name(worker: str) -> str:
    return f".worker-{worker}"


def _move_files(source: Path, target: Path, placed: set[Path]) -> None:
    """Put files in their place, once each: what two workers wrote, they wrote alike."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir() or place in placed:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)
        placed.add(place)
    shutil.rmtree(source, ignore_errors=True)
