"""The exact mode judges the fast one: the same firmware, scene and seed in both, side by side.

What must be equal is compared as it is: what the board says of itself, every answer, every sample.
What may differ within an uncertainty is taken by the suites in both modes.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eegrig.boards import Board, load_board
from eegrig.boards.errors import BoardFault, ConfigError, EegrigError
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.report.modes_table import Row
from eegrig.hil.run import RunRequest, run_suites
from eegrig.hil.signal_factory import SignalFactory
from eegrig.hil.suites.stretches.streams import interval_ms, linked
from eegrig.host.link.link_errors import BoardEventError, BoardStatusError
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Opcode, Profile, TestSignal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.hil.bench import Bench
    from eegrig.hil.figures.figure import Figure
    from eegrig.hil.figures.results import Results
    from eegrig.hil.virtual.bench import VirtualBench
    from eegrig.host.link.board_link import BoardLink

__all__ = ["Trial", "compare_figures", "compare_trials", "observe", "run_both"]

_SIGMAS = 2.0
_RECORD_S = 4.0
# A port with one packet under way loses most of what it reads at such an interval, in both modes.
_OVERLOAD_INTERVAL_MS = 100.0
_OVERLOAD_AGREES = 0.05
_PACKETS_AGREE = 0.1
_HEAP_AGREES = 0.03
_STREAMED_PACKETS = 10
_PROMPT_S, _LOOK_S = 10.0, 0.01
_EVENT_S = 5.0
# From two seconds after the interval is short again nothing is lost any more.
_OVERLOADED_S, _RECOVERED_S, _RECOVERS_S = 1.5, 2.0, 5.0
_NOTHING = ("nothing", "nothing")
# How far an instruction's price is known: a margin is of each mode's own price.
_CPU_SPREAD = 0.2
_NOT_COMPARABLE = {
    "flash.time": "the exact mode flashes the runtime, too",
}


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A recording, as far as both modes must give the same."""

    codes: NDArray[np.int32]
    frames_lost: int
    packets: int


@dataclasses.dataclass(frozen=True)
class Trial:
    """What one mode did.

    Attributes
    ----------
    told : dict of str to str
        What the board says of itself.
    answers : list of (str, str)
        Commands in order, and what came back: a status, an event, or silence.
    recordings : dict of str to Recorded
        By rate and profile.
    overload_received : float
        Part of the frames that arrive at a connection interval that is too long.
    recovered_received : float
        Part of those from two seconds after it is short again.
    free_heap : dict of str to int
        Bytes that ``gc.mem_free()`` says after a collection, by where: at the prompt of a board on
        which nothing else has run (where a port has a way to it), and at that of a firmware which
        was interrupted while it streamed.
    """

    told: dict[str, str]
    answers: list[tuple[str, str]]
    recordings: dict[str, Recorded]
    overload_received: float
    recovered_received: float
    free_heap: dict[str, int] = dataclasses.field(default_factory=dict)


def observe(board: Board, runtime: Path | None, *, seed: int, seconds: float = _RECORD_S) -> Trial:
    """Flash a virtual board and take down what it does, in one of the modes.

    Parameters
    ----------
    board : Board
    runtime : Path or None
        For the exact mode; None: the fast one.
    seed : int
    seconds : float
        Length of each recording.
    """
    from eegrig.hil.virtual.bench import VirtualBench

    source = SignalFactory("resting", board, seed)
    with VirtualBench(board, seed=seed, make_source=source, runtime=runtime) as virtual:
        virtual.board.afe.repeat_at_start(seed)
        flash_and_identify(virtual.bench)
        return virtual.bench.run(_observe(virtual, seconds))


async def _observe(virtual: VirtualBench, seconds: float) -> Trial:
    rig, board = virtual.bench, virtual.bench.board
    recordings = {}
    async with linked(rig, interval_ms(rig)) as link:
        told = {
            name: str(value)
            for name, value in dataclasses.asdict(link.info).items()
            if name != "streams"
        }
        told["battery"] = f"{await link.battery_level()} %"
        answers = await _ask(link, virtual)
    for rate_sps in board.afe.rates_sps:
        for profile in Profile:
            async with linked(rig, interval_ms(rig, profile, rate_sps)) as link:
                await link.set_rate(rate_sps)
                recording = (await record(link, seconds, profile=profile)).electrodes
                recordings[f"{rate_sps} SPS, {_said(profile)}"] = Recorded(
                    recording.codes(),
                    recording.counters.frames_lost,
                    recording.counters.packets,
                )
                await link.set_rate(board.afe.default_rate_sps)
    async with linked(rig, _OVERLOAD_INTERVAL_MS) as link:
        received = (await record(link, seconds)).electrodes.received()
    return Trial(
        told,
        answers,
        recordings,
        float(received.mean()),
        await _recovered(rig),
        await _free_heap(virtual),
    )


async def _recovered(rig: Bench) -> float:
    """Shorten a connection interval that is too long; returns what part arrives two seconds later.

    Of the frames by their own count, which goes on while they are lost.
    """
    board = rig.board
    shortened = False

    async with linked(rig, _OVERLOAD_INTERVAL_MS) as link:
        start_ns = rig.clock.now_ns()
        changes: list[asyncio.Future[Any]] = []

        def look(_: object) -> None:
            nonlocal shortened
            if not shortened and rig.clock.now_ns() - start_ns > _OVERLOADED_S * 1e9:
                shortened = True
                change = rig.radio.set_link(phy=board.radio.phy, interval_ms=interval_ms(rig))
                changes.append(asyncio.ensure_future(change))

        recording = await record(link, _RECOVERS_S, on_block=look)
        await asyncio.gather(*changes)
    from_frame = round((_OVERLOADED_S + _RECOVERED_S) * board.afe.default_rate_sps)
    return float(recording.electrodes.received()[from_frame:].mean())


async def _free_heap(virtual: VirtualBench) -> dict[str, int]:
    """Return what ``gc.mem_free()`` says, by where."""
    rig, board = virtual.bench, virtual.board
    async with linked(rig, interval_ms(rig)) as link:
        await link.start()
        for _ in range(_STREAMED_PACKETS):
            await link.receive()
        board.console.log.clear()
        board.console.write(b"\x03")
        free = {"interrupted while it streams": await _free_at_prompt(virtual)}
    with contextlib.suppress(ConfigError):
        board.reset(safe_mode=True)
        board.console.log.clear()
        free["at the prompt"] = await _free_at_prompt(virtual)
    return free


async def _free_at_prompt(virtual: VirtualBench) -> int:
    console = virtual.board.console
    try:
        async with asyncio.timeout(_PROMPT_S):
            while not console.log.endswith(b">>> "):
                await asyncio.sleep(_LOOK_S)
            console.write(b"import gc; gc.collect(); print('free', gc.mem_free())\r")
            while (found := re.search(rb"free (\d+)\r", console.log)) is None:
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise BoardFault(
            f"{virtual.board.board.name} gave no prompt that answers within {_PROMPT_S:g} s; it "
            f"said last {bytes(console.log[-80:])!r}"
        ) from None
    return int(found[1])


async def _ask(link: BoardLink, virtual: VirtualBench) -> list[tuple[str, str]]:
    """Send every command, right and wrong, idle and while streaming, and take down the answers."""
    answers: list[tuple[str, str]] = []

    async def ask(what: str, encode: Callable[[int], bytes]) -> None:
        try:
            response = await link.command(encode, what)
            # The device's time is its own.
            detail = None if response.opcode & 0x7F == Opcode.PING else response.detail
            answer = "OK" if detail is None else f"OK, {detail:#x}"
        except BoardStatusError as error:
            answer = f"{error.status.name}, {error.detail}"
        except BoardEventError as error:
            answer = f"event {error.code.name}"
        except EegrigError as error:
            answer = type(error).__name__
        answers.append((what, answer))

    def commands(when: str) -> Sequence[tuple[str, Callable[[int], bytes]]]:
        wrong = 123
        return [
            (f"{when}: PING", lambda tag: bytes((Opcode.PING, tag))),
            (f"{when}: unknown opcode", lambda tag: bytes((0x3F, tag))),
            (f"{when}: PING too long", lambda tag: bytes((Opcode.PING, tag, 0))),
            (f"{when}: START too short", lambda tag: bytes((Opcode.START, tag, 1))),
            (
                f"{when}: SET_RATE {wrong}",
                lambda tag: bytes((Opcode.SET_RATE, tag)) + wrong.to_bytes(2, "little"),
            ),
            (f"{when}: TEST_SIGNAL 9", lambda tag: bytes((Opcode.TEST_SIGNAL, tag, 9))),
            (
                f"{when}: TEST_SIGNAL shorted",
                lambda tag: bytes((Opcode.TEST_SIGNAL, tag, TestSignal.SHORTED)),
            ),
            (
                f"{when}: TEST_SIGNAL normal",
                lambda tag: bytes((Opcode.TEST_SIGNAL, tag, TestSignal.NORMAL)),
            ),
            (f"{when}: IMPEDANCE 1", lambda tag: bytes((Opcode.IMPEDANCE, tag, 1))),
            (f"{when}: IMPEDANCE 0", lambda tag: bytes((Opcode.IMPEDANCE, tag, 0))),
            (f"{when}: SLEEP 0", lambda tag: bytes((Opcode.SLEEP, tag, 0, 0))),
        ]

    def start(tag: int) -> bytes:
        return (
            bytes((Opcode.START, tag)) + (link.parameters.mtu - 3).to_bytes(2, "little") + b"\0\0"
        )

    def stop(tag: int) -> bytes:
        return bytes((Opcode.STOP, tag))

    for what, encode in commands("idle"):
        await ask(what, encode)
    await ask("idle: STOP", stop)
    await ask("idle: START", start)
    for what, encode in [*commands("streaming"), ("streaming: START", start)]:
        await ask(what, encode)
    virtual.board.afe.lose()
    try:
        async with asyncio.timeout(_EVENT_S):
            while True:
                await link.receive()
    except TimeoutError:
        answers.append(("streaming: the front end stops", "nothing"))
    except EegrigError as error:
        code = error.code.name if isinstance(error, BoardEventError) else type(error).__name__
        answers.append(("streaming: the front end stops", f"event {code}"))
    await ask("front end lost: START", start)
    virtual.board.afe.restore()
    await ask("front end back: START", start)
    await ask("streaming: STOP", stop)
    await link.refresh_info()
    answers.append(("state at the end", link.info.state.name))
    return answers


def compare_trials(fast: Trial, exact: Trial) -> list[Row]:
    """Compare what must be equal.

    Parameters
    ----------
    fast, exact : Trial

    Returns
    -------
    list of Row
    """
    # What only one of them has is a difference, too.
    rows = []
    for name in fast.told | exact.told:
        said = [trial.told.get(name, "nothing") for trial in (fast, exact)]
        rows.append(Row(f"board says: {name}", said[0], said[1], said[0] == said[1], "equal"))
    for one, other in itertools.zip_longest(fast.answers, exact.answers, fillvalue=_NOTHING):
        rows.append(Row(one[0], one[1], other[1], one == other, "equal"))
    for name, modelled in fast.recordings.items():
        counted = exact.recordings[name]
        differing = _differing(modelled.codes, counted.codes)
        same = f"{modelled.codes.size} samples"
        rows += [
            Row(f"{name}: samples", same, f"{differing} differ", not differing, "equal to the bit"),
            Row(f"{name}: frames lost", str(modelled.frames_lost), str(counted.frames_lost),
                modelled.frames_lost == counted.frames_lost, "equal"),
            Row(f"{name}: packets", str(modelled.packets), str(counted.packets),
                abs(modelled.packets - counted.packets) <= _PACKETS_AGREE * modelled.packets,
                f"within {100 * _PACKETS_AGREE:g} %"),
        ]  # fmt: skip
    received = fast.overload_received, exact.overload_received
    shown = [f"{100 * part:.1f} %" for part in received]
    rows.append(
        Row(
            f"beyond capacity ({_OVERLOAD_INTERVAL_MS:g} ms): frames received",
            shown[0],
            shown[1],
            abs(received[0] - received[1]) <= _OVERLOAD_AGREES,
            f"within {100 * _OVERLOAD_AGREES:g} % of the frames",
        )
    )
    recovered = fast.recovered_received, exact.recovered_received
    shown = [f"{100 * part:.1f} %" for part in recovered]
    rows.append(
        Row(
            f"from {_RECOVERED_S:g} s after the interval is short again: frames received",
            shown[0],
            shown[1],
            recovered == (1.0, 1.0),
            "all in both",
        )
    )
    for where in fast.free_heap | exact.free_heap:
        heaps = [trial.free_heap.get(where) for trial in (fast, exact)]
        shown = ["nothing" if free is None else f"{free} B" for free in heaps]
        agrees = _heaps_agree(*heaps)
        rule = f"within {100 * _HEAP_AGREES:g} %"
        rows.append(Row(f"free heap, {where}", shown[0], shown[1], agrees, rule))
    return rows


def _heaps_agree(fast: int | None, exact: int | None) -> bool:
    if fast is None or exact is None:
        return fast == exact
    return abs(fast - exact) <= _HEAP_AGREES * exact


def compare_figures(fast: Results, exact: Results) -> list[Row]:
    """Compare the figures of two runs of the suites, by their uncertainties.

    Parameters
    ----------
    fast, exact : Results

    Returns
    -------
    list of Row
        A figure agrees if it differs by no more than two standard uncertainties of the difference,
        and meets its target in both modes or in neither. A margin of the processor is one of the
        mode's own price of an instruction, which is uncertain besides.
    """
    rows = _ran(fast, exact)
    rows += [
        Row(
            figure.name,
            "none",
            _shown(figure.value, figure.unit),
            agrees=False,
            rule="there in both, or in neither",
        )
        for figure in exact.figures
        if fast.figure(figure.name) is None
    ]
    for figure in fast.figures:
        other = exact.figure(figure.name)
        agrees, rule = _judged(figure, other)
        shown = [_shown(each.value if each else None, figure.unit) for each in (figure, other)]
        rows.append(Row(figure.name, shown[0], shown[1], agrees, rule))
    return rows


def _ran(fast: Results, exact: Results) -> list[Row]:
    """Say what ran: the model of a build, with what it has beyond stock, and a binary."""
    if fast.runtime is None or exact.runtime is None:
        return []
    build = f"{fast.runtime.build} ({fast.runtime.port})"
    beyond = fast.runtime.beyond_stock or "nothing"
    binary = f"binary {exact.runtime.sha256[:12]}".strip()
    rule = "what the board is for, and what was run"
    return [Row(f"MicroPython {build}; beyond stock: {beyond}", "model", binary, None, rule)]


def _judged(fast: Figure, exact: Figure | None) -> tuple[bool | None, str]:
    """Say whether a figure agrees, and by which rule."""
    if fast.name in _NOT_COMPARABLE:
        return None, _NOT_COMPARABLE[fast.name]
    if exact is None or fast.value is None or exact.value is None:
        neither = exact is not None and fast.value is None and exact.value is None
        return neither, "there in both, or in neither"
    if fast.uncertainty is None or exact.uncertainty is None:
        return None, "no uncertainty is stated"
    allowed = _SIGMAS * math.hypot(fast.uncertainty, exact.uncertainty)
    if fast.name == "processor.margin":
        allowed += _CPU_SPREAD * fast.value
    met = [each.verdict in (None, "pass", "marginal") for each in (fast, exact)]
    agrees = abs(fast.value - exact.value) <= allowed and met[0] == met[1]
    return agrees, f"within {_shown(allowed, fast.unit)}"


def run_both(name: str, runtime: Path, out: Path, *, seed: int, seconds: float) -> list[Row]:
    """Run everything in both modes.

    Parameters
    ----------
    name : str
        Of the board, or the path of its ``board.toml``.
    runtime : Path
    out : Path
        Gets a folder of a run for each mode.
    seed : int
    seconds : float
        Length of the suites' recordings.

    Returns
    -------
    list of Row

    Raises
    ------
    ConfigError
        If the board is none for the exact mode.
    """
    from eegrig.hil.figures.results import Results

    board = load_board(name)
    trials = [observe(board, each, seed=seed) for each in (None, runtime)]
    rows = compare_trials(*trials)
    results = []
    for mode, each in (("fast", None), ("exact", runtime)):
        request = RunRequest(
            board=name,
            out=out / mode,
            seconds=seconds,
            seed=seed,
            runtime=each,
            repeat=True,
            brief=True,
        )
        run_suites(request, quiet=True)
        results.append(Results.load(out / mode))
    return rows + compare_figures(*results)


def _differing(one: NDArray[Any], other: NDArray[Any]) -> int:
    if one.shape != other.shape:
        return max(one.size, other.size)
    return int(np.count_nonzero(one != other))


def _said(profile: Profile) -> str:
    return profile.name.lower().replace("_", " ")


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if unit == "1" else f"{value:.4g} {unit}"
