"""A bench made of models, in one process and one virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import zlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, get_args

import numpy as np

from eegrig.boards import Board
from eegrig.boards.errors import ConfigError, EegrigError, InfrastructureError
from eegrig.hil.bench import Bench, Capability, RuleCheck, SourceFactory
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board import FastBoard, VirtualBoard
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.computer_radio.central import Central
from eegrig.hil.virtual.computer_radio.stranger import VirtualStranger
from eegrig.hil.virtual.micropython.process import micropython_executable
from eegrig.host.process.interruption import held

__all__ = ["CAPABILITIES", "VirtualBench", "VirtualFaults", "VirtualProcessor", "one_cpu"]

T = TypeVar("T")

CAPABILITIES = frozenset(get_args(Capability))
"""A model can do whatever a test may need."""


class VirtualBench:
    """Everything a suite needs, without hardware.

    Use it as a context manager; `bench` is what the suites see.

    Parameters
    ----------
    board : Board
    seed : int
        The same seed gives the same run, to the bit.
    occasion : str
        What the bench is set up for. Two occasions have the same board and signal, and another
        noise, another radio and other random numbers; no occasion is one, too.
    directory : Path or None
        Where the chip's memories are kept; None for a directory that goes when the bench closes.
    make_source : SourceFactory or None
        Makes the signal source for a rate in samples per second; None leaves the electrodes at 0 V.
    make_light : SourceFactory or None
        The same for the photodiodes of a board that has some, in amperes.
    firmware_dir : Path or None
        Firmware sources; None for eegrig's own.
    runtime : Path or None
        A stock MicroPython for the board, which its chip then runs itself (exact mode); None runs
        the firmware in a MicroPython of this computer (fast mode).
    symbols : mapping of int to str or None
        The runtime's functions by address, to say where it went wrong.
    cpu : int or None
        Which CPU it keeps to, as `one_cpu` takes it; None for one by the process's number, so that
        benches in processes of their own do not share one.

    Attributes
    ----------
    bench : Bench
    loop : VirtualLoop
    air : Air
    central : Central
        The computer's radio.
    board : VirtualBoard
    """

    def __init__(
        self,
        board: Board,
        *,
        seed: int = 0,
        occasion: str = "",
        directory: Path | None = None,
        make_source: SourceFactory | None = None,
        make_light: SourceFactory | None = None,
        firmware_dir: Path | None = None,
        cpu: int | None = None,
        runtime: Path | None = None,
        symbols: Mapping[int, str] | None = None,
    ) -> None:
        if runtime is None:
            micropython_executable()  # what is missing is said before anything is flashed
        self._exit = contextlib.ExitStack()
        if directory is None:
            directory = Path(
                self._exit.enter_context(tempfile.TemporaryDirectory(prefix="eegrig-bench-"))
            )
        self._exit.enter_context(one_cpu(os.getpid() if cpu is None else cpu))
        self.loop = VirtualLoop()
        self._exit.callback(self.loop.close)
        rng = np.random.default_rng(seed)
        self.air = Air(self.loop, seed=_seed_of(seed, occasion) if occasion else seed)
        self.central = Central(self.air)
        make: Callable[..., VirtualBoard] = FastBoard if runtime is None else _exact_board(symbols)
        self.board = make(board, loop=self.loop, air=self.air, directory=directory, rng=rng)
        self._exit.callback(self.board.close)
        if occasion:
            self.board.draw_noise_from(np.random.default_rng(_seed_of(seed, occasion)))
        if make_source is not None:
            self.board.source.play_made(make_source)
        if make_light is not None and self.board.light is not None:
            self.board.light.play_made(make_light)
        processor = VirtualProcessor(self.board)
        self.bench = Bench(
            name="virtual",
            board=board,
            clock=self.loop,
            probe=self.board.probe_id,
            console=self.board.console.url,
            radio=self.central,
            power=self.board.meter,
            source=self.board.source,
            light=self.board.light,
            faults=VirtualFaults(self),
            capabilities=CAPABILITIES,
            provenance="simulated",
            run=self._run,
            reset=self.board.reset,
            flash_clock_ns=lambda: self.board.chip.elapsed_ns,
            rules=processor.rules_as_it_is,
            processor=processor,
            stranger=VirtualStranger(self.air),
            seed=seed,
            firmware_dir=firmware_dir,
            runtime=runtime,
            mode=self.board.mode,
            rests_on=self.board.rests_on,
            notes=lambda: self.board.notes,
        )

    def _run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; a model that fails meanwhile ends it."""
        failures: list[BaseException] = []
        task = self.loop.create_task(main)

        def failed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            error = context.get("exception")
            if error is None or "future" in context or "task" in context:
                loop.default_exception_handler(context)
                return
            failures.append(error)
            task.cancel()

        self.loop.set_exception_handler(failed)
        try:
            # Ctrl-C in the middle of a model would leave it half done, and its firmware waiting for
            # an answer for ever. It cancels what is run instead, as asyncio's own runner does.
            with held(task.cancel):
                return self.loop.run_until_complete(task)
        except asyncio.CancelledError:
            if not failures:
                raise
            error = failures[0]
            if isinstance(error, EegrigError):
                raise error from None
            what = f"{type(error).__name__}: {error}".split("\n")[0]
            raise InfrastructureError(
                f"the virtual bench failed at {self.loop.time():.6f} s, a model is wrong: {what}"
            ) from error
        finally:
            self.loop.set_exception_handler(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Switch everything off."""
        with contextlib.suppress(RuntimeError):
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self._exit.close()


def _seed_of(seed: int, occasion: str) -> int:
    """Return the seed of one occasion of a run."""
    mixed = np.random.SeedSequence([seed, zlib.crc32(occasion.encode())])
    return int(mixed.generate_state(1)[0])


def _exact_board(symbols: Mapping[int, str] | None) -> Callable[..., VirtualBoard]:
    from eegrig.hil.virtual.board.exact_board import ExactBoard

    return partial(ExactBoard, symbols=symbols)


class VirtualFaults:
    """What can be broken on a virtual bench; a `hil.bench.Faults`.

    Parameters
    ----------
    bench : VirtualBench
    """

    def __init__(self, bench: VirtualBench) -> None:
        self._bench = bench

    def packet_error_rate(self, probability: float) -> None:
        """Lose or corrupt this fraction of packets, in both directions."""
        self._bench.air.packet_error_rate = probability

    def central_vanishes(self) -> None:
        """Take the computer's radio out of reach without a goodbye."""
        self._bench.central.vanish()

    def central_returns(self) -> None:
        """Bring it back."""
        self._bench.central.come_back()

    def keep_default_mtu(self, keep: bool) -> None:
        """Let the computer stay at an ATT MTU of 23."""
        self._bench.central.keep_default_mtu = keep

    def afe_lost(self) -> None:
        """Make the front end stop converting (no DRDY any more)."""
        self._bench.board.afe.lose()

    def afe_restored(self) -> None:
        """Let it work again."""
        self._bench.board.afe.restore()

    def afe_identity(self, identity: int | None) -> None:
        """Let the front end answer with this ID; None for its own."""
        self._bench.board.afe.set_identity(identity)

    def lead_off(self, channel: str) -> None:
        """Disconnect an electrode."""
        self._set_electrode(channel, None)

    def electrode(self, channel: str, impedance_ohm: float) -> None:
        """Give an electrode this impedance, in ohms."""
        self._set_electrode(channel, impedance_ohm)

    def _set_electrode(self, channel: str, impedance_ohm: float | None) -> None:
        if channel not in self._bench.bench.board.afe.channels:
            raise ConfigError(
                f"the board has no electrode {channel!r}; it has "
                f"{', '.join(self._bench.bench.board.afe.channels)}"
            )
        self._bench.board.afe.set_electrode(channel, impedance_ohm)

    def leak(self, current_a: float) -> None:
        """Draw a constant current from the digital rail."""
        self._bench.board.ledger.leak(self._bench.loop.now_ns(), current_a)

    def battery(self, volts: float) -> None:
        """Give the cell this open-circuit voltage, in volts."""
        self._bench.board.ledger.battery_v = volts

    def hang(self) -> None:
        """Let the firmware stop where it is."""
        self._bench.board.hang()

    def brown_out(self) -> None:
        """Take the power away for a tenth of a second."""
        self._bench.board.supply.brown_out()

    def clock_drift(self, ppm: float) -> None:
        """Let the front end's oscillator run fast by so many parts per million."""
        self._bench.board.afe.drift(ppm)


class VirtualProcessor:
    """What the suites may ask of a board's modelled processor.

    Parameters
    ----------
    board : VirtualBoard
    """

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board
        self._factor = 1.0
        # What was seen until the last restart, and which part of it on another processor.
        self._seen = self._another = RuleCheck(0, ())

    def rules(self) -> RuleCheck:
        """Return what was seen of the front ends' data sheets being followed since `restart`."""
        return self._board.rules().since(self._seen)

    def rules_as_it_is(self) -> RuleCheck:
        """Return what was seen of them so far, but on other processors than it is.

        What one of those has no time for says nothing of this one.
        """
        seen = self._board.rules() if self._factor == 1.0 else self._seen
        return seen.since(self._another)

    @property
    def spread(self) -> float:
        """Factor of one sigma by which a real one may be slower, or faster, than the model."""
        return self._board.cpu_spread

    def restart(self, factor: float) -> None:
        """Reset the board; from then on everything takes the processor `factor` times as long.

        Raises
        ------
        ValueError
            If the factor is not positive.
        """
        if not factor > 0:
            raise ValueError(f"a processor cannot be {factor} times slower: give a positive factor")
        as_it_is = self.rules_as_it_is()
        self._board.set_slowdown(factor)
        self._board.reset()
        self._factor = factor
        self._seen = self._board.rules()
        self._another = self._seen.since(as_it_is)


@contextlib.contextmanager
def one_cpu(which: int = 0) -> Iterator[None]:
    """Keep simulator and interpreter on one CPU: their exchange is several times faster then.

    Parameters
    ----------
    which : int
        Any number; the same one gives the same CPU.
    """
    try:
        before = os.sched_getaffinity(0)
    except (AttributeError, OSError):
        yield
        return
    try:
        os.sched_setaffinity(0, {sorted(before, reverse=True)[which % len(before)]})
        yield
    finally:
        os.sched_setaffinity(0, before)
