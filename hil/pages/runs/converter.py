"""What a chip's step-down converter would save, which MicroPython's port never switches on.

The ledger adds up a second of sampling: the front end converts, the processor takes its time for
every frame (`hil.pages.runs.rates`) and waits, plainly or in light sleep. No radio. For boards
whose part has a twin in ``boards/parts``, the same chip with the converter on.
"""

from __future__ import annotations

from collections.abc import Callable

from eegrig.boards import Board, Part, list_parts, load_board, load_part
from eegrig.hil.pages.runs.ledger_bench import LedgerBench
from eegrig.hil.pages.stored import Figures, StoredFigure
from eegrig.hil.virtual.afe.power import AfeState
from eegrig.hil.virtual.power.ledger import PowerLedger

__all__ = ["converter", "has_converter"]

_TWIN = "-smps"
_SECOND_NS = 1_000_000_000


def has_converter(board: Board) -> bool:
    """Say whether a board's chip has a converter that is left off."""
    return board.mcu.part + _TWIN in list_parts()


def converter(name: str, frame_time_s: float) -> Figures:
    """Add up a second with the converter off and on.

    Parameters
    ----------
    name : str
    frame_time_s : float
        Processor time a frame.

    Returns
    -------
    dict of str to StoredFigure
        ``converter.off.waiting``, ``.off.light_sleep``, ``.on.waiting`` and ``.on.light_sleep``:
        power at the battery.
    """
    board = load_board(name)
    found: Figures = {}
    for key, find_part in (("off", load_part), ("on", _with_converter(board.mcu.part))):
        for waiting, light in (("waiting", False), ("light_sleep", True)):
            power_w = _second(board, find_part, frame_time_s, light=light)
            found[f"converter.{key}.{waiting}"] = StoredFigure.of(power_w, "W")
    return found


def _with_converter(part: str) -> Callable[[str], Part]:
    return lambda name: load_part(part + _TWIN if name == part else name)


def _second(
    board: Board, find_part: Callable[[str], Part], frame_time_s: float, *, light: bool
) -> float:
    rate_sps = board.afe.default_rate_sps
    busy_ns = round(frame_time_s * 1e9)

    def report(ledger: PowerLedger) -> None:
        ledger.afe(0, AfeState("on", len(board.afe.channels)))
        for frame in range(rate_sps):
            start_ns = frame * _SECOND_NS // rate_sps
            ledger.mcu.set_sleep(start_ns, "idle")
            ledger.mcu.active(start_ns, busy_ns)
            if light:
                ledger.mcu.set_sleep(start_ns + busy_ns, "light")

    bench = LedgerBench(board, find_part=find_part)
    return bench.capture(report, _SECOND_NS).energy_j["total"]
