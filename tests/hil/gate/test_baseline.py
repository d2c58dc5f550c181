"""Baselines are accepted with a reason, kept in a file one can review, and read back whole."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards.errors import ConfigError
from eegrig.hil.gate.baseline import (
    AcceptedFigure,
    Baseline,
    accept,
    baseline_path,
    load_baselines,
    read_baseline,
    to_toml,
    write_baseline,
)
from eegrig.hil.gate.observations import Setting, Taken

from .runs import CATALOGUE, GAIN, GOODPUT, POWER, taken

SIGNED: dict[str, Any] = {
    "reason": "new radio chip",
    "who": "Ada",
    "accepted_at": "2026-11-30T12:00:00+00:00",
    "eegrig": "0.1.0",
}


def accepted(series: dict[str, list[float]], **more: Any) -> Baseline:
    return accept(taken(series, virtual=True, **more), **SIGNED)


def written(path: Path, baseline: Baseline) -> Path:
    write_baseline(path, baseline)
    return path


def test_a_baseline_comes_back_as_it_was_accepted(tmp_path: Path) -> None:
    made = accepted({POWER: [0.1, 0.2], GAIN: [-1e-9, 0.0]}, limits={POWER: 0.5}, seeds=[4, 2])
    path = written(tmp_path / "a" / "b.toml", made)
    assert read_baseline(path) == made
    assert made.figures[POWER].seeds == [2, 4]
    assert made.figures[POWER].values == [0.2, 0.1]


def test_the_file_says_who_accepted_what_and_why_a_line_each() -> None:
    lines = to_toml(accepted({POWER: [0.1]})).splitlines()
    assert 'reason = "new radio chip"' in lines
    assert 'who = "Ada"' in lines
    assert '[figures."power.streaming"]' in lines
    assert "values = [0.1]" in lines


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(TEXT, TEXT, st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_whatever_is_said_comes_back(reason: str, who: str, values: list[float]) -> None:
    import tomllib

    figure = AcceptedFigure(unit="W", seeds=list(range(len(values))), values=values)
    setting = Setting(board="b", bench="virtual", virtual=True)
    given = {**SIGNED, "reason": reason, "who": who}
    made = Baseline(**given, setting=setting, figures={POWER: figure})
    assert msgspec.convert(tomllib.loads(to_toml(made)), Baseline) == made


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [("reason", " ", "a baseline needs a reason"), ("who", "", "somebody who accepts it")],
)
def test_nobody_and_no_reason_accept_nothing(key: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        accept(taken({POWER: [1.0]}), **{**SIGNED, key: value})


def test_figures_taken_badly_are_not_accepted() -> None:
    runs = taken({POWER: [1.0], GAIN: [0.1]}, unsound={GAIN: "3 samples were lost"})
    assert list(accept(runs, **SIGNED).figures) == [POWER]
    with pytest.raises(ConfigError, match="no figure of these runs can be accepted"):
        accept(taken({GAIN: [0.1]}, unsound={GAIN: "lost"}), **SIGNED)


def test_more_runs_than_a_test_can_take_are_refused() -> None:
    with pytest.raises(ConfigError, match="101 runs; a baseline has 100 at most"):
        accept(taken({POWER: [1.0] * 101}), **SIGNED)


def test_a_new_baseline_says_which_figures_it_lacks(tmp_path: Path) -> None:
    path = written(tmp_path / "b.toml", accepted({POWER: [1.0], GAIN: [0.1]}))
    assert write_baseline(path, accepted({POWER: [2.0]})) == [GAIN]


def test_from_where_on_a_change_matters_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "b.toml", accepted({POWER: [1.0]}))
    table = '[matters_from]\n"power.*" = 0.02\n\n[figures.'
    changed(path, "[figures.", table)
    write_baseline(path, accepted({POWER: [2.0]}))
    assert load_baselines([path], CATALOGUE).matters_from == {"power.*": 0.02}
    with pytest.raises(ConfigError, match=r"matters_from: power\.\*: -1\.0 is no share"):
        read_baseline(changed(path, "0.02", "-1.0"))


def test_a_file_that_is_no_baseline_or_one_of_another_rig_is_not_written_over(
    tmp_path: Path,
) -> None:
    path = tmp_path / "b.toml"
    path.write_text("name = 'mine'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"b\.toml: "):
        write_baseline(path, accepted({POWER: [1.0]}))
    assert path.read_text(encoding="utf-8") == "name = 'mine'\n"
    other = written(tmp_path / "c.toml", accepted({POWER: [1.0]}, board="hairclip1"))
    before = other.read_bytes()
    with pytest.raises(ConfigError, match="of board 'headband8', the baseline"):
        write_baseline(other, accepted({POWER: [1.0]}))
    assert other.read_bytes() == before


def test_no_baseline_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="eegrig gate accept RUN_FOLDER"):
        read_baseline(tmp_path / "none.toml")


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("values = [1.0, 2.0]", "values = [1.0, nan]", "a value is not a finite number"),
        ("values = [1.0, 2.0]", "values = [1.0]", "1 values for 2 seeds"),
        ("seeds = [0, 1]", "seeds = [1, 1]", "two values for one seed"),
        ("schema = 1", "schema = 2", "has schema 2, this eegrig reads 1"),
        ("[setting]", "[settings]", "unknown key"),
        ("[figures.", "[figures.[", "not valid TOML"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = changed(written(tmp_path / "b.toml", accepted({POWER: [1.0, 2.0]})), old, new)
    with pytest.raises(ConfigError) as raised:
        read_baseline(path)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_figure_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "b.toml", accepted({POWER: [1.0]}))
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text[text.index("[figures.") :], encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_baselines([path], CATALOGUE)


def test_several_files_have_different_figures(tmp_path: Path) -> None:
    one = written(tmp_path / "1.toml", accepted({POWER: [1.0, 2.0]}, limits={POWER: 3.0}))
    two = written(tmp_path / "2.toml", accepted({GOODPUT: [5.0]}))
    found = load_baselines([one, two], CATALOGUE)
    assert set(found.taken.series) == {POWER, GOODPUT}
    assert (found.taken.n_runs, found.taken.limits) == (2, {POWER: 3.0})
    assert found.words[0].endswith("accepted by Ada, 2026-11-30: new radio chip")


def test_two_baselines_for_one_figure_are_refused(tmp_path: Path) -> None:
    one = written(tmp_path / "1.toml", accepted({POWER: [1.0]}))
    two = written(tmp_path / "2.toml", accepted({POWER: [1.0], GAIN: [0.1]}))
    with pytest.raises(ConfigError, match=r"power\.streaming has two baselines, in .*1\.toml and"):
        load_baselines([one, two], CATALOGUE)


def test_a_figure_that_nobody_declared_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "b.toml", accepted({POWER: [1.0]}))
    changed(path, "power.streaming", "power.steaming")
    with pytest.raises(ConfigError, match="no such figure"):
        load_baselines([path], CATALOGUE)


def test_baselines_of_two_rigs_are_refused(tmp_path: Path) -> None:
    one = written(tmp_path / "1.toml", accepted({POWER: [1.0]}))
    two = written(tmp_path / "2.toml", accept(taken({GAIN: [0.1]}), **SIGNED))
    with pytest.raises(ConfigError, match="of rig 'desk'"):
        load_baselines([one, two], CATALOGUE)


def test_a_baseline_has_its_place_by_board_and_rig() -> None:
    setting = Setting(board="headband8", bench="desk", virtual=False)
    assert baseline_path(setting) == Path("baselines") / "headband8-desk.toml"


def test_nothing_that_is_not_finite_is_taken() -> None:
    runs: Taken = taken({POWER: [1.0]})
    assert all(math.isfinite(v) for v in accept(runs, **SIGNED).figures[POWER].values)
