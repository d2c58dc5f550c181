"""Several runs: of several boards, and of one again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.boards.loader import board_path
from eegrig.hil.figures.results import Results
from eegrig.hil.run.request import RunRequest
from eegrig.hil.run.several import FILE_NAME, outcomes_of, run_several

COMMAND = "import sys; from eegrig.host.commands.cli import main; main(sys.argv[1:])"


def request(out: Path, **options: object) -> RunRequest:
    settings = {"seconds": 5.0, "select": "soon_be_found", **options}
    return RunRequest(board="hairclip1", out=out, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("boards", "repeat", "folders"),
    [
        (["hairclip1", "headband8"], 1, ["hairclip1", "headband8"]),
        (["hairclip1", "hairclip1"], 1, ["hairclip1", "hairclip1-2"]),
        (["hairclip1"], 3, ["1", "2", "3"]),
        (
            ["hairclip1", "headband8"],
            2,
            ["hairclip1/1", "hairclip1/2", "headband8/1", "headband8/2"],
        ),
    ],
)
def test_each_run_has_a_folder_and_each_repetition_a_seed(
    boards: list[str], repeat: int, folders: list[str]
) -> None:
    outcomes = outcomes_of(request(Path("out"), seed=7), boards, repeat)
    assert [outcome.name for outcome in outcomes] == folders
    assert [outcome.request.out for outcome in outcomes] == [Path("out") / f for f in folders]
    assert [outcome.request.seed for outcome in outcomes] == [7 + n for n in range(repeat)] * len(
        boards
    )


def test_a_request_survives_its_command_line() -> None:
    """Each run is a process: what it is to do is what it is told."""
    whole = request(
        Path("out"),
        marks="quick",
        suites=(Path("mine"),),
        assign=("Fp1=A1",),
        signal="some where/a b.edf",
        seed=3,
        firmware_dir=Path("fw"),
        runtime=Path("x.hex"),
    )
    words = whole.command()
    assert words[:2] == ["hil", "run"]
    for expected in ("--board=hairclip1", "--input=some where/a b.edf", "--map=Fp1=A1", "--seed=3"):
        assert expected in words
    assert words[words.index("--firmware") + 1] == "fw"
    assert words[words.index("-m") + 1] == "quick"
    assert "--suite=mine" in words


def test_every_outcome_is_shown_and_the_worst_one_decides(tmp_path, capfd, monkeypatch) -> None:
    """The second board misses: what the first one met does not hide it."""
    board = tmp_path / "slow" / "board.toml"
    board.parent.mkdir()
    text = board_path("hairclip1").read_text(encoding="utf-8")
    promised = '[targets."boot.time"]\nlimit = '
    assert promised in text
    board.write_text(text.replace(f"{promised}2.0", f"{promised}0.1"), encoding="utf-8")
    out = tmp_path / "out"
    code = run_several(request(out), ["hairclip1", str(board)], jobs=2)
    said = capfd.readouterr()
    assert code == 1
    assert "hairclip1    PART: 2 of" in said.out
    assert "hairclip1-2  PART: 1 of" in said.out
    assert "[hairclip1-2]        MISS Boot" in said.err
    content = json.loads((out / FILE_NAME).read_text(encoding="utf-8"))
    assert [run["exit_code"] for run in content["runs"]] == [0, 1]
    assert Results.load(out / "hairclip1-2").verdict == "fail"


DICE = """
def test_dice(rig_benches, rig_record):
    rig_record("dice.face", float(rig_benches.seed), "1", uncertainty=0.1, n=1)
"""
FACE = """
[topics."Dice"."dice.face"]
unit = "1"
better = "lower"
label = "Face"
"""


def test_a_figure_that_is_not_the_same_every_time_is_told(tmp_path, capfd) -> None:
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "test_dice.py").write_text(DICE, encoding="utf-8")
    (suite / "figures.toml").write_text(FACE, encoding="utf-8")
    board = tmp_path / "gambler" / "board.toml"
    board.parent.mkdir()
    target = '\n[targets."dice.face"]\nlimit = 3.5\nkind = "max"\nunit = "1"\nreason = "a game"\n'
    board.write_text(board_path("hairclip1").read_text(encoding="utf-8") + target, encoding="utf-8")
    asked = request(tmp_path / "out", suites=(suite,), select="dice", seed=2)
    code = run_several(asked, [str(board)], repeat=3, jobs=2, as_json=True)
    content = json.loads(capfd.readouterr().out)
    assert code == 1
    assert [run["exit_code"] for run in content["runs"]] == [0, 0, 1]
    (changing,) = content["changing"]
    assert (changing["board"], changing["figure"]) == ("hairclip1", "dice.face")
    assert changing["verdicts"] == {"pass": 2, "fail": 1}


def test_what_is_wrong_is_found_before_anything_runs(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("asyncio.run", None)
    for boards, options in (
        (["hairclip1", "nosuchboard"], {}),
        (["hairclip1", "headband8"], {"select": "nothing_has_this_name"}),
    ):
        with pytest.raises(ConfigError):
            run_several(request(tmp_path / "out", **options), boards)
    assert not (tmp_path / "out").exists()


def test_runs_that_are_stopped_leave_what_they_have(tmp_path) -> None:
    out = tmp_path / "out"
    arguments = ["hil", "run", "--board", "hairclip1", "--repeat", "2", "--jobs", "2"]
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments, "--out", str(out), "--seconds", "600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        booted = 0
        for line in process.stderr:
            booted += "boot it" in line
            if booted == 2:
                break
        process.send_signal(2)
        said, errors = process.communicate(timeout=150)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert said.count("INCONCLUSIVE") == 2
    for number in ("1", "2"):
        assert Results.load(out / number).exit_code == 130
        for name in ("results.json", "report.html", "junit.xml"):
            assert (out / number / name).stat().st_size > 0
