"""Random and mutated messages: no crash, no hang, and no image that is not whole is accepted.

10 000 in all; 30 s is the budget, on a machine that does other things too.
"""

from __future__ import annotations

import random
import struct

from eegrig.host.image.manifest import MANIFEST
from eegrig.host.wire.update import (
    UpdateMessage,
    encode_apply,
    encode_begin,
    encode_confirm,
    encode_data,
)

from .test_update import NEW, OLD, start
from .update_host import LARGEST, in_slot, run, transfer_of

N_RANDOM = 2500
N_MUTATED = 2500
N_MANIFESTS = 1500
N_COMMANDS = 3500


def true_messages() -> list[bytes]:
    """Every message of a real update."""
    manifest = NEW.files[MANIFEST]
    messages = [encode_begin(manifest, LARGEST)]
    for path in (MANIFEST, *(entry.path for entry in NEW.manifest.files)):
        data = NEW.files[path]
        for offset in range(0, len(data), 237):
            messages.append(encode_data(0, offset, data[offset : offset + 237]))
    return [*messages, encode_apply(NEW.image_hash), encode_confirm(NEW.image_hash)]


def mutated(message: bytes, rng: random.Random) -> bytes:
    data = bytearray(message)
    for _ in range(rng.randint(1, 3)):
        fate = rng.randrange(5)
        at = rng.randrange(len(data)) if data else 0
        if fate == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif fate == 1 and data:
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif fate == 2:
            del data[at:]
        elif fate == 3:
            data[at:at] = rng.randbytes(rng.randrange(5))
        else:
            data += rng.choice(TRUE)
    return bytes(data)


TRUE = true_messages()


def test_random_messages_change_nothing(board_flash):
    start(board_flash)
    rng = random.Random(1)
    messages = [rng.randbytes(rng.randrange(250)) for _ in range(N_RANDOM)]
    _, _, restarts = board_flash("endure({})", messages)
    assert not restarts
    assert in_slot("a", OLD).items() <= board_flash("files()").items()
    assert board_flash("slots.read()") == ("a", "b", None)
    run(board_flash, transfer_of(NEW))  # and an update works after all that


def test_mutated_messages_never_bring_anything_else_than_what_was_announced(board_flash):
    """The messages of one update, some of them changed, in their order and out of it."""
    start(board_flash)
    rng = random.Random(2)
    messages: list[bytes] = []
    while len(messages) < N_MUTATED:
        messages += [m if rng.random() < 0.97 else mutated(m, rng) for m in TRUE]
        messages += [mutated(rng.choice(TRUE), rng) for _ in range(10)]
    n, kinds, _ = board_flash("endure({})", messages[:N_MUTATED])
    assert n == N_MUTATED
    assert kinds.keys() >= {UpdateMessage.WANT, UpdateMessage.MORE, 0x81}
    files = board_flash("files()")
    assert in_slot("a", OLD).items() <= files.items()
    if board_flash("slots.read()")[2] == "new":
        assert {p: d for p, d in files.items() if p.startswith("b/")} == in_slot("b", NEW)


def test_mutated_manifests_are_never_accepted(board_flash):
    """Whole sessions: a manifest with something changed, announced with its own right hash."""
    rng = random.Random(3)
    text = NEW.files[MANIFEST]
    for _ in range(N_MANIFESTS // 25):
        start(board_flash)
        for _ in range(25):
            changed = mutated_text(text, rng)
            messages = [encode_begin(changed, LARGEST)]
            for offset in range(0, len(changed), 237):
                messages.append(encode_data(0, offset, changed[offset : offset + 237]))
            board_flash("connect({})", "headband8")
            board_flash("endure({})", messages)
            board_flash("endure({})", [encode_apply(NEW.image_hash)])
        assert board_flash("slots.read()")[2] is None
        assert in_slot("a", OLD).items() <= board_flash("files()").items()


def mutated_text(text: bytes, rng: random.Random) -> bytes:
    lines = text.split(b"\n")
    at = rng.randrange(len(lines))
    fate = rng.randrange(6)
    if fate == 0:
        del lines[at]
    elif fate == 1:
        lines.insert(at, rng.choice(lines))
    elif fate == 2:
        lines[at] = rng.choice((b"", b"file 1 " + b"0" * 64 + b" ../../x", b"signature 00", b" "))
    elif fate == 3:
        lines[at] = lines[at][:-1] + bytes((rng.randrange(256),))
    elif fate == 4:
        at, other = sorted(rng.sample(range(len(lines)), 2))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        data = bytearray(text)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(data)
    changed = b"\n".join(lines)
    return changed if changed != text else text + b"\n"


def test_random_and_mutated_commands_leave_a_board_that_answers(whole_board):
    """Control: every opcode with every kind of arguments, also while it streams."""
    rng = random.Random(4)
    whole_board("boot()")
    true = [
        b"\x01\x01\xf4\x00\x00\x00",
        b"\x01\x02\xf4\x00\x01\x01",
        b"\x01\x02\xf4\x00\x00\x02",
        b"\x02\x03",
        b"\x03\x04\xf4\x01",
        b"\x04\x05\x01",
        b"\x05\x06",
        b"\x06\x07\x01\x00",
        b"\x10\x08\x03",
    ]
    commands = []
    for _ in range(N_COMMANDS):
        command = bytearray(rng.choice(true) if rng.random() < 0.7 else rng.randbytes(4))
        for _ in range(rng.randrange(3)):
            fate = rng.randrange(3)
            if fate == 0 and command:
                command[rng.randrange(len(command))] = rng.randrange(256)
            elif fate == 1:
                del command[rng.randrange(len(command) + 1) :]
            else:
                command += rng.randbytes(rng.randrange(28))
        commands.append(bytes(command[:32]))
    answers = whole_board("endure({})", commands)
    for command, said in zip(commands, answers, strict=True):
        responses = [data for data in said if len(data) != 6]  # without events
        if len(command) < 2:
            assert responses == [bytes((0x80, 0, 2))]
        else:
            (response,) = responses
            assert response[:2] == bytes(((command[0] | 0x80) & 0xFF, command[1]))
            assert response[2] <= 8
    (response,) = whole_board("endure({})", [b"\x05\x2a"])[0]
    assert struct.unpack("<BBB", response[:3]) == (0x85, 0x2A, 0)
