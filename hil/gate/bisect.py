"""Which commit made a figure worse: halving the commits between a good one and a bad one.

The rig of today measures the firmware of each commit, so a step is the firmware's. Sources are
taken out of git as an archive: nothing is checked out, nothing is left over in the repository.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eegrig.boards.errors import ConfigError

__all__ = ["Culprit", "commits_between", "find_culprit", "take_out", "title_of"]


@dataclass(frozen=True)
class Culprit:
    """What a search found.

    Attributes
    ----------
    commits : tuple of str
        The commit after which the figure is worse; several where those between could not be
        measured, the last of which is worse for certain.
    n_measured : int
        How many commits were measured on the way.
    """

    commits: tuple[str, ...]
    n_measured: int


def find_culprit(commits: Sequence[str], is_worse: Callable[[str], bool | None]) -> Culprit:
    """Find the first of several commits from which on something is worse.

    Parameters
    ----------
    commits : sequence of str
        In their order; the last is worse, and what was before the first is not.
    is_worse : callable
        Measures one; None where that cannot be done.
    """
    good, bad = -1, len(commits) - 1
    unknown: set[int] = set()
    n_measured = 0
    while choice := [at for at in range(good + 1, bad) if at not in unknown]:
        at = min(choice, key=lambda each: abs(2 * each - good - bad))
        n_measured += 1
        worse = is_worse(commits[at])
        if worse is None:
            unknown.add(at)
        elif worse:
            bad = at
        else:
            good = at
    return Culprit(tuple(commits[good + 1 : bad + 1]), n_measured)


def commits_between(repository: Path, good: str, bad: str, folder: str) -> list[str]:
    """Return the commits after `good` up to `bad` that changed a folder, the oldest first.

    Of a merge, the line of the first parents: the merge stands for all that it brought.

    Raises
    ------
    boards.errors.ConfigError
        If one is not there, `good` is no ancestor of `bad`, or none of them changed the folder.
    """
    first, last = (_hash(repository, name) for name in (good, bad))
    if _git(repository, "merge-base", first, last).decode().strip() != first:
        raise ConfigError(f"{good} is no ancestor of {bad}: give the older, good commit first")
    listed = _git(
        repository, "rev-list", "--first-parent", "--reverse", f"{first}..{last}", "--", folder
    )
    commits = listed.decode().split()
    if not commits:
        raise ConfigError(f"no commit between {good} and {bad} changed {folder}")
    return commits


def take_out(repository: Path, commit: str, folder: str, into: Path) -> Path:
    """Put a folder, as it is in a commit, into another place, and return where it is.

    Raises
    ------
    boards.errors.ConfigError
        If the commit has no such folder.
    """
    archive = _git(repository, "archive", "--format=tar", commit, "--", folder)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(into, filter="data")
    return into / folder


def title_of(repository: Path, commit: str) -> str:
    """Return a commit's short hash, date and first line."""
    form = "--format=%h %as %s"
    return _git(repository, "show", "--no-patch", form, commit).decode(errors="replace").strip()


def _hash(repository: Path, name: str) -> str:
    try:
        # What begins with a dash would be an option.
        found = _git(repository, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    except ConfigError:
        raise ConfigError(
            f"{repository} has no commit {name}: fetch it, or mend the name"
        ) from None
    return found.decode().split()[-1]


def _git(repository: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments], check=False, capture_output=True
        )
    except FileNotFoundError:
        raise ConfigError("git is not installed: the search takes commits from it") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigError(f"git {arguments[0]}: {said[0] if said else 'failed'}")
    return done.stdout
