"""The command `eegrig update`, as far as it goes without a radio; the rest is in tests/hil."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.host.commands.cli import main
from eegrig.host.image.firmware_image import build_image
from eegrig.host.image.manifest import MANIFEST
from eegrig.host.image.signing import verify_manifest
from eegrig.host.image.update_image import application_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="module")
def image():
    return build_image(load_board("headband8"))


def fails(capsys, *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit):
        main(["update", *arguments, "--json"])
    said = json.loads(capsys.readouterr().out)
    assert "\n" not in said["error"]
    return said["exit_code"], said["error"]


@pytest.mark.parametrize("suffix", ["bin", "hex"])
def test_an_application_is_taken_out_of_an_image(tmp_path, image, suffix):
    path = tmp_path / f"image.{suffix}"
    image.write(path)
    assert application_of(path) == image.application
    signed = application_of(path, KEY)
    verify_manifest(signed.files[MANIFEST], KEY.public_key())
    assert signed.image_hash == image.image_hash
    assert signed.manifest.signature is not None


def test_a_damaged_image_is_refused(tmp_path, image):
    path = tmp_path / "image.bin"
    data = bytearray(image.data)
    at = data.index(image.application.files["eeg/app.mpy"][:64])
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="damaged"):
        application_of(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["headband8", "--image", "missing.bin"], "cannot read the image missing.bin"),
        (["headband8", "--image", "a.bin", "--firmware", "b"], "name one of them"),
        (["headband8", "--key", "missing.pem"], "cannot read the key missing.pem"),
        (["headband8", "--radio", "nonsense"], "there is no radio 'nonsense'"),
        (["missing/board.toml"], "missing/board.toml"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_said_before_anything_is_sent(
    capsys, arguments, message
):
    code, error = fails(capsys, *arguments)
    assert code == 2
    assert message in error
