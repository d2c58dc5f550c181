from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.bench import PowerCapture
from eegrig.hil.figures import traces
from eegrig.hil.figures.results import ResultsError


def test_what_was_saved_is_loaded(tmp_path):
    traces.save(tmp_path, "eeg", time_s=[0.0, 0.004], channels=["Fp1", "Oz"], bound_bps=1e6)
    found = traces.load(tmp_path, "eeg")
    assert found is not None
    assert found["time_s"] == pytest.approx([0.0, 0.004])
    assert found["channels"].tolist() == ["Fp1", "Oz"]
    assert float(found["bound_bps"]) == 1e6


def test_the_same_arrays_give_the_same_bytes(tmp_path):
    one = traces.save(tmp_path / "a", "goodput", time_s=np.arange(9)).read_bytes()
    assert traces.save(tmp_path / "b", "goodput", time_s=np.arange(9)).read_bytes() == one


def test_a_power_capture_is_saved_with_its_groups(tmp_path):
    capture = PowerCapture(0, 2 * 10**9, {"total": 2.0, "afe": 1.0}, 3.7, np.ones(4), 0.5, 0.0)
    traces.save_power(tmp_path, "sleep", capture)
    found = traces.load(tmp_path, "power_sleep")
    assert found is not None
    assert float(found["power_afe_w"]) == 0.5
    assert float(found["power_total_w"]) == 1.0
    assert float(found["duration_s"]) == 2.0
    assert found["current_a"].shape == (4,)


def test_names_are_sorted_and_a_missing_trace_is_none(tmp_path):
    assert traces.names(tmp_path) == []
    assert traces.load(tmp_path, "eeg") is None
    for name in ("power_b", "power_a", "eeg"):
        traces.save(tmp_path, name, x=1)
    assert traces.names(tmp_path, "power_") == ["power_a", "power_b"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x93NUMPY"])
def test_a_broken_trace_is_one_clear_error(tmp_path, content):
    traces.save(tmp_path, "eeg", x=1).write_bytes(content)
    with pytest.raises(ResultsError, match=r"eeg\.npz is no readable trace"):
        traces.load(tmp_path, "eeg")


@pytest.mark.parametrize("name", ["", "../up", "a.b", "Eeg"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="trace name"):
        traces.save(tmp_path, name, x=1)


def test_objects_are_not_stored(tmp_path):
    with pytest.raises(ValueError, match="Object arrays"):
        traces.save(tmp_path, "eeg", x=[object()])
    assert traces.names(tmp_path) == []
