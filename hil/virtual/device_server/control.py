"""Commands to the process that holds virtual boards: a line of JSON each, and one in answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

from eegrig.boards.errors import BoardFault, ConfigError, EegrigError, InfrastructureError
from eegrig.hil.virtual.registry import Device

__all__ = ["ask", "serve"]

_TIMEOUT_S = 30.0
_MAX_LINE = 1 << 20
_ERRORS = {error.exit_code: error for error in (BoardFault, ConfigError, InfrastructureError)}

Handler = Callable[[str, dict[str, Any]], dict[str, Any]]


def ask(device: Device, command: str, **arguments: Any) -> dict[str, Any]:
    """Send a command and return the answer.

    Raises
    ------
    EegrigError
        What the process answers; `InfrastructureError` too if it does not answer.
    """
    request = {"command": command, "board": device.name, **arguments}
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as wire:
            wire.settimeout(_TIMEOUT_S)
            wire.connect(device.control)
            wire.sendall(json.dumps(request).encode() + b"\n")
            with wire.makefile("rb") as answers:
                line = answers.readline(_MAX_LINE)
    except OSError as error:
        raise InfrastructureError(
            f"process {device.pid}, which holds {device.name}, does not answer "
            f"({error.strerror or error}): see {device.log}"
        ) from error
    if not line:
        raise InfrastructureError(
            f"process {device.pid}, which holds {device.name}, ended without an answer: see "
            f"{device.log}"
        )
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise _ERRORS.get(answer["exit_code"], InfrastructureError)(answer["error"])
    return answer


async def serve(path: str, handle: Handler) -> asyncio.Server:
    """Answer commands at the socket `path`.

    Parameters
    ----------
    path : str
    handle : callable
        Takes the command and the whole request and returns the answer, or raises.
    """

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):
            while line := await reader.readline():
                writer.write(json.dumps(_answer(line, handle)).encode() + b"\n")
                await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(client, path)


def _answer(line: bytes, handle: Handler) -> dict[str, Any]:
    try:
        request = json.loads(line)
        command = request["command"]
    except (ValueError, KeyError, TypeError):
        return {"error": "a request is a line of JSON with a command", "exit_code": 2}
    try:
        return handle(command, request)
    except EegrigError as error:
        return {"error": str(error), "exit_code": error.exit_code}
    except Exception as error:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"the command {command!r} failed", "exception": error}
        )
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        return {"error": f"{command} failed, see the log: {what}", "exit_code": 3}
