"""What the Bluetooth stacks of MicroPython's ports do each in its own way."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StackRules"]


@dataclass(frozen=True, slots=True)
class StackRules:
    """The rules of one port's stack; by default those of the zephyr port.

    Attributes
    ----------
    enforces_subscription : bool
        Whether notifying a central that has not subscribed is an error (Zephyr) or done (NimBLE).
    cuts_long_values : bool
        Whether a notification too long for the MTU, and what a peer writes beyond a value's
        buffer, is cut (MicroPython's NimBLE) or an error (its zephyr port).
    refuses_by_bond : bool
        Whether a peer without a bond that asks in the clear for what needs encryption is told
        Insufficient Authentication (NimBLE), else Insufficient Encryption.
    connections_max : int or None
        How many connections the stack has room for, in both roles.
    has_client : bool
        Whether the board asks other devices' GATT servers, and takes their answers.
    calls_handlers_at_once : bool
        Whether the host calls the firmware's handler for each value a peer has written before it
        goes on; else writes are events among others, and a later one may come before the handler.
    """

    enforces_subscription: bool = True
    cuts_long_values: bool = False
    refuses_by_bond: bool = False
    connections_max: int | None = None
    has_client: bool = False
    calls_handlers_at_once: bool = False
