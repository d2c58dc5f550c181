"""Security: what a stranger in radio range gets of a board, attempt by attempt.

All attempts are made once, on benches of their own, and read by every test here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from eegrig.hil.session.stretch import taken
from eegrig.hil.suites.stretches.security import abuse, open_door, update_attempts
from eegrig.hil.suites.stretches.security.attempts import Trials
from eegrig.hil.suites.stretches.security.owner import console_watched, owned
from eegrig.host.flashing.flash import flash
from eegrig.host.image.signing import raw_public_key

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.hil.benches import Benches
    from eegrig.hil.figures.account import Attempt
    from eegrig.hil.figures.results import Results
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.host.wire.info import Info

    Booted = Callable[[str], AbstractContextManager[Bench]]

pytestmark = pytest.mark.needs("stranger")

_ANYBODY_READS = (
    "anybody in radio range can read this board's signal: its firmware asks for no pairing"
)
_ANYBODY_REPLACES = (
    "anybody in radio range can replace this board's firmware: it keeps no key that signatures "
    "are held against"
)
_MALFORMED = (abuse.ATT_GROUP, abuse.COMMANDS, abuse.L2CAP)
_OPEN = (open_door.OPEN, open_door.BESIDE)


Stretch = Callable[[Trials], Awaitable[None]]


@dataclass
class Findings:
    """What comes of attempts at a board: each stretch of them is made once, when first asked for.

    Attributes
    ----------
    attempts : list of Attempt
        In their order.
    harmed : list of str
        What did harm, each with what was wrong afterwards.
    addresses : int
        How many the board showed.
    """

    stretches: dict[str, Callable[[Findings], None]]
    attempts: list[Attempt] = field(default_factory=list)
    harmed: list[str] = field(default_factory=list)
    addresses: int = 0

    def make(self, *occasions: str) -> None:
        """Make the attempts of some stretches, those that were not made yet."""
        for occasion in occasions:
            stretch = self.stretches.pop(occasion, None)
            if stretch is not None:
                stretch(self)

    def make_all(self) -> None:
        """Make all that were not made yet."""
        self.make(*list(self.stretches))

    def of(self, *groups: str) -> list[Attempt]:
        """Return the attempts of some groups."""
        return [attempt for attempt in self.attempts if attempt.group in groups]

    def through(self, *groups: str) -> list[Attempt]:
        """Return those that got through."""
        return [attempt for attempt in self.of(*groups) if attempt.outcome == "through"]

    def list_in(self, results: Results) -> None:
        """Put what was made so far into a run's results, each attempt once."""
        known = {(each.group, each.name) for each in results.attempts}
        results.attempts += [each for each in self.attempts if (each.group, each.name) not in known]


@pytest.fixture(scope="session")
def stranger(rig_benches: Benches, rig_booted: Booted, rig_flashed: FlashedBoard) -> Findings:
    """Make ready a stranger who tries things when asked to, each on a bench of its own."""
    if "stranger" not in rig_benches.capabilities:
        pytest.skip(f"bench {rig_benches.name!r} has no stranger")
    manifest = rig_flashed.image.manifest

    def on_a_bench(occasion: str, stretch: Stretch) -> Callable[[Findings], None]:
        def made(found: Findings) -> None:
            with rig_booted(f"a stranger: {occasion}") as rig:
                _try(rig, stretch, found)

        return made

    def tracked(found: Findings) -> None:
        async def stretch(trials: Trials) -> None:
            found.addresses = await open_door.tracking(trials)

        on_a_bench("tracking", stretch)(found)

    def with_a_key(found: Findings) -> None:
        with rig_booted("a stranger: signed firmware") as rig:
            key = raw_public_key(update_attempts.key_of(1).public_key())
            flash(
                rig.board,
                rig_flashed.image,
                probe=rig.probe,
                trust=key,
                clock_ns=rig.flash_clock_ns,
            )
            _try(rig, lambda trials: update_attempts.with_a_key(trials, manifest), found)

    stretches = {
        "open": on_a_bench("without a bond", open_door.without_a_bond),
        "beside": on_a_bench("beside the owner", open_door.beside_the_owner),
        "pairing": on_a_bench("pairing", open_door.pairing),
        "tracking": tracked,
        "malformed": on_a_bench("malformed", abuse.malformed),
        "parameters": on_a_bench("parameters", abuse.parameters),
        "firmware": on_a_bench(
            "firmware", lambda trials: update_attempts.no_key_kept(trials, manifest)
        ),
    }
    if "flash" in rig_benches.capabilities:
        stretches["signed firmware"] = with_a_key
    return Findings(stretches)


def _try(rig: Bench, stretch: Callable[[Trials], Awaitable[None]], found: Findings) -> None:
    with console_watched(rig) as console:
        trials = Trials(rig, console, taken(rig, _read(rig)))

        async def all_of_it() -> None:
            await console.lines()
            await stretch(trials)

        taken(rig, all_of_it())
    found.attempts += trials.made
    found.harmed += trials.harmed


async def _read(rig: Bench) -> Info:
    async with owned(rig) as link:
        return link.info


def _listed(attempts: Sequence[Attempt]) -> str:
    return ", ".join(attempt.name for attempt in attempts)


@pytest.mark.lasts(40)
@pytest.mark.figures("security.open_attempts")
def test_what_a_stranger_gets_without_a_bond(stranger: Findings, rig_record: RigRecorder) -> None:
    stranger.make("open", "beside", "firmware")
    stranger.list_in(rig_record.results)
    tried, through = stranger.of(*_OPEN), stranger.through(*_OPEN)
    results = rig_record.results
    if any(attempt.name == open_door.READS_STREAM for attempt in through):
        results.tell(_ANYBODY_READS)
    if any(
        attempt.name == update_attempts.REPLACES
        for attempt in stranger.through(update_attempts.NO_KEY)
    ):
        results.tell(_ANYBODY_REPLACES)
    rig_record(
        "security.open_attempts",
        len(through),
        "1",
        uncertainty=0.0,
        n=len(tried),
        note=f"got through: {_listed(through)}" if through else "",
    )


@pytest.mark.lasts(20)
@pytest.mark.figures("security.weak_pairings")
def test_pairing_that_protects_nobody(stranger: Findings, rig_record: RigRecorder) -> None:
    stranger.make("pairing")
    stranger.list_in(rig_record.results)
    through = stranger.through(open_door.PAIRING)
    rig_record(
        "security.weak_pairings",
        len(through),
        "1",
        uncertainty=0.0,
        n=len(stranger.of(open_door.PAIRING)),
        note=f"got through: {_listed(through)}" if through else "",
    )


@pytest.mark.lasts(335)
@pytest.mark.figures("security.addresses")
def test_how_long_a_stranger_can_follow_the_board(
    stranger: Findings, rig_record: RigRecorder
) -> None:
    stranger.make("tracking")
    stranger.list_in(rig_record.results)
    (tracked, *_) = stranger.of(open_door.TRACKING)
    rig_record(
        "security.addresses", stranger.addresses, "1", uncertainty=0.0, n=2, note=tracked.said
    )


@pytest.mark.lasts(60)
@pytest.mark.figures("security.accepted_malformed")
def test_nothing_malformed_is_taken_for_well_formed(
    stranger: Findings, rig_record: RigRecorder
) -> None:
    stranger.make("malformed")
    stranger.list_in(rig_record.results)
    through = stranger.through(*_MALFORMED)
    rig_record(
        "security.accepted_malformed",
        len(through),
        "1",
        uncertainty=0.0,
        n=len(stranger.of(*_MALFORMED)),
        note="; ".join(f"{attempt.name}: {attempt.said}" for attempt in through),
    )


@pytest.mark.lasts(40)
@pytest.mark.figures("security.update_accepted")
def test_no_firmware_of_a_stranger_is_taken(stranger: Findings, rig_record: RigRecorder) -> None:
    stranger.make("firmware", "signed firmware")
    stranger.list_in(rig_record.results)
    tried = stranger.of(update_attempts.UPDATE, update_attempts.NO_KEY)
    # What a board without a key takes from everybody is a fact that the report begins with.
    tried = [
        attempt
        for attempt in tried
        if (attempt.group, attempt.name) != (update_attempts.NO_KEY, update_attempts.REPLACES)
    ]
    through = [attempt for attempt in tried if attempt.outcome == "through"]
    rig_record(
        "security.update_accepted",
        len(through),
        "1",
        uncertainty=0.0,
        n=len(tried),
        note="; ".join(f"{attempt.name}: {attempt.said}" for attempt in through),
    )


@pytest.mark.lasts(30)
@pytest.mark.figures("security.crashes")
def test_the_board_serves_its_owner_whatever_a_stranger_does(
    stranger: Findings, rig_record: RigRecorder
) -> None:
    stranger.make_all()
    stranger.list_in(rig_record.results)
    rig_record(
        "security.crashes",
        len(stranger.harmed),
        "1",
        uncertainty=0.0,
        n=len(stranger.attempts),
        note="; ".join(stranger.harmed),
    )
