"""The firmware's updater on a LittleFS, against the host's: transfer, resuming, refusals."""

from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eegrig.host.image.application import Application
from eegrig.host.image.manifest import MANIFEST, decode_manifest
from eegrig.host.image.signing import raw_public_key, sign_manifest
from eegrig.host.wire.update import (
    UpdateMessage,
    UpdateRefused,
    UpdateStatus,
    encode_apply,
    encode_begin,
    encode_confirm,
    encode_data,
)

from .update_host import LARGEST, Cut, application, in_slot, run, transfer_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def content(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


OLD = application(
    {"main.mpy": content(1, 300), "eeg/app.mpy": content(2, 5000), "eeg/same.mpy": content(3, 2000)}
)
NEW = application(
    {
        "main.mpy": content(4, 10),
        "eeg/app.mpy": content(5, 5100),
        "eeg/drivers/moved.mpy": content(3, 2000),
        "empty": b"",
        "eeg/large.bin": content(6, 9000),
    },
    version="2",
)


@pytest.fixture
def board(board_flash):
    """A board that runs OLD in slot a, with a central that has just connected."""
    start(board_flash)
    return board_flash


def start(board, files=None, blocks=64):
    files = {"slot": b"a\n", **in_slot("a", OLD)} if files is None else files
    board("format_flash({}, {})", files, blocks)
    board("connect({})", "headband8")


def resumed(board):
    board("connect({})", "headband8")
    return transfer_of(NEW)


def expect_new(board, slot="b"):
    files = board("files()")
    assert {p: d for p, d in files.items() if p.startswith(f"{slot}/")} == in_slot(slot, NEW)
    other = "a" if slot == "b" else "b"
    assert files["slot"] == f"{other} {slot} new\n".encode()
    return files


# ---- an update


def test_it_goes_into_the_slot_that_does_not_run_and_the_other_is_not_touched(board):
    transfer = transfer_of(NEW)
    run(board, transfer)
    files = expect_new(board)
    assert {p: d for p, d in files.items() if p.startswith("a/")} == in_slot("a", OLD)
    assert board("restarts()")
    assert transfer.done_bytes == transfer.total_bytes


def test_what_the_running_slot_has_is_not_sent_again_whatever_its_name(board):
    transfer = transfer_of(NEW)
    run(board, transfer)
    assert transfer.sent_bytes == transfer.total_bytes - 2000


def test_the_next_one_goes_into_the_other_slot(board_flash):
    start(board_flash, {"slot": b"b\n", **in_slot("b", OLD), **in_slot("a", OLD)})
    run(board_flash, transfer_of(NEW))
    expect_new(board_flash, "a")


def test_what_was_in_the_slot_goes(board_flash):
    stale = application({"main.mpy": b"stale", "old/deep/x": b"1", "eeg": b"a file, not a folder"})
    start(board_flash, {"slot": b"a b failed\n", **in_slot("a", OLD), **in_slot("b", stale)})
    run(board_flash, transfer_of(NEW))
    expect_new(board_flash)


def test_going_back_to_what_is_still_there_sends_nothing(board_flash):
    start(board_flash, {"slot": b"a\n", **in_slot("a", OLD), **in_slot("b", NEW)})
    transfer = transfer_of(NEW)
    run(board_flash, transfer)
    assert transfer.sent_bytes == 0
    expect_new(board_flash)


def test_a_board_without_a_slot_file_runs_slot_a(board_flash):
    start(board_flash, in_slot("a", OLD))
    run(board_flash, transfer_of(NEW))
    expect_new(board_flash)


@pytest.mark.parametrize("largest", [64, 100, 185, 244, 517])
def test_writes_of_any_size_a_link_has(board_flash, largest):
    start(board_flash)
    run(board_flash, transfer_of(NEW, min(largest, LARGEST)))
    expect_new(board_flash)


# ---- breaks


def test_it_goes_on_wherever_the_link_or_the_power_was_lost(board_flash):
    """After any number of messages, one kind of break after the other."""
    start(board_flash)
    n_messages = run(board_flash, transfer_of(NEW))
    total = transfer_of(NEW).total_bytes
    assert n_messages > 60
    for cut_after in range(1, n_messages):
        power = bool(cut_after & 1)
        start(board_flash)
        first = transfer_of(NEW)
        with pytest.raises(Cut):
            run(board_flash, first, cut_after)
        if power:
            board_flash("power_cut()")
        second = resumed(board_flash)
        if board_flash("slots.read()")[2] != "new":  # all that was lost is the last answer
            run(board_flash, second)
        expect_new(board_flash)
        # A window on its way, at most, and after a power cut the file that was open.
        again = first.sent_bytes + second.sent_bytes - (total - 2000)
        assert again <= (9000 if power else 4 * LARGEST)


def test_it_ends_however_often_the_link_breaks(board_flash):
    start(board_flash)
    rng = random.Random(5)
    for _ in range(100):
        transfer = resumed(board_flash)
        try:
            run(board_flash, transfer, rng.randint(6, 12))
            break
        except Cut:
            continue
    else:
        raise AssertionError("no end in 100 links")
    expect_new(board_flash)


def test_another_firmware_than_the_one_that_was_begun_starts_anew(board):
    begun = application({"main.mpy": content(8, 3000), "eeg/large.bin": content(7, 9000)})
    with pytest.raises(Cut):
        run(board, transfer_of(begun), 30)
    run(board, resumed(board))
    expect_new(board)


def test_a_beginning_that_is_none_is_received_again(board):
    """What cannot be: a shorter file, under the right manifest, with something else in it."""
    with pytest.raises(Cut):
        run(board, transfer_of(NEW), 40)
    board("write({}, {})", "b/eeg/large.bin", b"something else")
    run(board, resumed(board))
    expect_new(board)


# ---- a link that loses, repeats and garbles


def test_whatever_gets_lost_or_repeated_on_the_way_is_asked_for_again(board_flash):
    """Data is dropped, doubled, swapped, or cut off where a buffer is full."""
    rng = random.Random(11)
    for _ in range(20):
        start(board_flash)
        transfer = transfer_of(NEW)
        for _ in range(2000):
            batch = []
            while (message := transfer.send()) is not None:
                batch.append(message[0])
                if message[1]:
                    break
            if len(batch) > 1 and rng.random() < 0.3:
                at = rng.randrange(len(batch) - 1)
                fate = rng.randrange(4)
                if fate == 0:
                    del batch[at]
                elif fate == 1:
                    batch[at + 1] = batch[at]
                elif fate == 2:
                    batch[at], batch[at + 1] = batch[at + 1], batch[at]
                else:
                    batch[at:] = [batch[at][: rng.randrange(len(batch[at]))]]
            said = board_flash("give({})", batch)
            if not said and not batch:
                said = board_flash("later(3)")
            for data in said:
                transfer.receive(data)
            if transfer.applied:
                break
        expect_new(board_flash)


def test_a_board_that_hears_nothing_asks_again_and_not_before(board):
    board("give({})", [encode_begin(NEW.files[MANIFEST], LARGEST)])
    assert board("later(2)") == []
    (again,) = board("later(1)")
    assert again[0] == UpdateMessage.WANT
    assert again[2] == 2, "a new turn: what was sent for the one before is not taken"
    late = encode_data(1, 0, NEW.files[MANIFEST][:100])
    assert board("give({})", [late]) == []


def damaged(app: Application, path: str) -> Application:
    files = dict(app.files)
    files[path] = bytes((files[path][0] ^ 1,)) + files[path][1:]
    return Application(app.manifest, files)


@pytest.mark.parametrize("path", ["eeg/app.mpy", "main.mpy"])
def test_a_file_that_stays_wrong_ends_the_update_after_three_times(board, path):
    transfer = transfer_of(damaged(NEW, path))
    with pytest.raises(UpdateRefused) as refused:
        run(board, transfer)
    assert refused.value.status == UpdateStatus.BAD_FILE
    index = [entry.path for entry in NEW.manifest.files].index(path) + 1
    assert refused.value.detail == index
    assert board("slots.read()")[2] is None
    run(board, resumed(board))
    expect_new(board)


# ---- refusals


def refusal(board, app: Application) -> UpdateRefused:
    before = {p: d for p, d in board("files()").items() if not p.startswith("b/")}
    with pytest.raises(UpdateRefused) as refused:
        run(board, transfer_of(app))
    after = {p: d for p, d in board("files()").items() if not p.startswith("b/")}
    assert after == before
    assert not board("restarts()")
    return refused.value


def with_manifest(text: bytes) -> Application:
    return Application(NEW.manifest, {**NEW.files, MANIFEST: text})


def test_firmware_of_another_board_is_refused(board):
    other = application({"main.mpy": b"x"}, board="headphone8")
    assert refusal(board, other).status == UpdateStatus.WRONG_BOARD


def test_firmware_that_does_not_fit_is_refused_before_anything_is_cleared(board_flash):
    files = {"slot": b"a\n", **in_slot("a", OLD), "b/kept": b"1"}
    start(board_flash, files, blocks=32)
    large = application({"main.mpy": bytes(70_000)})
    refused = refusal(board_flash, large)
    assert refused.status == UpdateStatus.TOO_LARGE
    assert board_flash("files()")["b/kept"] == b"1"
    fits = application({"main.mpy": content(1, 70_000 - refused.detail)})
    board_flash("connect({})", "headband8")
    run(board_flash, transfer_of(fits))


def test_a_wrong_image_hash_is_refused(board):
    text = NEW.files[MANIFEST].replace(NEW.manifest.image_hash.encode(), b"0" * 64)
    assert refusal(board, with_manifest(text)).status == UpdateStatus.BAD_IMAGE


def test_a_manifest_that_is_none_is_refused_with_the_line(board):
    text = NEW.files[MANIFEST].replace(b" eeg/app.mpy", b" ../a/app.mpy")
    refused = refusal(board, with_manifest(text))
    assert (refused.status, refused.detail) == (UpdateStatus.BAD_MANIFEST, 5)


def test_a_manifest_of_no_size_or_too_much_is_refused(board):
    for size in (0, 8193, 2**32 - 1):
        message = bytearray(encode_begin(b"", LARGEST))
        message[2:6] = size.to_bytes(4, "little")
        (answer,) = board("give({})", [bytes(message)])
        assert answer[:3] == bytes((0x81, 5, UpdateStatus.BAD_MANIFEST))


def signed(app: Application, key: Ed25519PrivateKey) -> Application:
    text = sign_manifest(app.files[MANIFEST], key)
    return Application(decode_manifest(text), {**app.files, MANIFEST: text})


def test_where_a_key_is_kept_only_what_it_signed_is_taken(board):
    board("write({}, {})", "update.key", raw_public_key(KEY.public_key()).hex().encode() + b"\n")
    assert refusal(board, NEW).status == UpdateStatus.NOT_SIGNED
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert refusal(board, signed(NEW, other)).status == UpdateStatus.BAD_SIGNATURE
    good = signed(NEW, KEY)
    forged = Application(
        good.manifest,
        {**good.files, MANIFEST: good.files[MANIFEST].replace(b"version 2", b"version 3")},
    )
    assert refusal(board, forged).status == UpdateStatus.BAD_SIGNATURE
    run(board, transfer_of(good))
    assert board("slots.read()")[2] == "new"


def test_a_key_that_is_none_lets_nothing_through(board):
    board("write({}, {})", "update.key", b"")
    assert refusal(board, signed(NEW, KEY)).status == UpdateStatus.BAD_SIGNATURE


def test_signed_firmware_is_welcome_where_no_key_is_kept(board):
    run(board, transfer_of(signed(NEW, KEY)))
    assert board("slots.read()")[2] == "new"


def test_nothing_is_applied_that_was_not_received(board):
    (answer,) = board("give({})", [encode_apply(NEW.image_hash)])
    assert answer[2] == UpdateStatus.NOT_READY
    with pytest.raises(Cut):
        run(board, transfer_of(NEW), 20)
    answers = board("give({})", [encode_apply(NEW.image_hash)])
    assert answers[0][:3] == bytes((0x82, 5, UpdateStatus.NOT_READY))
    assert board("slots.read()")[2] is None


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (("b/eeg/app.mpy", b"changed"), UpdateStatus.BAD_FILE),
        (("b/extra.mpy", b"more than announced"), UpdateStatus.BAD_FILE),
        (("b/manifest.txt", b"none"), UpdateStatus.BAD_MANIFEST),
    ],
)
def test_everything_is_read_again_before_the_switch(board, change, status):
    """Between READY and APPLY something in the slot changes, as a bad flash cell would do it."""
    transfer = transfer_of(NEW)
    while True:
        message = transfer.send()
        if message is not None and message[0][0] == UpdateMessage.APPLY:
            break
        for data in board("give({})", [message[0]] if message else []):
            transfer.receive(data)
    board("write({}, {})", *change)
    said = board("give({})", [message[0]])
    assert said[-1][2] == status
    assert board("slots.read()")[2] is None


def test_apply_is_for_the_firmware_that_was_meant(board):
    transfer = transfer_of(NEW)
    transfer._image_hash = OLD.image_hash
    with pytest.raises(UpdateRefused) as refused:
        run(board, transfer)
    assert refused.value.status == UpdateStatus.BAD_IMAGE


def test_flash_memory_that_cannot_be_written_is_said(board):
    with pytest.raises(Cut):
        run(board, transfer_of(NEW), 5)
    board("connect({})", "headband8")
    board("break_flash()")
    with pytest.raises(UpdateRefused) as refused:
        run(board, transfer_of(NEW))
    assert (refused.value.status, refused.value.detail) == (UpdateStatus.FLASH_ERROR, 5)


# ---- the trial


def test_a_trial_is_confirmed_by_who_knows_what_runs(board_flash):
    start(board_flash, {"slot": b"a b tried\n", **in_slot("a", OLD), **in_slot("b", NEW)})
    board_flash("connect({}, 244, {})", "headband8", NEW.image_hash)
    (answer,) = board_flash("give({})", [encode_confirm(OLD.image_hash)])
    assert answer[2] == UpdateStatus.BAD_IMAGE
    assert board_flash("slots.read()") == ("a", "b", "tried")
    (answer,) = board_flash("give({})", [encode_confirm(NEW.image_hash)])
    assert answer[2] == UpdateStatus.OK
    assert board_flash("slots.read()") == ("b", "a", None)
    assert board_flash("restarts()")


def test_there_is_nothing_to_confirm_outside_of_a_trial(board):
    (answer,) = board("give({})", [encode_confirm(bytes(32))])
    assert answer[2] == UpdateStatus.NO_TRIAL


def test_a_trial_takes_no_update_it_would_overwrite_what_it_falls_back_to(board_flash):
    start(board_flash, {"slot": b"a b tried\n", **in_slot("a", OLD), **in_slot("b", NEW)})
    assert refusal(board_flash, OLD).status == UpdateStatus.UNCONFIRMED
    assert in_slot("a", OLD).items() <= board_flash("files()").items()


# ---- numbers


def test_the_numbers_are_the_same_on_both_sides(board_flash):
    firmware = board_flash("numbers(update)")
    for member in [*UpdateMessage, *UpdateStatus]:
        if member is not UpdateStatus.BUSY:  # said without the updater
            assert firmware[member.name] == member, member
    assert board_flash("trial.BUSY") == UpdateStatus.BUSY
    assert board_flash("trial.UPDATE_VERSION") == 1


@pytest.mark.parametrize("kind", [0x00, 0x04, 0x7F, 0x90, 0xFF])
def test_a_message_of_a_later_host_is_answered(board, kind):
    (answer,) = board("give({})", [bytes((kind, 2, 0, 0))])
    assert answer == bytes((kind | 0x80, 5, UpdateStatus.UNKNOWN_MESSAGE, 0, 0, 0, 0))


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_a_message_that_is_too_short_is_answered_and_a_longer_one_is_understood(board, kind):
    (answer,) = board("give({})", [bytes((kind, 3, 1, 2, 3))])
    assert answer[2] == UpdateStatus.BAD_LENGTH
    answers = board("give({})", [bytes((kind, 60)) + bytes(60)])
    assert answers[0][2] != UpdateStatus.BAD_LENGTH
