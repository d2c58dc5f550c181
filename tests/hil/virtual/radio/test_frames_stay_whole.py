"""Parts of two L2CAP frames never mix on the air.

Core Specification, Volume 3, Part A, "Fragmentation and recombination".
"""

from __future__ import annotations

from eegrig.hil.virtual.air.acl import AclBuffers, AclQueue
from eegrig.hil.virtual.air.pdu import CONTINUATION, START
from eegrig.hil.virtual.clock import VirtualLoop

OCTETS = 27


class Ending:
    """An end of a link that keeps what it is to send, and completes nothing by itself."""

    alive, terminating = True, False

    def __init__(self):
        self.sent = []
        self.completions = []

    def send_part(self, data, llid, on_acknowledged=None, on_sent=None):
        self.sent.append((llid, bytes(data)))
        self.completions.append(on_acknowledged or on_sent)

    def complete(self):
        self.completions.pop(0)()


def frame(fill, octets):
    return octets.to_bytes(2, "little") + b"\x04\x00" + bytes([fill]) * octets


def parts(data):
    cut = [data[at : at + OCTETS] for at in range(0, len(data), OCTETS)]
    return [(CONTINUATION if index else START, part) for index, part in enumerate(cut)]


def test_a_notification_does_not_come_between_the_parts_of_a_response():
    loop = VirtualLoop()
    try:
        end = Ending()
        queue = AclQueue(loop, AclBuffers(packets=3, octets=OCTETS, frames=3), lambda: None)
        response, notification = parts(frame(1, 100)), frame(2, 80)
        given_back = []
        for index, (llid, part) in enumerate(response):
            queue.send_packet(end, part, llid, lambda: given_back.append(True))
            if index == 1:
                queue.submit(end, notification)
        while end.completions:
            end.complete()
        assert len(given_back) == len(response)  # the host gets every buffer back once
        assert end.sent == parts(notification) + response
    finally:
        loop.close()


def test_a_response_of_one_part_goes_at_once_and_completes_when_it_is_completed():
    loop = VirtualLoop()
    try:
        end, given_back = Ending(), []
        queue = AclQueue(loop, AclBuffers(packets=3, octets=OCTETS), lambda: None)
        queue.send_packet(end, frame(1, 10), START, lambda: given_back.append(True))
        assert len(end.sent) == 1
        assert given_back == []
        end.complete()
        assert given_back == [True]
    finally:
        loop.close()
