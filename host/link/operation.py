"""An operation of bleak, with a time limit, whose errors are ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from eegrig.boards.errors import InfrastructureError
from eegrig.host.link.link_errors import LinkLost

if TYPE_CHECKING:
    from bleak import BleakClient

__all__ = ["OPERATION_TIMEOUT_S", "operate", "refusal"]

T = TypeVar("T")

OPERATION_TIMEOUT_S = 10.0


async def operate(client: BleakClient, name: str, operation: Awaitable[T], what: str) -> T:
    """Await an operation of bleak.

    Parameters
    ----------
    client : BleakClient
        Whose operation it is.
    name : str
        Of the board.
    operation : awaitable
    what : str
        What it does, for messages.

    Raises
    ------
    LinkLost
        If the link broke meanwhile.
    InfrastructureError
        If it failed or took too long.
    """
    from bleak.exc import BleakError

    try:
        async with asyncio.timeout(OPERATION_TIMEOUT_S):
            return await operation
    except (BleakError, OSError, EOFError, TimeoutError) as error:
        if not client.is_connected:
            raise LinkLost(f"the link to {name} broke during {what}") from error
        raise refusal(f"{name}: {what} failed", error) from error


def refusal(
    what: str,
    error: BaseException,
    timeout_s: float = OPERATION_TIMEOUT_S,
    advice: str = "reset the board, or bring it near",
) -> InfrastructureError:
    """Return the one-line error for an operation of bleak that failed.

    Parameters
    ----------
    what : str
        What does not work.
    error : BaseException
        What was raised.
    timeout_s : float
        How long it was waited for, where that was the limit.
    advice : str
        What to do, in that case.
    """
    if isinstance(error, TimeoutError):
        return InfrastructureError(f"{what}: no answer within {timeout_s:g} s: {advice}")
    reason = str(error).split("\n")[0]
    return InfrastructureError(f"{what}: {reason or type(error).__name__}")
