"""How fast electrodes are simulated, in times real time, beside peers that do less.

All make 8 channels at 250 samples per second for 600 s. The simulator makes 1/f background, three
rhythms, blinks and muscle bursts, through electrodes with their noise, drift and loading, and
mains as common mode. The plain reference makes the same list with numpy and scipy, every channel
its own, as tones and noise, without electrodes and all at once. MNE-Python makes four dipoles in a
sphere with coloured sensor noise and blinks.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import mne
import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from eegrig import signal_sim
from eegrig.hil.pages.stored import StoredFigure
from tests.benchmarks.conftest import Finding

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

CHANNELS = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
RATE_HZ = 250
SECONDS = 600
N_TIMES = RATE_HZ * SECONDS

SCENE = signal_sim.Scene(
    name="benchmark",
    channels=CHANNELS,
    rate_hz=RATE_HZ,
    sources=(
        signal_sim.Background(),
        signal_sim.Rhythm(label="theta", frequency_hz=6, bandwidth_hz=3, topography="central"),
        signal_sim.Rhythm(label="alpha"),
        signal_sim.Rhythm(label="beta", frequency_hz=20, bandwidth_hz=8, topography="frontal"),
        signal_sim.Blinks(),
        signal_sim.Muscle(),
    ),
)

# Processor time of one core, not the clock on the wall: the machine may have other work to do.
timed = pytest.mark.benchmark(group="8 channels, 250 SPS, 600 s", timer=time.process_time)


def told(benchmark: BenchmarkFixture, finding: Finding, key: str, what: str) -> None:
    times = SECONDS / benchmark.stats.stats.median
    best = SECONDS / benchmark.stats.stats.min
    benchmark.extra_info["times_real_time"] = round(times)
    finding(
        f"{what}: {times:.0f} times real time (median; best {best:.0f})",
        {
            f"signals.{key}.median": StoredFigure.of(times, "1"),
            f"signals.{key}.best": StoredFigure.of(best, "1"),
        },
    )


@timed
def test_batch(benchmark: BenchmarkFixture, finding: Finding) -> None:
    def setup() -> tuple[tuple[signal_sim.Source], dict[str, object]]:
        return (signal_sim.scene(SCENE, seed=1),), {}

    samples = benchmark.pedantic(
        lambda source: source.read(N_TIMES), setup=setup, rounds=12, warmup_rounds=1
    )
    assert samples.shape == (8, N_TIMES)
    told(benchmark, finding, "at_once", "signal_sim, all at once")


@timed
def test_blocks_of_40_ms(benchmark: BenchmarkFixture, finding: Finding) -> None:
    def setup() -> tuple[tuple[signal_sim.Source], dict[str, object]]:
        return (signal_sim.scene(SCENE, seed=1),), {}

    def stream(source: signal_sim.Source) -> int:
        return sum(source.read(10).shape[1] for _ in range(N_TIMES // 10))

    assert benchmark.pedantic(stream, setup=setup, rounds=8, warmup_rounds=1) == N_TIMES
    told(benchmark, finding, "blocks", "signal_sim, blocks of 40 ms")


@timed
def test_plain_reference(benchmark: BenchmarkFixture, finding: Finding) -> None:
    rng = np.random.default_rng(1)
    frequency = np.fft.rfftfreq(N_TIMES, 1 / RATE_HZ)
    shape = np.zeros_like(frequency)
    shape[1:] = frequency[1:] ** -0.5
    bands = [butter(2, b, "band", fs=RATE_HZ, output="sos") for b in ((4, 7), (9, 11), (16, 24))]
    emg_band = butter(4, (20, 110), "band", fs=RATE_HZ, output="sos")
    time_s = np.arange(N_TIMES) / RATE_HZ

    def make() -> np.ndarray:
        white = rng.standard_normal((8, N_TIMES))
        total = np.fft.irfft(np.fft.rfft(white, axis=1) * shape, n=N_TIMES, axis=1)
        for band in bands:
            total += sosfilt(band, rng.standard_normal((8, N_TIMES)), axis=1)
        total += rng.random((8, 1)) * np.sin(2 * np.pi * 50 * time_s + rng.random((8, 1)))
        blink = np.hanning(60)
        for at in rng.integers(0, N_TIMES - 60, 100):
            total[:2, at : at + 60] += blink
        muscle = sosfilt(emg_band, rng.standard_normal((8, N_TIMES)), axis=1)
        for at in rng.integers(0, N_TIMES - 150, 40):
            total[:, at : at + 150] += muscle[:, at : at + 150]
        return np.asarray(total)

    assert benchmark.pedantic(make, rounds=8, warmup_rounds=1).shape == (8, N_TIMES)
    told(benchmark, finding, "plain", "plain numpy and scipy, no electrodes")


@timed
@pytest.mark.filterwarnings("ignore:No average EEG reference", "ignore:Only 8 head digitization")
def test_mne(benchmark: BenchmarkFixture, finding: Finding) -> None:
    real = {"colin27_1005", "standard_1005"} & set(mne.channels.get_builtin_montages())
    info = mne.create_info(list(CHANNELS), RATE_HZ, "eeg", verbose="error")
    info.set_montage(mne.channels.make_standard_montage(min(real)))
    sphere = mne.make_sphere_model("auto", "auto", info, verbose="error")
    places = np.array([[0.03, 0, 0.06], [-0.03, 0, 0.06], [0, -0.05, 0.04], [0, 0.05, 0.04]])
    grid = {"rr": places, "nn": np.tile([0.0, 0, 1], (4, 1))}
    sources = mne.setup_volume_source_space(pos=grid, sphere_units="m", verbose="error")
    forward = mne.make_forward_solution(info, None, sources, sphere, verbose="error")
    covariance = mne.make_ad_hoc_cov(info, std={"eeg": 5e-6}, verbose="error")
    rng = np.random.default_rng(1)
    data = np.sin(2 * np.pi * np.outer([6.0, 10, 20, 40], np.arange(N_TIMES) / RATE_HZ)) * 2e-8
    vertices = [forward["src"][0]["vertno"]]
    estimate = mne.VolSourceEstimate(data, vertices, 0.0, 1 / RATE_HZ)

    def make() -> object:
        raw = mne.simulation.simulate_raw(info, estimate, forward=forward, verbose="error")
        mne.simulation.add_noise(
            raw, covariance, iir_filter=[0.2, -0.2, 0.04], random_state=rng.integers(1000),
            verbose="error",
        )  # fmt: skip
        mne.simulation.add_eog(raw, random_state=1, verbose="error")
        return raw

    raw = benchmark.pedantic(make, rounds=6, warmup_rounds=1)
    assert raw.get_data().shape == (8, N_TIMES)  # type: ignore[attr-defined]
    told(benchmark, finding, "mne", "MNE-Python, 4 dipoles, noise and blinks, warm")


def test_a_night_in_little_memory(benchmark: BenchmarkFixture, finding: Finding) -> None:
    """Eight hours of the sleep scene, streamed in a process of its own."""
    code = (
        "import pathlib, re\nfrom eegrig import signal_sim\n"
        # Not getrusage: its maximum is inherited from the process that started this one.
        "def peak_kb():\n"
        "    status = pathlib.Path('/proc/self/status').read_text()\n"
        "    return int(re.search(r'VmHWM:\\s+(\\d+)', status)[1])\n"
        "source = signal_sim.scene('sleep', seed=1)\n"
        "source.read(250)\n"
        "before = peak_kb()\n"
        "for _ in range(8 * 60): source.read(60 * 250)\n"
        "print(peak_kb() * 1024 // 10**6, (peak_kb() - before) * 1024 // 10**6)\n"
    )

    def stream() -> list[int]:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, text=True
        )
        return [int(figure) for figure in done.stdout.split()]

    whole_mb, grown_mb = benchmark.pedantic(stream, rounds=1)
    finding(
        f"a night of 8 h: {whole_mb} MB in all, {grown_mb} MB more than after its first second",
        {
            "signals.night.whole": StoredFigure.of(whole_mb * 1_000_000, "B"),
            "signals.night.grown": StoredFigure.of(grown_mb * 1_000_000, "B"),
        },
    )
    assert whole_mb < 200


def test_import(benchmark: BenchmarkFixture, finding: Finding) -> None:
    """What the simulator adds to the import of numpy and the parts of scipy it uses."""

    def seconds(code: str) -> float:
        timed = (
            "import time, numpy, scipy.signal, scipy.linalg, scipy.special\n"
            f"t = time.perf_counter()\n{code}\nprint(time.perf_counter() - t)"
        )
        out = subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True)
        return float(out.stdout)

    lazy = benchmark.pedantic(lambda: seconds("from eegrig import signal_sim"), rounds=3)
    whole = min(seconds("from eegrig.signal_sim import scene, Recording, sine") for _ in range(3))
    finding(
        f"import signal_sim: {1e3 * lazy:.0f} ms; with all it needs to play: {1e3 * whole:.0f} ms "
        "beyond numpy and scipy",
        {
            "signals.import": StoredFigure.of(lazy, "s"),
            "signals.import_all": StoredFigure.of(whole, "s"),
        },
    )
