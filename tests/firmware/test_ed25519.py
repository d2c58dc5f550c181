"""Signatures on the board: RFC 8032's vectors, what it forbids, and another implementation."""

from __future__ import annotations

import importlib.util
from hashlib import sha512
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import FIRMWARE

# RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc).
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
        "b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
        "1d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
        "c6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431"
        "e0303dca179c138ac17ad9bef1177331a704",
    ),
]
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
# Encodings of points whose order divides 8 (y = 1, -1, 0, and the four of order 8).
SMALL = [
    (1).to_bytes(32, "little"),
    (P - 1).to_bytes(32, "little"),
    bytes(32),
    bytes(31) + b"\x80",
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
]


def _load():
    """The same file under CPython, where thousands of cases are quick."""
    path = Path(FIRMWARE) / "eeg" / "ed25519.py"
    spec = importlib.util.spec_from_file_location("firmware_ed25519", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ED25519 = _load()


def on_board(micropython, key, message, signature):
    return micropython("ed25519.verify({}, {}, {})", key, message, signature)


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_vectors_of_rfc_8032(board_flash, key, message, signature):
    arguments = [bytes.fromhex(text) for text in (key, message, signature)]
    assert on_board(board_flash, *arguments)
    arguments[1] += b"x"
    assert not on_board(board_flash, *arguments)


@pytest.mark.parametrize("n_bytes", [0, 1, 55, 110, 111, 112, 127, 128, 129, 239, 240, 1700])
def test_sha512_at_the_ends_of_its_blocks(board_flash, n_bytes):
    data = bytes(i * 7 & 0xFF for i in range(n_bytes))
    assert board_flash("ed25519.sha512({})", data) == sha512(data).digest()


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_sha512_is_that_of_another_implementation(data):
    assert ED25519.sha512(data) == sha512(data).digest()


@settings(max_examples=60)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.data())
def test_it_agrees_with_another_implementation(seed, message, data):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert ED25519.verify(public, message, signature)
    bit = data.draw(st.integers(0, 767))
    changed = bytearray(public + signature)
    changed[bit // 8] ^= 1 << bit % 8
    assert not ED25519.verify(bytes(changed[:32]), message, bytes(changed[32:]))


@settings(max_examples=5)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_it_agrees_on_the_board_too(board_flash, seed, message):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert on_board(board_flash, public, message, signature)
    assert not on_board(board_flash, public, message + b"\0", signature)


@settings(max_examples=150)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_what_others_refuse_is_refused(key, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, b"m")
    except InvalidSignature:
        assert not ED25519.verify(key, b"m", signature)


def test_a_number_that_is_not_reduced_is_refused(board_flash):
    """RFC 8032, 5.1.7, step 1: S below the order; the same signature would have many faces."""
    key, message, signature = (bytes.fromhex(text) for text in VECTORS[1])
    s = int.from_bytes(signature[32:], "little") + ORDER
    malleable = signature[:32] + s.to_bytes(32, "little")
    assert not on_board(board_flash, key, message, malleable)
    assert not ED25519.verify(key, message, malleable)


@pytest.mark.parametrize("key", SMALL)
def test_a_key_of_small_order_is_refused(board_flash, key):
    """With such a key S = 0 and R = -h A, one of eight points, is a signature of many messages."""
    for r in SMALL:
        assert not ED25519.verify(key, b"message", r + bytes(32))
    assert not on_board(board_flash, key, b"message", SMALL[0] + bytes(32))


@pytest.mark.parametrize("r", SMALL)
def test_a_commitment_of_small_order_is_refused(r):
    key, message, _ = (bytes.fromhex(text) for text in VECTORS[1])
    for s in (0, 1, ORDER - 1):
        assert not ED25519.verify(key, message, r + s.to_bytes(32, "little"))


@pytest.mark.parametrize(
    "key",
    [
        (2).to_bytes(32, "little"),  # no x belongs to y = 2
        P.to_bytes(32, "little"),  # y = 0, not reduced
        (P + 1).to_bytes(32, "little"),
        ((1 << 255) + 1).to_bytes(32, "little"),  # x = 0 with a sign
        b"\xff" * 32,
    ],
)
def test_a_key_that_is_no_point_is_refused(board_flash, key):
    assert not on_board(board_flash, key, b"", bytes(64))
    assert ED25519._decode(key) is None


@pytest.mark.parametrize(("key_size", "size"), [(0, 64), (31, 64), (33, 64), (32, 63), (32, 65)])
def test_what_has_another_length_is_refused(key_size, size):
    assert not ED25519.verify(bytes(key_size), b"", bytes(size))
