"""What holds for all tests: they are the same in every run, and share the CPUs well.

Two workers of pytest-xdist get a CPU each: a virtual board keeps all of its processes on one.
"""

import contextlib
import os

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


def pytest_configure() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw"):
        with contextlib.suppress(AttributeError, OSError):  # not on this system, or not allowed
            cpus = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cpus[int(worker[2:]) % len(cpus)]})
