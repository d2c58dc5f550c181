"""How fast the host takes a stream: frames per second, against decoding sample by sample."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from eegrig.hil.pages.stored import StoredFigure
from eegrig.host.recording.recording import Recording
from eegrig.host.streaming.decoder import StreamDecoder
from eegrig.host.wire.info import decode_info
from eegrig.host.wire.packet import HEADER_SIZE
from tests.benchmarks.conftest import Finding
from tests.host import peer

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

N_PACKETS = 2000
FRAMES = 9
INFO = decode_info(peer.info())

# Processor time: the machine may have other work to do.
timed = pytest.mark.benchmark(group="stream of 8 channels", timer=time.process_time)


@pytest.fixture(scope="module")
def eeg_packets() -> list[bytes]:
    """Full packets at MTU 247, 8 channels."""
    codes = [[(i * 7919 + c * 104729) % 2**24 - 2**23 for c in range(8)] for i in range(FRAMES)]
    return [peer.packet(i, i * FRAMES, codes) for i in range(N_PACKETS)]


def told(benchmark: BenchmarkFixture, finding: Finding, key: str, what: str) -> None:
    frames_per_s = N_PACKETS * FRAMES / benchmark.stats.stats.min
    finding(
        f"{what}: {frames_per_s:.0f} frames per second at best",
        {f"decode.{key}": StoredFigure.of(frames_per_s, "1")},
    )
    benchmark.extra_info["frames_per_s"] = round(frames_per_s)
    benchmark.extra_info["times_a_250_sps_board"] = round(frames_per_s / 250)


@timed
def test_decode_gaps_and_timestamps(
    benchmark: BenchmarkFixture, eeg_packets: list[bytes], finding: Finding
) -> None:
    def run() -> StreamDecoder:
        decoder = StreamDecoder(INFO)
        for i, data in enumerate(eeg_packets):
            decoder.feed(data, i)
        return decoder

    decoder = benchmark(run)
    assert decoder.counters.frames == N_PACKETS * FRAMES
    assert decoder.counters.intact
    told(benchmark, finding, "gaps", "decoding with gaps and times")


@timed
def test_record_and_follow_the_clock(
    benchmark: BenchmarkFixture, eeg_packets: list[bytes], finding: Finding
) -> None:
    def run() -> Recording:
        recording = Recording(INFO)
        for i, data in enumerate(eeg_packets):
            recording.feed(data, i * 36_000_000)
        recording.electrodes.samples()
        return recording

    recording = benchmark(run)
    assert recording.electrodes.n_frames == N_PACKETS * FRAMES
    told(benchmark, finding, "record", "recording")


@timed
def test_int_from_bytes_decoding_alone(
    benchmark: BenchmarkFixture, eeg_packets: list[bytes], finding: Finding
) -> None:
    """The yardstick: sample by sample, without gaps or timestamps."""

    def run() -> int:
        n = 0
        for data in eeg_packets:
            samples = [
                int.from_bytes(data[k : k + 3], "big", signed=True)
                for k in range(HEADER_SIZE, len(data), 3)
            ]
            n += len(samples)
        return n

    assert benchmark(run) == N_PACKETS * FRAMES * 8
    told(benchmark, finding, "plain", "int.from_bytes alone")
