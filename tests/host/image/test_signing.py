"""Keys, and manifests signed with them."""

from __future__ import annotations

import json
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.host.commands.cli import main
from eegrig.host.image.application import build_application
from eegrig.host.image.manifest import MANIFEST, decode_manifest, encode_manifest, split_signature
from eegrig.host.image.signing import (
    load_private_key,
    load_public_key,
    new_key,
    public_path,
    raw_public_key,
    sign_manifest,
    verify_manifest,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TEXT = (
    b"eegrig 1\nboard headband8\nversion 1.2\nimage " + b"ab" * 32 + b"\n"
    b"file 3 " + b"cd" * 32 + b" main.py\n"
)


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code, capsys.readouterr()


def test_a_signature_is_the_last_line_and_covers_what_is_before_it():
    signed = sign_manifest(TEXT, KEY)
    assert signed == TEXT + b"signature " + KEY.sign(TEXT).hex().encode() + b"\n"
    verify_manifest(signed, KEY.public_key())


def test_a_signed_manifest_is_read_and_written_again_as_it_was():
    signed = sign_manifest(TEXT, KEY)
    manifest = decode_manifest(signed)
    assert manifest.signature == KEY.sign(TEXT).hex()
    assert encode_manifest(manifest) == signed
    assert decode_manifest(TEXT).signature is None


def test_signing_again_replaces_the_signature():
    other = Ed25519PrivateKey.generate()
    assert sign_manifest(sign_manifest(TEXT, other), KEY) == sign_manifest(TEXT, KEY)


@given(st.integers(0, len(sign_manifest(TEXT, KEY)) * 8 - 1))
def test_a_manifest_with_one_bit_changed_is_refused(bit):
    changed = bytearray(sign_manifest(TEXT, KEY))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ConfigError, match="signed"):
        verify_manifest(bytes(changed), KEY.public_key())


def test_a_manifest_without_a_signature_or_with_anothers_is_refused():
    with pytest.raises(ConfigError, match="not signed: build it with --key"):
        verify_manifest(TEXT, KEY.public_key())
    signed = sign_manifest(TEXT, KEY)
    with pytest.raises(ConfigError, match="another key"):
        verify_manifest(signed, Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"signature\n", b"signature " + b"0" * 127 + b"\n", TEXT[:-1]]
)
def test_what_is_no_signature_is_not_taken_for_one(text):
    assert split_signature(text) == (text, None)


def test_a_signature_anywhere_else_makes_no_manifest():
    signed = sign_manifest(TEXT, KEY)
    _, signature = split_signature(signed)
    assert signature is not None
    twice = signed + b"signature " + signature.hex().encode() + b"\n"
    with pytest.raises(ConfigError, match="is no 'file'"):
        decode_manifest(twice)


def test_an_application_is_built_signed():
    application = build_application(load_board("headband8"), key=KEY)
    verify_manifest(application.files[MANIFEST], KEY.public_key())
    assert application.manifest == decode_manifest(application.files[MANIFEST])
    unsigned = build_application(load_board("headband8"))
    assert unsigned.image_hash == application.image_hash
    assert sign_manifest(unsigned.files[MANIFEST], KEY) == application.files[MANIFEST]


def test_a_new_key_is_for_its_owner_alone_and_never_overwritten(tmp_path):
    path = tmp_path / "release.pem"
    key = new_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for loaded in (
        load_private_key(path).public_key(),
        load_public_key(path),
        load_public_key(public_path(path)),
    ):
        assert raw_public_key(loaded) == raw_public_key(key.public_key())
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"release\.pem exists"):
        new_key(path)
    assert path.read_bytes() == before


def _pem(key, password=None):
    encryption = (
        serialization.NoEncryption()
        if password is None
        else serialization.BestAvailableEncryption(password)
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "cannot read the key .*: No such file"),
        (b"", "is no key in PEM format"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is no key in PEM"),
        (_pem(generate_private_key(SECP256R1())), "is no Ed25519"),
        (_pem(KEY, b"secret"), "has a password"),
    ],
)
def test_what_is_no_key_is_said_in_one_line(tmp_path, data, message):
    path = tmp_path / "key.pem"
    if data is not None:
        path.write_bytes(data)
    for load in (load_private_key, load_public_key):
        with pytest.raises(ConfigError, match=message) as raised:
            load(path)
        assert "\n" not in str(raised.value)


def test_a_public_key_signs_nothing(tmp_path):
    new_key(tmp_path / "key")
    with pytest.raises(ConfigError, match="is no"):
        load_private_key(public_path(tmp_path / "key"))


def test_a_key_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(ConfigError, match="cannot write the key"):
        new_key(tmp_path / "missing" / "key")


def test_the_command_makes_keys_and_shows_them(tmp_path, capsys):
    path = tmp_path / "release.pem"
    code, output = run(capsys, "key", "new", str(path), "--json")
    assert code == 0
    made = json.loads(output.out)
    assert made["public"] == str(public_path(path))
    assert made["key"] == raw_public_key(load_public_key(path)).hex()
    assert run(capsys, "key", "show", made["public"])[1].out == made["key"] + "\n"
    assert run(capsys, "key", "show", str(path), "--json")[1].out.count(made["key"]) == 1
    code, output = run(capsys, "key", "new", str(path))
    assert code == 2
    assert "never overwritten" in output.err
