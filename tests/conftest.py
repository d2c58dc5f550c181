"""What holds for all tests: they are the same in every run, and share the CPUs well.

Two workers of pytest-xdist get a CPU each: a virtual board keeps all of its processes on one. The
boards that whoever runs the tests has up are none of theirs: each process has a state directory.
Where EEGRIG_CLONE is set (`make coverage`), the eegrig they test must be one that pip installed.
"""

import contextlib
import os
import shutil
import sysconfig
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import eegrig

# The same examples in every run, however slow it is; `--hypothesis-profile explore` tries others.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("repeatable")


_STATE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_STATE] = os.environ["EEGRIG_STATE"] = tempfile.mkdtemp(prefix="eegrig-tests-")
    if os.environ.get("EEGRIG_CLONE"):
        where = Path(eegrig.__file__)
        if not where.is_relative_to(sysconfig.get_path("purelib")):
            raise pytest.UsageError(f"eegrig is not an installed one: {where}")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw"):
        with contextlib.suppress(AttributeError, OSError):  # not on this system, or not allowed
            cpus = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cpus[int(worker[2:]) % len(cpus)]})


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_STATE], ignore_errors=True)
