"""The benches that a rig's name stands for, ready for a board."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from eegrig.boards import Board
from eegrig.boards.errors import ConfigError
from eegrig.hil.bench import Capability
from eegrig.hil.benches import Benches
from eegrig.hil.signal_factory import SignalFactory, light_factory
from eegrig.host.runtime.runtime_file import read_runtime

__all__ = ["capabilities_of", "open_benches"]


def capabilities_of(rig: str) -> frozenset[str]:
    """Return what a bench can do, without setting it up.

    Raises
    ------
    ConfigError
        If there is no such bench.
    """
    if rig != "sim":
        raise ConfigError(
            f"--rig {rig}: only the virtual bench (--rig sim) can be set up by this version; a "
            "bench of instruments is not built yet"
        )
    return frozenset(get_args(Capability))


@contextlib.contextmanager
def open_benches(
    rig: str,
    board: Board,
    *,
    seed: int = 0,
    signal: str = "resting",
    assign: Sequence[str] = (),
    firmware_dir: str | Path | None = None,
    runtime: str | Path | None = None,
    repeat: bool = False,
) -> Iterator[Benches]:
    """Make ready the benches that `rig` names.

    Parameters
    ----------
    rig : str
        ``sim``, or the path of a ``bench.toml``.
    board : Board
    seed : int
    signal : str
        A scene of `signal_sim`, or the path of a recording.
    assign : sequence of str
        Channels of the recording chosen by hand, each ``"ELECTRODE=LABEL"``.
    firmware_dir : str or Path or None
        Firmware sources; None for eegrig's own.
    runtime : str or Path or None
        A stock MicroPython that the board's chip is to run itself; None for the fast mode.
    repeat : bool
        Let signal and noise begin anew whenever conversions start, so that two ways of running the
        same firmware can be compared.

    Yields
    ------
    Benches

    Raises
    ------
    ConfigError
        If there is no such bench or signal.
    """
    capabilities_of(rig)
    make_source = SignalFactory(signal, board, seed, assign=assign)
    folder = None if firmware_dir is None else Path(firmware_dir)
    try:
        from eegrig.hil.virtual.benches import VirtualBenches
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the virtual bench needs {error.name}: install eegrig[virtual]"
        ) from None
    with VirtualBenches(
        board,
        seed=seed,
        make_source=make_source,
        make_light=light_factory(board, seed),
        firmware_dir=folder,
        runtime=None if runtime is None else Path(runtime),
        symbols=None if runtime is None else _functions(Path(runtime), board),
        repeat=repeat,
    ) as virtual:
        yield virtual


def _functions(runtime: Path, board: Board) -> dict[int, str]:
    """Return the functions of a runtime by address, if its file names them."""
    return {symbol.address: symbol.name for symbol in read_runtime(runtime, board).symbols}
