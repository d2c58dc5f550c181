"""Decoding: what the chain costs an application, the same decoder on what was applied and arrived.

Scenes are so hard that the source itself scores 70 to 95 %: at 100 % no loss could show. Every
figure of a loss is paired, trial by trial.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.boards.errors import BoardFault
from eegrig.hil.figures import traces
from eegrig.hil.measure.decoding.alpha import alpha_scores
from eegrig.hil.measure.decoding.attention import attention_scores
from eegrig.hil.measure.decoding.emg import emg_scores
from eegrig.hil.measure.decoding.fnirs import fnirs_scores, oxyhaemoglobin
from eegrig.hil.measure.decoding.p300 import p300_scores
from eegrig.hil.measure.decoding.paired import (
    Paired,
    bits_per_minute,
    mcnemar,
    paired_accuracy,
    paired_auc,
)
from eegrig.hil.measure.decoding.sleep import slow_wave_scores, spindle_scores
from eegrig.hil.measure.decoding.ssvep import cca_scores, fbcca_scores, margins
from eegrig.hil.suites.stretches import decoding_scenes as scenes
from eegrig.hil.suites.stretches.decoding import (
    Heard,
    electrodes_for,
    played,
    scene_fault,
    speller_scale,
    tapped,
)
from eegrig.signal_sim.fnirs import EXTINCTION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.hil.bench import AppliedEvent, Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder

    Decode = Callable[
        [NDArray[np.float64], float, NDArray[np.int64], int, Sequence[float]],
        NDArray[np.float64],
    ]
    DecodeWindows = Callable[
        [NDArray[np.float64], float, NDArray[np.int64], int], NDArray[np.float64]
    ]
    Scores = Callable[[NDArray[np.float64]], NDArray[np.float64]]

pytestmark = pytest.mark.long

_WINDOW_S = 2.0
_LENGTHS_S = (0.5, 1.0, 1.5, _WINDOW_S)
"""Of a speller's windows; the last one's figures are judged."""
_SPELLING_S, _ODDBALL_S, _RESTING_S, _SLEEPING_S, _CLENCHING_S, _TAPPING_S = (
    *(490.0, 130.0, 480.0, 430.0, 260.0),
    840.0,
)


def _record(
    rig_record: RigRecorder,
    heard: Heard,
    paradigm: str,
    arrived: Paired,
    drooping: Paired | None,
    conditions: dict[str, float],
) -> None:
    """Record what source and board score, what is lost between, and what the droop would cost."""
    note = (
        f"the source scores {arrived.first:.1%}, the board {arrived.second:.1%} "
        f"in {arrived.n} trials"
    )
    if paradigm.startswith("ssvep"):
        note += (
            f": {arrived.lost} lost, {arrived.gained} gained "
            f"(p {mcnemar(arrived.lost, arrived.gained):.2g})"
        )
    if heard.lost:
        note += f"; {heard.lost} of {heard.n_frames} frames did not arrive and are filled"
    figures = {
        "source": (arrived.first, arrived.first_uncertainty),
        "board": (arrived.second, arrived.second_uncertainty),
        "loss": (arrived.loss, arrived.loss_uncertainty),
    }
    if drooping is not None:
        figures["droop_cost"] = drooping.loss, drooping.loss_uncertainty
    for name, (value, uncertainty) in figures.items():
        rig_record(
            f"decoding.{paradigm}.{name}",
            value,
            "1",
            uncertainty=uncertainty,
            n=arrived.n,
            conditions=conditions,
            signal_fault=scene_fault(arrived.first),
            note=note if name == "loss" else "",
        )


def _told_apart(
    rig_record: RigRecorder,
    heard: Heard,
    paradigm: str,
    scores: Scores,
    positive: NDArray[np.bool_],
    conditions: dict[str, float],
) -> None:
    """Record the areas under the curves of a decoder that tells two kinds of trials apart."""
    source, board, drooping = (scores(v) for v in (heard.source, heard.board, heard.drooping))
    _record(
        rig_record,
        heard,
        paradigm,
        paired_auc(source, board, positive),
        paired_auc(board, drooping, positive),
        conditions,
    )


def _windowed(
    decode: DecodeWindows, heard: Heard, first: NDArray[np.int64], n_times: int
) -> Scores:
    """Return what scores some windows of a signal."""
    return lambda signal: decode(signal, heard.rate_hz, first, n_times)


def _times_ns(events: Sequence[AppliedEvent], later_s: float = 0.0) -> NDArray[np.float64]:
    return np.array([e.onset_ns + 1e9 * later_s for e in events])


def _enough(n: int, what: str) -> None:
    if n < 2:
        raise BoardFault(f"the recording has {n} {what}: the board did not stream long enough")


@pytest.mark.needs("source")
@pytest.mark.lasts(_SPELLING_S + 6)
@pytest.mark.figures(
    *(
        f"decoding.{decoder}.{figure}"
        for decoder in ("ssvep_cca", "ssvep_fbcca")
        for figure in ("source", "board", "loss", "droop_cost")
    )
)
async def test_a_speller_reads_from_the_board_what_was_spelt(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder, rig_out: Path
) -> None:
    channels = electrodes_for(rig.board, "occiput+parietal")
    if not channels:
        pytest.skip("the board has no electrode at the back of the head")
    sites = _sites(rig, channels)
    scale = speller_scale(rig.board)
    heard = await played(rig, scenes.ssvep_scene(sites), channels, _SPELLING_S, scale=scale)
    targets_hz = scenes.SSVEP_TARGETS_HZ
    names = [f"{hz:g} Hz" for hz in targets_hz]
    trials = heard.inside(names, 0.1, scenes.SSVEP_AFTER_S + _WINDOW_S + 0.1)
    _enough(len(trials), "selections")
    first = heard.frames(_times_ns(trials, scenes.SSVEP_AFTER_S))
    targets = np.array([names.index(trial.name) for trial in trials])
    for name, decode in (("ssvep_cca", cca_scores), ("ssvep_fbcca", fbcca_scores)):

        def compare(
            one: NDArray[np.float64],
            other: NDArray[np.float64],
            window_s: float = _WINDOW_S,
            decode: Decode = decode,
        ) -> Paired:
            n_times = round(window_s * heard.rate_hz)
            return paired_accuracy(
                *(
                    margins(decode(v, heard.rate_hz, first, n_times, targets_hz), targets)
                    for v in (one, other)
                )
            )

        by_length = [compare(heard.source, heard.board, length_s) for length_s in _LENGTHS_S]
        arrived, drooping = by_length[-1], compare(heard.board, heard.drooping)
        rates = _save_curve(rig_out, name, by_length)
        conditions = _conditions(channels, _WINDOW_S) | {
            "scale": round(scale, 3),
            "source_bit_per_min": round(rates[0], 1),
            "board_bit_per_min": round(rates[1], 1),
        }
        _record(rig_record, heard, name, arrived, drooping, conditions)


def _save_curve(rig_out: Path, name: str, by_length: Sequence[Paired]) -> tuple[float, float]:
    """Keep accuracies and rates over window length; return the rates of the longest, bit/min."""
    n_targets = len(scenes.SSVEP_TARGETS_HZ)
    source, board = (
        [
            bits_per_minute(part, n_targets, length_s)
            for part, length_s in zip(parts, _LENGTHS_S, strict=True)
        ]
        for parts in ([p.first for p in by_length], [p.second for p in by_length])
    )
    traces.save(
        rig_out,
        f"decoding_{name}",
        window_s=_LENGTHS_S,
        source_accuracy=[p.first for p in by_length],
        board_accuracy=[p.second for p in by_length],
        loss=[p.loss for p in by_length],
        loss_uncertainty=[p.loss_uncertainty for p in by_length],
        source_bit_per_min=source,
        board_bit_per_min=board,
    )
    return source[-1], board[-1]


@pytest.mark.needs("source")
@pytest.mark.lasts(_RESTING_S + 6)
@pytest.mark.figures(
    *(
        f"decoding.{decoder}.{figure}"
        for decoder in ("alpha", "attention")
        for figure in ("source", "board", "loss", "droop_cost")
    )
)
async def test_eyes_and_attention_are_told_from_the_board_as_from_the_source(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    alpha = electrodes_for(rig.board, "occiput", "ear")
    attention = electrodes_for(rig.board, "forehead")
    if not alpha and not attention:
        pytest.skip("the board has no electrode at the occiput, an ear or the forehead")
    scene = scenes.rest_scene(_sites(rig, alpha), _sites(rig, attention))
    heard = await played(rig, scene, [*alpha, *attention], _RESTING_S)
    states = heard.inside(("focus", "rest"), 0.1, scenes.STATE_S)
    _enough(len(states), "states")
    windows = [(later_s, state) for later_s in (0.7, 2.75, 4.8, 6.85) for state in states]
    first = heard.frames(np.array([s.onset_ns + 1e9 * later_s for later_s, s in windows]))
    rest = np.array([state.name == "rest" for _, state in windows])
    n_times = round(_WINDOW_S * heard.rate_hz)
    for name, channels, decode, positive in (
        ("alpha", alpha, alpha_scores, rest),
        ("attention", attention, attention_scores, ~rest),
    ):
        if channels:
            _told_apart(
                rig_record,
                heard.of(channels),
                name,
                _windowed(decode, heard, first, n_times),
                positive,
                _conditions(channels, _WINDOW_S),
            )


@pytest.mark.needs("source")
@pytest.mark.lasts(_ODDBALL_S + 6)
@pytest.mark.figures(*(f"decoding.p300.{f}" for f in ("source", "board", "loss", "droop_cost")))
async def test_single_targets_of_an_oddball_are_found_from_the_board_as_from_the_source(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    channels = electrodes_for(rig.board, "vertex+ear")
    if not channels:
        pytest.skip("the board has no central or parietal electrode")
    scene = scenes.oddball_scene(_sites(rig, channels))
    heard = await played(rig, scene, channels, _ODDBALL_S)
    window_s = 0.7
    stimuli = heard.inside(("target", "standard"), 0.1, window_s + 0.1)
    _enough(len(stimuli), "stimuli")
    first = heard.frames(_times_ns(stimuli))
    target = np.array([stimulus.name == "target" for stimulus in stimuli])
    n_times = round(window_s * heard.rate_hz)
    _told_apart(
        rig_record,
        heard,
        "p300",
        lambda v: p300_scores(v, heard.rate_hz, first, n_times, target),
        target,
        _conditions(channels, window_s),
    )


@pytest.mark.needs("source")
@pytest.mark.lasts(_SLEEPING_S + 6)
@pytest.mark.figures(
    *(
        f"decoding.{decoder}.{figure}"
        for decoder in ("spindles", "slow_waves")
        for figure in ("source", "board", "loss", "droop_cost")
    )
)
async def test_spindles_and_slow_waves_are_found_from_the_board_as_from_the_source(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    channels = electrodes_for(rig.board, "centre", "ear")
    if not channels:
        pytest.skip("the board has no electrode at the vertex or an ear")
    heard = await played(rig, scenes.sleep_scene(_sites(rig, channels)), channels, _SLEEPING_S)
    for name, event, decode, window_s in (
        ("spindles", "spindle", spindle_scores, 1.0),
        ("slow_waves", "slow wave", slow_wave_scores, 1.2),
    ):
        first, there = _with_and_without(heard, event, window_s)
        n_times = round(window_s * heard.rate_hz)
        _told_apart(
            rig_record,
            heard,
            name,
            _windowed(decode, heard, first, n_times),
            there,
            _conditions(channels, window_s),
        )


@pytest.mark.needs("source")
@pytest.mark.lasts(_CLENCHING_S + 6)
@pytest.mark.figures(*(f"decoding.emg.{f}" for f in ("source", "board", "loss", "droop_cost")))
async def test_contractions_are_found_from_the_board_as_from_the_source(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    afe = rig.board.afe
    channels = [c for c, k in zip(afe.channels, afe.channel_kinds, strict=True) if k == "emg"]
    if not channels:
        pytest.skip("the board has no channel for muscles")
    scene = scenes.clench_scene(_sites(rig, channels))
    heard = await played(rig, scene, channels, _CLENCHING_S)
    window_s = 0.3
    cues = heard.inside(("clench",), 0.5, 1.0)
    _enough(len(cues), "contractions")
    onsets = [_times_ns(cues, later_s) for later_s in (scenes.CLENCH_AFTER_S + 0.05, -window_s)]
    first = heard.frames(np.concatenate(onsets))
    clenched = np.repeat([True, False], len(cues))
    n_times = round(window_s * heard.rate_hz)
    _told_apart(
        rig_record,
        heard,
        "emg",
        _windowed(emg_scores, heard, first, n_times),
        clenched,
        _conditions(channels, window_s),
    )


@pytest.mark.needs("light")
@pytest.mark.lasts(_TAPPING_S + 6)
@pytest.mark.figures(*(f"decoding.fnirs.{f}" for f in ("source", "board", "loss")))
async def test_an_active_cortex_is_seen_by_the_board_as_in_the_light(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    optics = rig.board.optics
    if optics is None:
        pytest.skip("the board has no optodes")
    heard = await tapped(rig, scenes.tapping_scene(), _TAPPING_S)
    window_s = 3.0
    # The cortex answers some five seconds late; as a task begins the answer to the last is over.
    tasks = heard.inside(None, 2 * window_s, 4.0 + 2 * window_s)
    _enough(len(tasks), "tasks")
    first = heard.frames(np.concatenate([_times_ns(tasks, 4.0), _times_ns(tasks)]))
    active = np.repeat([True, False], len(tasks))
    n_times = round(window_s * heard.rate_hz)
    wavelengths_nm = optics.wavelengths_nm

    def scores(current_a: NDArray[np.float64]) -> NDArray[np.float64]:
        oxy = oxyhaemoglobin(current_a[: len(wavelengths_nm)], wavelengths_nm, EXTINCTION)
        return fnirs_scores(oxy, heard.rate_hz, first, n_times)

    arrived = paired_auc(scores(heard.source), scores(heard.board), active)
    conditions = _conditions(heard.channels, window_s)
    _record(rig_record, heard, "fnirs", arrived, None, conditions)


def _sites(rig: Bench, channels: Sequence[str]) -> list[str]:
    """Return where on the head channels are."""
    afe = rig.board.afe
    sites = dict(zip(afe.channels, afe.electrode_sites, strict=True))
    return [sites[channel] for channel in channels]


def _conditions(channels: Sequence[str], window_s: float) -> dict[str, float]:
    return {"window_s": window_s, "channels": float(len(channels))}


def _with_and_without(
    heard: Heard, name: str, window_s: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the first frames of windows about each event and in pauses, and which are which."""
    events = heard.inside((name,), 2.0, 6.0)
    _enough(len(events), f"{name}s")
    half_ns = 0.5e9 * window_s
    middles = [event.onset_ns + 0.5e9 * event.duration_s for event in events]
    pauses = []
    for event, after in itertools.pairwise(events):
        stop_ns = event.onset_ns + 1e9 * event.duration_s
        if after.onset_ns - stop_ns > 1e9 * (window_s + 0.1):
            pauses.append(0.5 * (stop_ns + after.onset_ns))
    first = heard.frames(np.array(middles + pauses) - half_ns)
    return first, np.arange(len(first)) < len(middles)
