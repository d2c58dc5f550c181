"""What holds for all tests: they are the same in every run, and share the CPUs well.

Two workers of pytest-xdist get a CPU each: a virtual board keeps all of its processes on one. The
boards that whoever runs the tests has up are none of theirs: each process has a state directory.
"""

import contextlib
import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings

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
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw"):
        with contextlib.suppress(AttributeError, OSError):  # not on this system, or not allowed
            cpus = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cpus[int(worker[2:]) % len(cpus)]})


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_STATE], ignore_errors=True)
