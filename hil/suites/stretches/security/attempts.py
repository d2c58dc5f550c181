"""What a stranger tries with a board: each attempt is put down, with what came of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from eegrig.boards.errors import BoardFault
from eegrig.hil.figures.account import Attempt
from eegrig.hil.session.presence import heard_ns
from eegrig.hil.suites.stretches.security.att import AttClient
from eegrig.hil.suites.stretches.security.owner import complaint
from eegrig.host.wire.constants import CONTROL_UUID, Opcode, Status

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from eegrig.hil.bench import Bench
    from eegrig.hil.figures.account import Outcome
    from eegrig.hil.stranger import StrangerLink
    from eegrig.hil.suites.stretches.security.owner import ConsoleWatch
    from eegrig.host.wire.info import Info

__all__ = ["Case", "Said", "Trials", "command", "said_of", "try_each"]

SUITE: Final = "security"
CONNECT_S: Final = 10.0
_ANSWER_S: Final = 1.0
_POLL_S: Final = 0.02
_BOOT_S: Final = 10.0
_PING_TAG: Final = 0xA5

Said = tuple["Outcome", str]
"""What came of an attempt, and what the board did."""


@dataclass(frozen=True)
class Case:
    """Something to try on a link.

    Attributes
    ----------
    name : str
        In words.
    attempt : callable
        Tries it with a client that has found what the board offers.
    meaning : str
        What it means if it gets through.
    """

    name: str
    attempt: Callable[[AttClient], Awaitable[Said]]
    meaning: str = ""


@dataclass
class Trials:
    """Attempts at one board, and what its owner and its console say of it after each group.

    Attributes
    ----------
    rig : Bench
        With a stranger.
    console : ConsoleWatch
    before : Info
        What the owner read of the board before anybody tried anything.
    made : list of Attempt
        In their order.
    harmed : list of str
        Attempts after which the board was not what it had been, each with what was wrong.
    """

    rig: Bench
    console: ConsoleWatch
    before: Info
    made: list[Attempt] = field(default_factory=list)
    harmed: list[str] = field(default_factory=list)

    def connect(self) -> AbstractAsyncContextManager[StrangerLink]:
        """Let the stranger connect."""
        assert self.rig.stranger is not None
        return self.rig.stranger.connect(self.rig.board.radio.name, CONNECT_S)

    def note(self, group: str, name: str, said: Said, meaning: str = "") -> None:
        """Put down what came of an attempt."""
        outcome, what = said
        self.made.append(
            Attempt(
                suite=SUITE, group=group, name=name, outcome=outcome, said=what, meaning=meaning
            )
        )

    def harm(self, trouble: str) -> None:
        """Put down that the last attempt did harm; the first thing that was wrong counts."""
        last = self.made[-1]
        if last.outcome != "harm":
            self.made[-1] = msgspec.structs.replace(last, outcome="harm", said=trouble)
            self.harmed.append(f"{last.name}: {trouble}")

    async def look(self) -> None:
        """Ask console and owner what became of the board; one that is not well is reset."""
        trouble = (
            await self.console.trouble()
            or await complaint(self.rig, self.before)
            or await self.console.trouble()
        )
        if trouble:
            self.harm(trouble)
            await self._recover()

    async def _recover(self) -> None:
        if "reset" not in self.rig.capabilities:
            return
        self.rig.reset()
        with contextlib.suppress(BoardFault):
            await heard_ns(self.rig, _BOOT_S, "after a reset")
        await self.console.lines()

    def of(self, *groups: str) -> list[Attempt]:
        """Return the attempts of some groups."""
        return [attempt for attempt in self.made if attempt.group in groups]


async def try_each(trials: Trials, group: str, cases: Sequence[Case]) -> None:
    """Try cases one after the other, on as few connections as the board lets it.

    After each the board has to answer PING, and its console to be silent; after all, its owner
    looks at it.
    """
    waiting = list(cases)
    while waiting:
        try:
            async with trials.connect() as link:
                att = AttClient(link)
                await att.exchange_mtu()
                await att.discover()
                while waiting and link.is_connected:
                    await _try(trials, group, waiting.pop(0), att)
                    if trials.made[-1].outcome == "harm":
                        break
        except BoardFault as error:
            if trials.made:
                trials.harm(str(error))
            break
        if trials.made[-1].outcome == "harm":
            break
    if trials.made[-1].outcome == "harm":
        await trials._recover()
        if waiting:
            await try_each(trials, group, waiting)
        return
    await trials.look()


async def _try(trials: Trials, group: str, case: Case, att: AttClient) -> None:
    trials.note(group, case.name, await case.attempt(att), case.meaning)
    if att.link.is_connected and await command(att, bytes([Opcode.PING, _PING_TAG])) is None:
        trials.harm("it does not answer PING any more")
    trouble = await trials.console.trouble()
    if trouble:
        trials.harm(trouble)


async def command(att: AttClient, data: bytes) -> Status | None:
    """Write to Control, and return the status of the answer; None without one."""
    since = len(att.link.heard)
    if not (await att.write(CONTROL_UUID, data)).accepted:
        return None
    begins = (data[0] if data else 0) | 0x80
    for _ in range(round(_ANSWER_S / _POLL_S)):
        for said in att.notifications(CONTROL_UUID, since):
            # What is too short for a command has opcode and tag 0 in its answer.
            if len(said) >= 3 and said[0] in (begins, 0x80):
                return Status(said[2])
        if not att.link.is_connected:
            break
        await asyncio.sleep(_POLL_S)
    return None


def said_of(status: Status | None) -> Said:
    """Return what the answer to a command comes to."""
    if status is None:
        return "ignored", "no answer"
    if status is Status.OK:
        return "through", "OK"
    return "refused", status.name
