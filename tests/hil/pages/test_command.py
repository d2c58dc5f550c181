"""`make figures` as a command: what its options do, and how it says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eegrig.hil.pages import filling, work
from eegrig.hil.pages.__main__ import run


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Keep what is run instead of running it, and leave the pages as they are."""
    ran: list[list[str]] = []
    monkeypatch.setattr(work, "run_tasks", lambda names, **_how: ran.append(list(names)))
    monkeypatch.setattr(filling, "fill_pages", lambda: ["docs/boards.md"])
    return ran


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["figures", *arguments])
    with pytest.raises(SystemExit) as ended:
        run()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], work.all_tasks()),
        (["--only", "models", "--only", "hairclip1"], ["models", "hairclip1"]),
    ],
)
def test_all_is_run_or_what_is_asked_for_and_changed_pages_are_told(
    ran: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    names: list[str],
) -> None:
    assert command(monkeypatch, *arguments) == 0
    assert ran == [names]
    assert capsys.readouterr().out == "changed docs/boards.md\n"


def test_an_export_is_written_and_set_beside_what_is_stored_without_a_run(
    ran: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    path = tmp_path / "before.json"
    assert command(monkeypatch, "--fill", "--export", str(path), "--against", str(path)) == 0
    assert ran == []
    assert "power.streaming" in json.loads(path.read_text("utf-8"))["headband8"]["figures"]
    assert "changed docs/boards.md\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "hat"], "nothing is called 'hat'"),
        (["--fill", "--against", "there-is-none.json"], "make one with --export"),
    ],
)
def test_what_is_wrong_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(filling, "fill_pages", list)
    assert command(monkeypatch, *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.count("\n") == 1
