"""Stored figures: text that people review, the same for the same content."""

from __future__ import annotations

from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.hil.pages.stored import (
    Step,
    Stored,
    StoredFigure,
    StoredWalk,
    load,
    load_all,
    load_walk,
    save,
    save_walk,
)


def stored() -> Stored:
    return Stored(
        identity={"eegrig": "1.0", "seed": 0, "seconds": 30.0},
        figures={
            "power.streaming": StoredFigure.of(0.046123456, "W", 0.00163456),
            "memory.region": StoredFigure.of(262144, "B"),
            "bandwidth.frame_loss": StoredFigure.of(0.0, "1", 0.0),
            "signal.noise": StoredFigure.of(None, "V", sound=False),
        },
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    save("band", stored(), tmp_path)
    assert load("band", tmp_path) == stored()
    first = (tmp_path / "band.toml").read_bytes()
    save("band", load("band", tmp_path), tmp_path)
    assert (tmp_path / "band.toml").read_bytes() == first


def test_a_figure_takes_a_line(tmp_path: Path) -> None:
    save("band", stored(), tmp_path)
    lines = (tmp_path / "band.toml").read_text(encoding="utf-8").splitlines()
    assert '"power.streaming" = { value = 0.046123, unit = "W", uncertainty = 0.00163 }' in lines
    assert '"memory.region" = { value = 262144, unit = "B" }' in lines
    assert '"signal.noise" = { unit = "V", sound = false }' in lines


def test_a_walk_keeps_quotes_and_spaces(tmp_path: Path) -> None:
    walk = StoredWalk(
        identity={}, steps=[Step(command='echo "a\\n"', shown=["  917 main.py", '"'])]
    )
    save_walk("tutorial", walk, tmp_path)
    assert load_walk("tutorial", tmp_path) == walk


def test_what_was_never_run_is_left_out_of_all_and_refused_alone(tmp_path: Path) -> None:
    save("band", stored(), tmp_path)
    assert list(load_all(["hat", "band"], tmp_path)) == ["band"]
    with pytest.raises(ConfigError, match=r"hat\.toml: .*run `make figures`"):
        load("hat", tmp_path)
    (tmp_path / "hat.toml").write_text("[identity]\n")
    with pytest.raises(ConfigError, match=r"hat\.toml: .*figures.*run `make figures`"):
        load("hat", tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (7.3624e-4, 7.3625e-4, True),  # 7.36245e-4 on two computers
        (7.3624e-4, 7.3626e-4, False),
        (0.99999, 1.0, True),
        (0.99998, 1.0, False),
        (-3.0, -3.0001, True),
        (3.0, None, False),
        (None, None, True),
    ],
)
def test_figures_agree_if_the_last_digit_kept_may_be_arithmetic(one, other, same) -> None:
    assert StoredFigure.of(one, "V").agrees(StoredFigure.of(other, "V")) is same
    assert StoredFigure.of(other, "V").agrees(StoredFigure.of(one, "V")) is same


def test_bytes_another_unit_and_another_verdict_do_not_agree() -> None:
    assert not StoredFigure.of(10, "B").agrees(StoredFigure.of(11, "B"))
    assert not StoredFigure.of(1.0, "V").agrees(StoredFigure.of(1.0, "A"))
    assert not StoredFigure.of(1.0, "V").agrees(StoredFigure.of(1.0, "V", sound=False))
    assert not StoredFigure.of(1.0, "V", 0.10).agrees(StoredFigure.of(1.0, "V", 0.102))
    assert StoredFigure.of(1.0, "V", 0.10).agrees(StoredFigure.of(1.0, "V", 0.101))
