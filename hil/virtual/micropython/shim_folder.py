"""The folder in which a board's MicroPython finds the shim, laid out when the process starts.

The module ``_board`` of it, which links the interpreter to the simulator, is put together of the
files in ``shim/board``, with the numbers of the exchange, which are `rpc`'s. It is one module to
MicroPython, and not one for each idea, for two reasons. What its functions share (local time, whose
turn it is, what waits) they look up several dozen times in a frame, and a name of another module is
looked up twice: more than 2 % of the processor time of streaming. And the interpreter keeps every
name it has seen in a store, whose growth is charged to whoever uses a new name: new ones in the
shim, and even the same ones in another order, move what the firmware pays for its own (a run with
one seed is another then). For that reason ``shared`` has the state of all the files, and their
order is that of the names.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from eegrig.hil.virtual.micropython import rpc

__all__ = ["BOARD_PARTS", "board_module", "lay_out_shim"]

SHIM: Final = Path(__file__).parent / "shim"
BOARD_PARTS: Final = (
    "frame",
    "shared",
    "slots",
    "turn",
    "interrupts",
    "callbacks",
    "waiting",
    "keyboard",
    "cpu_time",
)
"""The files of ``_board`` in their order."""
_NUMBERS: Final = "# NUMBERS\n"


def lay_out_shim(folder: Path) -> None:
    """Make the folder."""
    folder.mkdir()
    for file in SHIM.glob("*.py"):
        (folder / file.name).symlink_to(file)
    (folder / "_board.py").write_text(board_module())


@lru_cache(maxsize=1)
def board_module() -> str:
    """Return the source of ``_board``."""
    parts = ((SHIM / "board" / f"{name}.py").read_text() for name in BOARD_PARTS)
    return "\n\n".join(parts).replace(_NUMBERS, rpc.for_shim())
