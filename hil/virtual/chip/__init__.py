"""Virtual microcontrollers: flash memory, a core that runs real code, and a debug port.

Importing this package is cheap; Unicorn comes with the first chip that is opened.

>>> from eegrig.hil.virtual.chip import open_chip
>>> chip = open_chip("nrf52840")
>>> chip.held, chip.elapsed_ns
(False, 0)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards.errors import ConfigError

if TYPE_CHECKING:
    from eegrig.hil.virtual.chip.chip import Chip

__all__ = ["MODELLED_PARTS", "open_chip"]

MODELLED_PARTS = frozenset({"nrf52840", "stm32wb55"})
"""Names of the parts, as in ``board.toml``'s ``mcu.part``, that have a model."""


def open_chip(part: str, directory: Path | None = None, *, seed: str = "") -> Chip:
    """Open a virtual chip.

    Parameters
    ----------
    part : str
        Name of the part, one of `MODELLED_PARTS`.
    directory : Path or None
        Where its memories are kept; None keeps them in this process.
    seed : str
        Decides the chip's own identity (device ID, radio address).

    Raises
    ------
    ConfigError
        If there is no model of the part.
    InfrastructureError
        If another process holds the directory.
    """
    if part not in MODELLED_PARTS:
        known = ", ".join(sorted(MODELLED_PARTS))
        raise ConfigError(f"there is no virtual chip for {part!r}; there is one for {known}")
    if part == "stm32wb55":
        from eegrig.hil.virtual.chip.stm32wb55 import Stm32wb55

        return Stm32wb55(directory, seed=seed)
    from eegrig.hil.virtual.chip.nrf52840 import Nrf52840

    return Nrf52840(directory, seed=seed)
