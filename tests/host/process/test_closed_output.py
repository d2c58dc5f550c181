"""Nobody reads what a command prints: it ends quietly, with the exit code of SIGPIPE."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EEGRIG = str(Path(sys.executable).with_name("eegrig"))


def ended(arguments: list[str], *, errors: bool) -> tuple[int, str]:
    """Run a command whose standard output (and standard error) nobody reads."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [EEGRIG, *arguments],
            stdout=closed,
            stderr=closed if errors else subprocess.PIPE,
            check=False,
            timeout=60,
        )
    return done.returncode, (done.stderr or b"").decode()


@pytest.mark.parametrize(
    ("arguments", "errors"),
    [
        (["--help"], False),
        (["--version"], True),
        (["boards"], False),  # a table
        (["boards"], True),
        (["boards", "--json"], False),
        (["sim", "--parameters"], False),
        (["virtual", "status"], True),
    ],
)
def test_a_command_that_nobody_reads_ends_as_sigpipe_ends_others(
    arguments: list[str], errors: bool
) -> None:
    assert ended(arguments, errors=errors) == (141, "")


def test_what_is_wrong_keeps_its_exit_code_where_it_cannot_be_said() -> None:
    assert ended(["nonsense"], errors=True) == (2, "")


def test_what_was_to_be_written_is_written_whether_its_table_is_read_or_not(tmp_path: Path) -> None:
    image = tmp_path / "image.bin"
    assert ended(["build", "hairclip1", "-o", str(image)], errors=False) == (141, "")
    again = subprocess.run([EEGRIG, "image", str(image)], capture_output=True, check=False)
    assert again.returncode == 0


def test_a_full_disk_behind_standard_output_is_said() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [EEGRIG, "boards"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (
        2,
        "eegrig: cannot write: No space left on device\n",
    )
