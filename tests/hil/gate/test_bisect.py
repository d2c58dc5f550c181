"""The commit that made a figure worse is found by halving, and named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards.errors import ConfigError
from eegrig.hil.gate.bisect import commits_between, find_culprit, take_out, title_of


@given(st.integers(1, 60), st.data())
def test_the_first_that_is_worse_is_found_in_few_steps(n: int, data: st.DataObject) -> None:
    culprit = data.draw(st.integers(0, n - 1))
    commits = [str(at) for at in range(n)]
    found = find_culprit(commits, lambda commit: int(commit) >= culprit)
    assert found.commits == (str(culprit),)
    assert found.n_measured <= n.bit_length()


@given(st.integers(1, 20), st.data())
def test_commits_that_cannot_be_measured_are_named_with_the_one_after(
    n: int, data: st.DataObject
) -> None:
    culprit = data.draw(st.integers(0, n - 1))
    broken = data.draw(st.sets(st.integers(0, n - 1)))

    def is_worse(commit: str) -> bool | None:
        return None if int(commit) in broken else int(commit) >= culprit

    found = [int(commit) for commit in find_culprit(list(map(str, range(n))), is_worse).commits]
    assert culprit in found
    assert all(at in broken for at in found[:-1])


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    place.mkdir()

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        command = ["git", "-C", str(place), *who, "-c", "commit.gpgsign=false", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch=main")
    for number in range(4):
        folder = "docs" if number == 2 else "firmware"
        (place / folder).mkdir(exist_ok=True)
        (place / folder / "main.py").write_text(f"x = {number}\n", encoding="utf-8")
        git("add", "--all")
        git("commit", "--quiet", f"--message=Change {number}")
        git("tag", f"v{number}")
    return place


def test_only_commits_that_changed_the_firmware_are_looked_at(repository: Path) -> None:
    found = commits_between(repository, "v0", "main", "firmware")
    titles = [title_of(repository, commit).split(" ", 2)[2] for commit in found]
    assert titles == ["Change 1", "Change 3"]


def test_sources_are_those_of_the_commit_and_the_repository_stays_as_it_is(
    repository: Path, tmp_path: Path
) -> None:
    folder = take_out(repository, "v1", "firmware", tmp_path / "out")
    assert (folder / "main.py").read_text(encoding="utf-8") == "x = 1\n"
    assert (repository / "firmware" / "main.py").read_text(encoding="utf-8") == "x = 3\n"


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ("v9", "main", "has no commit v9"),
        ("--all", "main", "has no commit --all"),
        ("main", "v0", "main is no ancestor of v0"),
        ("v1", "v2", "no commit between v1 and v2 changed firmware"),
    ],
)
def test_commits_that_are_no_line_are_refused(
    repository: Path, good: str, bad: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        commits_between(repository, good, bad, "firmware")


def test_a_place_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no commit main"):
        commits_between(tmp_path, "main", "main", "firmware")
    with pytest.raises(ConfigError, match="git archive: "):
        take_out(tmp_path, "main", "firmware", tmp_path)
