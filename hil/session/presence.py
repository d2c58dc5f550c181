"""Whether a board is there: heard on air, and answering.

A test that fails because its board fell silent asks once. A board that is gone for good ends the
run, so that the tests after it do not each wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from eegrig.boards.errors import BoardFault, BoardGone, ConfigError, EegrigError
from eegrig.hil.bench import Bench

__all__ = ["LIMIT_S", "heard_ns", "run_on_bench"]

T = TypeVar("T")

_LISTEN_S = 10.0  # a link that broke has timed out by now at the board's end, too
_WITHOUT_RESET_S = 30.0  # it may be asleep: longer than any test lets it
_BOOT_S = 10.0
_PING_S = 5.0
LIMIT_S = 7200.0
"""How long a test or a stretch keeps a bench at most."""


async def heard_ns(rig: Bench, timeout_s: float, after: str) -> int:
    """Wait until the board advertises.

    Parameters
    ----------
    rig : Bench
    timeout_s : float
        By the bench's clock.
    after : str
        What it does that after, for the message.

    Returns
    -------
    int
        When it was heard first, on the bench's clock.

    Raises
    ------
    BoardFault
        If it was not heard in time.
    """
    from bleak import BleakScanner

    heard = asyncio.Event()
    at_ns: list[int] = []
    name = rig.board.radio.name

    def on_advertisement(device: object, _data: object) -> None:
        if getattr(device, "name", None) == name and not heard.is_set():
            at_ns.append(rig.clock.now_ns())
            heard.set()

    try:
        async with (
            asyncio.timeout(timeout_s),
            BleakScanner(on_advertisement, backend=rig.radio.scanner_backend),
        ):
            await heard.wait()
    except TimeoutError:
        raise BoardFault(
            f"{name} did not advertise within {timeout_s:g} s {after}: its firmware hangs or has "
            "crashed, its console says more"
        ) from None
    return at_ns[0]


def run_on_bench(rig: Bench, test: Coroutine[Any, Any, T], *, limit_s: float = LIMIT_S) -> T:
    """Run a test on the bench; if it fails at its board, ask whether that is still there.

    Parameters
    ----------
    rig : Bench
    test : coroutine
    limit_s : float
        How long it may take at most, by the bench's clock: no wait of it is without an end.

    Raises
    ------
    BoardFault
        If the link broke and the board is there all the same, or the test did not end.
    BoardGone
        If it is not there any more, also after a reset where the bench can.
    """
    from eegrig.host.link.link_errors import LinkLost

    try:
        return rig.run(_within(limit_s, test))
    except ConfigError:
        raise
    except (EegrigError, TimeoutError) as error:
        missing = rig.run(_missing(rig))
        first = " ".join(str(error).split()) or "a wait of the test's timed out"
        if missing is None:
            if isinstance(error, LinkLost):
                raise BoardFault(f"{first}; it answers again: it restarted by itself") from error
            raise
        raise BoardGone(f"{first}; since then {missing}: check its supply and antenna") from error


async def _within(limit_s: float, test: Coroutine[Any, Any, T]) -> T:
    timeout = asyncio.timeout(limit_s)
    try:
        async with timeout:
            return await test
    except TimeoutError:
        if not timeout.expired():
            raise
        raise BoardFault(
            f"the test did not end within {limit_s:g} s: the board keeps it waiting"
        ) from None


async def _missing(rig: Bench) -> str | None:
    """Return what became of a board that is gone; None for one that answers, or does again."""
    resettable = "reset" in rig.capabilities
    try:
        await _ask(rig, _LISTEN_S if resettable else _WITHOUT_RESET_S)
    except EegrigError as error:
        if not resettable:
            return f"it does not answer any more ({error})"
    else:
        return None
    try:
        await _boot(rig)
    except BoardFault as error:
        return f"it does not come up after a reset ({error})"
    except EegrigError:
        return "it is silent, on its console, too, after a reset"
    try:
        await _ask(rig, _LISTEN_S)
    except BoardFault:
        return None  # it is there, and answers wrongly
    except EegrigError:
        return "it is silent, and after a reset its console works, but not its radio"
    return None


async def _ask(rig: Bench, timeout_s: float) -> None:
    """Find the board, connect, and wait for an answer to PING."""
    from eegrig.host.link.connection import connect
    from eegrig.host.wire.control import encode_ping

    if rig.radio.link_parameters() is not None:
        return  # somebody holds a connection to it
    async with connect(
        rig.board.radio.name,
        scanner_backend=rig.radio.scanner_backend,
        client_backend=rig.radio.client_backend,
        timeout_s=timeout_s,
        now_ns=rig.clock.now_ns,
    ) as link:
        await link.command(encode_ping, "PING", timeout_s=_PING_S)


async def _boot(rig: Bench) -> None:
    """Reset the board and wait until its console says what it runs."""
    from eegrig.host.console.console import read_identity

    await read_identity(rig.console, _BOOT_S, reset=rig.reset)
