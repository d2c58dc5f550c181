"""Old runs go whole, with files that nobody else refers to, and nothing else does."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from eegrig.hil.history.database import open_history
from eegrig.hil.history.files import FileStore
from eegrig.hil.history.place import Place
from eegrig.hil.history.prune import prune, runs_to_prune
from eegrig.hil.history.query import list_runs
from eegrig.hil.history.record import add_run
from eegrig.hil.history.tables import FigureRow, FileRow

from .runs import BEGIN, add, folder, read, results


@pytest.fixture
def five(place: Place, tmp_path: Path) -> Place:
    """Five runs of one board, then one of another."""
    with open_history(place, create=True) as history:
        for night in range(5):
            add(history, tmp_path, night)
        add_run(history, read(folder(tmp_path / "other", results(0, board="hairclip1"))))
    return place


def kept_contents(place: Place) -> set[str]:
    assert place.files is not None
    return {path.name for path in place.files.glob("??/*")}


def test_the_newest_runs_of_each_board_stay(five: Place) -> None:
    with open_history(five) as history:
        assert prune(history, keep=2).runs == [1, 2, 3]
        with history.reading() as session:
            assert sorted(run.id for run in list_runs(session)) == [4, 5, 6]
            for table in (FigureRow, FileRow):
                left = session.scalars(select(table.run_id).distinct())
                assert sorted(left) == [4, 5, 6]


def test_runs_before_a_day_go_and_of_one_board_only(five: Place) -> None:
    before = BEGIN + timedelta(days=2)
    with open_history(five) as history:
        assert prune(history, board="headband8", before=before).runs == [1, 2]
        assert prune(history, keep=3, before=before + timedelta(days=9)).runs == []


def test_files_go_with_the_last_run_that_has_them(five: Place) -> None:
    before = kept_contents(five)
    with open_history(five) as history:
        pruned = prune(history, board="headband8", keep=1)
        after = kept_contents(five)
        assert len(before) == 7  # six results, one image
        assert len(after) == 3
        assert pruned.freed_bytes > 0
        prune(history, keep=0)
        assert kept_contents(five) == set()


def test_contents_of_which_runs_have_the_hash_only_go(place: Place, tmp_path: Path) -> None:
    with open_history(place, create=True) as history:
        add(history, tmp_path, 0)
        add_run(history, read(folder(tmp_path / "1", results(1))), keep_files=False)
        prune(history, keep=1)
    assert kept_contents(place) == set()


def test_contents_that_no_run_has_go_too(five: Place) -> None:
    assert five.files is not None
    stray = five.files / "ab" / ("ab" + "0" * 62)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"of an add that was killed")
    with open_history(five) as history:
        assert prune(history, keep=99).freed_bytes == len(b"of an add that was killed")
    assert not stray.exists()


def test_what_would_go_stays_until_it_is_told_to(five: Place) -> None:
    with open_history(five) as history, history.reading() as session:
        assert runs_to_prune(session, keep=4) == [1]
        assert len(list_runs(session)) == 6


def test_a_number_is_not_given_again(five: Place, tmp_path: Path) -> None:
    with open_history(five) as history:
        prune(history, keep=0)
        assert add(history, tmp_path / "new", 7).run_id == 7


def test_contents_wait_for_the_run_that_is_being_added(five: Place, tmp_path: Path) -> None:
    assert five.files is not None
    store = FileStore(five.files)
    content = tmp_path / "content"
    content.write_bytes(b"new")
    sha256 = "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437"
    done = threading.Event()

    def take_away() -> None:
        with open_history(five) as history:
            prune(history, keep=99)
        done.set()

    with store.adding():
        store.keep(content, sha256)
        other = threading.Thread(target=take_away)
        other.start()
        assert not done.wait(0.3)
        assert store.path(sha256).exists()
    other.join()
    assert not store.path(sha256).exists()


def test_a_prune_that_breaks_off_takes_nothing_away(
    five: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_history(five) as history:

        def broken(work):
            def then_break(session):
                work(session)
                raise KeyboardInterrupt

            return type(history).write(history, then_break)

        monkeypatch.setattr(history, "write", broken)
        with pytest.raises(KeyboardInterrupt):
            prune(history, keep=0)
        with history.reading() as session:
            assert session.scalar(select(func.count()).select_from(FigureRow)) == 6 * 3
    assert len(kept_contents(five)) == 7
