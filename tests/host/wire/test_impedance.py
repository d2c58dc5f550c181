"""The detail of the answer to IMPEDANCE (docs/protocol.md)."""

from __future__ import annotations

import pytest

from eegrig.host.wire.impedance import decode_drive


@pytest.mark.parametrize(
    ("current_pa", "centihertz"), [(6000, 3125), (0, 0), (0xFFFF, 0xFFFF), (24, 780), (1, 1)]
)
def test_picoamperes_are_below_and_hundredths_of_a_hertz_above(current_pa, centihertz) -> None:
    drive = decode_drive(centihertz << 16 | current_pa)
    assert drive.current_a == pytest.approx(current_pa * 1e-12)
    assert drive.frequency_hz == pytest.approx(centihertz / 100)
