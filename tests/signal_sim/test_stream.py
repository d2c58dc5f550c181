"""Any partition of a stream gives the same bits, and a saved state goes on with them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signal_sim
from signal_sim import SignalError, Source

CHANNELS = ["Fp1", "C3", "O1"]
LENGTH = 5000  # more than one internal block

MAKERS: dict[str, Callable[[], Source]] = {
    "scene": lambda: signal_sim.scene("resting", channels=CHANNELS, rate_hz=250, seed=5),
    "sine": lambda: signal_sim.sine(1e-3, 10, channels=CHANNELS, rate_hz=250),
    "square": lambda: signal_sim.square(channels=CHANNELS, rate_hz=250),
    "triangle": lambda: signal_sim.triangle(1e-3, 3, channels=CHANNELS, rate_hz=250),
    "impulse": lambda: signal_sim.impulse(1e-3, 1.0, channels=CHANNELS, rate_hz=250),
    "chirp": lambda: signal_sim.chirp(1e-3, 1, 50, 7, channels=CHANNELS, rate_hz=250),
    "common_mode": lambda: signal_sim.common_mode(
        1.0, channels=CHANNELS, rate_hz=250, imbalance_ohm=10e3, imbalanced="C3"
    ),
    "replay": lambda: signal_sim.Replay(np.arange(30.0).reshape(3, 10), CHANNELS, 250),
}


def in_chunks(source: Source, chunk: int, length: int = LENGTH) -> np.ndarray:
    parts = [source.read(min(chunk, length - at)) for at in range(0, length, chunk)]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("chunk", [1, 10, 250])
def test_chunks_give_the_same_bits(name: str, chunk: int) -> None:
    whole = MAKERS[name]().read(LENGTH)
    assert np.array_equal(in_chunks(MAKERS[name](), chunk), whole)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("position", [0, 1234, 4096])
def test_a_saved_state_goes_on_with_the_same_bits(name: str, position: int) -> None:
    first = MAKERS[name]()
    first.read(position)
    saved = first.state()
    rest = first.read(LENGTH)
    second = MAKERS[name]()
    second.restore(saved)
    assert np.array_equal(second.read(LENGTH), rest)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=6))
def test_any_partition_gives_the_same_bits(lengths: list[int]) -> None:
    source = MAKERS["scene"]()
    parts = np.concatenate([source.read(n) for n in lengths], axis=1)
    assert np.array_equal(parts, MAKERS["scene"]().read(sum(lengths)))


def test_every_source_is_a_source() -> None:
    for maker in MAKERS.values():
        source = maker()
        assert isinstance(source, Source)
        assert source.channels == tuple(CHANNELS)
        assert source.rate_hz == 250
        assert source.unit == "V"
        assert source.read(7).shape == (3, 7)
        assert source.read(0).shape == (3, 0)


def test_what_is_handed_out_is_the_readers_own() -> None:
    source = MAKERS["scene"]()
    taken = source.read(100)
    taken[...] = 0.0
    source.read(100)
    again = MAKERS["scene"]()
    again.read(100)
    assert np.any(again.read(100))
    assert np.array_equal(
        MAKERS["scene"]().read(200)[:, 100:], in_chunks(MAKERS["scene"](), 50, 200)[:, 100:]
    )


def test_a_state_of_another_source_is_refused() -> None:
    with pytest.raises(SignalError, match="build the same source"):
        MAKERS["sine"]().restore(MAKERS["replay"]().state())


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
    with pytest.raises(SignalError, match="-1 samples"):
        signal_sim.silence(channels=["A"], rate_hz=1).read(-1)
