"""What a stranger gets of a board without a bond: data, control, stream, pairing, its tracks."""

from __future__ import annotations

import asyncio
from struct import pack
from typing import TYPE_CHECKING, Final

from eegrig.boards.errors import BoardFault, EegrigError
from eegrig.hil.suites.stretches.security.att import AttClient
from eegrig.hil.suites.stretches.security.attempts import Case, Said, command, said_of, try_each
from eegrig.hil.suites.stretches.security.owner import owned, streamed
from eegrig.host.wire.constants import (
    BATTERY_LEVEL_UUID,
    CONTROL_UUID,
    INFO_UUID,
    MODEL_NUMBER_UUID,
    STREAM_UUID,
    UPDATE_STATE_UUID,
    Opcode,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from eegrig.hil.suites.stretches.security.attempts import Trials

__all__ = [
    "BESIDE",
    "OPEN",
    "PAIRING",
    "READS_STREAM",
    "TRACKING",
    "beside_the_owner",
    "pairing",
    "tracking",
    "without_a_bond",
]

OPEN: Final = "data and control without a bond"
BESIDE: Final = "beside the owner"
PAIRING: Final = "pairing"
TRACKING: Final = "following the board"
READS_STREAM: Final = "start the stream and receive it"
"""The attempt that says whether anybody can read the board's signal."""

_STREAM_S: Final = 0.6
_PAIR_S: Final = 5.0
_BESIDE_S: Final = 3.0
_GONE_S: Final = 2.0
_TAG: Final = 0x51
_LISTEN_S: Final = 1.5
_APART_S: Final = 330.0
"""Longer than a resolvable private address lasts in MicroPython's NimBLE (``BLE_RPA_TIMEOUT``, 300
s); Core 5.4, Vol 3 Part C 9.3.12 and appendix A recommend 15 minutes at most."""


# ---------------------------------------------------------------------- data and control
def _reading(uuid: str) -> Callable[[AttClient], Awaitable[Said]]:
    async def read(att: AttClient) -> Said:
        answer = await att.read(uuid)
        if answer.accepted:
            return "through", f"{len(answer.value)} bytes"
        return ("refused" if answer.pdu else "ignored"), str(answer)

    return read


def _subscribing(uuid: str) -> Callable[[AttClient], Awaitable[Said]]:
    async def subscribe(att: AttClient) -> Said:
        answer = await att.subscribe(uuid)
        if answer.accepted:
            return "through", str(answer)
        return ("refused" if answer.pdu else "ignored"), str(answer)

    return subscribe


def _commanding(*commands: bytes) -> Callable[[AttClient], Awaitable[Said]]:
    async def send(att: AttClient) -> Said:
        said = said_of(None)
        for data in commands:
            said = said_of(await command(att, data))
            if said[0] != "through":
                break
        return said

    return send


def _start(payload: int = 244) -> bytes:
    return pack("<BBHBB", Opcode.START, _TAG, payload, 0, 0)


async def _read_stream(att: AttClient) -> Said:
    await att.subscribe(CONTROL_UUID)
    await att.subscribe(STREAM_UUID)
    since = len(att.link.heard)
    status = await command(att, _start())
    if status is not Status.OK:
        return said_of(status)
    await asyncio.sleep(_STREAM_S)
    packets = att.notifications(STREAM_UUID, since)
    await command(att, bytes([Opcode.STOP, _TAG]))
    if not packets:
        return "ignored", "OK to START, and no packet"
    return "through", f"{len(packets)} packets in {_STREAM_S:g} s"


async def _silence(att: AttClient) -> Said:
    """Let the board sleep: its owner cannot find it meanwhile."""
    status = await command(att, pack("<BBH", Opcode.SLEEP, _TAG, 1))
    said = said_of(status)
    for _ in range(round(_GONE_S / 0.1)):
        await asyncio.sleep(0.1)
        if not att.link.is_connected:
            break
    return said


async def without_a_bond(trials: Trials) -> None:
    """Try what an owner does, as somebody whom the board has never met."""
    rates = trials.before.rates_sps
    away, back = (pack("<BBH", Opcode.SET_RATE, _TAG, rate) for rate in (rates[-1], _rate(trials)))
    cases = [
        Case("read Info", _reading(INFO_UUID), "what the board is, and of what state"),
        Case("read the battery level", _reading(BATTERY_LEVEL_UUID), "how long it will last"),
        Case("read the model", _reading(MODEL_NUMBER_UUID), "which device somebody wears"),
        Case("read Update State", _reading(UPDATE_STATE_UUID), "which firmware, and its holes"),
        Case("subscribe to Control", _subscribing(CONTROL_UUID), "answers and events are heard"),
        Case("subscribe to Stream", _subscribing(STREAM_UUID), "packets would be heard"),
        Case("PING", _commanding(bytes([Opcode.PING, _TAG])), "the board takes orders of anybody"),
        Case(READS_STREAM, _read_stream, "anybody in radio range can read the signal"),
        Case("change the rate and back", _commanding(away, back), "a recording can be spoilt"),
        Case(
            "let the lead-off current flow",
            _commanding(bytes([Opcode.IMPEDANCE, _TAG, 1]), bytes([Opcode.IMPEDANCE, _TAG, 0])),
            "anybody can send the lead-off current into the wearer's skin",
        ),
        Case("put the board to sleep", _silence, "its owner cannot find it for as long"),
    ]
    await try_each(trials, OPEN, cases)


def _rate(trials: Trials) -> int:
    return trials.before.sample_rate_sps


# ---------------------------------------------------------------------- beside the owner
async def beside_the_owner(trials: Trials) -> None:
    """Try to get a second connection while the owner streams."""
    rig = trials.rig
    assert rig.stranger is not None
    name = rig.board.radio.name
    said: Said = ("refused", "it does not let a second central connect")
    seen: Said = ("ignored", "it does not advertise while it is connected")
    try:
        async with owned(rig) as link:
            await link.start()
            taken = await streamed(link, 0.1)
            if await rig.stranger.sightings(name, _BESIDE_S):
                seen = "through", "it advertises while it is connected"
            try:
                async with rig.stranger.connect(name, _BESIDE_S) as second:
                    att = AttClient(second)
                    await att.discover()
                    answer = await att.read(INFO_UUID)
                    said = "through", f"a second connection; reading Info: {answer}"
            except BoardFault:
                pass
            trials.note(BESIDE, "hear the board while its owner streams", seen)
            trials.note(BESIDE, "connect while its owner streams", said, "two can command it")
            taken = await streamed(link, 0.1, taken)
            await link.stop()
            if not taken.intact:
                trials.harm(f"its owner's stream suffered: {taken.decoder.counters}")
    except EegrigError as error:
        if not trials.of(BESIDE):
            trials.note(BESIDE, "connect while its owner streams", said)
        trials.harm(" ".join(str(error).split()))
    await trials.look()


# ---------------------------------------------------------------------- pairing
_FEATURES: Final = (
    # name, LE Secure Connections, MITM, IO capability, octets of the key
    ("pair without a bond, Just Works", True, False, 3, 16),
    ("pair with MITM asked for and nothing to compare with: Just Works", True, True, 3, 16),
    ("pair by legacy pairing", False, False, 3, 16),
    ("pair with a key of 7 octets", False, False, 3, 7),
)


async def pairing(trials: Trials) -> None:
    """Try to become a friend of the board without its owner, in each of the weak ways."""
    for name, secure, mitm, io, octets in _FEATURES:
        try:
            async with trials.connect() as link:
                paired = await link.pair(
                    secure_connections=secure,
                    mitm=mitm,
                    io=io,
                    key_octets=octets,
                    timeout_s=_PAIR_S,
                )
        except BoardFault as error:
            trials.note(PAIRING, name, ("ignored", str(error)))
            trials.harm(str(error))
            continue
        if paired.done:
            said: Said = ("through", "paired, and the link is encrypted")
        else:
            said = ("ignored" if "no answer" in paired.why else "refused"), paired.why
        trials.note(PAIRING, name, said, "a bond that protects from nobody who is there")
    await trials.look()


# ---------------------------------------------------------------------- tracking
async def tracking(trials: Trials) -> int:
    """Listen twice, and return how many addresses the board had.

    Raises
    ------
    BoardFault
        If it is not heard.
    """
    rig = trials.rig
    assert rig.stranger is not None
    heard = await rig.stranger.sightings(rig.board.radio.name, _LISTEN_S)
    await asyncio.sleep(_APART_S)
    heard += await rig.stranger.sightings(rig.board.radio.name, _LISTEN_S)
    if not heard:
        raise BoardFault(f"{rig.board.radio.name} does not advertise: a stranger cannot hear it")
    addresses = {sighting.address for sighting in heard}
    kinds = ", ".join(sorted({sighting.kind for sighting in heard}))
    minutes = f"{_APART_S / 60:.3g} minutes"
    said: Said = ("refused", f"{len(addresses)} addresses in {minutes} ({kinds})")
    if len(addresses) == 1:
        said = "through", f"one address over {minutes} ({kinds})"
    trials.note(TRACKING, "follow the board by its address", said, "where its wearer is, and when")
    name = rig.board.radio.name
    trials.note(
        TRACKING,
        "follow the board by its name",
        ("through", f"every scan response says {name}"),
        "the name tells that it is one of this kind, and not which",
    )
    return len(addresses)
