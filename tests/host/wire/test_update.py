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
    LARGEST_MANIFEST,
    SMALLEST_WRITE,
    UPDATE_VERSION,
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


def test_sizes_are_those_of_the_specification():
    """BEGIN has 40 bytes; a link of less than 64 is none to update over."""
    assert f"manifests of up\nto {LARGEST_MANIFEST} bytes" in TEXT
    assert LARGEST_MANIFEST == 8192
    assert len(encode_begin(b"m", SMALLEST_WRITE)) == 40 <= SMALLEST_WRITE
    assert SMALLEST_WRITE == 64
    assert "| 0 | u8 | version of this page: 1 |" in TEXT
    assert UPDATE_VERSION == 1


@pytest.mark.parametrize("enum", [UpdateMessage, UpdateStatus])
def test_the_host_has_every_row_of_the_specification(enum):
    name = "kind" if enum is UpdateMessage else "status"
    found = {}
    for start in re.finditer(rf"\n\| {name} \|", TEXT):
        for row in TEXT[start.start() + 1 :].split("\n\n")[0].splitlines()[2:]:
            number, words = (cell.strip() for cell in row.split("|")[1:3])
            if re.fullmatch(r"\d+|0x\w+", number):
                found[re.split(r"[:\s]", words)[0]] = int(number, 0)
    assert found == {member.name: member.value for member in enum}


@pytest.mark.parametrize(
    ("byte", "value", "field", "expected"),
    [
        (1, 0, "running", "a"),
        (1, 1, "running", "b"),
        (2, 0, "trial", None),
        (2, 1, "trial", "new"),
        (2, 2, "trial", "tried"),
        (2, 3, "trial", "failed"),
        (3, 0x00, "signature_enforced", False),
        (3, 0xFE, "signature_enforced", False),
        (3, 0xFF, "signature_enforced", True),
    ],
)
def test_what_the_states_bytes_mean(byte, value, field, expected):
    data = bytearray(STATE)
    data[byte] = value
    assert getattr(decode_update_state(bytes(data)), field) == expected


def test_the_shortest_state_has_two_empty_texts():
    state = decode_update_state(STATE[:40] + b"\0\0")
    assert (state.board, state.version) == ("", "")
    for size in (40, 41):
        with pytest.raises(ProtocolError, match="cut off in a text"):
            decode_update_state((STATE[:40] + b"\0\0")[:size])
    with pytest.raises(ProtocolError, match="has 39 bytes, it must have 42 or more"):
        decode_update_state(STATE[:39])
    assert decode_update_state(STATE[:40] + b"\x02\xc3\xa9\x01x").board == "é"


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


@pytest.mark.parametrize("largest", [64, 107, 244])
def test_data_fills_a_write_and_goes_up_to_the_limit(largest):
    """A write of kind, length, turn and offset, seven bytes, and then the file's."""
    one = begun(largest)
    one.receive(want(1, 1, 0, 300))
    sent = everything(one)
    chunk = largest - 7
    assert [len(message) - 7 for message in sent] == [
        min(chunk, 300 - at) for at in range(0, 300, chunk)
    ]
    assert len(sent[0]) == largest
    # A piece that the limit cuts waits until there is room for all of it.
    one = begun(largest)
    one.receive(want(1, 1, 0, chunk - 1))
    assert everything(one) == []
    one.receive(struct.pack("<BBBI", 0x41, 5, 1, chunk))
    assert everything(one) == [encode_data(1, 0, b"f" * chunk)]
    assert one.sent_bytes == chunk


def test_how_far_the_board_is_follows_what_it_says():
    """The manifest has 250 bytes, the first file 300, the second none."""
    one = begun()
    assert one.total_bytes == 550
    one.receive(want(1, 0, 100, 150))
    assert one.done_bytes == 100
    assert len(everything(one)) == 0
    one.receive(struct.pack("<BBBI", 0x41, 5, 1, 200))
    assert one.done_bytes == 100
    assert len(everything(one)) == 1
    one.receive(struct.pack("<BBBI", 0x41, 5, 1, 240))
    assert one.done_bytes == 200
    one.receive(want(2, 1, 30, 200))
    assert one.done_bytes == 280
    one.receive(want(3, 2, 0, 0))
    assert (one.done_bytes, one.send()) == (550, None)
    one.receive(want(4, 1, 300, 300))
    assert (one.done_bytes, one.send()) == (550, None)


def test_all_there_is_is_the_manifest_and_every_file():
    one = UpdateTransfer(b"m" * 5, [b"f" * 30, b"g" * 200], IMAGE, 107)
    assert (one.total_bytes, one.sent_bytes, one.done_bytes) == (235, 0, 0)
    one.receive(answer(0x81))
    one.receive(want(1, 2, 150, 200))
    assert one.done_bytes == 185


def test_commands_go_with_a_response_and_in_their_order_and_data_without():
    one = transfer()
    one.receive(answer(0x81))
    one.receive(b"\x42\x04\0\0\0\0")
    assert one.send() == (encode_begin(b"m" * 250, 107), True)
    assert one.send() == (encode_apply(IMAGE), True)
    one.receive(want(1, 1, 250, 300))
    assert one.send() == (encode_data(1, 250, b"f" * 50), False)


def test_a_lower_limit_takes_nothing_back():
    one = begun()
    one.receive(want(1, 1, 0, 200))
    one.receive(struct.pack("<BBBI", 0x41, 5, 1, 100))
    assert len(everything(one)) == 2
    # What it has said of its room, it has: no more than was sent is done.
    one.receive(struct.pack("<BBBI", 0x41, 5, 1, 100))
    assert one.done_bytes == 250 + 200


def test_when_the_board_has_everything_no_more_data_goes_out():
    one = begun()
    one.receive(want(1, 1, 0, 300))
    one.receive(b"\x42\x04\0\0\0\0")
    assert everything(one) == [encode_apply(IMAGE)]
    assert (one.done_bytes, one.sent_bytes) == (550, 0)
    one.receive(struct.pack("<BBBI", 0x41, 5, 1, 300))
    assert one.send() is None


def test_only_the_answer_to_apply_says_that_it_is_applied():
    one = begun()
    for kind in (0x81, 0x83, 0x90, 0xFF):
        one.receive(answer(kind))
        assert not one.applied
    one.receive(answer(0x82))
    assert one.applied
    again = transfer()
    again.receive(answer(0x83))
    again.receive(want(1, 1, 0, 300))
    assert everything(again) == [encode_begin(b"m" * 250, 107)]  # an answer to another: not begun


def test_what_the_board_gives_up_is_given_up_whatever_its_status():
    with pytest.raises(UpdateRefused, match=r"^FAILED: status 0, detail 7$") as refused:
        begun().receive(answer(0x43, 0, 7))
    assert refused.value.message is UpdateMessage.FAILED
    # Before it has begun, too.
    with pytest.raises(UpdateRefused, match=r"^FAILED: status 10, detail 5$"):
        transfer().receive(answer(0x43, 10, 5))


def test_answers_to_what_was_not_sent_refuse_nothing():
    one = begun()
    one.receive(answer(0x83, 13))
    one.receive(answer(0x90, 1))
    assert not one.applied


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
    one.receive(b"\x44\x00")
    one.receive(answer(0x90, 1))
    grown = bytearray(want(1, 0, 0, 100) + b"more")
    grown[1] += 4
    one.receive(bytes(grown))
    assert len(everything(one)) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cut off after 0 bytes"),
        (b"\x40", "cut off after 1 bytes"),
        (b"\x40\x0b\x01", "cut off after 3 bytes"),
        (want(1, 0, 0, 9)[:-1], "cut off after 12 bytes"),
        (b"\x40\x01\x01", "too short: 1 bytes behind its head"),
        (b"\x40\x0a" + bytes(10), "too short: 10 bytes"),
        (b"\x40\x0a" + bytes(11), "too short: 10 bytes"),  # more than it says is not its own
        (b"\x41\x04" + bytes(4), "too short: 4 bytes"),
        (b"\x81\x04" + bytes(4), "too short: 4 bytes"),
        (want(1, 3, 0, 9), "wants byte 0 of file 3"),
        (want(1, 1, 301, 400), "wants byte 301 of file 1"),
        (want(1, 2, 1, 1), "wants byte 1 of file 2"),
    ],
)
def test_what_is_no_message_of_a_board_is_a_protocol_error(data, said):
    with pytest.raises(ProtocolError, match=said):
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
    with pytest.raises(UpdateRefused, match="CONFIRM: status 13, detail 2") as refused:
        decode_answer(answer(0x83, 13, 2), UpdateMessage.CONFIRM)
    assert refused.value.message is UpdateMessage.CONFIRM
    assert decode_answer(b"\x83\x07\0\0\0\0\0no", UpdateMessage.CONFIRM)
    with pytest.raises(ProtocolError):
        decode_answer(b"\x83", UpdateMessage.CONFIRM)
