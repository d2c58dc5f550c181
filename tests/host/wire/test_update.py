"""The update messages, against the tables of docs/update.md."""

from __future__ import annotations

import contextlib
import re
import struct
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.host.wire.constants import UPDATE_STATE_UUID, UPDATE_UUID
from eegrig.host.wire.errors import ProtocolError
from eegrig.host.wire.update import (
    UpdateMessage,
    UpdateRefused,
    UpdateState,
    UpdateStatus,
    UpdateTransfer,
    decode_answer,
    decode_update_state,
    encode_apply,
    encode_begin,
    encode_confirm,
    encode_data,
)

TEXT = (Path(__file__).parents[3] / "docs" / "update.md").read_text()
IMAGE = bytes(range(32))
STATE = b"\x01\x01\x02\x01\xf4\x00\xd0\x03" + IMAGE + b"\x09headband8\x052.0.1"


def transfer(largest: int = 107) -> UpdateTransfer:
    """One of a manifest of 250 bytes and files of 300 and 0 bytes."""
    return UpdateTransfer(b"m" * 250, [b"f" * 300, b""], IMAGE, largest)


def answer(kind: int, status: int = 0, detail: int = 0) -> bytes:
    return struct.pack("<BBBI", kind, 5, status, detail)


def want(turn: int, index: int, offset: int, limit: int) -> bytes:
    return struct.pack("<BBBHII", 0x40, 11, turn, index, offset, limit)


def begun(largest: int = 107) -> UpdateTransfer:
    one = transfer(largest)
    assert one.send() is not None
    one.receive(answer(0x81))
    return one


def everything(one: UpdateTransfer) -> list[bytes]:
    sent = []
    while (message := one.send()) is not None:
        sent.append(message[0])
    return sent


# ---- the specification


def test_every_message_and_status_is_in_the_specification():
    for member in UpdateMessage:
        assert re.search(rf"\| 0x{member:02x} \| {member.name}\b", TEXT, re.IGNORECASE), member
    for status in UpdateStatus:
        assert re.search(rf"\| {status.value} \| {status.name}\b", TEXT), status
    assert UPDATE_UUID.startswith("7d5e0004")
    assert UPDATE_STATE_UUID.startswith("7d5e0005")


def test_commands_byte_by_byte():
    assert encode_begin(b"text", 244) == b"\x01\x26\x04\0\0\0\xf4\0" + sha256(b"text").digest()
    assert encode_apply(IMAGE) == b"\x02\x20" + IMAGE
    assert encode_confirm(IMAGE) == b"\x03\x20" + IMAGE
    assert encode_data(7, 0x01020304, b"abc") == b"\x10\x08\x07\x04\x03\x02\x01abc"


def test_the_state_byte_by_byte():
    assert decode_update_state(STATE) == UpdateState(
        running="b",
        trial="tried",
        signature_enforced=True,
        largest_write=244,
        buffer_size=976,
        image_hash=IMAGE,
        board="headband8",
        version="2.0.1",
    )
    assert decode_update_state(STATE + b"what later boards add") == decode_update_state(STATE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\x02" + STATE[1:], "version 2 of the update protocol"),
        (STATE[:39], "39 bytes"),
        (STATE[:-1], "cut off"),
        (STATE[:40], "cut off|bytes"),
        (b"\x01\x02" + STATE[2:], "slot 2"),
        (b"\x01\x00\x04" + STATE[3:], "trial 4"),
        (STATE[:41] + b"\xff" + STATE[42:], "no UTF-8"),
    ],
)
def test_a_state_that_is_none_is_refused_in_one_line(data, message):
    with pytest.raises(ProtocolError, match=message):
        decode_update_state(data)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_state_or_a_protocol_error(data):
    with contextlib.suppress(ProtocolError):
        decode_update_state(data)


# ---- what the host does


def test_it_begins_with_the_manifest_and_sends_nothing_unasked():
    one = transfer()
    assert one.send() == (encode_begin(b"m" * 250, 107), True)
    assert one.send() is None
    one.receive(answer(0x81))
    assert one.send() is None


def test_it_sends_what_is_wanted_up_to_the_limit_and_no_further():
    one = begun()
    one.receive(want(1, 0, 0, 200))
    assert everything(one) == [encode_data(1, 0, b"m" * 100), encode_data(1, 100, b"m" * 100)]
    one.receive(struct.pack("<BBBI", 0x41, 5, 1, 299))
    assert everything(one) == [encode_data(1, 200, b"m" * 50)]
    assert one.sent_bytes == 250


def test_a_limit_of_another_turn_moves_nothing():
    one = begun()
    one.receive(want(1, 1, 0, 100))
    assert len(everything(one)) == 1
    one.receive(struct.pack("<BBBI", 0x41, 5, 0, 300))
    assert everything(one) == []


def test_it_goes_back_when_it_is_asked_to():
    one = begun()
    one.receive(want(1, 1, 0, 400))
    assert len(everything(one)) == 3
    one.receive(want(2, 1, 100, 200))
    assert everything(one) == [encode_data(2, 100, b"f" * 100)]
    assert one.sent_bytes == 400
    assert one.done_bytes == 350


def test_it_applies_when_the_board_has_everything():
    one = begun()
    one.receive(b"\x42\x04\0\0\0\0")
    assert one.send() == (encode_apply(IMAGE), True)
    assert not one.applied
    one.receive(answer(0x82))
    assert one.applied
    assert one.done_bytes == one.total_bytes == 550


@pytest.mark.parametrize("kind", [0x81, 0x82, 0x43])
def test_a_refusal_is_raised_with_what_the_board_said(kind):
    one = begun()
    with pytest.raises(UpdateRefused) as refused:
        one.receive(answer(kind, 6, 4096))
    assert (refused.value.status, refused.value.detail) == (6, 4096)
    assert refused.value.message == (kind if kind == 0x43 else kind - 0x80)


def test_what_was_meant_for_the_central_before_is_not_taken():
    one = transfer()
    one.receive(want(9, 1, 100, 300))
    one.receive(b"\x42\x04\0\0\0\0")
    assert one.send() == (encode_begin(b"m" * 250, 107), True)
    assert one.send() is None


def test_messages_of_later_boards_are_ignored_and_longer_ones_understood():
    one = begun()
    one.receive(b"\x44\x03abc")
    one.receive(answer(0x90, 1))
    grown = bytearray(want(1, 0, 0, 100) + b"more")
    grown[1] += 4
    one.receive(bytes(grown))
    assert len(everything(one)) == 1


@pytest.mark.parametrize(
    "data", [b"", b"\x40", b"\x40\x0b\x01", b"\x40\x01\x01", want(1, 3, 0, 9), want(1, 1, 301, 400)]
)
def test_what_is_no_message_of_a_board_is_a_protocol_error(data):
    with pytest.raises(ProtocolError):
        begun().receive(data)


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_no_bytes_of_a_board_do_anything_but_what_is_allowed(messages):
    one = begun()
    for data in messages:
        try:
            one.receive(data)
        except (ProtocolError, UpdateRefused):
            break
        for sent in everything(one):
            assert len(sent) <= 107


def test_an_answer_is_told_from_anything_else():
    assert decode_answer(answer(0x83), UpdateMessage.CONFIRM)
    assert not decode_answer(answer(0x82), UpdateMessage.CONFIRM)
    assert not decode_answer(want(1, 0, 0, 0), UpdateMessage.CONFIRM)
    with pytest.raises(UpdateRefused):
        decode_answer(answer(0x83, 13), UpdateMessage.CONFIRM)
    with pytest.raises(ProtocolError):
        decode_answer(b"\x83", UpdateMessage.CONFIRM)
