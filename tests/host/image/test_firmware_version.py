"""The firmware's version is its own: it is in its sources, and nothing on the computer moves it."""

from __future__ import annotations

import re
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.host.image.application import (
    UNVERSIONED,
    VERSION_FILE,
    build_application,
    default_firmware,
    firmware_version,
)

BOARD = load_board("hairclip1")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return shutil.copytree(default_firmware(), tmp_path / "firmware")


def test_our_firmware_has_a_semantic_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", firmware_version(default_firmware()))


def test_a_new_version_of_the_package_leaves_the_firmwares_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = build_application(BOARD)
    monkeypatch.setattr(metadata, "version", lambda name: "99.0")
    assert build_application(BOARD).manifest == before.manifest


def test_a_build_reports_what_the_sources_say(sources: Path) -> None:
    (sources / VERSION_FILE).write_text("2.0.0-rc1\n", encoding="utf-8")
    assert build_application(BOARD, sources).manifest.version == "2.0.0-rc1"


def test_another_version_of_the_same_code_is_the_same_image(sources: Path) -> None:
    (sources / VERSION_FILE).write_text("2.0.0", encoding="utf-8")
    assert build_application(BOARD, sources).image_hash == build_application(BOARD).image_hash


def test_the_file_is_not_put_onto_the_board() -> None:
    assert VERSION_FILE not in build_application(BOARD).files


def test_a_firmware_without_the_file_says_that_it_has_no_version(sources: Path) -> None:
    (sources / VERSION_FILE).unlink()
    assert build_application(BOARD, sources).manifest.version == UNVERSIONED


@pytest.mark.parametrize("text", ["", "1.0 beta", "1.0\n1.1\n", "é", "1" * 65])
def test_what_is_no_version_is_refused_with_the_file_and_what_to_write(
    sources: Path, text: str
) -> None:
    (sources / VERSION_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{VERSION_FILE} holds .* such as 1\.2\.0"):
        build_application(BOARD, sources)
