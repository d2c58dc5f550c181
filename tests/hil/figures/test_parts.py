"""What processes of one run found out, made one."""

from __future__ import annotations

import msgspec
import pytest

from eegrig.boards import load_board
from eegrig.boards.assumed import Assumed
from eegrig.boards.catalogue import catalogue
from eegrig.hil.bench import BrokenRule, RuleCheck, Seen
from eegrig.hil.figures.parts import Part, joined, notes_of, put_in_order, rules_of
from eegrig.hil.figures.results import FirmwareCheck, Results

BOARD = load_board("headband8")
WAITS = BrokenRule("ads1299", "wait 4 tCLK", "p. 36", 2)
FIRMWARE = FirmwareCheck(version="1", image_hash="ab" * 32)


def part(started_at: str = "2025-01-01T00:00:00", **figures: float) -> Part:
    results = Results(
        board=BOARD.name, bench="virtual", started_at=started_at, targets=dict(BOARD.targets)
    )
    for name, value in figures.items():
        results.record(
            name.replace("__", "."),
            value,
            "W",
            uncertainty=1e-6,
            n=1,
            provenance="simulated",
        )
    known = catalogue()
    return Part(
        results=results,
        seen={},
        provenance="simulated",
        partial=False,
        declared=list(known.declared),
        words={name: dict(words) for name, words in known.words.items()},
    )


def test_a_part_survives_the_way_from_one_process_to_another():
    sent = part(power__sleep=0.1 + 0.2)
    sent.seen["noise"] = Seen(RuleCheck(7, (WAITS,)), ("a HardFault",))
    sent.results.assume([Assumed(part="nrf52840", key="sleep", value=True)])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=Part) == sent


def test_the_whole_is_the_same_in_whatever_order_the_parts_come():
    early, late = part(power__sleep=1e-4), part("2025-01-01T00:00:01", power__advertising=2e-4)
    late.results.firmware = FIRMWARE
    late.results.link = {"mtu": 247}
    early.results.assume_in("sleep", {Assumed(part="nrf52840", key="sleep"): 0.5})
    late.results.assume_in("advertising", {Assumed(part="nrf52840", key="sleep"): 0.2})
    wholes = [joined(parts) for parts in ((early, late), (late, early))]
    assert wholes[0] == wholes[1]
    results = wholes[0].results
    assert {figure.name for figure in results.figures} == {"power.sleep", "power.advertising"}
    assert (results.firmware, results.link) == (FIRMWARE, {"mtu": 247})
    assert results.started_at == "2025-01-01T00:00:00"
    (assumption,) = results.assumptions
    assert assumption.shares == {"sleep": 0.5, "advertising": 0.2}


@pytest.mark.parametrize(("other", "verdict"), [(1e-4, "pass"), (1.1e-4, "inconclusive")])
def test_a_figure_that_two_took_counts_only_if_they_agree(other, verdict):
    whole = joined([part(power__sleep=1e-4), part(power__sleep=other)])
    (figure,) = whole.results.figures
    assert figure.verdict == verdict


def test_an_occasion_that_two_processes_had_is_counted_once():
    one, other = part(), part()
    one.seen = {"flashing": Seen(RuleCheck(5, (WAITS,))), "a": Seen(RuleCheck(10, ()), ("hung",))}
    other.seen = {"flashing": Seen(RuleCheck(5, (WAITS,))), "b": Seen(RuleCheck(20, (WAITS,)))}
    seen = joined([one, other]).seen
    check = rules_of(seen)
    assert check is not None
    assert (check.exchanges, check.count) == (35, 4)
    assert notes_of(seen) == ["hung"]


def test_benches_that_cannot_tell_of_rules_say_nothing_of_them():
    assert rules_of({"a": Seen(None)}) is None


def test_the_order_of_the_tests_does_not_show():
    forth = part(power__sleep=1e-4, power__advertising=2e-4)
    back = part(power__advertising=2e-4, power__sleep=1e-4)
    for each, words in ((forth, "ab"), (back, "ba")):
        for word in words:
            each.results.omit(word, "left out")
            each.results.assume([Assumed(part=word, key="sleep")])
        put_in_order(each.results, each.catalogue)
    assert forth.results == back.results
