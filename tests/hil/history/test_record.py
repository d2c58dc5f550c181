"""What goes into the history: a run with all that is known of it, and nothing that is wrong."""

from __future__ import annotations

import json
import math
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eegrig.hil.figures.results import Results, ResultsError
from eegrig.hil.history import record
from eegrig.hil.history.database import open_history
from eegrig.hil.history.errors import HistoryError
from eegrig.hil.history.files import FileStore
from eegrig.hil.history.place import Place
from eegrig.hil.history.query import find_run, list_runs
from eegrig.hil.history.record import NewRun, add_run
from eegrig.hil.history.tables import RunRow

from .runs import HASH, add, folder, read, results

EARLIER = Path(__file__).parents[1] / "figures" / "earlier"


def stored(place: Place, run_id: int = 1) -> RunRow:
    with open_history(place) as history, history.reading() as session:
        run = find_run(session, run_id)
        assert run is not None
        return run


def test_a_run_is_kept_with_all_that_is_known_of_it(place: Place, tmp_path: Path) -> None:
    found = results(3)
    out = folder(tmp_path / "run", found)
    before = datetime.now(UTC)
    with open_history(place, create=True) as history:
        added = add_run(history, read(out, commit="abc123", rig="bench-2"))
    run = stored(place)
    assert (added.run_id, added.is_new, added.n_kept) == (1, True, 2)
    assert (run.board, run.board_title, run.bench) == ("headband8", "EEG headband", "virtual")
    assert (run.rig, run.commit, run.who) == ("bench-2", "abc123", "ada@bench")
    assert (run.firmware_version, run.image_hash, run.expected_hash) == ("0.1.0", HASH, HASH)
    assert run.started_at == datetime(2026, 11, 4, 9, 0, tzinfo=UTC)
    assert before <= run.added_at <= datetime.now(UTC)
    assert (run.seed, run.signal, run.conditions) == (3, "scene resting", dict(found.link))
    assert (run.verdict, run.exit_code, run.part_of, run.stopped) == ("pass", 0, None, None)
    assert (run.digest, run.results_schema, run.instruments) == (found.digest(), 3, None)


def test_figures_are_kept_to_the_bit_and_in_order(place: Place, tmp_path: Path) -> None:
    found = results(power_w=0.1 + 0.2)
    with open_history(place, create=True) as history:
        add_run(history, read(folder(tmp_path / "run", found)))
    kept = stored(place).figures
    assert [figure.name for figure in kept] == [figure.name for figure in found.figures]
    for row, figure in zip(kept, found.figures, strict=True):
        assert (row.value, row.uncertainty, row.n) == (figure.value, figure.uncertainty, figure.n)
        assert (row.unit, row.verdict, row.kind) == (figure.unit, figure.verdict, figure.kind)
        assert (row.limit_value, row.conditions) == (figure.limit, figure.conditions)
        assert (row.reason, row.note, row.provenance) == (figure.reason, figure.note, "simulated")
    assert kept[0].value == 0.1 + 0.2
    assert kept[2].value is None


def test_flags_are_kept(place: Place, tmp_path: Path) -> None:
    found = results()
    found.record("latency.p99", 0.02, "s", uncertainty=1e-3, n=9, provenance="simulated", lost=14)
    with open_history(place, create=True) as history:
        add_run(history, read(folder(tmp_path / "run", found)))
    assert stored(place).figures[3].flags == {"lost": 14}


def test_a_run_that_is_added_twice_is_there_once(place: Place, tmp_path: Path) -> None:
    out = folder(tmp_path / "run", results())
    with open_history(place, create=True) as history:
        first = add_run(history, read(out, who="ada"))
        second = add_run(history, read(out, who="bob", commit="def456"))
        assert (second.run_id, second.is_new) == (first.run_id, False)
        with history.reading() as session:
            assert [(run.who, run.commit) for run in list_runs(session)] == [("ada", None)]


def test_the_same_figures_at_another_time_are_another_run(place: Place, tmp_path: Path) -> None:
    again = results(started_at="2026-11-01T10:00:00+00:00")
    assert again.digest() == results().digest()
    with open_history(place, create=True) as history:
        add(history, tmp_path)
        assert add_run(history, read(folder(tmp_path / "again", again))).run_id == 2


def test_a_time_of_another_zone_is_the_same_moment(place: Place, tmp_path: Path) -> None:
    with open_history(place, create=True) as history:
        add(history, tmp_path)
        there = results(started_at="2026-11-01T10:00:00+01:00")
        assert not add_run(history, read(folder(tmp_path / "again", there))).is_new


def test_a_run_that_was_stopped_before_the_board_answered_is_kept(
    place: Place, tmp_path: Path
) -> None:
    run = results(firmware=None)
    run.stop("no board answers", 3)
    with open_history(place, create=True) as history:
        add_run(history, read(folder(tmp_path / "run", run)))
    assert (stored(place).stopped, stored(place).image_hash) == ("no board answers", None)


def test_results_of_an_earlier_schema_that_say_all_are_kept_as_such(
    place: Place, tmp_path: Path
) -> None:
    shutil.copy(EARLIER / "schema-2.json", tmp_path / "results.json")
    with open_history(place, create=True) as history:
        add_run(history, read(tmp_path))
    assert stored(place).results_schema == 2


# ---- refused: one line, and nothing is written


before_the_database = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
"""What is refused before a database is asked is tried with one."""


def refused(place: Place, out: Path, words: str, **said: Any) -> None:
    with (
        pytest.raises((HistoryError, ResultsError), match=words) as told,
        open_history(place, create=True) as history,
    ):
        add_run(history, read(out, **said))
    assert told.value.exit_code == 2
    assert "\n" not in str(told.value)
    with open_history(place, create=True) as history, history.reading() as session:
        assert list_runs(session) == []
    assert place.files is not None
    assert not place.files.exists()


def change(out: Path, **fields: Any) -> Path:
    """Write other fields into a results file, where there is no list of files to tell."""
    path = out / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **fields}), encoding="utf-8")
    (out / "files.json").unlink(missing_ok=True)
    return out


@before_the_database
def test_a_run_of_another_board_is_refused(place: Place, tmp_path: Path) -> None:
    out = folder(tmp_path / "run", results())
    refused(place, out, "is of the board headband8, not of hairclip1", board="hairclip1")


@before_the_database
def test_a_folder_without_results_is_refused(place: Place, tmp_path: Path) -> None:
    refused(place, tmp_path, "give the folder of a finished run")


@before_the_database
def test_a_figure_that_the_catalogue_does_not_know_is_refused(place: Place, tmp_path: Path) -> None:
    run = results()
    run.record("latency.p98", 1.0, "s", uncertainty=0.0, n=1, provenance="simulated")
    refused(place, folder(tmp_path / "run", run), r"figure latency\.p98.*latency\.p9")


@before_the_database
def test_a_figure_in_another_unit_than_declared_is_refused(place: Place, tmp_path: Path) -> None:
    run = results()
    run.record("latency.p99", 1.0, "ms", uncertainty=0.0, n=1, provenance="simulated")
    refused(place, folder(tmp_path / "run", run), r"latency\.p99 .* in ms and declared in s")


@before_the_database
def test_verdicts_that_do_not_follow_are_refused(place: Place, tmp_path: Path) -> None:
    out = folder(tmp_path / "run", results(power_w=60e-3))
    refused(place, change(out, verdict="pass", exit_code=0), "contradicts itself")


@before_the_database
def test_an_edited_file_whose_verdicts_follow_is_refused_too(place: Place, tmp_path: Path) -> None:
    out = folder(tmp_path / "run", results(power_w=60e-3))
    results(power_w=40e-3).save(out)
    refused(place, out, r"results\.json was changed since the run wrote it")


@before_the_database
def test_another_file_of_the_run_that_was_changed_is_refused(place: Place, tmp_path: Path) -> None:
    out = folder(tmp_path / "run", results())
    (out / "image.bin").write_bytes(b"other firmware")
    refused(place, out, r"image\.bin was changed since the run wrote it")


@before_the_database
@pytest.mark.parametrize("schema", [1, 3])
def test_results_that_do_not_say_when_are_refused(
    place: Place, tmp_path: Path, schema: int
) -> None:
    if schema == 1:
        shutil.copy(EARLIER / "schema-1.json", tmp_path / "results.json")
        change(tmp_path, figures=[f for f in figures_of(tmp_path) if f["name"] == "latency.mean"])
    else:
        folder(tmp_path, results())
    change(tmp_path, started_at=None)
    refused(place, tmp_path, rf"\(schema {schema}\) does not say when the run began")


def figures_of(out: Path) -> list[dict[str, Any]]:
    content: dict[str, Any] = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return list(content["figures"])


@before_the_database
def test_results_that_do_not_say_which_firmware_ran_are_refused(
    place: Place, tmp_path: Path
) -> None:
    out = folder(tmp_path / "run", results(firmware=None))
    refused(place, out, r"\(schema 3\) does not say which firmware ran")


@before_the_database
@pytest.mark.parametrize("when", ["yesterday", "2026-11-01T09:00:00"])
def test_a_time_that_is_no_moment_is_refused(place: Place, tmp_path: Path, when: str) -> None:
    out = folder(tmp_path / "run", results(started_at=when))
    refused(place, out, "no time in ISO 8601|no time zone")


@before_the_database
@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"seconds": math.nan}, "figure power.streaming: conditions is nan"),
        ({"seconds": math.inf}, "figure power.streaming: conditions is inf"),
        ({"seconds": 2**63}, "larger than a database keeps"),
        ({"profile": "low\0latency"}, "has a character 0"),
    ],
)
def test_what_no_database_keeps_is_refused_before(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conditions: Any, words: str
) -> None:
    # A file cannot say NaN: JSON has none. Whoever calls with results of their own can.
    found = results()
    found.figures[0] = msgspec.structs.replace(found.figures[0], conditions=conditions)
    out = folder(tmp_path / "run", results())
    monkeypatch.setattr(Results, "load", lambda _: found)
    refused(place, out, words)


@before_the_database
def test_a_seed_that_no_database_keeps_is_refused(place: Place, tmp_path: Path) -> None:
    out = folder(tmp_path / "run", results(seed=2**64 - 1))
    refused(place, out, "seed is 18446744073709551615, which is larger")


@before_the_database
def test_words_of_several_lines_are_refused(place: Place, tmp_path: Path) -> None:
    out = folder(tmp_path / "run", results())
    refused(place, out, "is not one line", commit="abc\ndef")


# ---- files


def test_contents_are_kept_once_under_their_hash(place: Place, tmp_path: Path) -> None:
    with open_history(place, create=True) as history:
        add(history, tmp_path, 0)
        add(history, tmp_path, 1)
        with history.reading() as session:
            images = [
                file.sha256
                for run in list_runs(session)
                for file in run.files
                if file.path == "image.bin"
            ]
    assert len(images) == 2
    assert len({*images}) == 1
    assert place.files is not None
    store = FileStore(place.files)
    assert store.path(images[0]).read_bytes() == b"firmware"
    assert sum(path.is_file() for path in place.files.rglob("[0-9a-f]*")) == 3


def test_files_that_no_run_wrote_are_left_out(place: Place, tmp_path: Path) -> None:
    out = folder(tmp_path / "run", results())
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    assert [file.path for file in read(out).files] == ["image.bin", "results.json"]


@before_the_database
def test_a_list_that_leads_out_of_the_folder_is_refused(place: Place, tmp_path: Path) -> None:
    out = folder(tmp_path / "run", results())
    (tmp_path / "secret").write_text("of somebody else's", encoding="utf-8")
    listed = json.loads((out / "files.json").read_text(encoding="utf-8"))
    listed["files"]["../secret"] = []
    (out / "files.json").write_text(json.dumps(listed), encoding="utf-8")
    refused(place, out, r"its list of files has \.\./secret, which is elsewhere")


def test_without_files_their_hashes_are_kept(place: Place, tmp_path: Path) -> None:
    with open_history(place, create=True) as history:
        out = folder(tmp_path / "run", results())
        assert add_run(history, read(out), keep_files=False).n_kept == 0
    assert [(file.path, file.kept) for file in stored(place).files] == [
        ("image.bin", False),
        ("results.json", False),
    ]
    assert place.files is not None
    assert not place.files.exists()


def test_a_file_that_changes_while_it_is_read_adds_no_run(place: Place, tmp_path: Path) -> None:
    out = folder(tmp_path / "run", results())
    new: NewRun = read(out)
    (out / "image.bin").write_bytes(b"other")
    with open_history(place, create=True) as history:
        with pytest.raises(HistoryError, match="was changed while it was read"):
            add_run(history, new)
        with history.reading() as session:
            assert list_runs(session) == []


def test_somebody_has_a_name_even_where_the_user_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(record.getpass, "getuser", nobody)
    user, _, host = record.somebody().partition("@")
    assert user.isdigit()
    assert host
