"""Windows cut out of a recording."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.decoding.windows import cut


def test_stretches_beyond_a_recording_are_refused():
    samples = np.arange(20.0).reshape(2, 10)
    assert cut(samples, np.array([0, 7]), 3)[1].tolist() == [[7, 8, 9], [17, 18, 19]]
    with pytest.raises(ValueError, match="beyond a recording of 10"):
        cut(samples, np.array([8]), 3)
