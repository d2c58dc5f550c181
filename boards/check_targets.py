"""Whether what a board promises are figures that somebody takes, in their unit and direction."""

from __future__ import annotations

from collections.abc import Mapping

from eegrig.boards.errors import ConfigError
from eegrig.boards.figures import Catalogue
from eegrig.boards.schema import Target

__all__ = ["check_targets"]

_BETTER = {
    "max": "lower is better",
    "min": "higher is better",
    "within": "it has a sign and is good near zero",
}


def check_targets(targets: Mapping[str, Target], catalogue: Catalogue) -> None:
    """Hold targets against the catalogue of figures.

    Raises
    ------
    boards.errors.ConfigError
        If a target is none of a figure, or in another unit, or limits the good side of it.
    """
    for name, target in targets.items():
        key = f'targets."{name}"'
        figure = catalogue.find(name)
        if figure is None:
            raise ConfigError(f"{key}: {catalogue.unknown(name)}")
        if target.unit != figure.unit:
            raise ConfigError(
                f"{key}.unit: expected {figure.unit}, the unit of the figure, got {target.unit};"
                " write the limit in it"
            )
        if figure.kind is not None and target.kind != figure.kind:
            raise ConfigError(
                f"{key}.kind: expected {figure.kind}, because {_BETTER[figure.kind]},"
                f" got {target.kind}"
            )
        if target.kind == "within" and target.limit < 0:
            raise ConfigError(
                f"{key}.limit: expected how far from zero the figure may be, got {target.limit:g};"
                " write it without a sign"
            )
