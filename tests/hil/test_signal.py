"""What is played into a board's electrodes, and what is said of it before anything runs."""

from __future__ import annotations

from pathlib import Path

import edfio
import numpy as np
import pytest

from eegrig.boards import list_boards, load_board
from eegrig.boards.errors import ConfigError
from eegrig.hil.run import RunRequest
from eegrig.hil.signal_factory import SignalFactory, light_factory
from eegrig.host.commands.cli import main
from eegrig.signal_sim import Source

RATE_HZ = 256


def write(path: Path, **channels: np.ndarray) -> Path:
    """Write a BDF file of channels in microvolts."""
    signals = [
        edfio.BdfSignal(
            values,
            RATE_HZ,
            label=name,
            physical_dimension="uV",
            physical_range=(-300_000.0, 300_000.0),
        )
        for name, values in channels.items()
    ]
    edfio.Bdf(signals).write(path)
    return path


def eeg(level_uv: float = 20.0, seconds: int = 12, seed: int = 1) -> np.ndarray:
    """Return something as large as an EEG."""
    return level_uv * np.random.default_rng(seed).normal(size=seconds * RATE_HZ)


def test_channels_are_chosen_by_hand_by_site_or_by_the_boards_name(tmp_path: Path) -> None:
    board = load_board("headband8")
    names = [f"EEG {i:03d}" for i in range(1, 9)]
    path = write(tmp_path / "a.bdf", **{name: eeg(seed=i) for i, name in enumerate(names)})
    with pytest.raises(ConfigError, match="no channel"):
        SignalFactory(str(path), board, 0)
    assign = [f"{site}={name}" for site, name in zip(board.afe.channels, names, strict=True)]
    SignalFactory(str(path), board, 0, assign=assign)
    with pytest.raises(ConfigError, match=r"--map Fp1: give ELECTRODE=LABEL"):
        SignalFactory(str(path), board, 0, assign=["Fp1"])
    with pytest.raises(ConfigError, match="is taken from 'EEG 001' already"):
        SignalFactory(str(path), board, 0, assign=["Fp1=EEG 001", "Fp1=EEG 002"])
    with pytest.raises(ConfigError, match="--map chooses channels of a recording"):
        SignalFactory("resting", board, 0, assign=["Fp1=EEG 001"])


def test_a_run_hands_on_what_is_chosen_by_hand(tmp_path: Path) -> None:
    request = RunRequest("headband8", tmp_path, assign=("Fp1=A1", "O2=EEG 002"))
    arguments = request.pytest_arguments(tmp_path)
    assert "--rig-map=Fp1=A1" in arguments
    assert "--rig-map=O2=EEG 002" in arguments


def test_the_simulator_takes_channels_by_hand(tmp_path: Path, capsys) -> None:
    path = write(tmp_path / "a.bdf", Aux=eeg())
    out = tmp_path / "out.bdf"
    arguments = ["sim", str(path), "--channels", "Fp1", "--map", "Fp1=Aux", "-o", str(out)]
    assert exit_code([*arguments, "--seconds", "2"]) == 0
    assert edfio.read_bdf(out).labels == ("Fp1",)
    assert exit_code(["sim", "resting", "--map", "Fp1=Aux", "-o", str(out)]) == 2
    assert "leave out --map" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("o2", "note"),
    [
        (np.zeros(12 * RATE_HZ), "a.bdf: O2 is constant: figures that need that are undecided"),
        (eeg(0.1), "a.bdf: O2 has 0.1 uV rms, too little beside the front end's noise of 0.14 uV"),
        (eeg() + 200_000.0, "a.bdf: O2 reaches 200.1 mV, beyond the front end's +-187.5 mV"),
        (eeg(0.7), "a.bdf: O2 has 0.7 uV rms, too quiet to tell its gain"),
        (eeg(8000.0), "uV rms, more than an EEG has: check the unit"),
    ],
)
def test_what_a_recording_cannot_show_is_said_at_the_start(tmp_path, o2, note) -> None:
    board = load_board("headband8")
    channels = {name: eeg(seed=i) for i, name in enumerate(board.afe.channels)}
    assert SignalFactory(str(write(tmp_path / "a.bdf", **channels)), board, 0).notes == ()
    (found,) = SignalFactory(
        str(write(tmp_path / "a.bdf", **channels | {"O2": o2})), board, 0
    ).notes
    assert note in found


@pytest.mark.parametrize("command", [["demo"], ["hil", "run"], ["compare", "headband8"]])
def test_a_length_that_cannot_be_compared_is_refused_at_the_start(tmp_path, capsys, command):
    out = tmp_path / "out"
    assert exit_code([*command, "--seconds", "901", "--out", str(out)]) == 2
    assert "900" in capsys.readouterr().err
    assert not out.exists()


def exit_code(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return int(caught.value.code or 0)


@pytest.mark.parametrize("name", list_boards())
def test_every_boards_signals_are_whole_sources(name: str) -> None:
    board = load_board(name)
    made = SignalFactory("resting", board, 0)(8.0 * board.afe.default_rate_sps)
    assert isinstance(made, Source)
    assert (made.channels, made.unit) == (tuple(board.afe.channels), "V")
    first, before = made.read(10), made.state()
    again = made.read(10)
    made.restore(before)
    assert np.array_equal(made.read(10), again)
    assert not np.array_equal(first, again)
    make_light = light_factory(board, 0)
    assert (make_light is None) == (board.optics is None)
    if make_light is not None:
        assert isinstance(make_light(100.0), Source)
        assert make_light.description == "scene fnirs-tapping"
