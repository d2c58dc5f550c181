"""``docs/how-to/see-what-a-commit-costs.md``: its commands find a commit that costs power."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eegrig.host.image.application import default_firmware

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "see-what-a-commit-costs.md"
EEGRIG = [
    sys.executable,
    "-c",
    "import sys; from eegrig.host.commands.cli import main; main(sys.argv[1:])",
]
GIT = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "gc.auto=0"]


def blocks() -> list[list[str]]:
    """Return the commands of the page, block by block."""
    found = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [block.splitlines() for block in found]


def test_the_commands_of_the_page_find_the_commit_that_costs_power(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, hold, name, meant = blocks()
    monkeypatch.chdir(tmp_path)

    def run(line: str) -> subprocess.CompletedProcess[str]:
        program, *arguments = shlex.split(line)
        command = EEGRIG if program == "eegrig" else [*GIT, "-c", "commit.gpgsign=false"]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)

    def well(*lines: str) -> None:
        for line in lines:
            done = run(line)
            assert done.returncode == 0, done.stderr

    def change(old: str, new: str, title: str) -> None:
        path = Path("firmware/eeg/app.py")
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")
        well("git add firmware", f"git commit --message {shlex.quote(title)}")

    shutil.copytree(default_firmware(), "firmware", ignore=shutil.ignore_patterns("__pycache__"))
    well("git init --initial-branch=main .", "git add firmware", "git commit --message Begin")
    well(*accept)
    well("git update-ref refs/remotes/origin/main HEAD", *hold)
    change("import gc\n", "import gc  # the collector\n", "Say what gc is")
    change("\n_POLL_MS = 50\n", "\n_POLL_MS = 25\n", "Look more often")
    well(hold[0])
    held = run(hold[1])
    assert held.returncode == 1, held.stderr
    assert "WORSE: power.connected by 3" in held.stdout
    named = run(name[0])
    assert named.returncode == 1, named.stderr
    assert named.stdout.rstrip().endswith("Look more often")
    assert "Say what gc is: 0" in named.stderr.replace("\u00a0", " ")
    well(*meant, hold[1])
    assert "worth 3 % of power" in Path("baselines/headband8-virtual.toml").read_text("utf-8")
