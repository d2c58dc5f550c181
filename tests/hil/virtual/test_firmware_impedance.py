"""Electrodes on a virtual board: what the firmware's lead-off current says of their contact."""

from __future__ import annotations

from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.suites.stretches.streams import linked
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.recording.impedance import Contact, Impedance, measure_impedance


def test_contacts_are_told_apart_and_a_loose_electrode_is_off(tmp_path: Path) -> None:
    board = load_board("headband8")
    with VirtualBench(board, directory=tmp_path) as virtual:
        bench, faults = virtual.bench, virtual.bench.faults
        assert faults is not None
        flash_and_identify(bench)
        faults.electrode("Fp1", 20e3)
        faults.electrode("Fp2", 500e3)
        faults.lead_off("C3")

        async def scenario() -> Impedance:
            async with linked(bench, board.radio.efficient_interval_ms) as link:
                return await measure_impedance(link, seconds=2.0)

        measured = bench.run(scenario())
    assert measured.contacts()[:4] == (Contact.GOOD, Contact.POOR, Contact.OFF, Contact.GOOD)
    assert measured.clipped.tolist() == [c == "C3" for c in board.afe.channels]
    assert measured.ohm[0] == pytest.approx(20e3, rel=0.2)  # the current's tolerance
    # Harmonics fold back (1.5 %), and C3's input swings from rail to rail: of that the data sheet's
    # crosstalk, -110 dB, leaves half a microvolt beside the 120 of Fp1.
    assert measured.ohm[1] / measured.ohm[0] == pytest.approx(25, rel=0.025)
