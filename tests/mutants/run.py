"""Run the tests of a file on every mutant of it.

Nothing is written to the tree: a mutant exists in the memory of one process, which is forked from
one that has numpy, scipy and pytest loaded already, imports the changed file in place of the true
one, and runs the tests of that file until the first fails, the quick ones first. Hypothesis tries
its repeatable examples and no test depends on another, so that a run gives the same survivors every
time. A process that the tests start of themselves does not see the mutant.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.mutants.mutations import Mutant, mutants_of

if TYPE_CHECKING:
    import pytest

__all__ = ["Fate", "MutantError", "Outcome", "run_mutants", "tests_of"]

Fate = Literal["killed", "timed out", "survived"]

_MEMORY = 4 << 30
"""Bytes a mutant may take: a changed bound can ask for all there is."""
_PATIENCE = 10.0
"""How many times as long as without a change the tests may take, and no less than so many s:"""
_LEAST_LIMIT_S = 20.0
_NOT_LOADED = 98  # none of pytest's
_NO_TESTS = 5
_REPORT = "report.json"
_PYTEST = ("-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:randomly")


class MutantError(Exception):
    """The mutants of a file cannot be run."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant."""

    mutant: Mutant
    fate: Fate
    seconds: float


def tests_of(path: str) -> str:
    """Return the test file of a source file: ``tests/a/test_b.py`` for ``a/b.py``."""
    source = Path(path)
    return (Path("tests") / source.parent / f"test_{source.name}").as_posix()


def run_mutants(
    root: Path, path: str, *, wanted: Callable[[Mutant], bool] = lambda _: True
) -> Iterator[Outcome]:
    """Run the tests of a source file on its mutants, one after the other.

    Parameters
    ----------
    root : Path
        Of the tree; the working directory of the tests.
    path : str
        The source file, relative to it.
    wanted : callable
        Which mutants to run.

    Raises
    ------
    MutantError
        If the file has no tests, or they do not pass without a change.
    """
    mutants = [mutant for mutant in mutants_of(root, path) if wanted(mutant)]
    if not mutants:
        return
    if not (root / tests_of(path)).is_file():
        raise MutantError(f"{path}: no test file {tests_of(path)}")
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        # Compiled files go there: the sources' folders are left as they are.
        sys.pycache_prefix, sys.dont_write_bytecode = str(Path(scratch) / "compiled"), False
        for name in _unchanged(root, path, Path(scratch))["modules"]:
            with suppress(Exception):
                importlib.import_module(name)
        gc.collect()
        gc.freeze()
        begin = time.monotonic()
        _unchanged(root, path, Path(scratch))
        limit_s = max(_LEAST_LIMIT_S, _PATIENCE * (time.monotonic() - begin))
        for mutant in mutants:
            begin = time.monotonic()
            fate, _ = _fork(root, path, mutant, Path(scratch), limit_s)
            yield Outcome(mutant, fate, time.monotonic() - begin)


def _unchanged(root: Path, path: str, scratch: Path) -> dict[str, Any]:
    """Run the tests without a change; return which modules they load, and how long each takes."""
    (scratch / _REPORT).unlink(missing_ok=True)
    fate, said = _fork(root, path, None, scratch, 600.0)
    if fate != "survived":
        raise MutantError(f"{tests_of(path)} does not pass without a change:\n{said}")
    report: dict[str, Any] = json.loads((scratch / _REPORT).read_text(encoding="utf-8"))
    return report


def _fork(
    root: Path, path: str, mutant: Mutant | None, scratch: Path, limit_s: float
) -> tuple[Fate, str]:
    """Run the tests in a child; return its fate, and what it printed."""
    output = scratch / "output"
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            with output.open("wb") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            code = _child(root, path, mutant, scratch)
        finally:
            sys.stdout.flush()
            os._exit(code)
    watch = os.pidfd_open(pid)
    try:
        ended, _, _ = select.select([watch], [], [], limit_s)
    finally:
        # What the tests have started goes along, when the run is interrupted too.
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.close(watch)
        _, status = os.waitpid(pid, 0)
    if not ended:
        return "timed out", ""
    said = output.read_text(errors="replace")
    code = os.waitstatus_to_exitcode(status)
    if code == _NO_TESTS:
        raise MutantError(f"{tests_of(path)} has no tests:\n{said}")
    if code == _NOT_LOADED:
        raise MutantError(f"{tests_of(path)} never imports {path}: no change of it can be noticed")
    return ("survived" if code == 0 else "killed"), said


def _child(root: Path, path: str, mutant: Mutant | None, scratch: Path) -> int:
    import pytest

    os.chdir(root)
    sys.path.insert(0, str(root))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, hard))
    _forget(root)
    report = scratch / _REPORT
    order = _Order({})
    changed = None
    if mutant is not None:
        changed = _Changed(root, path, mutant)
        sys.meta_path.insert(0, changed)
        order = _Order(json.loads(report.read_text(encoding="utf-8"))["seconds"])
    arguments = [*_PYTEST, f"--basetemp={scratch / 'tests'}", f"--rootdir={root}"]
    code = int(pytest.main([*arguments, tests_of(path)], plugins=[order]))
    if mutant is None:
        found = {"modules": _foreign_modules(root), "seconds": order.seconds}
        report.write_text(json.dumps(found), encoding="utf-8")
    return _NOT_LOADED if code == 0 and changed is not None and not changed.loaded else code


class _Order:
    """A pytest plugin: the tests that take least first, and how long each takes."""

    def __init__(self, known_s: dict[str, float]) -> None:
        self._known_s = known_s
        self.seconds: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._known_s.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known_s = self.seconds.get(report.nodeid, 0.0)
        self.seconds[report.nodeid] = known_s + report.duration


def _of_tree(module: types.ModuleType, root: Path) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:  # a namespace, like ours of tests
        return any(str(root) in str(entry) for entry in getattr(module, "__path__", ()))
    return Path(file).is_relative_to(root) and "site-packages" not in Path(file).parts


def _foreign_modules(root: Path) -> list[str]:
    """Return what is loaded from elsewhere than the tree."""
    return [
        name
        for name, module in list(sys.modules.items())
        if isinstance(module, types.ModuleType)
        and not _of_tree(module, root)
        and not name.startswith(("tests", "__m", "conftest"))
    ]


def _forget(root: Path) -> None:
    """Have the tree's modules imported anew, but for this one."""
    for name, module in list(sys.modules.items()):
        kept = not isinstance(module, types.ModuleType) or name.startswith(("tests", "__m"))
        if not kept and _of_tree(module, root):
            del sys.modules[name]


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a module changed code."""

    def __init__(self, root: Path, path: str, mutant: Mutant) -> None:
        self._file = str(root / path)
        name = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        # A folder that src/eegrig links to is imported by that one name.
        linked = (root / "src" / "eegrig" / path.partition("/")[0]).exists()
        self._name = f"eegrig.{name}" if linked else name
        self._package = path.endswith("__init__.py")
        self._root = root
        self._mutant = mutant
        self.loaded = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = importlib.machinery.ModuleSpec(
            fullname, self, origin=self._file, is_package=self._package
        )
        spec.has_location = True
        if self._package:
            spec.submodule_search_locations = [str(Path(self._file).parent)]
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        self.loaded = True
        exec(self._mutant.compiled(self._root), module.__dict__)
