"""Parts: figures with units and sources, and what is said about a broken one."""

from __future__ import annotations

import pytest

from eegrig.boards import Curve, Part, PartValue, Table, list_parts, load_part
from eegrig.boards.assumed import Assumed
from eegrig.boards.check_part import check_part
from eegrig.boards.errors import ConfigError
from eegrig.boards.part import to_si


def part(**more):
    base = {"name": "x", "title": "X", "kind": "afe", "figures": {}}
    return Part(**(base | more))


@pytest.mark.parametrize(
    ("value", "unit", "si"),
    [
        (7.14, "mA", 7.14e-3),
        (60, "nA", 60e-9),
        (2.048, "MHz", 2.048e6),
        (31.25, "us", 31.25e-6),
        (400, "mAh", 1440.0),
        (0.1, "%", 1e-3),
        (8, "ppm", 8e-6),
        (1000, "MOhm", 1e9),
    ],
)
def test_units_become_si(value, unit, si):
    assert to_si(value, unit) == pytest.approx(si)


def test_unknown_unit_is_named_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"unit 'mAmp' is not known; write one of: .*mA"):
        to_si(1.0, "mAmp")


def test_an_unknown_figure_is_named_with_the_known_ones():
    with pytest.raises(ConfigError, match="part ads1299: figures: no entry 'vreff'; there are:"):
        load_part("ads1299")["vreff"]


def test_every_figure_has_a_source():
    for name in list_parts():
        loaded = load_part(name)
        for entries in (loaded.figures, loaded.curves, loaded.tables):
            assert all(entry.source.strip() for entry in entries.values())


def test_what_is_from_memory_is_marked_as_assumed():
    for name in list_parts():
        loaded = load_part(name)
        for entries in (loaded.figures, loaded.curves, loaded.tables):
            for key, entry in entries.items():
                assert entry.assumed or "from memory" not in entry.source, f"{name}.{key}"


def test_assumed_figures_have_a_wider_spread_and_are_facts_for_the_report():
    loaded = load_part("nrf52840")
    assert loaded["hfxo"].uncertainty == 0.30
    assert loaded["cpu_active"].uncertainty == 0.10
    assert loaded.assumption("cpu_active") is None
    assert loaded.assumption("hfxo") == Assumed(
        part="nrf52840",
        key="hfxo",
        value=0.5,
        unit="mA",
        source="32 MHz crystal oscillator starting up and running alone, from memory",
    )


def test_ads1299_supply_current_is_the_data_sheets():
    loaded = load_part("ads1299")
    eight = loaded["iavdd_base"].si + 8 * loaded["iavdd_channel"].si
    four = loaded["iavdd_base"].si + 4 * loaded["iavdd_channel"].si
    assert eight == pytest.approx(7.14e-3, rel=1e-3)
    assert four == pytest.approx(4.06e-3, rel=2e-3)


def test_noise_table_is_read_by_rate_and_gain():
    table = load_part("ads1299").table("noise_rms")
    assert table.si(250, 24) == pytest.approx(0.14e-6)
    assert table.si(16000, 1) == pytest.approx(21.7e-6)
    with pytest.raises(ConfigError, match="rate in SPS 300 is not one of 16000, 8000"):
        table.si(300, 24)
    with pytest.raises(ConfigError, match="gain 5 is not one of 1, 2"):
        table.si(250, 5)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"name": "y"}, "name: expected 'x', the file's name, got 'y'"),
        (
            {"figures": {"a": PartValue(value=1, unit="furlong", source="none")}},
            "figures.a.unit: unit 'furlong' is not known",
        ),
        (
            {"curves": {"c": Curve(x=[1, 2], y=[1], x_unit="A", y_unit="V", source="none")}},
            "curves.c.y: expected 2 values, one for each x, got 1",
        ),
        (
            {"curves": {"c": Curve(x=[2, 1], y=[1, 2], x_unit="A", y_unit="V", source="none")}},
            "curves.c.x: expected values that rise strictly",
        ),
        (
            {
                "tables": {
                    "t": Table(
                        row_axis="r",
                        column_axis="c",
                        rows=[1, 2],
                        columns=[1],
                        values=[[1]],
                        unit="V",
                        source="none",
                    )
                }
            },
            "tables.t.values: expected 2 rows of 1 values",
        ),
    ],
)
def test_a_part_that_contradicts_itself_is_refused(more, message):
    with pytest.raises(ConfigError) as error:
        check_part(part(**more), "x")
    assert str(error.value).startswith(message)
