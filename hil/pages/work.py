"""Everything that is run for the pages, in several processes, with what is done said."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from eegrig.boards import list_boards, load_board
from eegrig.boards.errors import ConfigError
from eegrig.hil.pages.identity import board_identity
from eegrig.hil.pages.stored import FOLDER, ROOT, Figures, Stored, StoredWalk, save, save_walk
from eegrig.hil.virtual.bench import one_cpu

__all__ = ["BENCHMARKS", "MODELS", "WALKED", "WALKS", "all_tasks", "run_board", "run_tasks"]

MODELS = "models"
"""Name of what comes from the models alone, and of a board that is no more than connected."""
BENCHMARKS = "benchmarks"
"""Name of what ``make bench`` found on some machine; it is not run here."""
WALKS = {"tutorial": ROOT / "docs" / "tutorial.md"}
"""Pages whose commands are run, by name; their board is `WALKED`."""
WALKED = "headband8"


def all_tasks() -> list[str]:
    """Return the names of everything that is run, what takes longest first."""
    boards = sorted(list_boards(), key=lambda name: -len(load_board(name).afe.channels))
    return [*WALKS, *boards, MODELS]


def run_tasks(
    names: Iterable[str], *, jobs: int, tell: Callable[[str], None], folder: Path = FOLDER
) -> None:
    """Run, and store each result as soon as it is there.

    Parameters
    ----------
    names : iterable of str
        Of `all_tasks`.
    jobs : int
        Processes at once; a page's commands run beside them, since they mostly wait.
    tell : callable
        Takes a line for people.
    folder : Path
        Where to.

    Raises
    ------
    ConfigError
        If there is nothing of such a name.
    EegrigError
        If something did not come to its end; what did is stored.
    """
    chosen = list(dict.fromkeys(names))
    unknown = sorted(set(chosen) - set(all_tasks()))
    if unknown:
        raise ConfigError(f"nothing is called {unknown[0]!r}; there are {', '.join(all_tasks())}")
    start_s = time.perf_counter()
    cpus: SimpleQueue[int] = SimpleQueue()
    for cpu in range(jobs):
        cpus.put(cpu)
    with ThreadPoolExecutor(jobs) as workers, ThreadPoolExecutor(len(WALKS)) as walkers:
        futures: dict[Future[None], str] = {
            walkers.submit(_walk, name, folder)
            if name in WALKS
            else workers.submit(_run_apart, name, folder, cpus): name
            for name in chosen
        }
        for done, future in enumerate(as_completed(futures), 1):
            how = "done" if future.exception() is None else "FAILED"
            taken_s = time.perf_counter() - start_s
            tell(f"{futures[future]} {how}, {done} of {len(futures)} after {taken_s:.0f} s")
    for future in futures:
        future.result()


def run_board(name: str) -> Figures:
    """Run everything there is to run of a board."""
    from eegrig.hil.pages.runs.converter import converter, has_converter
    from eegrig.hil.pages.runs.larger_build import has_larger_build, larger_build
    from eegrig.hil.pages.runs.memory import memory
    from eegrig.hil.pages.runs.rates import rates
    from eegrig.hil.pages.runs.suites import suites
    from eegrig.hil.pages.runs.updates import UPDATED, updates

    board = load_board(name)
    found = suites(name) | memory(name) | rates(name)
    if has_larger_build(board):
        found |= larger_build(name)
    if name in UPDATED:
        found |= updates(name)
    frame_time_s = found[f"rates.{board.afe.default_rate_sps}.frame_time"].value
    if has_converter(board) and frame_time_s is not None:
        found |= converter(name, frame_time_s)
    return found


def _run_apart(name: str, folder: Path, cpus: SimpleQueue[int]) -> None:
    """Run in a new process: what one board has loaded does not reach the next one's figures."""
    cpu = cpus.get()
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            process.submit(_run, name, folder, cpu).result()
    finally:
        cpus.put(cpu)


def _run(name: str, folder: Path, cpu: int) -> None:
    from eegrig.hil.pages.runs.published import RADIO_BOARD, models
    from eegrig.hil.pages.runs.suites import HOW

    with one_cpu(cpu):
        if name == MODELS:
            stored = Stored(identity=board_identity(RADIO_BOARD, {}), figures=models())
        else:
            stored = Stored(identity=board_identity(name, HOW), figures=run_board(name))
    save(name, stored, folder)


def _walk(name: str, folder: Path) -> None:
    from eegrig.hil.pages.runs.walk import walk, written

    page = WALKS[name].read_text(encoding="utf-8")
    steps = [written(heard) for heard in walk(page) if heard.step.shown]
    save_walk(name, StoredWalk(identity=board_identity(WALKED, {}), steps=steps), folder)
