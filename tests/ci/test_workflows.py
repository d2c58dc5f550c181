"""The workflows to copy: they are YAML, and what they run is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from eegrig.host.commands.cli import make_app

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / "ci").glob("*.yml"))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def commands(path: Path) -> list[str]:
    """Return every line of a shell that a workflow runs."""
    steps = [step for job in load(path)["jobs"].values() for step in job["steps"]]
    return [line for step in steps for line in step.get("run", "").splitlines()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_targets_commands_and_files_of_a_workflow_are_there(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = get_command(make_app()).commands
    for line in commands(path):
        first, _, rest = line.strip().partition(" ")
        word = rest.split(" ")[0]
        if first == "make":
            assert re.search(rf"^{word}:", makefile, re.MULTILINE), line
        elif first == "eegrig":
            assert word in known, line
        elif first == "python" and word != "-m":
            assert (ROOT / word).is_file(), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_needs_only_jobs_that_it_has(path: Path) -> None:
    jobs = load(path)["jobs"]
    assert {job["needs"] for job in jobs.values() if "needs" in job} <= set(jobs)


# ---- what may be released


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "VERSION").write_text("0.3.0\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n', encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.2.0 - 2027-01-01\n\n## firmware 0.3.0\n", encoding="utf-8"
    )
    return tmp_path


def mistakes(tag: str, root: Path) -> list[str]:
    spec = importlib.util.spec_from_file_location("check_tag", ROOT / "ci" / "check_tag.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: list[str] = module.mistakes(tag, root)
    return found


@pytest.mark.parametrize("tag", ["v1.2.0", "firmware-0.3.0"])
def test_a_tag_of_the_trees_version_with_a_section_in_the_changelog_may_go(
    tree: Path, tag: str
) -> None:
    assert mistakes(tag, tree) == []


@pytest.mark.parametrize("tag", ["v1.3.0", "firmware-1.2.0"])
def test_a_tag_of_another_version_is_told_both_mistakes(tree: Path, tag: str) -> None:
    version, changelog = mistakes(tag, tree)
    assert "says" in version
    assert "no section" in changelog


def test_a_tag_of_no_kind_is_refused(tree: Path) -> None:
    assert mistakes("release-1", tree) == ["release-1 is neither v... nor firmware-..."]
