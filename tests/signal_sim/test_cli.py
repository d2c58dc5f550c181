"""The command: files, pictures, lists, and one line for every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import edfio
import numpy as np
import pytest

from eegrig import signal_sim
from eegrig.host.commands.cli import main

DOCS = Path(__file__).parents[2] / "docs"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(["sim", *arguments])
    return int(exit_.value.code or 0)


def test_a_scene_becomes_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bdf, npz = tmp_path / "a.bdf", tmp_path / "b.npz"
    options = ("--seconds", "4", "--rate", "500", "--seed", "5", "--channels", "Fp1, O2")
    assert run("eyes-open", "-o", str(bdf), "-o", str(npz), *options) == 0
    assert str(bdf) in capsys.readouterr().out
    truth = signal_sim.scene("eyes-open", channels=["Fp1", "O2"], rate_hz=500, seed=5).read(2000)
    with np.load(npz) as archive:
        assert np.array_equal(archive["data"], truth)
    assert edfio.read_bdf(bdf).labels == ("Fp1", "O2")


def test_a_recording_is_resampled(tmp_path: Path) -> None:
    assert run("eyes-closed", "-o", str(tmp_path / "a.bdf"), "--seconds", "8") == 0
    out = tmp_path / "b.edf"
    assert run(str(tmp_path / "a.bdf"), "-o", str(out), "--rate", "200") == 0
    read = edfio.read_edf(out)
    assert read.duration == 8
    assert read.signals[0].sampling_frequency == 200


def test_losses_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("noisy-gym", "-o", str(tmp_path / "a.npz"), "--seconds", "1", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert "is lost" in report["notes"][0]
    assert report["files"][0]["n_times"] == 250


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--list") == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == signal_sim.scene_names()
    assert run("--list", "--json") == 0
    table = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in table] == listed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "which scene?"),
        (("resting",), "what to make of resting?"),
        (("restin", "-o", "a.bdf"), "did you mean 'resting'"),
        (("resting", "-o", "a.bdx"), "did you mean '.bdf'"),
        (("resting", "--plot", "a.bmp"), "a.bmp: cannot draw that"),
        (("resting", "-o", "a.bdf", "--seconds", "-1"), "give a positive length"),
        (("resting", "-o", "a.bdf", "--rate", "0"), "rate of 0.0 Hz"),
        (("resting", "-o", "a.bdf", "--channels", "Zz"), "no electrode 'Zz'"),
        (("emg-gesture", "-o", "a.bdf", "--rate", "40"), "use at least 50"),
        (("lost.edf", "-o", "a.bdf"), "no such recording"),
        (("lost.edf", "-o", "a.bdf", "--map", "Fp1"), "--map Fp1: give ELECTRODE=LABEL"),
        (
            ("lost.edf", "-o", "a.bdf", "--map", "Fp1=A1", "--map", "Fp1 = A2"),
            "--map Fp1 = A2: Fp1 is taken from 'A1' already",
        ),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "suffix"), [("nap", ".png"), ("fnirs-tapping", ".svg")])
def test_a_picture(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    assert run(name, "--plot", str(path)) == 0
    start = path.read_bytes()[:100]
    assert start.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


def test_a_picture_does_not_depend_on_the_surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = []
    for name in ("a", "b"):
        code = "import sys; from eegrig.host.commands.cli import main; main(sys.argv[1:])"
        (tmp_path / name).mkdir()
        if name == "b":
            monkeypatch.setenv("MPLBACKEND", "nonsense")
            (tmp_path / name / "matplotlibrc").write_text("figure.facecolor: red\n")
        subprocess.run(
            [sys.executable, "-c", code, "sim", "eyes-open", "--plot", "x.png"],
            cwd=tmp_path / name,
            check=True,
            timeout=120,
        )
        pictures.append((tmp_path / name / "x.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_a_picture_without_matplotlib_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("eyes-open", "--plot", str(tmp_path / "x.png")) == 2
    assert "install eegrig[pictures]" in capsys.readouterr().err


def test_the_gallery_shows_every_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eegrig.signal_sim.pictures import gallery

    drawn = []
    monkeypatch.setattr(gallery, "plot", lambda source, path, **_: drawn.append(path.stem))
    assert run("--gallery", str(tmp_path / "g"), "--json") == 0
    assert drawn == signal_sim.scene_names()
    page = (tmp_path / "g" / "index.html").read_text()
    assert all(f'src="{name}.png"' in page for name in drawn)


def test_the_documentation_has_every_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--parameters") == 0
    tables = capsys.readouterr().out
    assert tables in (DOCS / "signals.md").read_text()
    rows = [line for line in tables.splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    for row in rows:
        assert all(cell.strip() for cell in row.strip("|").split("|")), row


def test_the_command_imports_nothing_heavy_until_it_runs() -> None:
    code = (
        "import sys, signal_sim.cli; "
        "print([m for m in ('numpy', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert out.stdout.strip() == "[]"
