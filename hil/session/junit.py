"""What ``junit.xml`` says of a run as a whole."""

from __future__ import annotations

import pytest
from _pytest.junitxml import xml_key  # pytest has no other way outside of a test

from eegrig.hil.figures.results import Results
from eegrig.hil.session.recorder import as_property

__all__ = ["tell_junit"]


def tell_junit(config: pytest.Config, results: Results) -> None:
    """Name the suite, if nobody did, and give it what no test of its own tells."""
    xml = config.stash.get(xml_key, None)
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
    in_tests = {name for test in results.tests for name in test.figures}
    for figure in results.figures:
        if figure.name not in in_tests:
            xml.add_global_property(figure.name, as_property(figure))
