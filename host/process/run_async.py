"""Coroutines that are told to end as other work is: by cancelling them, never in their middle."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from eegrig.host.process.interruption import held

__all__ = ["run_async"]

_T = TypeVar("_T")


def run_async(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine; what ends the process cancels it, so that it lets go of what it has.

    Raises
    ------
    KeyboardInterrupt
        Afterwards, if the process was told to end.
    """
    tasks: list[asyncio.Task[Any]] = []
    asked = False

    def end() -> None:
        nonlocal asked
        asked = True
        for task in tasks:
            with contextlib.suppress(RuntimeError):  # its loop is closed
                task.get_loop().call_soon_threadsafe(task.cancel)

    async def cancellable() -> _T:
        task = asyncio.current_task()
        if task is not None:
            tasks.append(task)
        if asked:
            main.close()
            raise asyncio.CancelledError
        return await main

    with held(end):
        try:
            with asyncio.Runner() as runner:
                return runner.run(cancellable())
        except asyncio.CancelledError:
            if not asked:
                raise
    raise KeyboardInterrupt
