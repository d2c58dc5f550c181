"""What ``junit.xml`` has of a run besides its tests: figures, and what was tested."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eegrig.hil.figures.figure import Figure
    from eegrig.hil.figures.results import Results

__all__ = ["Junit"]


class Junit:
    """Gives tests and their suite properties.

    Parameters
    ----------
    config : pytest.Config
    say : callable
        Gives the suite a property, as pytest's fixture ``record_testsuite_property``.
    """

    def __init__(self, config: pytest.Config, say: Callable[[str, object], None]) -> None:
        self._config = config
        self._say = say
        self._told: set[str] = set()

    def tell_test(self, item: pytest.Item, figures: Iterable[Figure]) -> None:
        """Give a test a property for each of its figures."""
        for figure in figures:
            self._told.add(figure.name)
            item.user_properties.append((figure.name, _property(figure)))

    def tell_suite(self, results: Results) -> None:
        """Name the suite, say what was tested and how it ended, and the figures of no test."""
        self._name(f"eegrig.{results.board}")
        for name, value in (
            ("board", results.board),
            ("bench", results.bench),
            ("image_hash", results.firmware.image_hash if results.firmware else ""),
            ("verdict", results.verdict),
            ("exit_code", results.exit_code),
        ):
            self._say(name, value)
        for figure in results.figures:
            if figure.name not in self._told:
                self._say(figure.name, _property(figure))

    def _name(self, name: str) -> None:
        """Name the suite, unless somebody else has."""
        from _pytest.junitxml import xml_key  # pytest has no other way at this time of a run

        xml = self._config.stash.get(xml_key, None)
        if xml is not None and xml.suite_name == "pytest":
            xml.suite_name = name


def _property(figure: Figure) -> str:
    """Return a figure as an object of JSON."""
    fields = ("value", "unit", "uncertainty", "kind", "limit", "verdict")
    return json.dumps({name: getattr(figure, name) for name in fields})
