"""Workers of ``pytest -n``: what each found out becomes one result, and its files one folder.

pytest-xdist runs tests in processes of their own, each with a bench and results of its own. A
worker gives what it found out to the process that started it, when it ends. Nothing here needs
xdist: its hooks are there or are not.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Gathering", "hand_over", "is_worker", "worker_folder"]

_OUTPUT = "eegrig"


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


def hand_over(config: pytest.Config, part: bytes, folder: Path) -> None:
    """Give what this worker found out, and its folder, to the process that started it."""
    output: dict[str, Any] = vars(config)["workeroutput"]
    output[_OUTPUT] = {"part": part, "folder": str(folder)}


class Gathering:
    """The other end: a pytest plugin of the process that started the workers.

    Parameters
    ----------
    finish : callable
        Takes what the workers found out, in their order, the run's folder, and the names of those
        workers that gave nothing because they crashed or were stopped. Not called where no worker
        had a bench.
    """

    def __init__(self, finish: Callable[[Sequence[bytes], Path, Sequence[str]], None]) -> None:
        self._finish = finish
        self._under_way: set[str] = set()
        self._given: dict[str, dict[str, Any]] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Take note of a worker that starts."""
        self._under_way.add(node.gateway.id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take what a worker found out; one that crashed has no output."""
        output: dict[str, Any] | None = getattr(node, "workeroutput", None)
        if output is None:
            return
        self._under_way.discard(node.gateway.id)
        if _OUTPUT in output:
            self._given[node.gateway.id] = output[_OUTPUT]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Make one of all."""
        workers = sorted(self._given, key=lambda name: (len(name), name))
        if not workers:
            return
        lost = sorted(self._under_way, key=lambda name: (len(name), name))
        folder = Path(self._given[workers[0]]["folder"]).parent
        placed: set[Path] = set()
        for worker in workers:
            _move_files(folder / _folder_name(worker), folder, placed)
        for worker in lost:
            shutil.rmtree(folder / _folder_name(worker), ignore_errors=True)
        self._finish([self._given[worker]["part"] for worker in workers], folder, lost)


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
