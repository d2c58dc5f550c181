"""`eegrig boards BOARD` says each promise as `board.toml` has it."""

from __future__ import annotations

from typer.testing import CliRunner

from eegrig.boards import load_board
from eegrig.host.commands.cli import make_app

BOARD = "headband8"
SIGNS = {"max": "≤", "min": "≥", "within": "±"}


def test_every_promise_has_the_sign_of_its_kind() -> None:
    board = load_board(BOARD)
    assert {target.kind for target in board.targets.values()} == set(SIGNS)
    said = CliRunner().invoke(make_app(), ["boards", BOARD]).output.splitlines()
    for name, target in board.targets.items():
        (line,) = [line for line in said if line.startswith(f"{name} ")]
        _, sign, limit, *unit = line.split()
        assert sign == SIGNS[target.kind], line
        assert float(limit) == target.limit
        assert unit == ([] if target.unit == "1" else [target.unit]), line
