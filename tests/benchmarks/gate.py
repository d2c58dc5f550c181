"""Speeds that must not fall: each as a ratio to a yardstick that ran beside it.

A machine's seconds are its own, a ratio of two that ran side by side is nearly the code's. What is
stored (``docs/figures/benchmarks.toml``) is the ratio to compare with; `MOST_FALL` is the part of
it that may be missing, since even ratios differ from run to run. All is in processor time: a chain
of processes waits longer for a busy machine than a yardstick does.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "MOST_FALL",
    "PREFIX",
    "RATIOS",
    "Ratio",
    "fallen",
    "plain_events_per_s",
    "processor_s",
    "ratios",
]

MOST_FALL = 0.4
"""What part of a stored ratio may be missing."""

PREFIX = "ratio."
"""How names of stored ratios begin."""


class Ratio(NamedTuple):
    """A speed over that of its yardstick.

    Attributes
    ----------
    ours, yardstick : str
        Names of figures.
    what : str
        What is compared, for people.
    """

    ours: str
    yardstick: str
    what: str


RATIOS: dict[str, Ratio] = {
    "streaming": Ratio(
        "streaming.efficient.processor", "plain.events", "streaming, over a plain loop of timers"
    ),
    "streaming_low_latency": Ratio(
        "streaming.low_latency.processor",
        "plain.events",
        "low latency, over a plain loop of timers",
    ),
    "many_boards": Ratio(
        "boards.4.processor", "boards.1.processor", "four boards on one air, over one board"
    ),
    "signals": Ratio(
        "signals.at_once.best", "signals.plain.best", "signals, over plain numpy and scipy"
    ),
    "signals_in_blocks": Ratio(
        "signals.blocks.best", "signals.plain.best", "in blocks of 40 ms, over the same"
    ),
    "decoding": Ratio(
        "decode.gaps", "decode.plain", "decoding with gaps and times, over int.from_bytes"
    ),
    "recording": Ratio("decode.record", "decode.plain", "recording, over int.from_bytes"),
}


def ratios(values: Mapping[str, float]) -> dict[str, float]:
    """Return the ratios whose figures are both among `values`, by name."""
    return {
        name: values[ratio.ours] / values[ratio.yardstick]
        for name, ratio in RATIOS.items()
        if ratio.ours in values and ratio.yardstick in values
    }


def fallen(now: Mapping[str, float], stored: Mapping[str, float]) -> list[str]:
    """Return a line for each ratio that has fallen too far below the stored one."""
    return [
        f"{RATIOS[name].what}: {value:.3g}, stored {stored[name]:.3g}, "
        f"at least {(1 - MOST_FALL) * stored[name]:.3g}"
        for name, value in now.items()
        if name in stored and value < (1 - MOST_FALL) * stored[name]
    ]


def plain_events_per_s(n_events: int = 100_000) -> float:
    """Return how many events a plain loop of timers does in a second of this machine.

    An event is popped, packs 24 bytes and pushes its successor: what the simulator cannot do
    without, and nothing of the simulator's.
    """
    queue = [(at, at % 7) for at in range(64)]
    heapq.heapify(queue)
    packed = bytearray(24)

    def happen(at: int, key: int) -> tuple[int, int]:
        struct.pack_into("<QQQ", packed, 0, at, key, at + key)
        return at + 64 + key, key

    begin_s = time.process_time()
    for _ in range(n_events):
        heapq.heappush(queue, happen(*heapq.heappop(queue)))
    return n_events / (time.process_time() - begin_s)


def processor_s() -> float:
    """Return the processor time of this process and those it has started that still run (Linux)."""
    task = Path(f"/proc/self/task/{os.getpid()}/children")
    children = task.read_text().split() if task.exists() else []
    ticks = 0
    for child in children:
        with contextlib.suppress(OSError):  # it has just ended
            after_name = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            ticks += int(after_name[11]) + int(after_name[12])  # proc(5): utime, stime
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")
