"""One virtual board on a bench made anew for each occasion: no test sees what another one left."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from eegrig.boards import Board
from eegrig.boards.assumed import Assumed
from eegrig.boards.errors import ConfigError
from eegrig.hil.bench import Bench, Seen, SourceFactory
from eegrig.hil.virtual.bench import CAPABILITIES, VirtualBench
from eegrig.hil.virtual.board import FastBoard

__all__ = ["VirtualBenches"]

_FLASH = "flash"


class VirtualBenches:
    """Benches for one virtual board; a `hil.bench.Benches`, and a context manager.

    The same seed and occasion give the same, to the bit, whatever other occasions there were. The
    board is the same on every bench, down to the errors of its parts, and the signal begins anew.

    Parameters
    ----------
    board : Board
    seed : int
    make_source, make_light : SourceFactory or None
        As for `VirtualBench`.
    firmware_dir, runtime : Path or None
        As for `VirtualBench`.
    symbols : mapping of int to str or None
        As for `VirtualBench`.
    repeat : bool
        Let signal and noise begin anew whenever conversions start.
    """

    name = "virtual"
    capabilities = CAPABILITIES
    provenance: Literal["measured", "simulated"] = "simulated"

    def __init__(
        self,
        board: Board,
        *,
        seed: int = 0,
        make_source: SourceFactory | None = None,
        make_light: SourceFactory | None = None,
        firmware_dir: Path | None = None,
        runtime: Path | None = None,
        symbols: Mapping[int, str] | None = None,
        repeat: bool = False,
    ) -> None:
        self.board = board
        self.seed = seed
        self.signal = "nothing (0 V)" if make_source is None else make_source.description
        self.mode: Literal["fast", "exact"] = "fast" if runtime is None else "exact"
        self._make_source = make_source
        self._make_light = make_light
        self._firmware_dir = firmware_dir
        self._runtime = runtime
        self._symbols = symbols
        self._repeat = repeat
        self._folder = tempfile.TemporaryDirectory(prefix="eegrig-benches-")
        self._root = Path(self._folder.name)
        self._under_way: tuple[str, VirtualBench, Path] | None = None
        self._seen: dict[str, Seen] = {}

    @property
    def rests_on(self) -> tuple[Assumed, ...]:
        """What is assumed of the way the board runs its firmware."""
        if self._runtime is None:
            return FastBoard.rests_on
        from eegrig.hil.virtual.board.exact_board import ExactBoard

        return ExactBoard.rests_on

    @contextlib.contextmanager
    def fresh(self, occasion: str, *, flashed: bool) -> Iterator[Bench]:
        """Set up a bench whose clock is at 0; see `Benches.fresh`."""
        if self._under_way is not None:
            raise ConfigError(
                f"{self.board.name} is on a bench already, for {self._under_way[0]!r}: take it off "
                "before; what tests share is taken by a fixture of their scope, ahead of `rig`"
            )
        directory = self._root / "bench"
        if flashed:
            shutil.copytree(self._root / _FLASH, directory)
        try:
            with VirtualBench(
                self.board,
                seed=self.seed,
                occasion=occasion,
                directory=directory,
                make_source=self._make_source,
                make_light=self._make_light,
                firmware_dir=self._firmware_dir,
                runtime=self._runtime,
                symbols=self._symbols,
            ) as virtual:
                if self._repeat:
                    virtual.board.afe.repeat_at_start(self.seed)
                self._under_way = occasion, virtual, directory
                try:
                    yield virtual.bench
                finally:
                    self._look(occasion, virtual)
                    self._under_way = None
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _look(self, occasion: str, virtual: VirtualBench) -> None:
        """Keep what was seen; an occasion that comes again is told apart."""
        again = sum(name == occasion or name.startswith(f"{occasion}, ") for name in self._seen)
        name = f"{occasion}, {again + 1}" if again else occasion
        rules = virtual.bench.rules
        self._seen[name] = Seen(None if rules is None else rules(), tuple(virtual.board.notes))

    def keep(self, bench: Bench) -> None:
        """Give each bench from now on the flash memory that the board on this one has."""
        if self._under_way is None or self._under_way[1].bench is not bench:
            raise ConfigError("the bench has been taken down: keep its flash memory before")
        shutil.rmtree(self._root / _FLASH, ignore_errors=True)
        # What programs it writes through to the files at once.
        shutil.copytree(
            self._under_way[2], self._root / _FLASH, ignore=shutil.ignore_patterns("lock")
        )

    def seen(self) -> Mapping[str, Seen]:
        """Return what was seen so far, by occasion."""
        return dict(self._seen)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._folder.cleanup()
