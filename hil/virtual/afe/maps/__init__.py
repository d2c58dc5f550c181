"""The register map of each front end the rig has a model of."""

from __future__ import annotations

from eegrig.boards.errors import ConfigError
from eegrig.hil.virtual.afe.maps import ads1292r, ads1298, ads1299
from eegrig.hil.virtual.afe.registers import RegisterMap

__all__ = ["MAPS", "register_map"]

MAPS: dict[str, RegisterMap] = {m.part: m for m in (ads1292r.MAP, ads1298.MAP, ads1299.MAP)}
"""Maps by the name of the part file."""


def register_map(part: str) -> RegisterMap:
    """Return the register map of a part.

    Raises
    ------
    boards.errors.ConfigError
        If the rig has no model of it.
    """
    try:
        return MAPS[part]
    except KeyError:
        raise ConfigError(
            f"afe.part: no model of {part}; there are models of {', '.join(sorted(MAPS))}"
        ) from None
