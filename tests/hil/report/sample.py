"""Runs as the suites leave them, to design the report against and to test it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eegrig.boards.assumed import Assumed
from eegrig.boards.schema import Target
from eegrig.hil.bench import PowerCapture
from eegrig.hil.figures import traces
from eegrig.hil.figures.results import FirmwareCheck, Results, RuntimeBuild

HASH = "9f2c4e71ab03d5586c1b7790e2fd4410" * 2
CHANNELS = ["Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"]

TARGETS = {
    "power.streaming": (48e-3, "max", "W", "30 h of raw streaming on 400 mAh"),
    "power.non_afe": (
        6e-3,
        "max",
        "W",
        "all but the front end and its supply: what firmware can change",
    ),
    "bandwidth.link_efficiency": (
        0.95,
        "min",
        "1",
        "the firmware, not its queue, should be the bottleneck",
    ),
    "bandwidth.frame_loss": (0.0, "max", "1", "a wearable recording has no second take"),
    "latency.mean": (15e-3, "max", "s", "neurofeedback at 250 SPS"),
    "latency.p99": (30e-3, "max", "s", "a late sample is a lost one for a closed loop"),
    "signal.gain_error": (0.005, "within", "1", "microvolts must be microvolts"),
    "signal.correlation": (0.999, "min", "1", "the recording equals the input"),
    "signal.noise_ratio": (1.1, "max", "1", "within 10 % of the ADS1299 table, 0.14 µV rms"),
    "flash.time": (30.0, "max", "s", "a firmware change is tried within half a minute"),
}

MODES = {  # afe, afe_supply, mcu, radio, rest, in milliwatts
    "sleep": (0.010, 0.004, 0.006, 0.0, 0.004),
    "advertising": (0.010, 0.004, 0.75, 0.21, 0.02),
    "connected": (0.010, 0.004, 0.92, 0.09, 0.02),
    "streaming": (36.9, 4.1, 2.9, 0.55, 0.06),
    "streaming_low_latency": (36.9, 4.1, 4.9, 2.3, 0.06),
}


def targets() -> dict[str, Target]:
    return {
        name: Target(limit=limit, kind=kind, unit=unit, reason=reason)  # type: ignore[arg-type]
        for name, (limit, kind, unit, reason) in TARGETS.items()
    }


def write_sample(directory: Path, kind: str = "pass") -> Results:
    """Write a run that ended as `kind` says: pass, marginal, fail or inconclusive."""
    rng = np.random.default_rng(7)
    results = Results(
        board="headband8",
        board_title="Eight-channel EEG headband, the reference board",
        bench="virtual",
        firmware=FirmwareCheck(version="0.1.0", image_hash=HASH, expected_hash=HASH),
        runtime=RuntimeBuild(
            port="zephyr", build="nrf52840dk_nrf52840", options={"SPI": True, "BT_ATT_TX_COUNT": 6}
        ),
        seed=1,
        started_at="2026-11-22T12:00:00+00:00",
        signal="1/f background with alpha, blinks and mains, 8 channels",
        link={"phy": 2, "interval_ms": 50.0, "mtu": 247, "octets": 251},
        targets=targets(),
    )
    worse = {"pass": 1.0, "marginal": 1.063, "fail": 1.15, "inconclusive": 1.0}[kind]
    lost = 14 if kind == "inconclusive" else 0

    def take(name: str, value: float, unit: str, uncertainty: float, n: int, **more: Any) -> None:
        results.record(
            name, value, unit, uncertainty=uncertainty, n=n,
            **{"provenance": "simulated", **more},
        )  # fmt: skip

    take("flash.time", 6.31, "s", 0.1, 1)
    take("boot.time", 0.412, "s", 0.02, 1)
    take("bandwidth.goodput", 1.3553e6, "bit/s", 560.0, 6944)
    take("bandwidth.link_efficiency", 0.9919, "1", 0.0004, 6944)
    take("bandwidth.frame_loss", 0.0, "1", 0.0, 15000)
    total = sum(MODES["streaming"]) * 1e-3 * worse
    streaming = {"profile": "efficient", "rate_sps": 250, "interval_ms": 100.0}
    for mode in ("sleep", "advertising", "connected"):
        take(f"power.{mode}", sum(MODES[mode]) * 1e-3, "W", sum(MODES[mode]) * 1e-4, 100000)
    take("power.streaming", total, "W", 0.9e-3, 100000, conditions=streaming)
    for group, milliwatts in zip(
        ("afe", "afe_supply", "mcu", "radio", "rest"), MODES["streaming"], strict=True
    ):
        take(f"power.streaming.{group}", milliwatts * 1e-3, "W", milliwatts * 3e-5, 100000)
    take("power.streaming_low_latency", 48.3e-3, "W", 1.1e-3, 100000)
    take("power.per_channel", total / 8, "W", 0.11e-3, 100000)
    take("power.non_afe", 3.51e-3, "W", 0.4e-3, 100000)
    take("energy.per_bit", total / 48000, "J", 0.02e-6, 100000)
    take("energy.per_sample", total / 2000, "J", 0.45e-6, 100000)
    take(
        "battery.life",
        400e-3 * 3.7 / total * 3600 * 0.95,
        "s",
        3600.0,
        100000,
        provenance="modelled",
    )
    low, efficient = _latencies(rng)
    for beginning, latency in (("latency", low), ("latency.efficient", efficient)):
        take(f"{beginning}.mean", latency.mean(), "s", 8e-5, latency.size, lost=lost)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)):
            value = float(np.quantile(latency, share))
            take(f"{beginning}.{name}", value, "s", 2e-4, latency.size, lost=lost)
    take("signal.gain_error", -0.00081 if kind != "fail" else 0.0213, "1", 0.0002, 15000)
    take("signal.correlation", 0.999871, "1", 2e-6, 15000)
    take("signal.noise", 0.1412e-6, "V", 0.0011e-6, 5000)
    take("signal.noise_pp", 0.94e-6, "V", 0.03e-6, 5000)
    take("signal.noise_ratio", 1.0086, "1", 0.008, 5000)
    results.close(provenance="simulated")
    results.assume(
        [
            Assumed(part="lipo-400mah", key="usable", value=95.0, unit="%", source="no source"),
            Assumed(part="zephyr", key="cpu_time", value=1.2, unit="×/÷", source="fitted"),
            Assumed(part="nrf52840dk", key="acl_packets", value=3, source="as in v4.4"),
        ]
    )
    efficiency = Assumed(part="tps61099", key="efficiency", source="TI SLVSD88, figure 6")
    results.assume_in("streaming", {efficiency: 0.362})
    results.assume_in("sleep", {efficiency: 0.0974})
    results.omit("decode.accuracy", "no decoder in this run")
    results.save(directory)
    _write_traces(directory, rng, low, efficient)
    return results


def _latencies(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    low = 6e-3 + rng.choice([0.0, 4e-3], 7500) + rng.uniform(0.8e-3, 8.3e-3, 7500)
    low += 7.5e-3 * (rng.random(7500) < 0.015)
    efficient = 6e-3 + rng.choice(np.arange(10) * 4e-3, 7500) + rng.uniform(1e-3, 101e-3, 7500)
    return low, efficient


def _write_traces(
    directory: Path, rng: np.random.Generator, low: np.ndarray, efficient: np.ndarray
) -> None:
    for mode, milliwatts in MODES.items():
        interval_s = {"streaming": 0.1, "streaming_low_latency": 0.0075, "connected": 0.1}.get(mode)
        traces.save_power(
            directory, mode, _capture(rng, milliwatts, interval_s), interval_s=interval_s
        )
    traces.save(directory, "latency_low_latency", latency_s=low)
    traces.save(directory, "latency_efficient", latency_s=efficient)
    traces.save(
        directory,
        "goodput",
        time_s=np.arange(10) + 0.5,
        goodput_bps=1.3553e6 - np.abs(rng.normal(size=10)) * 900,
        bound_bps=1.3664e6,
    )
    n = 2500
    frequency = np.fft.rfftfreq(n, 1 / 250)
    line = rng.normal(size=(8, frequency.size, 2)) @ np.array([1, 1j])
    shape = np.where(frequency > 0.4, np.maximum(frequency, 0.4) ** -0.6, 0) * (frequency < 70)
    applied = np.fft.irfft(line * shape, n, axis=1)
    applied *= 9e-6 / applied.std(axis=1, keepdims=True)
    time_s = np.arange(n) / 250
    alpha = np.array([0, 0, 0.2, 0.2, 0.8, 0.8, 1.2, 1.2])[:, None] * 12e-6
    applied += alpha * np.sin(2 * np.pi * 10.1 * time_s) * np.sin(2 * np.pi * 0.4 * time_s) ** 2
    blink = np.array([1, 0.95, 0.15, 0.15, 0.02, 0.02, 0.01, 0.01])[:, None] * 110e-6
    for at in (1.3, 4.9, 7.4):
        applied += blink * np.exp(-(((time_s - at) / 0.09) ** 2))
    recorded = applied * 1.0006 + rng.normal(size=applied.shape) * 0.14e-6
    traces.save(
        directory, "eeg", time_s=time_s, applied_v=applied, recorded_v=recorded, channels=CHANNELS
    )


def _capture(
    rng: np.random.Generator, milliwatts: tuple[float, ...], interval_s: float | None
) -> PowerCapture:
    step_s, n = 50e-6, 40000
    afe, supply, mcu, radio, rest = (value * 1e-3 / 3.7 for value in milliwatts)
    time_s = np.arange(n) * step_s
    current_a = np.full(n, afe + supply + rest) + 0.15 * mcu
    awake = (time_s % 4e-3) < 0.45e-3
    current_a[awake] += 0.85 * mcu / awake.mean()
    if interval_s:
        event = (time_s % interval_s) < min(0.012 * interval_s / 0.1 + 0.0006, 0.9 * interval_s)
        pulses = event & (rng.random(n) < 0.75)
        if pulses.any():
            current_a[pulses] += radio / pulses.mean()
    names = ("afe", "afe_supply", "mcu", "radio", "rest")
    energy = {name: value * 1e-3 * 2.0 for name, value in zip(names, milliwatts, strict=True)}
    return PowerCapture(
        start_ns=0, stop_ns=2 * 10**9, energy_j={"total": sum(energy.values()), **energy},
        battery_v=3.7, current_a=current_a, step_s=step_s, uncertainty=0.02,
    )  # fmt: skip
