"""What can go wrong on a link: it breaks, the board refuses, or the board reports a fault."""

from __future__ import annotations

from typing import Final

from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.host.wire.constants import EventCode, Status

__all__ = ["BoardEventError", "BoardStatusError", "LinkLost", "StreamStalled"]


class LinkLost(InfrastructureError):
    """The link to a board broke; the message says when and what to look at."""


class StreamStalled(BoardFault):
    """A board that streams brings nothing new any more, and has not said that it stopped."""


_STATUS_REASON: Final = {
    Status.UNKNOWN_COMMAND: "its firmware does not know the command",
    Status.BAD_LENGTH: "it did not understand the command's length",
    Status.BAD_RATE: "not a rate it has",
    Status.BUSY: "not while it is in this state; stop streaming first",
    Status.AFE_FAULT: "its analogue front end does not work",
    Status.PAYLOAD_TOO_SMALL: "notifications on this link are too small for one frame",
    Status.UNSUPPORTED: "not supported by this board",
    Status.BAD_ARGUMENT: "not a value it knows",
}

# Asked for the impossible: usage. A link too narrow: infrastructure. The rest: the board is wrong.
_STATUS_EXIT_CODE: Final = {
    Status.BAD_RATE: 2,
    Status.BAD_ARGUMENT: 2,
    Status.UNSUPPORTED: 2,
    Status.PAYLOAD_TOO_SMALL: 3,
}


class BoardStatusError(BoardFault):
    """A board refused a command.

    Attributes
    ----------
    command : str
        The command, as a person would write it.
    status : Status
    detail : int or None
    """

    def __init__(self, command: str, status: Status, detail: int | None = None) -> None:
        hint = ""
        if detail is not None and status is Status.BAD_RATE:
            hint = f"; nearest is {detail}"
        elif detail is not None and status is Status.PAYLOAD_TOO_SMALL:
            hint = f"; it needs an MTU of at least {detail + 3}"
        elif detail is not None and status is Status.AFE_FAULT:
            hint = f"; it answers with ID 0x{detail:02X}: check its supply and SPI lines"
        reason = _STATUS_REASON.get(status, status.name)
        super().__init__(f"the board refused {command}: {reason}{hint}")
        self.command = command
        self.status = status
        self.detail = detail
        self.exit_code = _STATUS_EXIT_CODE.get(status, 1)


_EVENT_REASON: Final = {
    EventCode.AFE_LOST: "its front end stopped converting at frame {detail}: check its supply, "
    "clock and DRDY line",
    EventCode.AFE_BAD_ID: "its front end answers with ID 0x{detail:02X}, which is another part or "
    "a broken SPI line",
    EventCode.LINK_ERROR: "it could not send a notification (errno {detail})",
    EventCode.OVERRUN: "the link was too slow, {detail} frames are lost on the board",
    EventCode.STOPPED: "it stopped by itself",
}


class BoardEventError(BoardFault):
    """A board reported a fault that ended its stream.

    Attributes
    ----------
    code : EventCode
    detail : int
    """

    def __init__(self, code: EventCode, detail: int) -> None:
        reason = _EVENT_REASON[code].format(detail=detail)
        super().__init__(f"the board reports {code.name}: {reason}")
        self.code = code
        self.detail = detail
