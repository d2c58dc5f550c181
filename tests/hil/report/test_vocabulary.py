from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from eegrig.boards import load_board
from eegrig.boards.figures import LAST_TOPIC
from eegrig.hil.figures.figure import Figure
from eegrig.hil.report.vocabulary import (
    HEADLINES,
    POWER_GROUPS,
    by_topic,
    condition_text,
    limit_text,
    limit_words,
    margin_text,
    shown,
    word,
)
from eegrig.hil.virtual.power.ledger import GROUPS

REFERENCE = Path(__file__).parents[3] / "docs" / "results.md"


def a_figure(name="power.sleep", value=24e-6, unit="W", limit=0.2e-3, kind="max", **more):
    return Figure(
        name=name,
        value=value,
        unit=unit,
        uncertainty=0.0,
        n=1,
        provenance="simulated",
        limit=limit,
        kind=kind,
        **more,
    )


def plain(text):
    return str(text).replace("\u00a0", " ")


def test_every_target_of_the_board_has_words_and_is_in_the_reference():
    documented = set(re.findall(r"`([a-z_.0-9]+)`", REFERENCE.read_text(encoding="utf-8")))
    for name in load_board("headband8").targets:
        assert word(name).label != name, f"{name} has no words in boards/figures.toml"
        stem, _, last = name.rpartition(".")
        assert name in documented or (f".{last}" in documented and f"{stem}." in name), name


def test_every_headline_has_words():
    for headline in HEADLINES:
        for name in headline.main + headline.also:
            assert word(name).label != name


def test_a_name_nobody_knows_is_shown_as_it_is_and_belongs_somewhere():
    assert word("new.figure").label == "new.figure"
    figure = a_figure("new.figure")
    assert by_topic([figure]) == [(LAST_TOPIC, [figure])]


def test_power_groups_have_the_names_that_a_ledger_gives_them():
    assert tuple(POWER_GROUPS) == GROUPS


def test_value_and_limit_are_in_the_same_unit():
    figure = a_figure()
    assert plain(shown(figure)) == "24 µW"
    assert plain(limit_text(figure)) == "≤ 200 µW"


def test_a_limit_on_both_sides_is_said_with_its_sign():
    figure = a_figure("signal.gain_error", -0.0021, "1", 0.005, "within")
    assert plain(limit_text(figure)) == "± 0.5 %"
    assert plain(limit_words(figure)) == "at most ± 0.5 %"
    assert plain(margin_text(figure)) == "58 % to spare"
    over = a_figure("signal.gain_error", -0.006, "1", 0.005, "within", verdict="fail")
    assert plain(margin_text(over)) == "20 % over"


def test_without_a_value_there_is_still_a_limit():
    figure = a_figure(value=None, verdict="inconclusive")
    assert shown(figure) is None
    assert plain(limit_text(figure)) == "≤ 200 µW"


def test_battery_life_is_in_hours_and_loss_in_per_cent():
    life = a_figure("battery.life", 113000.0, "s", 100800.0, "min")
    assert plain(shown(life)) == "31.4 h"
    assert plain(limit_text(life)) == "≥ 28 h"
    assert plain(limit_words(life)) == "at least 28 h"
    assert plain(shown(a_figure("bandwidth.frame_loss", 0.0021, "1", 0.0))) == "0.21 %"


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (0.1e-3, "max", "50 % to spare"),
        (0.195e-3, "max", "2.5 % to spare"),
        (0.2e-3, "max", "at the limit"),
        (0.21e-3, "max", "5.0 % over"),
        (0.5e-3, "max", "2.5× the limit"),
        (0.1e-3, "min", "50 % short"),
        (0.3e-3, "min", "50 % to spare"),
        (None, "max", ""),
    ],
)
def test_the_margin_is_said_in_words(value, kind, said):
    assert plain(margin_text(a_figure(value=value, kind=kind))) == said


def test_a_figure_that_could_not_be_taken_has_no_margin():
    figure = a_figure()
    assert margin_text(figure)
    assert margin_text(msgspec.structs.replace(figure, verdict="inconclusive")) == ""


def test_conditions_are_said_with_their_units():
    conditions = {"rate_sps": 250, "profile": "efficient", "interval_ms": 7.5, "mtu": 247}
    assert plain(condition_text(conditions)) == (
        "interval 7.5 ms · MTU 247 · profile efficient · rate 250 SPS"
    )
    assert condition_text({"test_pattern": True}) == "test pattern: yes"
    assert plain(condition_text({"seconds": 20, "profile": "low_latency"})) == (
        "profile low-latency · 20 s"
    )
    assert condition_text({}) == ""


def test_what_the_board_is_for_is_told_first_and_the_unknown_last():
    told = ["power.sleep", "unknown.b", "power.non_afe", "unknown.a", "power.streaming"]
    topics = by_topic(a_figure(name) for name in told)
    assert [figure.name for _, members in topics for figure in members] == [
        "power.streaming",
        "power.non_afe",
        "power.sleep",
        "unknown.b",
        "unknown.a",
    ]
    assert [topic for topic, _ in topics] == ["Power and energy", LAST_TOPIC]
