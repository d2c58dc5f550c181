"""Link-layer packets, as far as their length and meaning go (no bits are modulated).

Control packets are Bumble's where it has one and ours where it lacks the procedure. Lengths are
opcode plus CtrData (Core Specification, Volume 6, Part B, 2.4.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bumble import ll

__all__ = [
    "CONTINUATION",
    "CONTROL",
    "EMPTY",
    "START",
    "ConnectionParamReq",
    "ConnectionUpdateInd",
    "LengthReq",
    "LengthRsp",
    "Pdu",
    "PhyReq",
    "PhyRsp",
    "PhyUpdateInd",
    "control_octets",
]

CONTINUATION: Final = 1
START: Final = 2
CONTROL: Final = 3


class Pdu:
    """A packet that waits for its turn, is on air, or waits for its acknowledgement.

    Parameters
    ----------
    llid : {1, 2, 3}
        Continuation (or empty), start of an L2CAP frame, control.
    octets : int
        Payload length.
    data : bytes
        Payload, of data packets.
    control : object
        What it says, of control packets.
    on_acknowledged : callable or None
        Called once when the other end has it.
    on_sent : callable or None
        Called once when it goes on air for the first time.
    """

    __slots__ = ("attempts", "control", "data", "llid", "octets", "on_acknowledged", "on_sent")

    def __init__(
        self,
        llid: int,
        octets: int,
        data: bytes = b"",
        control: Any = None,
        on_acknowledged: Callable[[], object] | None = None,
        on_sent: Callable[[], object] | None = None,
    ) -> None:
        self.llid = llid
        self.octets = octets
        self.data = data
        self.control = control
        self.on_acknowledged = on_acknowledged
        self.on_sent = on_sent
        self.attempts = 0


EMPTY: Final = Pdu(CONTINUATION, 0)
"""What is sent when there is nothing to send."""

_Opcode = ll.ControlPdu.Opcode


@dataclass
class LengthReq(ll.ControlPdu):  # type: ignore[misc]
    """What this end can receive and would send, in octets."""

    opcode = _Opcode.LL_LENGTH_REQ
    max_rx_octets: int
    max_tx_octets: int


@dataclass
class LengthRsp(ll.ControlPdu):  # type: ignore[misc]
    """The answer to `LengthReq`."""

    opcode = _Opcode.LL_LENGTH_RSP
    max_rx_octets: int
    max_tx_octets: int


@dataclass
class PhyReq(ll.ControlPdu):  # type: ignore[misc]
    """PHYs the sender would like, as bits (1: 1M, 2: 2M, 4: coded)."""

    opcode = _Opcode.LL_PHY_REQ
    tx_phys: int
    rx_phys: int


@dataclass
class PhyRsp(ll.ControlPdu):  # type: ignore[misc]
    """The answer to `PhyReq`."""

    opcode = _Opcode.LL_PHY_RSP
    tx_phys: int
    rx_phys: int


@dataclass
class PhyUpdateInd(ll.ControlPdu):  # type: ignore[misc]
    """The central's decision on PHYs and the event from which it holds."""

    opcode = _Opcode.LL_PHY_UPDATE_IND
    to_peripheral: int
    to_central: int
    instant: int


@dataclass
class ConnectionUpdateInd(ll.ControlPdu):  # type: ignore[misc]
    """The central's decision on connection parameters and the event from which they hold."""

    opcode = _Opcode.LL_CONNECTION_UPDATE_IND
    interval: int
    latency: int
    timeout: int
    instant: int


@dataclass
class ConnectionParamReq(ll.ControlPdu):  # type: ignore[misc]
    """Connection parameters the peripheral would like."""

    opcode = _Opcode.LL_CONNECTION_PARAM_REQ
    interval_min: int
    interval_max: int
    latency: int
    timeout: int


_CONTROL_OCTETS: Final[dict[int, int]] = {
    _Opcode.LL_CONNECTION_UPDATE_IND: 12,
    _Opcode.LL_TERMINATE_IND: 2,
    _Opcode.LL_ENC_REQ: 23,
    _Opcode.LL_START_ENC_RSP: 1,
    _Opcode.LL_FEATURE_REQ: 9,
    _Opcode.LL_FEATURE_RSP: 9,
    _Opcode.LL_PERIPHERAL_FEATURE_REQ: 9,
    _Opcode.LL_CONNECTION_PARAM_REQ: 24,
    _Opcode.LL_REJECT_EXT_IND: 3,
    _Opcode.LL_LENGTH_REQ: 9,
    _Opcode.LL_LENGTH_RSP: 9,
    _Opcode.LL_PHY_REQ: 3,
    _Opcode.LL_PHY_RSP: 3,
    _Opcode.LL_PHY_UPDATE_IND: 5,
}


def control_octets(control: ll.ControlPdu) -> int:
    """Return the payload length of a control packet in octets."""
    return _CONTROL_OCTETS[control.opcode]
