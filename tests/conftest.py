"""Two workers of pytest-xdist get a CPU each: a virtual board keeps all of its processes on one."""

import contextlib
import os


def pytest_configure() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw"):
        with contextlib.suppress(AttributeError, OSError):  # not on this system, or not allowed
            cpus = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cpus[int(worker[2:]) % len(cpus)]})
