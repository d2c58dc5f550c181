"""From the FIFO of an optical front end to packets."""

import numpy as np
import pytest

from eegrig.host.wire.constants import Flag
from eegrig.host.wire.packet import decode_packet, decode_samples

# pairs, wavelengths, rate in mHz, LED current in uA, pulses, their length in us, transimpedance
SETTINGS = (1, 2, 25_000, 100_000, 32, 2, 100_000)
PERIOD_US = 40_000


def fifo(*values: int) -> bytes:
    """Samples of 3 bytes as the FIFO gives them: the low word first, high bytes first."""
    return b"".join((v & 0xFFFF).to_bytes(2, "big") + bytes([v >> 16]) for v in values)


def decoded(packets):
    return [decode_packet(data, 2, stream_id=1) for data in packets]


def test_samples_come_out_in_order_with_the_time_of_their_interrupt(micropython):
    batches = [fifo(70_000 + i, 8_000_000 - i) for i in range(30)]
    packets, index = micropython("optical_packets({}, 244, {})", SETTINGS, batches)
    first, last = decoded(packets)
    # A packet holds one second at most.
    assert (first.first_frame, first.n_frames, last.first_frame, last.n_frames) == (0, 25, 25, 5)
    assert (first.device_time_us, last.device_time_us) == (PERIOD_US, 26 * PERIOD_US)
    assert index == 30
    np.testing.assert_array_equal(
        decode_samples(first.body + last.body, 2),
        [[70_000 + i for i in range(30)], [8_000_000 - i for i in range(30)]],
    )


def test_samples_that_came_since_the_interrupt_are_fetched_together(micropython):
    batches = [fifo(1, 2), fifo(3, 4) + fifo(5, 6) + fifo(7, 8)]
    (packet,) = decoded(micropython("optical_packets({}, 244, {})", SETTINGS, batches)[0])
    assert (packet.n_frames, packet.device_time_us) == (4, PERIOD_US)
    assert decode_samples(packet.body, 2).tolist() == [[1, 3, 5, 7], [2, 4, 6, 8]]


def test_a_fifo_that_ran_over_is_a_flagged_gap(micropython):
    batches = [fifo(1, 2), fifo(3, 4), fifo(5, 6)]
    packets, index = micropython("optical_packets({}, 244, {}, 2)", SETTINGS, batches)
    before, after = decoded(packets)
    assert (before.first_frame, before.n_frames, before.flags) == (0, 2, 0)
    # Three periods passed with a full FIFO.
    assert (after.first_frame, after.n_frames, after.flags) == (5, 1, Flag.FRAMES_LOST)
    assert after.device_time_us - before.device_time_us == 5 * PERIOD_US
    assert index == 6


@pytest.mark.parametrize("payload", [22, 30])
def test_a_small_payload_holds_as_many_frames_as_fit(micropython, payload):
    batches = [fifo(i, i) for i in range(4)]
    packets, _ = micropython("optical_packets({}, {}, {})", SETTINGS, payload, batches)
    assert all(len(data) <= payload for data in packets)
    assert sum(packet.n_frames for packet in decoded(packets)) == 4
