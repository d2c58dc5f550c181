"""The catalogue of figures: declared once, found by name, told in order."""

from __future__ import annotations

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.boards.figures import LAST_TOPIC, Catalogue, DeclaredFigure

WORDS = {"group": {"afe": "Front end", "mcu": "MCU"}, "mode": {"sleep": "Asleep"}}


def a_figure(name: str, **more: str) -> DeclaredFigure:
    return DeclaredFigure(**{"name": name, "unit": "W", "label": name, **more})  # type: ignore[arg-type]


def test_a_pattern_declares_a_figure_for_each_choice_of_words() -> None:
    pattern = a_figure("power.<mode>.<group>", label="{mode}: {group}", what="its part")
    catalogue = Catalogue([pattern], WORDS)
    assert [figure.name for figure in catalogue] == ["power.sleep.afe", "power.sleep.mcu"]
    found = catalogue.find("power.sleep.mcu")
    assert found is not None
    assert (found.label, found.what, found.unit) == ("Asleep: MCU", "its part", "W")
    assert "power.sleep.radio" not in catalogue
    assert catalogue.declared == (pattern,)


@pytest.mark.parametrize(
    "again", [a_figure("power.sleep"), a_figure("power.<mode>"), a_figure("power.sleep", unit="J")]
)
def test_a_figure_is_declared_once(again: DeclaredFigure) -> None:
    with pytest.raises(ConfigError, match=r"power\.sleep is declared twice"):
        Catalogue([a_figure("power.sleep"), again], WORDS)
    with pytest.raises(ConfigError, match=r"power\.sleep is declared twice"):
        Catalogue([a_figure("power.sleep")], WORDS).extended([again])


@pytest.mark.parametrize("name", ["power", "Power.sleep", "power..sleep", "power.<Mode>", "a.b c"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="expected small letters"):
        Catalogue([a_figure(name)], WORDS)


def test_a_word_that_nobody_knows_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"<grup> stands for \(did you mean 'group'\?\)"):
        Catalogue([a_figure("power.<grup>")], WORDS)


def test_the_direction_that_is_good_says_which_limit_there_can_be() -> None:
    kinds = [a_figure("a.b", better=better).kind for better in ("lower", "higher", "zero")]
    assert kinds == ["max", "min", "within"]
    assert a_figure("a.b").kind is None


def test_topics_are_told_in_their_order_and_what_belongs_nowhere_last() -> None:
    catalogue = Catalogue([a_figure("a.b"), a_figure("c.d", topic="Power")])
    catalogue = catalogue.extended([a_figure("e.f", topic="Signal")])
    assert catalogue.topics == ("Power", "Signal", LAST_TOPIC)
    assert catalogue.place("a.b") < catalogue.place("e.f") < catalogue.place("no.such")


def test_a_name_that_nobody_declared_is_answered_with_the_nearest() -> None:
    catalogue = Catalogue([a_figure("power.sleep")])
    assert catalogue.find("power.slep") is None
    assert catalogue.unknown("power.slep") == "no such figure (did you mean 'power.sleep'?)"
    assert catalogue.noting("acme failed").unknown("power.slep").endswith("; acme failed")
