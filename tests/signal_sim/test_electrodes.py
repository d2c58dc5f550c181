"""Between skin and amplifier: impedance, loading, mains, lead-off, noise, motion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import welch

from eegrig import signal_sim
from eegrig.signal_sim import Amplifier, Mains, Motion, Scene, SignalError
from eegrig.signal_sim.body import PRESETS, Electrodes
from eegrig.signal_sim.body.bank import ElectrodeBank
from eegrig.signal_sim.body.divider import fit_filter, grid_hz
from eegrig.signal_sim.body.electrodes import cole_ohm

CHANNELS = ("Fp1", "C3", "O1")
QUIET = replace(
    PRESETS["gel"], noise_v=0.0, offset_v=0.0, drift_v_per_sqrt_s=0.0, bad_fraction=0.0,
    rise_ohm_per_h=0.0,
)  # fmt: skip
NO_MAINS = Mains(frequency_hz=0.0)
NO_BIAS = Amplifier(bias_a=0.0)
SILENT = signal_sim.Rhythm(rms_v=0.0)


def playing(**changes: object) -> signal_sim.player.ScenePlayer:
    parts: dict = {
        "sources": (SILENT,), "electrodes": QUIET, "mains": NO_MAINS, "amplifier": NO_BIAS,
        "channels": CHANNELS,
    }  # fmt: skip
    return signal_sim.scene(Scene(**(parts | changes)), rate_hz=500, seed=3)


def amplitude(samples: np.ndarray, frequency_hz: float, rate_hz: float) -> np.ndarray:
    """Complex amplitude of a tone in every row, by least squares."""
    phase = 2 * np.pi * frequency_hz * np.arange(samples.shape[1]) / rate_hz
    basis = np.stack([np.cos(phase), np.sin(phase), np.ones_like(phase)], axis=1)
    c, s, _ = np.linalg.lstsq(basis, samples.T, rcond=None)[0]
    return c - 1j * s


@pytest.mark.parametrize("preset", ["gel", "dry", "ear-dry", "semi-dry", "tattoo"])
def test_impedance_is_coles(preset: str) -> None:
    electrodes = PRESETS[preset]
    z = cole_ohm(50e3, electrodes, [0.0, 1.0, 10.0, 100.0, 1e6])
    assert abs(z[2]) == pytest.approx(50e3)
    assert np.all(np.diff(np.abs(z)) < 0)
    assert z[0].imag == 0
    assert abs(z[4]) == pytest.approx(0.05 * abs(z[2]), rel=0.2)  # the series resistance


def test_impedances_of_a_population_have_the_presets_median_and_spread() -> None:
    logs = []
    for seed in range(60):
        scene = Scene(sources=(SILENT,), electrodes=replace(PRESETS["gel"], bad_fraction=0))
        player = signal_sim.scene(scene, seed=seed)
        logs += [np.log(abs(player.lead(n).impedance_ohm())) for n in (*player.channels, "GND")]
    assert np.exp(np.median(logs)) == pytest.approx(40e3, rel=0.1)
    assert np.std(logs) == pytest.approx(0.47, rel=0.15)


def test_an_electrode_is_the_same_whatever_others_are_on_the_head() -> None:
    few = signal_sim.scene("resting", channels=["O1"], seed=9)
    many = signal_sim.scene("resting", channels=["Fp1", "O1", "Cz"], seed=9)
    assert few.lead("O1").impedance_ohm() == many.lead("O1").impedance_ohm()


@pytest.mark.parametrize("rate_hz", [250.0, 1000.0, 2000.0])
@pytest.mark.parametrize("ohm", [5e3, 40e3, 900e3, 5e6])
def test_the_divider_filter_takes_what_the_circuit_takes(ohm: float, rate_hz: float) -> None:
    z = cole_ohm(ohm, PRESETS["gel"], grid_hz(rate_hz))
    divider = z / (z + Amplifier().impedance_ohm(grid_hz(rate_hz)))
    b, a = fit_filter(divider)
    delay = np.exp(-2j * np.pi * grid_hz(rate_hz) / rate_hz)
    fitted = np.polyval(b[::-1], delay) / np.polyval(a[::-1], delay)
    assert np.all(np.abs(np.roots(a)) < 1)
    wrong = np.abs(fitted - divider)
    assert wrong[grid_hz(rate_hz) < 0.3 * rate_hz].max() < 0.3 * np.abs(divider).max()
    used = grid_hz(rate_hz) < 0.1 * rate_hz
    assert wrong[used].max() < 0.1 * np.abs(divider).max()


def test_a_high_impedance_takes_some_of_the_signal() -> None:
    tone = signal_sim.Ssvep(
        frequencies_hz=(20.0,), amplitude_spread=0, trial_spread=0, harmonics=(), onset_v=0,
        trial_s=3000, rest_s=0,
    )  # fmt: skip
    for ohm in (5e3, 5e6):
        electrodes = replace(QUIET, impedance_ohm=ohm, impedance_spread=0)
        player = playing(sources=(tone,), electrodes=electrodes, channels=("Oz",), reference="none")
        ideal = playing(
            sources=(tone,), electrodes=PRESETS["ideal"], channels=("Oz",), reference="none"
        )
        seen, whole = (amplitude(p.read(5000)[:, 1000:], 20, 500)[0] for p in (player, ideal))
        z = complex(player.lead("Oz").impedance_ohm(20.0))
        z_in = complex(Amplifier().impedance_ohm(20.0))
        assert seen / whole == pytest.approx(z_in / (z + z_in), rel=3e-3)
        assert abs(seen / whole) < (0.999 if ohm > 1e6 else 1.0)


def test_mains_is_common_mode_through_imbalance_and_cmrr() -> None:
    """v = Vcm (dZ / Zin + 1 / CMRR), with Vcm from the current through the ground electrode."""
    mains = Mains(wander_hz=0, device_spread=0, lead_f=0, harmonics=(1.0,))
    for cmrr_db in (60.0, 300.0):
        player = playing(mains=mains, amplifier=replace(NO_BIAS, cmrr_db=cmrr_db))
        omega = 2j * np.pi * 50
        ground = complex(player.lead("GND").impedance_ohm(50.0))
        earth = omega * mains.device_f * ground
        common_v = mains.earth_v * earth / (1 + earth)
        z_in = complex(Amplifier().impedance_ohm(50.0))

        def divider(name: str, player=player, z_in=z_in) -> complex:
            z = complex(player.lead(name).impedance_ohm(50.0))
            return z / (z + z_in)

        measured = np.abs(amplitude(player.read(5000), 50, 500)) / np.sqrt(2)
        expected = [
            abs(common_v * (10 ** (-cmrr_db / 20) - divider(name) + divider("M1")))
            for name in CHANNELS
        ]
        assert measured == pytest.approx(expected, rel=1e-3)


def test_without_imbalance_only_the_cmrr_lets_mains_through() -> None:
    mains = Mains(wander_hz=0, lead_f=0, harmonics=(1.0,))
    equal = replace(QUIET, impedance_spread=0)
    nothing = playing(mains=mains, electrodes=equal, amplifier=replace(NO_BIAS, cmrr_db=390.0))
    assert np.abs(nothing.read(2000)).max() < 1e-15
    leaking = playing(mains=mains, electrodes=equal, amplifier=replace(NO_BIAS, cmrr_db=80.0))
    assert np.abs(leaking.read(2000)).max() > 1e-10


def test_a_bias_drive_lowers_the_common_mode_by_its_gain() -> None:
    mains = Mains(wander_hz=0, lead_f=0, harmonics=(1.0,))
    passive = playing(mains=mains).read(2000)
    driven = playing(mains=replace(mains, bias_drive_db=40.0)).read(2000)
    assert np.abs(driven).max() == pytest.approx(0.01 * np.abs(passive).max(), rel=1e-6)


def test_mains_wanders_about_its_frequency_without_jumps() -> None:
    samples = playing(mains=Mains(wander_hz=0.05, harmonics=(1.0,))).read(120 * 500)[0]
    crossings = np.count_nonzero(np.diff(np.signbit(samples))) / 2 / 120
    assert crossings == pytest.approx(50, abs=0.1)
    frequency, density = welch(samples, 500, nperseg=5000)
    assert density[np.abs(frequency - 50) < 1].sum() > 0.9999 * density.sum()


def test_real_residue_of_mains_is_a_few_percent_of_the_eeg() -> None:
    """50 Hz at Oz in a battery amplifier: median 6 %, p90 32 % of the 1-40 Hz rms [EXO]."""
    parts = []
    for seed in range(25):
        player = signal_sim.scene("ssvep-exoskeleton", channels=["Oz"], seed=seed)
        samples = player.read(20 * 256)[0]
        frequency, density = welch(samples, 256, nperseg=1024)
        mains = density[np.abs(frequency - 50) <= 1].sum()
        eeg = density[(frequency >= 1) & (frequency <= 40)].sum()
        parts.append(np.sqrt(mains / eeg))
    assert 0.02 < np.median(parts) < 0.15
    assert np.quantile(parts, 0.9) < 0.6


def test_half_cell_offsets_and_bias_current_are_constant_voltages() -> None:
    electrodes = replace(QUIET, offset_v=20e-3)
    offsets = np.concatenate(
        [
            signal_sim.scene(
                Scene(sources=(SILENT,), electrodes=electrodes, mains=NO_MAINS, reference="none"),
                seed=seed,
            ).read(10)[:, 0]
            for seed in range(40)
        ]
    )
    assert offsets.std() == pytest.approx(20e-3, rel=0.15)
    biased = playing(amplifier=Amplifier(bias_a=1e-9), reference="none", channels=("O1",))
    ohm = biased.lead("O1").impedance_ohm(0.0).real
    assert biased.read(10)[0, -1] == pytest.approx(1e-9 * ohm * 1e9 / (ohm + 1e9), rel=1e-6)


def test_offsets_walk_as_asked() -> None:
    electrodes = replace(QUIET, drift_v_per_sqrt_s=2e-6)
    scene = Scene(
        sources=(SILENT,), electrodes=electrodes, mains=NO_MAINS, amplifier=NO_BIAS,
        reference="none", channels=tuple(f"{row}{i}" for row in "FCP" for i in range(1, 7)),
    )  # fmt: skip
    moved = [np.diff(signal_sim.scene(scene, seed=s).read(25001)[:, [0, 25000]]) for s in range(12)]
    assert np.std(moved) == pytest.approx(2e-6 * np.sqrt(100), rel=0.15)


@pytest.mark.parametrize("rate_hz", [250.0, 1000.0])
def test_skin_noise_has_the_rms_asked_for(rate_hz: float) -> None:
    electrodes = replace(QUIET, noise_v=5e-6, noise_spread=0)
    scene = Scene(
        sources=(SILENT,), electrodes=electrodes, mains=NO_MAINS, amplifier=NO_BIAS,
        reference="none",
    )  # fmt: skip
    samples = np.concatenate(
        [
            signal_sim.scene(scene, rate_hz=rate_hz, seed=s).read(round(60 * rate_hz))
            for s in range(3)
        ]
    )
    frequency, density = welch(samples, rate_hz, nperseg=round(16 * rate_hz))
    band = (frequency >= 0.5) & (frequency <= 100)
    rms_v = np.sqrt(density[:, band].sum(axis=1).mean() * frequency[1])
    assert rms_v == pytest.approx(5e-6, rel=0.06)


def test_a_lead_that_comes_off_loses_the_brain_and_floats_away() -> None:
    player = signal_sim.scene("eyes-closed", channels=CHANNELS, seed=1)
    twin = signal_sim.scene("eyes-closed", channels=CHANNELS, seed=1)
    before = player.read(1000)
    lead = player.lead("O1")
    assert lead.connected
    lead.disconnect()
    assert not np.array_equal(before, player.read(1000))
    assert not lead.connected
    assert abs(lead.impedance_ohm(10.0)) > 1e9
    off = player.read(4000)
    twin.read(2000)
    on = twin.read(4000)
    assert np.array_equal(off[:2], on[:2])  # the others notice nothing
    assert off[2, -1] > 0.1  # 300 pA on a gigaohm
    lead.reconnect()
    player.read(2000)
    twin.read(2000)
    back, same = player.read(500)[2], twin.read(500)[2]
    assert np.abs(back - same).max() < 1e-6


def test_a_change_takes_effect_at_the_next_sample_whatever_the_block() -> None:
    def changed(chunk: int) -> np.ndarray:
        player = signal_sim.scene("resting", channels=CHANNELS, seed=2)
        parts = []
        at = 0
        for position, act in (
            (700, lambda: player.lead("C3").disconnect()),
            (1500, lambda: player.lead("M1").set_impedance(500e3)),
            (4096, lambda: player.lead("C3").reconnect()),
            (4500, lambda: player.lead("Fp1").set_offset(-0.1)),
            (9000, lambda: None),
        ):
            while at < position:
                take = min(chunk, position - at)
                parts.append(player.read(take))
                at += take
            act()
        return np.concatenate(parts, axis=1)

    whole = changed(10_000)
    for chunk in (1, 10, 250):
        assert np.array_equal(changed(chunk), whole)
    plain = signal_sim.scene("resting", channels=CHANNELS, seed=2).read(9000)
    first = np.argmax(np.any(whole != plain, axis=0))
    assert first == 700


def test_resuming_keeps_what_was_changed() -> None:
    player = signal_sim.scene("noisy-gym", channels=CHANNELS, seed=2)
    player.read(1234)
    player.lead("C3").set_impedance(2e6)
    player.read(100)
    saved = player.state()
    rest = player.read(6000)
    again = signal_sim.scene("noisy-gym", channels=CHANNELS, seed=2)
    again.restore(saved)
    assert np.array_equal(again.read(6000), rest)


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 3000),
            st.sampled_from([*CHANNELS, "M1", "GND"]),
            st.sampled_from(["disconnect", "reconnect", "impedance", "offset"]),
        ),
        max_size=5,
    )
)
def test_any_history_of_changes_is_the_same_in_small_reads(
    history: list[tuple[int, str, str]],
) -> None:
    def play(chunk: int) -> np.ndarray:
        player = signal_sim.scene("noisy-gym", channels=CHANNELS, seed=2)
        parts = []
        for length, name, action in history:
            for at in range(0, length, chunk):
                parts.append(player.read(min(chunk, length - at)))
            lead = player.lead(name)
            if action == "disconnect":
                lead.disconnect()
            elif action == "reconnect":
                lead.reconnect()
            elif action == "impedance":
                lead.set_impedance(1e6)
            else:
                lead.set_offset(1e-3)
        parts.append(player.read(500))
        return np.concatenate(parts, axis=1)

    assert np.array_equal(play(97), play(10_000))


def test_scripted_lead_events_come_and_go() -> None:
    scene = signal_sim.load_scene("noisy-gym")
    player = signal_sim.scene(scene, channels=["O1", "O2"], seed=2)
    samples = player.read(40 * 250)
    event = scene.lead_events[0]
    off = slice(round(event.at_s * 250) + 500, round(event.until_s * 250))
    assert np.abs(samples[0, off]).min() > 0.05
    assert np.abs(samples[0, : round(event.at_s * 250)]).max() < 0.2
    assert np.abs(samples[0, round(event.until_s * 250) + 500 :]).max() < 0.2
    assert np.abs(samples[1]).max() < 0.2
    truth = [e for e in player.events(0, 40) if e.name == "disconnect"]
    assert [(e.onset_s, e.channels) for e in truth] == [(25, ("O1",))]


def test_gel_dries() -> None:
    scene = Scene(sources=(SILENT,), electrodes=replace(QUIET, rise_ohm_per_h=36e3))
    player = signal_sim.scene(scene, rate_hz=50, seed=1)
    before = abs(player.lead("O1").impedance_ohm())
    player.read(3600 * 50)
    assert abs(player.lead("O1").impedance_ohm()) - before == pytest.approx(36e3, rel=0.15)


def test_gait_has_its_steps_and_little_above() -> None:
    """About 6 % of the artefact's power above 8.5 Hz (gait template text)."""
    motion = Motion(gait_hz=1.9, lead_spread=0)
    samples = playing(
        motion=motion, electrodes=replace(QUIET, motion_sensitivity=1.0), reference="none"
    ).read(120 * 500)
    assert samples.std() == pytest.approx(40e-6, rel=0.05)
    frequency, density = welch(samples, 500, nperseg=5000)
    total = density.sum()
    assert 0.03 < density[:, frequency > 8.5].sum() / total < 0.09
    assert frequency[np.argmax(density[0])] == pytest.approx(1.9, abs=0.15)


def test_a_bump_moves_some_leads_raises_their_impedance_and_decays() -> None:
    motion = Motion(bumps_per_min=10, impedance_change=3.0, reach=0.5)
    player = playing(
        motion=motion,
        electrodes=replace(QUIET, motion_sensitivity=1.0),
        mains=Mains(lead_f=1e-14, wander_hz=0, harmonics=(1.0,)),
        reference="none",
        channels=("Fp1", "Fp2", "C3", "C4", "P3", "P4"),
    )
    samples = player.read(60 * 500)
    bumps = player.events(0, 55)
    assert 4 <= len(bumps) <= 20
    bump = max(bumps, key=lambda e: e.detail["largest_v"])
    row = player.channels.index(bump.channels[0])
    at = round(bump.onset_s * 500)
    hum = [np.ptp(np.diff(samples[row, at + k : at + k + 20])) for k in (-40, 10)]
    assert hum[1] > 1.2 * hum[0]


def test_moving_less_sensitive_electrodes_moves_less() -> None:
    def size(preset: str) -> float:
        electrodes = replace(QUIET, motion_sensitivity=PRESETS[preset].motion_sensitivity)
        return float(playing(motion=Motion(gait_hz=2), electrodes=electrodes).read(2000).std())

    assert size("gel") < size("semi-dry") < size("dry")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.lead("O9"), "no lead 'O9'"),
        (lambda p: p.lead("O1").set_impedance(-1), "impedance of O1 is -1: give at least 0 Ohm"),
        (lambda p: p.lead("O1").set_offset(float("nan")), "offset of O1 is nan"),
    ],
)
def test_mistakes_are_named(change: object, message: str) -> None:
    with pytest.raises(SignalError, match=message):
        change(playing())  # type: ignore[operator]


def test_references() -> None:
    source = signal_sim.Background()
    alone, far = (
        signal_sim.play(source, channels=["C3", "M1"], rate_hz=250, seed=1),
        signal_sim.play(source, channels=["C3"], rate_hz=250, seed=1, reference="M1"),
    )
    potentials = alone.read(500)
    assert far.read(500)[0] == pytest.approx(potentials[0] - potentials[1], abs=1e-15)
    average = signal_sim.play(
        source, channels=["C3", "C4", "Oz"], rate_hz=250, seed=1, reference="average"
    )
    assert np.abs(average.read(500).sum(axis=0)).max() < 1e-15
    with pytest.raises(SignalError, match="M1 is the reference and cannot be a channel"):
        signal_sim.play(source, channels=["M1"], rate_hz=250, reference="M1")
    linked = signal_sim.play(
        source, channels=["C3"], rate_hz=250, seed=1, reference="linked-mastoids"
    )
    assert linked.read(500).shape == (1, 500)


def test_a_bank_says_what_it_drew() -> None:
    bank = signal_sim.scene("ssvep-speller-dry", seed=8).bank
    assert isinstance(bank, ElectrodeBank)
    assert set(bank.bad) <= set(bank.leads)
    assert isinstance(PRESETS["gel"], Electrodes)
