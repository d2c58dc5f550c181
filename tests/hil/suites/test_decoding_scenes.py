"""What a board can decode follows from its channels, and a scene says if it cannot show a loss."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.boards import load_board
from eegrig.hil.measure.decoding.attention import attention_scores
from eegrig.hil.measure.decoding.paired import paired_auc
from eegrig.hil.signal_factory import LightScene, SceneFactory
from eegrig.hil.suites.stretches import decoding_scenes as scenes
from eegrig.hil.suites.stretches.decoding import electrodes_for, scene_fault, speller_scale


@pytest.mark.parametrize(
    ("board", "speller", "eyes", "forehead", "oddball", "sleep"),
    [
        ("headband8", "O1 O2 P7 P8", "O1 O2", "Fp1 Fp2", "C3 C4 P7 P8", "C3 C4"),
        ("headphone8", "", "TP7 TP8", "", "C3 C4 TP7 TP8", "C3 C4"),
        ("hairclip1", "Oz", "Oz", "", "", ""),
        ("forehead2-nirs", "", "", "Fp1 Fp2", "", ""),
        ("earpatch2", "", "P9", "", "", "P9"),
    ],
)
def test_channels_say_what_a_board_decodes(board, speller, eyes, forehead, oddball, sleep):
    data = load_board(board)
    assert electrodes_for(data, "occiput+parietal") == speller.split()
    assert electrodes_for(data, "occiput", "ear") == eyes.split()
    assert electrodes_for(data, "forehead") == forehead.split()
    assert electrodes_for(data, "vertex+ear") == oddball.split()
    assert electrodes_for(data, "centre", "ear") == sleep.split()


def test_quiet_front_ends_are_spelt_to_with_smaller_signals():
    assert speller_scale(load_board("headband8")) == pytest.approx(0.5)
    assert speller_scale(load_board("hairclip1")) == 0.7


@pytest.mark.parametrize(("source", "how"), [(0.69, "too hard"), (0.96, "too easy"), (1.0, "easy")])
def test_a_scene_that_cannot_show_a_loss_says_so(source, how):
    assert how in scene_fault(source)


@pytest.mark.parametrize("source", [0.7, 0.82, 0.95])
def test_a_scene_that_can_show_a_loss_has_no_fault(source):
    assert scene_fault(source) == ""


def test_a_scene_is_played_at_a_scale_under_the_boards_names():
    board = load_board("earpatch2")
    scene = scenes.clench_scene(["FT9"])
    whole, half = (SceneFactory(scene, board, scale)(1000.0) for scale in (1.0, 0.5))
    assert whole.channels == ("P9", "EMG1")
    assert half.read(500) == pytest.approx(0.5 * whole.read(500), rel=1e-12)
    assert half.events(0, 10) == whole.events(0, 10)


def test_the_seed_of_a_scene_is_its_own():
    optics = load_board("forehead2-nirs").optics
    assert optics is not None
    first, again = (LightScene(optics, scenes.tapping_scene())(100.0).read(50) for _ in range(2))
    assert np.array_equal(first, again)


def test_rest_and_attention_are_hard_to_tell_apart_but_not_too_hard():
    rate_hz, seconds = 250.0, 200
    board = load_board("forehead2-nirs")
    source = SceneFactory(scenes.rest_scene([], ["Fp1", "Fp2"]), board)(rate_hz)
    volts = source.read(round(seconds * rate_hz))
    states = [e for e in source.events(1, seconds - 10) if e.name in ("focus", "rest")]
    onsets_s = [s.onset_s + later for s in states for later in (0.7, 2.75, 4.8, 6.85)]
    first = np.rint(np.array(onsets_s) * rate_hz).astype(np.int64)
    focus = np.repeat([s.name == "focus" for s in states], 4)
    scores = attention_scores(volts, rate_hz, first, 500)
    assert scene_fault(paired_auc(scores, scores, focus).first) == ""
