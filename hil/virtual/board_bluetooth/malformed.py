"""What a board's stack answers to frames that Bumble's parsers stumble over.

Bumble 0.0.236 raises whatever a parser or handler runs into; a stack on a chip goes on. Answers are
those of the Bluetooth Core Specification 5.4: Vol 3 Part A 4.1 (a command that is not understood
is rejected), Vol 3 Part H 3.5.5 (reasons of Pairing Failed). What has no room for an identifier or
a code is dropped; that both stacks of our ports do so is assumed.
"""

from __future__ import annotations

from typing import Final

from bumble import l2cap, smp

__all__ = ["CAREFUL", "answer_to_malformed", "is_out_of_turn", "refusal_of_key"]

CAREFUL: Final = (int(l2cap.L2CAP_LE_SIGNALING_CID), int(smp.SMP_CID))
"""Channels whose frames are for this module where Bumble cannot make sense of them."""

_HEADER_OCTETS: Final = 4  # of a signalling command: code, identifier, length
_COMMAND_REJECT: Final = 0x01
_NOT_UNDERSTOOD: Final = b"\x00\x00"
_PAIRING_FAILED: Final = 0x05
_COMMAND_NOT_SUPPORTED, _INVALID_PARAMETERS = 0x07, 0x0A
_LAST_SMP_CODE: Final = 0x0E
_PAIRING_REQUEST: Final = 0x01
_KEY_SIZE_AT: Final = 4
_KEY_SIZES: Final = range(7, 17)
_ENCRYPTION_KEY_SIZE: Final = 0x06


def answer_to_malformed(channel: int, pdu: bytes) -> bytes | None:
    """Return what is answered to a frame that cannot be understood, or None for nothing.

    Parameters
    ----------
    channel : int
        One of `CAREFUL`.
    pdu : bytes
        Of the frame, without L2CAP's header.
    """
    if channel == smp.SMP_CID:
        if not pdu:
            return None
        known = 0 < pdu[0] <= _LAST_SMP_CODE
        return bytes([_PAIRING_FAILED, _INVALID_PARAMETERS if known else _COMMAND_NOT_SUPPORTED])
    if len(pdu) < _HEADER_OCTETS or not pdu[1] or pdu[0] == _COMMAND_REJECT:
        return None
    size = len(_NOT_UNDERSTOOD).to_bytes(2, "little")
    return bytes([_COMMAND_REJECT, pdu[1]]) + size + _NOT_UNDERSTOOD


def refusal_of_key(pdu: bytes) -> bytes | None:
    """Return what a pairing request is answered that asks for a key of a length there is not.

    Keys have 7 to 16 octets (Vol 3 Part H 2.3.4); Bumble takes any length.
    """
    if pdu[:1] != bytes([_PAIRING_REQUEST]) or len(pdu) <= _KEY_SIZE_AT:
        return None
    size = pdu[_KEY_SIZE_AT]
    if size in _KEY_SIZES:
        return None
    short = size < _KEY_SIZES.start
    return bytes([_PAIRING_FAILED, _ENCRYPTION_KEY_SIZE if short else _INVALID_PARAMETERS])


def is_out_of_turn(pdu: bytes) -> bool:
    """Say whether a command belongs to a pairing, where none is under way.

    Bumble begins one with it; a stack drops it (assumed of NimBLE).
    """
    return pdu[:1] != bytes([_PAIRING_REQUEST]) and 0 < (pdu or b"\0")[0] <= _LAST_SMP_CODE
