"""What ``junit.xml`` has of a run besides its tests: figures, and what was tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _pytest.junitxml import xml_key  # pytest has no other way outside of a test

from eegrig.hil.session.recorder import as_property

if TYPE_CHECKING:
    from eegrig.hil.figures.results import Results

__all__ = ["JunitWatch"]


class JunitWatch:
    """A pytest plugin that gives the suite what no test of it has told.

    Parameters
    ----------
    config : pytest.Config
        Of the process that writes the file.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._told: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of the figures that a test has as properties."""
        self._told.update(name for name, _ in report.user_properties)

    def tell(self, results: Results) -> None:
        """Name the suite, unless somebody did; say what was tested, and the figures of no test."""
        xml = self._config.stash.get(xml_key, None)
        if xml is None:
            return
        if xml.suite_name == "pytest":
            xml.suite_name = f"eegrig.{results.board}"
        for name, value in (
            ("board", results.board),
            ("bench", results.bench),
            ("image_hash", results.firmware.image_hash if results.firmware else ""),
            ("verdict", results.verdict),
            ("exit_code", results.exit_code),
        ):
            xml.add_global_property(name, str(value))
        for figure in results.figures:
            if figure.name not in self._told:
                xml.add_global_property(figure.name, as_property(figure))
