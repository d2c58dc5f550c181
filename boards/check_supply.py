"""That a board's converters follow one another and give its parts voltages they can live with."""

from __future__ import annotations

from eegrig.boards.errors import ConfigError
from eegrig.boards.part import Part
from eegrig.boards.part_library import find_part, load_part
from eegrig.boards.schema import Board

__all__ = ["check_supply"]


def check_supply(board: Board) -> None:
    """Compare the supply with itself and with what the parts need.

    Raises
    ------
    boards.errors.ConfigError
        On the first contradiction.
    """
    supply = board.supply
    find_part("supply.mcu", supply.mcu, ("buck", "ldo"))
    for rail in ("input", "afe", "optics"):
        _check_chain(rail, getattr(supply, rail), getattr(supply, f"{rail}_v"))
    find_part("supply.charger", supply.charger, ("charger",))
    mcu, afe = load_part(board.mcu.part), load_part(board.afe.part)
    _check_rail("supply.mcu_v", supply.mcu_v, mcu, "vdd")
    _check_rail("supply.mcu_v", supply.mcu_v, afe, "dvdd")
    where = f"supply.afe_v[{len(supply.afe) - 1}]" if supply.afe else "supply.mcu_v"
    _check_rail(where, supply.avdd_v, afe, "avdd")
    if (board.optics is not None) != bool(supply.optics):
        raise ConfigError(
            "supply.optics: expected the converters of the optical front end if and only if there"
            " is an [optics] section"
        )
    if board.optics is not None:
        where = f"supply.optics_v[{len(supply.optics) - 1}]"
        _check_rail(where, supply.optics_v[-1], load_part(board.optics.part), "avdd")


def _check_chain(rail: str, names: list[str], output_v: list[float]) -> None:
    if len(names) != len(output_v):
        raise ConfigError(
            f"supply.{rail}_v: expected one output voltage for each converter of supply.{rail}"
            f" ({len(names)}), got {len(output_v)}"
        )
    for index, (name, volts) in enumerate(zip(names, output_v, strict=True)):
        part = find_part(f"supply.{rail}[{index}]", name, ("boost", "ldo", "buck"))
        if part.kind != "ldo" or index == 0:
            continue
        needed_v = volts + part["dropout"].si
        if output_v[index - 1] < needed_v:
            raise ConfigError(
                f"supply.{rail}_v[{index - 1}]: expected at least {needed_v:g} V, the output of"
                f" {name} and its dropout, got {output_v[index - 1]:g}"
            )


def _check_rail(where: str, volts: float, part: Part, key: str) -> None:
    """Refuse a supply outside a part's limits."""
    lowest, highest = part[f"{key}_min"].si, part[f"{key}_max"].si
    if not lowest <= volts <= highest:
        raise ConfigError(
            f"{where}: expected {lowest:g} to {highest:g} V, the {key.upper()} of {part.name},"
            f" got {volts:g}"
        )
