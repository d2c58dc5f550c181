"""Many boards at once: a process for each, so that none waits for another or takes it along."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from typing import Any

from eegrig.boards.errors import InfrastructureError
from eegrig.host.flashing.production import Order, Outcome, Station, produce

__all__ = ["prepare", "produce_all"]

# What takes a board longest without a word is a self-test, and looking for its radio.
_SILENCE_S = 180.0
_LOOK_S = 1.0
_END_S = 10.0

# What each process needs, loaded once for all of them.
_PRELOADED = [
    "__main__",
    "eegrig.host.flashing.parallel",
    "eegrig.host.flashing.probe",
    "pyocd.core.session",
    "pyocd.flash.loader",
]


def prepare() -> None:
    """Begin loading what the processes need, while the caller does other things."""
    forkserver.set_forkserver_preload(_PRELOADED)
    forkserver.ensure_running()


def produce_all(
    order: Order,
    stations: Sequence[Station],
    progresses: Sequence[Callable[[float], None] | None],
) -> list[Outcome]:
    """Take boards through an order, all at the same time.

    Parameters
    ----------
    order : Order
    stations : sequence of Station
    progresses : sequence of callable or None
        One for each, called with the fraction of its flash that is done.

    Returns
    -------
    list of Outcome
        In the order of `stations`. A board that fails does not stop the others.
    """
    prepare()
    context = multiprocessing.get_context("forkserver")
    processes, receivers = [], []
    for station in stations:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(sender, order, station), daemon=True)
        process.start()
        sender.close()
        processes.append(process)
        receivers.append(receiver)
    outcomes: dict[int, Outcome] = {}
    silent: set[int] = set()
    try:
        silent = _listen(receivers, progresses, outcomes)
    finally:
        for process in processes:
            if len(outcomes) < len(stations):
                process.terminate()
            process.join(_END_S)
            if process.is_alive():  # in the middle of something that cannot be broken off
                process.kill()
                process.join()
    for index, station in enumerate(stations):
        if index not in outcomes:
            outcomes[index] = Outcome(station.probe)
            outcomes[index].fail(InfrastructureError(_why(index in silent)))
    return [outcomes[index] for index in range(len(stations))]


def _listen(
    receivers: Sequence[Connection[Any, Any]],
    progresses: Sequence[Callable[[float], None] | None],
    outcomes: dict[int, Outcome],
) -> set[int]:
    """Take what the processes say; return which of them said nothing for too long."""
    open_ones: list[Any] = list(receivers)
    heard_s = dict.fromkeys(range(len(receivers)), time.monotonic())
    silent: set[int] = set()
    while open_ones:
        for ready in wait(open_ones, timeout=_LOOK_S):
            index = receivers.index(ready)
            heard_s[index] = time.monotonic()
            try:
                message = receivers[index].recv()
            except EOFError:
                open_ones.remove(ready)
                continue
            progress = progresses[index]
            if isinstance(message, Outcome):
                outcomes[index] = message
            elif progress is not None:
                progress(message)
        for index, receiver in enumerate(receivers):
            if receiver in open_ones and time.monotonic() > heard_s[index] + _SILENCE_S:
                open_ones.remove(receiver)
                silent.add(index)
    return silent


def _why(silent: bool) -> str:
    if not silent:
        return "its process ended before it was done: flash it again"
    return (
        f"nothing was heard of it for {_SILENCE_S:g} s: plug its probe in anew, and flash it again"
    )


def _work(sender: Connection[Any, Any], order: Order, station: Station) -> None:
    # An interrupted command interrupts its processes as well, and says so itself.
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        sender.send(produce(order, station, sender.send))
