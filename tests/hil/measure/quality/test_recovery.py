"""Recovery from an overload of known length."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.quality.recovery import recovery_s

RATE = 250.0


def test_recovery_is_from_the_last_sample_at_the_limit():
    samples = np.concatenate([np.full(100, 0.2), 0.05 * np.exp(-np.arange(1, 401) / 10.0)]) + 3e-4
    seconds, doubt = recovery_s(samples, samples >= 0.2, RATE, 10e-6)
    # 0.05 exp(-k / 10) falls below 10 uV at k = 85.2; k = 1 follows the last sample at the limit.
    assert seconds == pytest.approx(86 / RATE)
    assert doubt == pytest.approx(0.41 / RATE, rel=0.01)


@pytest.mark.parametrize(("until", "said"), [(0, "no overload"), (90, "to the end")])
def test_an_overload_that_is_none_or_does_not_end_is_no_recovery(until, said):
    at_limit = np.arange(100) < until
    with pytest.raises(ValueError, match=said):
        recovery_s(np.zeros(100), at_limit, RATE, 1e-5)
