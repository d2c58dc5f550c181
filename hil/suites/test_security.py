"""Security: what a stranger in radio range gets of a board, attempt by attempt.

All attempts are made once, on benches of their own, and read by every test here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from eegrig.hil.suites.stretches import abuse, open_door, update_attempts
from eegrig.hil.suites.stretches.attempts import Trials
from eegrig.hil.suites.stretches.owner import console_watched, owned
from eegrig.host.flashing.flash import flash
from eegrig.host.image.signing import raw_public_key

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.hil.benches import Benches
    from eegrig.hil.figures.account import Attempt
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


@dataclass
class Findings:
    """What came of all attempts at a board.

    Attributes
    ----------
    attempts : list of Attempt
        In their order.
    harmed : list of str
        What did harm, each with what was wrong afterwards.
    addresses : int
        How many the board showed.
    """

    attempts: list[Attempt] = field(default_factory=list)
    harmed: list[str] = field(default_factory=list)
    addresses: int = 0

    def of(self, *groups: str) -> list[Attempt]:
        """Return the attempts of some groups."""
        return [attempt for attempt in self.attempts if attempt.group in groups]

    def through(self, *groups: str) -> list[Attempt]:
        """Return those that got through."""
        return [attempt for attempt in self.of(*groups) if attempt.outcome == "through"]


@pytest.fixture(scope="session")
def stranger(rig_benches: Benches, rig_booted: Booted, rig_flashed: FlashedBoard) -> Findings:
    """Let a stranger try everything, and take down what came of it."""
    if "stranger" not in rig_benches.capabilities:
        pytest.skip(f"bench {rig_benches.name!r} has no stranger")
    found = Findings()
    manifest = rig_flashed.image.manifest

    async def kept(trials: Trials) -> None:
        await update_attempts.with_a_key(trials, manifest)

    async def not_kept(trials: Trials) -> None:
        await update_attempts.no_key_kept(trials, manifest)

    async def tracked(trials: Trials) -> None:
        found.addresses = await open_door.tracking(trials)

    stretches: Sequence[tuple[str, Callable[[Trials], Awaitable[None]]]] = (
        ("without a bond", open_door.without_a_bond),
        ("beside the owner", open_door.beside_the_owner),
        ("pairing", open_door.pairing),
        ("tracking", tracked),
        ("malformed", abuse.malformed),
        ("parameters", abuse.parameters),
        ("firmware", not_kept),
    )
    for occasion, stretch in stretches:
        with rig_booted(f"a stranger: {occasion}") as rig:
            _try(rig, stretch, found)
    if "flash" in rig_benches.capabilities:
        with rig_booted("a stranger: signed firmware") as rig:
            key = raw_public_key(update_attempts.key_of(1).public_key())
            flash(
                rig.board,
                rig_flashed.image,
                probe=rig.probe,
                trust=key,
                clock_ns=rig.flash_clock_ns,
            )
            _try(rig, kept, found)
    return found


def _try(rig: Bench, stretch: Callable[[Trials], Awaitable[None]], found: Findings) -> None:
    with console_watched(rig) as console:
        trials = Trials(rig, console, rig.run(_read(rig)))

        async def all_of_it() -> None:
            await console.lines()
            await stretch(trials)

        rig.run(all_of_it())
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
    tried, through = stranger.of(*_OPEN), stranger.through(*_OPEN)
    results = rig_record.results
    results.attempts += stranger.attempts
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
    (tracked, *_) = stranger.of(open_door.TRACKING)
    rig_record(
        "security.addresses", stranger.addresses, "1", uncertainty=0.0, n=2, note=tracked.said
    )


@pytest.mark.lasts(60)
@pytest.mark.figures("security.accepted_malformed")
def test_nothing_malformed_is_taken_for_well_formed(
    stranger: Findings, rig_record: RigRecorder
) -> None:
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
    rig_record(
        "security.crashes",
        len(stranger.harmed),
        "1",
        uncertainty=0.0,
        n=len(stranger.attempts),
        note="; ".join(stranger.harmed),
    )
