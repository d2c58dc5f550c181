from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eegrig.boards import load_board
from eegrig.boards.assumed import Assumed
from eegrig.boards.errors import OutputError
from eegrig.boards.ports import board_runtime
from eegrig.boards.schema import Target
from eegrig.hil.figures.account import Attempt, RunTest
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.results import SCHEMA_VERSION, FirmwareCheck, Results, ResultsError

USABLE = Assumed(part="lipo", key="usable", value=95.0, unit="%", source="no source")
HASH = "0123456789abcdef" * 4


TARGETS = {
    "power.total": Target(limit=48e-3, kind="max", unit="W", reason="because"),
    "bandwidth.link": Target(limit=0.95, kind="min", unit="1", reason="because"),
}


def a_run(**fields: Any) -> Results:
    return Results(**{"board": "toy", "bench": "virtual", "targets": dict(TARGETS), **fields})


def taken(results: Results, name: str = "power.total", value: float | None = 40e-3, **how: Any):
    how = {"uncertainty": 1e-3, "n": 5, "provenance": "simulated", **how}
    return results.record(name, value, "W" if "power" in name else "1", **how)


def test_record_takes_limit_and_reason_from_the_board():
    results = a_run()
    figure = taken(results, conditions={"profile": "efficient"}, note="warm")
    assert (figure.limit, figure.kind, figure.reason) == (48e-3, "max", "because")
    assert figure.verdict == "pass"
    assert figure.note == "warm"
    assert results.figures == [figure]
    assert results.figure("power.total") is figure
    assert results.figure("no.such") is None


def test_record_turns_a_value_that_is_not_a_number_into_none():
    figure = taken(a_run(), value=float("nan"))
    assert figure.value is None
    assert figure.verdict == "inconclusive"


def test_a_unit_other_than_the_targets_is_refused():
    with pytest.raises(ResultsError, match=r"power\.total is in mW, its target .* in W"):
        a_run().record("power.total", 40.0, "mW", uncertainty=0.0, n=1, provenance="simulated")


def test_a_name_is_used_once():
    results = a_run()
    taken(results)
    with pytest.raises(ResultsError, match="there already"):
        taken(results)


def test_the_wrong_firmware_makes_every_figure_and_the_run_inconclusive():
    wrong = FirmwareCheck(version="1", image_hash="f" * 64, expected_hash=HASH)
    results = a_run(firmware=wrong)
    assert taken(results).verdict == "inconclusive"
    assert a_run(firmware=wrong, figures=[passing()]).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("read", "asked", "matches"),
    [
        (HASH, HASH, True),
        (HASH[:16], HASH, True),
        (HASH, "", True),
        ("", HASH, False),
        (HASH[:4], HASH, False),
        ("f" * 16, HASH, False),
    ],
)
def test_identity_matches_by_hash_shortened_or_not(read, asked, matches):
    identity = FirmwareCheck(version="1", image_hash=read, expected_hash=asked)
    assert identity.matches is matches


def passing(name: str = "a", verdict: Any = "pass") -> Figure:
    return Figure(
        name=name,
        value=1.0,
        unit="1",
        uncertainty=0.0,
        n=1,
        provenance="simulated",
        verdict=verdict,
    )


@pytest.mark.parametrize(
    ("verdicts", "verdict", "exit_code"),
    [
        (["pass", None], "pass", 0),
        (["pass", "marginal"], "marginal", 0),
        (["pass", "inconclusive", "marginal"], "inconclusive", 1),
        (["inconclusive", "fail"], "fail", 1),
        ([None], "inconclusive", 1),
        ([], "inconclusive", 1),
    ],
)
def test_a_run_is_as_good_as_its_worst_figure(verdicts, verdict, exit_code):
    results = a_run(figures=[passing(str(i), v) for i, v in enumerate(verdicts)])
    assert results.verdict == verdict
    assert results.exit_code == exit_code


def test_a_target_nobody_measured_is_inconclusive():
    results = a_run()
    taken(results)
    results.close(provenance="simulated")
    missing = results.figure("bandwidth.link")
    assert missing is not None
    assert (missing.value, missing.verdict) == (None, "inconclusive")
    assert results.exit_code == 1


def test_a_partial_run_lists_the_targets_it_left_out():
    results = a_run()
    taken(results)
    results.close(provenance="simulated", partial=True)
    assert (results.verdict, results.exit_code) == ("part", 0)
    assert (results.met, results.part_of) == (1, 2)
    assert [entry.what for entry in results.not_measured] == ["bandwidth.link"]


def test_a_target_that_the_bench_cannot_take_is_listed_with_the_reason():
    results = a_run()
    taken(results)
    results.omit("bandwidth.link", "the bench has no radio")
    results.close(provenance="simulated")
    assert (results.verdict, results.part_of) == ("part", 2)
    assert [entry.why for entry in results.not_measured] == ["the bench has no radio"]


def test_a_run_that_is_stopped_is_inconclusive_and_lists_what_it_did_not_come_to():
    results = a_run()
    taken(results)
    results.stop("the board\nis gone", 3)
    results.stop("and so are we", 130)
    results.close(provenance="simulated")
    assert (results.verdict, results.exit_code) == ("inconclusive", 3)
    (entry,) = results.not_measured
    assert (entry.what, entry.because) == ("bandwidth.link", "stopped")
    assert entry.why == "the run ended before: the board is gone"
    assert results.part_of is None


def test_a_miss_before_a_stop_stays_a_miss():
    results = a_run()
    taken(results, value=1.0)
    results.stop("it was interrupted", 130)
    results.close(provenance="simulated", partial=True)
    assert (results.verdict, results.exit_code) == ("fail", 130)


def test_a_stop_is_no_success():
    with pytest.raises(ValueError, match="exit code 0"):
        a_run().stop("enough", 0)


@pytest.mark.parametrize(
    ("outcome", "added", "verdict"),
    [
        ("passed", None, "pass"),
        ("skipped", None, "pass"),
        ("failed", "fail", "fail"),
        ("failed", "inconclusive", "inconclusive"),
        ("error", "inconclusive", "inconclusive"),
    ],
)
def test_a_test_that_failed_without_a_figure_is_in_the_verdict(outcome, added, verdict):
    results = a_run(targets={"power.total": TARGETS["power.total"]})
    taken(results)
    results.tests.append(RunTest(id="t", suite="s", outcome=outcome, verdict=added))
    results.close(provenance="simulated")
    assert (results.verdict, results.exit_code) == (verdict, int(verdict != "pass"))


def test_a_target_whose_test_was_skipped_is_listed_with_the_reason_and_makes_it_a_part():
    results = a_run()
    taken(results)
    results.tests.append(
        RunTest(id="t", suite="s", outcome="skipped", reason="no radio", figures=["bandwidth.link"])
    )
    results.close(provenance="simulated")
    (entry,) = results.not_measured
    assert (entry.what, entry.why, entry.because) == ("bandwidth.link", "no radio", "skipped")
    assert (results.verdict, results.exit_code, results.met) == ("part", 0, 1)


def test_how_long_tests_last_is_no_part_of_the_digest():
    def digest(**fields: Any) -> str:
        test = RunTest(**{"id": "t", "suite": "s", "outcome": "passed", "seconds": 1.0, **fields})
        return a_run(tests=[test]).digest()

    assert digest() == digest(seconds=2.0)
    assert digest() != digest(outcome="skipped")


def test_margin_is_the_part_of_the_limit_that_is_left():
    results = a_run()
    assert taken(results, value=36e-3).margin == pytest.approx(0.25)
    assert taken(results, "bandwidth.link", 0.855).margin == pytest.approx(-0.1)
    assert passing().margin is None
    zero = msgspec.structs.replace(passing(), limit=0.0, kind="max")
    assert zero.margin is None


@pytest.mark.parametrize(
    "fields", [{"value": float("inf")}, {"uncertainty": -1.0}, {"value": None, "verdict": "pass"}]
)
def test_a_figure_that_cannot_be_is_refused(fields):
    with pytest.raises(ValueError, match="figure a"):
        msgspec.structs.replace(passing(), **fields)


def a_full_run() -> Results:
    results = a_run(
        board_title='Eight "channels" & more',
        firmware=FirmwareCheck(version="1.2", image_hash=HASH[:16], expected_hash=HASH),
        seed=7,
        started_at="2026-11-22T12:00:00+00:00",
        signal="1/f, 8 channels",
        link={"phy": 2, "interval_ms": 50.0, "mtu": 247},
    )
    taken(results, conditions={"profile": "efficient", "rate": 250, "split": True, "s": 1.5})
    results.tests.append(RunTest(id="test_power.py::test_it", suite="power", outcome="passed"))
    results.assume([USABLE, USABLE])
    results.omit("power.sleep", "the bench has no power meter")
    results.omit("power.sleep", "the bench has no power meter")
    taken(results, "bandwidth.link", 0.99)
    return results


def test_results_survive_saving_and_loading(tmp_path: Path):
    results = a_full_run()
    path = results.save(tmp_path / "run")
    assert Results.load(tmp_path / "run") == results
    assert [file.name for file in path.parent.iterdir()] == ["results.json"]
    content = json.loads(path.read_text())
    assert content["schema"] == SCHEMA_VERSION
    assert content["verdict"] == "pass"
    assert len(content["assumptions"]) == len(content["not_measured"]) == 1


def test_saving_over_a_run_leaves_the_old_file_or_the_new_one(tmp_path: Path, monkeypatch):
    results = a_full_run()
    path = results.save(tmp_path)
    before = path.read_bytes()
    results.seed = 8

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("eegrig.boards.whole_file.os.fsync", no_space)
    with pytest.raises(OutputError, match="No space"):
        results.save(tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_the_digest_leaves_out_the_time_of_day_and_nothing_else():
    one, other = a_full_run(), a_full_run()
    other.started_at = "2027-01-01T00:00:00+00:00"
    assert one.digest() == other.digest()
    other.seed = 8
    assert one.digest() != other.digest()


def test_the_digest_does_not_see_in_which_order_a_computer_adds():
    def digest(value: float, uncertainty: float, limit_ms: float) -> str:
        results = a_run()
        results.record(
            "x.y", value, "1", uncertainty=uncertainty, n=1, provenance="simulated",
            conditions={"interval_ms": limit_ms, "frames": 3},
        )  # fmt: skip
        return results.digest()

    first = digest(0.1 + 0.2, 0.0, 7.5)
    assert digest(0.3, -0.0, 7.500000000000001) == first
    assert digest(0.300000001, 0.0, 7.5) != first
    assert digest(0.3, 1e-9, 7.5) != first
    assert digest(0.3, 0.0, 7.50001) != first


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "give the folder of a finished run"),
        (b'{"schema": 2, "board"', "no valid JSON"),
        (b"[1]", "schema None"),
        (b'{"schema": 1, "board": "b", "figures": [{}]}', "not of its schema"),
        (b'{"schema": 99}', "schema 99, this eegrig reads 1 to 3; use"),
        (b'{"schema": 2, "board": 3}', "board"),
        (b'{"schema": 2, "board": "b", "bench": "b", "extra": 0}', "extra"),
    ],
)
def test_a_file_that_is_no_results_is_refused_in_one_line(tmp_path: Path, content, said):
    if content is not None:
        (tmp_path / "results.json").write_bytes(content)
    with pytest.raises(ResultsError, match=said) as caught:
        Results.load(tmp_path)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "beyond"), [("headband8", "SPI, ADC, FLASH_MAP"), ("earpatch2", "")]
)
def test_a_run_says_which_runtime_its_board_is_for_and_what_is_assumed_of_it(name, beyond):
    runtime = board_runtime(load_board(name))
    results = Results(board=name, bench="virtual")
    results.rest_on(runtime, modelled=True)
    assert (results.runtime.port, results.runtime.build) == (runtime.port, runtime.build)
    assert results.runtime.beyond_stock == beyond
    assumed = {assumption.key: assumption for assumption in results.assumptions}
    octets = assumed["bluetooth.acl_octets"]
    assert (octets.part, octets.value) == (runtime.build, runtime.bluetooth.acl_octets)
    assert octets.source == runtime.row("bluetooth.acl_octets").assumed
    starts = {key for key in assumed if key.startswith("system.")}
    of_zephyr = {"system.start_ms", "system.load_byte_us"}
    assert starts == (of_zephyr if runtime.port == "zephyr" else set())
    assert not any("acl_timeout" in key and name == "earpatch2" for key in assumed), "has a source"


def test_on_a_real_board_nothing_rests_on_what_is_assumed_of_its_runtime():
    results = Results(board="headband8", bench="lab")
    results.rest_on(board_runtime(load_board("headband8")), modelled=False)
    assert results.runtime is not None
    assert results.assumptions == []


def test_notes_of_the_bench_are_kept_and_a_run_without_any_has_the_digest_it_had(tmp_path: Path):
    results = a_full_run()
    digest = results.digest()
    results.notes = ["a HardFault\n  pc 0x08000100"]
    assert results.digest() != digest
    results.save(tmp_path)
    assert Results.load(tmp_path).notes == results.notes
    results.notes = []
    content = json.loads(results.save(tmp_path).read_text())
    del content["notes"]  # as it was before there were any
    (tmp_path / "results.json").write_text(json.dumps(content))
    assert Results.load(tmp_path).digest() == digest


def test_attempts_and_facts_are_kept_and_a_run_without_any_has_the_digest_it_had(tmp_path: Path):
    results = a_full_run()
    digest = results.digest()
    results.attempts = [
        Attempt(suite="security", group="data", name="read Info", outcome="through", said="139")
    ]
    results.tell("anybody can read it: it asks for nothing")
    results.tell("anybody can read it: it asks for nothing")
    assert len(results.facts) == 1
    assert results.digest() != digest
    results.save(tmp_path)
    loaded = Results.load(tmp_path)
    assert (loaded.attempts, loaded.facts) == (results.attempts, results.facts)
    results.attempts, results.facts = [], []
    content = json.loads(results.save(tmp_path).read_text())
    del content["attempts"], content["facts"]  # as it was before there were any
    (tmp_path / "results.json").write_text(json.dumps(content))
    assert Results.load(tmp_path).digest() == digest
