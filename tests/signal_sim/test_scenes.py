"""Scenes: every one plays, and every mistake in a file is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eegrig import signal_sim
from eegrig.signal_sim import SceneError, SignalError
from eegrig.signal_sim.hypnogram import STAGES, hypnogram
from eegrig.signal_sim.timeline import Gain, Timeline, cycle, once

SPELLER = '[[source]]\nkind = "ssvep"\n'
MINIMAL = '[[source]]\nkind = "background"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", signal_sim.scene_names())
def test_every_scene_says_what_it_is_and_plays_on_any_clock(name: str) -> None:
    scene = signal_sim.load_scene(name)
    assert scene.title
    assert scene.description
    for rate_hz in (scene.rate_hz, 2000.0):
        source = signal_sim.open_source(name, rate_hz=rate_hz, seed=1)
        samples = source.read(round(2 * rate_hz))
        assert np.isfinite(samples).all()
        assert samples.std(axis=1).min() > 0


@pytest.mark.parametrize(
    "name", [n for n in signal_sim.scene_names() if signal_sim.load_scene(n).fnirs is None]
)
def test_every_electrode_scene_plays_on_another_boards_electrodes(name: str) -> None:
    channels = ["Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"]
    if name.startswith(("ssvep", "sleep", "nap")):
        channels = [c for c in channels if c != "Cz"]
    source = signal_sim.scene(name, channels=channels, rate_hz=2000, seed=0)
    samples = source.read(3 * 2000)
    spread = (samples - samples.mean(axis=1, keepdims=True)).std(axis=1)
    assert np.all(spread > 1e-6)
    assert np.all(spread < 5e-3)


def test_a_scene_from_a_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'title = "mine"\nseed = 7\nrate_hz = 500\nchannels = ["Cz", "Oz"]\nreference = "A1"\n'
        '[electrodes]\npreset = "dry"\nbad_fraction = 0\n'
        '[[source]]\nkind = "rhythm"\nlabel = "alpha"\nfrequency_hz = 9\n' + MINIMAL,
    )
    scene = signal_sim.load_scene(path)
    assert scene.name == "mine"
    assert scene.electrodes.impedance_ohm == 400e3
    assert scene.electrodes.bad_fraction == 0
    source = signal_sim.scene(path)
    assert (source.channels, source.rate_hz, source.seed) == (("Cz", "Oz"), 500, 7)
    assert np.array_equal(source.read(100), signal_sim.scene(scene).read(100))


def test_the_same_scene_as_a_python_object(tmp_path: Path) -> None:
    in_file = signal_sim.scene(written(tmp_path, MINIMAL), seed=3).read(1000)
    in_python = signal_sim.scene(signal_sim.Scene(sources=(signal_sim.Background(),)), seed=3)
    assert np.array_equal(in_python.read(1000), in_file)


def test_a_source_has_the_same_randomness_whatever_else_is_in_the_scene() -> None:
    blinks = signal_sim.Blinks()

    def onsets(*others: signal_sim.generators.SourceSpec) -> list[float]:
        source = signal_sim.play(*others, blinks, channels=["Fp1"], rate_hz=250, seed=4)
        return [e.onset_s for e in source.events(0, 100) if e.name == "blink"]

    assert onsets() == onsets(signal_sim.Background(), signal_sim.Muscle())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"needs at least one \[\[source\]\]"),
        ("not toml at all", "not a readable scene"),
        ('titel = "x"\n' + MINIMAL, r"no 'titel' \(did you mean 'title'"),
        ('[[source]]\nkind = "backgroud"', r"source 1: unknown source 'backgroud' .*'background'"),
        ("[[source]]\nrms_v = 1", "source 1: a source needs a kind"),
        (MINIMAL + "rms = 1", r"background has no parameter 'rms' \(did you mean 'rms_v'"),
        (MINIMAL + "rms_v = -1", "background: rms_v is -1: give from 0"),
        (MINIMAL + "rms_v = nan", "background: rms_v is nan: give a finite number in V"),
        (MINIMAL + 'rms_v = "loud"', "rms_v is 'loud': give a finite number"),
        (MINIMAL + "exponent = 9", "exponent is 9: give from 0 to 4"),
        (MINIMAL * 2, "two sources are called 'background': give each a label"),
        ('reference = "Q1"\n' + MINIMAL, "no reference 'Q1'"),
        ("rate_hz = -5\n" + MINIMAL, "rate_hz is -5: give a positive number"),
        ('seed = "x"\n' + MINIMAL, "seed is 'x'"),
        ('[electrodes]\npreset = "wet"\n' + MINIMAL, r"no electrodes 'wet'"),
        ("[electrodes]\nimpedance = 5\n" + MINIMAL, "no parameter 'impedance'"),
        ("[mains]\nfrequency_hz = -50\n" + MINIMAL, "mains: frequency_hz is -50"),
        ('[timeline]\nkind = "loop"\n' + MINIMAL, r"no kind 'loop'"),
        ("[timeline]\n" + MINIMAL, "give it at least one"),
        (
            '[timeline]\nstate = [{ name = "a", seconds = 0 }]\n' + MINIMAL,
            "state 'a' lasts 0: give positive seconds",
        ),
        (
            '[timeline]\nstate = [{ name = "calm", seconds = 5 }]\n[gains.clam]\nbackground = 1\n'
            + MINIMAL,
            r"a state 'clam' that never comes \(did you mean 'calm'",
        ),
        (
            '[timeline]\nstate = [{ name = "a", seconds = 5 }]\n[gains.a]\nbackgrund = 1\n'
            + MINIMAL,
            "gain for a source 'backgrund' it has not",
        ),
        (
            '[timeline]\nstate = [{ name = "a", seconds = 5 }]\n[gains.a]\nbackground = -1\n'
            + MINIMAL,
            "gain -1 of background in a",
        ),
        (
            '[[lead_event]]\nlead = "O1"\naction = "explode"\nat_s = 1\nuntil_s = 2\n' + MINIMAL,
            "nothing like 'explode' happens to a lead",
        ),
        (
            '[[lead_event]]\nlead = "O1"\naction = "disconnect"\nat_s = 3\nuntil_s = 2\n' + MINIMAL,
            "it must begin before it ends",
        ),
        (
            '[[lead_event]]\nlead = "O1"\naction = "disconnect"\nat_s = 1\nuntil_s = 5\n'
            '[[lead_event]]\nlead = "O1"\naction = "disconnect"\nat_s = 4\nuntil_s = 8\n' + MINIMAL,
            "two events on O1 overlap at 4 s",
        ),
        ("[[lead_event]]\nled = 1\n" + MINIMAL, r"lead_event 1 has no 'led'"),
        ('[[lead_event]]\nlead = "O1"\n' + MINIMAL, "lead_event 1: .*missing .*'action'"),
        (SPELLER + "frequencies_hz = 12", "frequencies_hz is 12: give a list"),
        (SPELLER + "frequencies_hz = []", "ssvep: frequencies_hz is empty"),
        (SPELLER + 'frequencies_hz = ["fast"]', "is 'fast': give a finite number in Hz"),
        (SPELLER + "frequencies_hz = [8, 9]\nphases_pi = [0]", "1 phases_pi for 2 targets"),
        (SPELLER + "tuning_hz = [13, 17]\ntuning = [1]", "1 tuning factors for 2 tuning_hz"),
        (SPELLER + "order = 1", "order is 1: give a text"),
        (SPELLER + 'order = "randm"', r"order is 'randm' \(did you mean 'random'"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SceneError, match=message) as caught:
        signal_sim.scene(written(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "kwargs", "message"),
    [
        ("restin", {}, r"no scene 'restin' \(did you mean 'resting'"),
        ("nowhere.toml", {}, "no such scene file"),
        ("resting", {"channels": ["Fp1", "Xx"]}, "no electrode 'Xx' on the head"),
        ("resting", {"rate_hz": 20}, "at least"),
        ("resting", {"seed": -1}, "seed -1"),
        ("fnirs-tapping", {}, "is optical"),
    ],
)
def test_mistakes_in_a_call_are_named(name: str, kwargs: dict, message: str) -> None:
    with pytest.raises(SignalError, match=message):
        signal_sim.scene(name, **kwargs)


def test_a_timeline_goes_round_or_stays() -> None:
    round_ = Timeline(cycle([("a", 2.0), ("b", 1.0)]))
    assert [(s.start_s, s.name) for s in round_.spans(2.5, 6.5)] == [
        (2.0, "b"), (3.0, "a"), (5.0, "b"), (6.0, "a"),
    ]  # fmt: skip
    staying = Timeline(once([("a", 2.0), ("b", 1.0)]))
    assert [s.name for s in staying.spans(100.0, 200.0)] == ["b"]


def test_a_gain_ramps_from_state_to_state() -> None:
    gain = Gain(Timeline(cycle([("a", 2.0), ("b", 2.0)]), ramp_s=0.5), {"b": 3.0})
    values = gain.over(0, 400, 100.0)
    assert isinstance(values, np.ndarray)
    assert values[:200] == pytest.approx(1.0)
    assert values[225] == pytest.approx(2.0, abs=0.03)
    assert values[250:400] == pytest.approx(3.0)
    assert gain.over(60, 100, 100.0) == 1.0
    assert np.concatenate([np.broadcast_to(gain.over(k, 50, 100.0), 50) for k in range(0, 400, 50)]
                          ) == pytest.approx(values)  # fmt: skip
    assert gain.at(3.0) == 3.0


def test_a_night_has_all_stages_in_their_order() -> None:
    early, late = 0, 0
    for seed in range(5):
        spans = Timeline(hypnogram(seed)).spans(0, 8 * 3600)
        stages = [span.name for span in spans]
        assert len(stages) == 960
        assert set(stages) == set(STAGES)
        share = {s: stages.count(s) / 960 for s in STAGES}
        assert 0.35 < share["N2"] < 0.6
        assert 0.1 < share["N3"] < 0.25
        assert 0.12 < share["R"] < 0.33
        # Deep sleep early, dreams late.
        half = len(stages) // 2
        assert stages[:half].count("N3") > 2 * stages[half:].count("N3")
        early += stages[:half].count("R")
        late += stages[half:].count("R")
    assert late > 1.3 * early


def test_sleep_scene_does_what_its_hypnogram_says() -> None:
    source = signal_sim.scene("nap", seed=3, channels=["Fp1", "C3", "O1"])
    samples = source.read(420 * 250)
    events = source.events(0, 420)
    of_stage = {e.name: (e.onset_s, e.stop_s) for e in events if e.kind == "state"}
    assert list(of_stage) == ["W", "N1", "N2", "N3", "R"]

    def inside(name: str, stage: str) -> int:
        start_s, stop_s = of_stage[stage]
        return sum(e.name == name and start_s <= e.onset_s < stop_s for e in events)

    assert inside("slow wave", "N3") > 20
    assert inside("spindle", "N2") > 0
    assert inside("K-complex", "N2") > 0
    assert inside("spindle", "W") == inside("spindle", "R") == inside("K-complex", "N3") == 0
    assert inside("blink", "W") > 0
    assert inside("blink", "N3") == 0

    def slow_rms(stage: str) -> float:
        start_s, stop_s = of_stage[stage]
        cut = samples[1, round((start_s + 10) * 250) : round((stop_s - 5) * 250)]
        from scipy.signal import welch

        frequency, density = welch(cut, 250, nperseg=2500)
        return float(density[(frequency > 0.4) & (frequency < 2)].sum())

    assert slow_rms("N3") > 6 * slow_rms("R")
