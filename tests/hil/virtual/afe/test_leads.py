"""What a bench puts into the leads, against arithmetic with phasors."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.boards import load_part
from eegrig.boards.errors import ConfigError
from eegrig.hil.virtual.afe.leads import InLeads, Leads, Network
from eegrig.hil.virtual.afe.source import VirtualSignalSource

RATE = 2000.0


@pytest.fixture
def leads() -> Leads:
    return Leads(load_part("ads1299"), 2, np.random.default_rng(0))


def seen(leads: Leads, there: InLeads, electrodes: np.ndarray, memory: int) -> np.ndarray:
    now_s = np.arange(electrodes.shape[1] - memory) / RATE
    return leads.at_inputs(
        electrodes, there, memory=memory, now_s=now_s, rate_hz=RATE, beyond_ohm=np.zeros(2)
    )


def phasor(samples: np.ndarray, hz: float) -> complex:
    """Return the phasor of whole cycles of a sine."""
    time = np.arange(samples.size) / RATE
    return complex(2j * np.mean(samples * np.exp(-2j * np.pi * hz * time)))


@pytest.mark.parametrize("hz", [2.0, 10.0, 40.0])
@pytest.mark.parametrize("network", [Network(10e6), Network(620e3, 4.7e-9), Network(10e3, 47e-9)])
def test_a_network_divides_as_its_impedance_and_the_inputs_do(leads, network, hz):
    there = InLeads(networks={1: network})
    memory = leads.memory(there, RATE)
    time = np.arange(-memory, 2000) / RATE
    electrodes = np.stack([np.sin(2 * np.pi * hz * time)] * 2)
    out = seen(leads, there, electrodes, memory)
    admittance = 1 / 1e9 + 2j * np.pi * hz * 20e-12
    expected = 1 / (1 + network.impedance_ohm(hz) * admittance)
    # The bilinear transform bends frequencies by (pi f / rate)**2 / 3.
    assert abs(phasor(out[1], hz) - expected) < 2e-3 * abs(1 - expected) + 1e-6
    np.testing.assert_array_equal(out[0], electrodes[0, memory:])


def test_a_network_forgets_how_it_began(leads):
    there = InLeads(networks={0: Network(10e6, 1e-10)})
    memory = leads.memory(there, RATE)
    electrodes = np.random.default_rng(1).normal(size=(2, 3 * memory + 500))
    late = seen(leads, there, electrodes[:, memory:], memory)
    np.testing.assert_allclose(seen(leads, there, electrodes, memory)[:, memory:], late, atol=1e-6)


def test_a_common_mode_shows_by_rejection_and_imbalance(leads):
    network = Network(10e3, 47e-9)
    there = InLeads(common_mode=(1.0, 50.0), networks={1: network})
    memory = leads.memory(there, RATE)
    out = seen(leads, there, np.zeros((2, memory + 2000)), memory)
    z_in = 1 / (1e-9 + 2j * np.pi * 50 * 20e-12)
    dz = network.impedance_ohm(50.0)
    assert phasor(out[0], 50.0) == pytest.approx(leads.rejection[0], rel=1e-6)
    assert phasor(out[1], 50.0) == pytest.approx(leads.rejection[1] - dz / (z_in + dz), rel=1e-6)
    assert abs(20 * np.log10(abs(dz / z_in)) + 84.0) < 0.1


def test_rejection_is_never_less_than_the_data_sheets(leads):
    many = Leads(load_part("ads1299"), 5000, np.random.default_rng(2)).rejection
    assert np.abs(many).max() <= 10 ** (-110 / 20)
    assert many.std() == pytest.approx(1e-6, rel=0.05)


class _Clock:
    def now_ns(self) -> int:
        return 5


def test_the_source_takes_what_is_put_into_leads_and_says_that_it_changed():
    source = VirtualSignalSource(_Clock(), ("a", "b"), RATE)
    changes = []
    source.on_change = changes.append
    source.common_mode(1.0, 50.0)
    source.series_network("b", 1e3, 1e-9)
    assert source.in_leads == InLeads((1.0, 50.0), {1: Network(1e3, 1e-9)})
    source.common_mode(0.0, 50.0)
    source.series_network("b", 0.0)
    assert source.in_leads == InLeads()
    assert changes == [5, 5, 5, 5]
    with pytest.raises(ConfigError, match="no electrode 'c'"):
        source.series_network("c", 1.0)
    with pytest.raises(ValueError, match="no negative"):
        source.series_network("a", -1.0)
    with pytest.raises(ValueError, match="no negative"):
        source.common_mode(1.0, -50.0)
