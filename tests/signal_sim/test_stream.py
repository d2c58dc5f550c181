"""Any partition of a stream gives the same bits, and a saved state goes on with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eegrig import signal_sim
from eegrig.signal_sim import SignalError, Source
from eegrig.signal_sim.generators import KINDS

CHANNELS = ["Fp1", "C3", "O1"]
LENGTH = 5000  # more than one internal block

SCENES: dict[str, Callable[[], Source]] = {
    name: (lambda name=name: signal_sim.open_source(name, seed=5))  # type: ignore[misc]
    for name in signal_sim.scene_names()
}
VOICES: dict[str, Callable[[], Source]] = {
    f"source {kind}": (
        lambda spec=spec: signal_sim.play(spec(), channels=CHANNELS, rate_hz=500, seed=1)  # type: ignore[misc]
    )
    for kind, spec in KINDS.items()
}
CALIBRATION: dict[str, Callable[[], Source]] = {
    "sine": lambda: signal_sim.sine(1e-3, 10, channels=CHANNELS, rate_hz=250),
    "square": lambda: signal_sim.square(channels=CHANNELS, rate_hz=250),
    "triangle": lambda: signal_sim.triangle(1e-3, 3, channels=CHANNELS, rate_hz=250),
    "impulse": lambda: signal_sim.impulse(1e-3, 1.0, channels=CHANNELS, rate_hz=250),
    "chirp": lambda: signal_sim.chirp(1e-3, 1, 50, 7, channels=CHANNELS, rate_hz=250),
    "offset": lambda: signal_sim.dc_offset(0.15, channels=CHANNELS, rate_hz=250),
    "common_mode": lambda: signal_sim.common_mode(
        1.0, channels=CHANNELS, rate_hz=250, imbalance_ohm=10e3, imbalanced="C3"
    ),
    "replay": lambda: signal_sim.Replay(np.arange(30.0).reshape(3, 10), CHANNELS, 250),
}
MAKERS = SCENES | VOICES | CALIBRATION


def in_chunks(source: Source, chunk: int, length: int = LENGTH) -> np.ndarray:
    parts = [source.read(min(chunk, length - at)) for at in range(0, length, chunk)]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("name", MAKERS)
def test_chunks_give_the_same_bits(name: str) -> None:
    whole = MAKERS[name]().read(LENGTH)
    for chunk in (1, 10, 250):
        assert np.array_equal(in_chunks(MAKERS[name](), chunk), whole), chunk


@pytest.mark.parametrize("name", MAKERS)
def test_a_saved_state_goes_on_with_the_same_bits(name: str) -> None:
    first = MAKERS[name]()
    second = MAKERS[name]()
    for position in (0, 1234, 4096):
        first.read(position)
        saved = first.state()
        rest = first.read(LENGTH)
        second.restore(saved)
        assert np.array_equal(second.read(LENGTH), rest), position


def test_the_seed_decides_everything() -> None:
    def bits(seed: int) -> bytes:
        return signal_sim.scene("noisy-gym", seed=seed).read(300).tobytes()

    assert bits(3) == bits(3)
    assert bits(3) != bits(4)


def test_a_process_with_other_threads_gives_the_same_bits() -> None:
    code = (
        "import signal_sim, hashlib; "
        "bits = signal_sim.scene('resting', seed=1).read(9000).tobytes(); "
        "print(hashlib.sha256(bits).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(digests) == 1


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=6))
def test_any_partition_gives_the_same_bits(lengths: list[int]) -> None:
    source = MAKERS["resting"]()
    parts = np.concatenate([source.read(n) for n in lengths], axis=1)
    assert np.array_equal(parts, MAKERS["resting"]().read(sum(lengths)))


@pytest.mark.parametrize("name", MAKERS)
def test_every_source_is_a_source(name: str) -> None:
    source = MAKERS[name]()
    assert isinstance(source, Source)
    assert source.unit == ("A" if name == "fnirs-tapping" else "V")
    assert source.read(7).shape == (len(source.channels), 7)
    assert source.read(0).shape == (len(source.channels), 0)
    assert np.isfinite(source.read(2000)).all()
    events = source.events(0.0, 30.0)
    assert events == sorted(events)
    assert all(event.overlaps(0.0, 30.0) for event in events)


@pytest.mark.parametrize("name", SCENES)
def test_the_truth_does_not_depend_on_how_it_is_asked_for(name: str) -> None:
    whole = MAKERS[name]().events(0.0, 60.0)
    source = MAKERS[name]()
    source.events(200.0, 210.0)
    pieces = [e for at in range(60) for e in source.events(at, at + 1)]
    assert sorted({(e.onset_s, e.name) for e in pieces}) == sorted(
        {(e.onset_s, e.name) for e in whole}
    )


def test_what_is_handed_out_is_the_readers_own() -> None:
    source = MAKERS["resting"]()
    source.read(100)[...] = 0.0
    assert np.array_equal(source.read(100), MAKERS["resting"]().read(200)[:, 100:])


def test_a_state_of_another_source_is_refused() -> None:
    with pytest.raises(SignalError, match="build the same source"):
        CALIBRATION["sine"]().restore(CALIBRATION["replay"]().state())


@pytest.mark.parametrize(
    ("channels", "rate_hz", "message"),
    [
        ([], 250, "no channels"),
        (["A", "A"], 250, "twice"),
        (["A"], 0, "rate of 0 Hz"),
        (["A"], float("nan"), "rate of nan Hz"),
    ],
)
def test_bad_channels_and_rates(channels: list[str], rate_hz: float, message: str) -> None:
    with pytest.raises(SignalError, match=message):
        signal_sim.silence(channels=channels, rate_hz=rate_hz)


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(SignalError, match="-1 samples"):
        signal_sim.silence(channels=["A"], rate_hz=1).read(-1)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys; from eegrig import signal_sim; "
        "print([m for m in ('numpy', 'scipy', 'matplotlib', 'edfio') if m in sys.modules]); "
        "signal_sim.scene('resting').read(10); "
        "print([m for m in ('matplotlib', 'edfio', 'mne', 'msgspec', "
        "'eegrig.boards.loader', 'typer') "
        "if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert out.stdout.split() == ["[]", "[]"]
