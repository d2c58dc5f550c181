"""A connected board: commands to it, what can be read from it, and packets as they arrive."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.host.link.link_errors import BoardEventError, BoardStatusError, LinkLost
from eegrig.host.link.operation import OPERATION_TIMEOUT_S, operate
from eegrig.host.wire.constants import (
    BATTERY_LEVEL_UUID,
    CONTROL_UUID,
    FIRMWARE_REVISION_UUID,
    INFO_UUID,
    MANUFACTURER_NAME_UUID,
    MODEL_NUMBER_UUID,
    SERIAL_NUMBER_UUID,
    STREAM_UUID,
    EventCode,
    Pattern,
    Profile,
    State,
    Status,
    TestSignal,
)
from eegrig.host.wire.control import (
    Event,
    Response,
    decode_control,
    encode_impedance,
    encode_ping,
    encode_set_rate,
    encode_sleep,
    encode_start,
    encode_stop,
    encode_test_signal,
)
from eegrig.host.wire.errors import ProtocolError
from eegrig.host.wire.impedance import Drive, decode_drive
from eegrig.host.wire.info import Info, decode_info
from eegrig.host.wire.packet import HEADER_SIZE, frames_per_packet

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic

__all__ = ["BoardLink", "DeviceInformation", "LinkParameters"]

T = TypeVar("T")


# OVERRUN does not end the stream: its losses are in the packets' frame indices.
_ENDING_EVENTS = frozenset(EventCode) - {
    EventCode.NONE,
    EventCode.OVERRUN,
    EventCode.BATTERY_LOW,
}


@dataclasses.dataclass(frozen=True, slots=True)
class LinkParameters:
    """What a link was negotiated to; None where nobody could tell.

    Attributes
    ----------
    mtu : int
        ATT MTU in bytes.
    phy_tx, phy_rx : int or None
        PHY from and to the computer: 1 or 2 (Mbit/s).
    interval_ms : float or None
        Connection interval.
    latency : int or None
        Connection events the board may skip.
    supervision_timeout_ms : float or None
    max_tx_octets : int or None
        Largest link-layer payload the board may send (27 to 251).
    """

    mtu: int
    phy_tx: int | None = None
    phy_rx: int | None = None
    interval_ms: float | None = None
    latency: int | None = None
    supervision_timeout_ms: float | None = None
    max_tx_octets: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceInformation:
    """The standard Device Information service; None for what the board does not offer."""

    manufacturer: str | None
    model: str | None
    firmware_revision: str | None
    serial_number: str | None


class BoardLink:
    """A connected board; made by `host.link.connection.connect`.

    Attributes
    ----------
    name : str
        Name or address it was connected by.
    info : Info
        As last read.
    parameters : LinkParameters
        What the operating system tells of the link: the MTU.
    events : list of Event
        Every event of the board, in order.
    """

    def __init__(
        self, client: BleakClient, name: str, mtu: int, info: Info, now_ns: Callable[[], int]
    ) -> None:
        self.name = name
        self.info = info
        self.parameters = LinkParameters(mtu=mtu)
        self.events: list[Event] = []
        self._client = client
        self._now_ns = now_ns
        self._packets: list[tuple[bytes, int]] = []
        self._wake = asyncio.Event()
        self._failure: LinkLost | BoardEventError | ProtocolError | None = None
        self._lost: LinkLost | None = None
        self._ended = asyncio.Event()
        self._farewell: str | None = None
        self._pending: dict[int, tuple[int, asyncio.Future[Response]]] = {}
        self._strays = 0  # responses to commands that nobody waits for
        self._next_tag = 1
        self._event_callbacks: list[Callable[[Event], None]] = []
        self._last_heard_ns = now_ns()

    # --- commands ---------------------------------------------------------------------------

    async def command(
        self, encode: Callable[[int], bytes], what: str, *, timeout_s: float = 5.0
    ) -> Response:
        """Send a command and return the board's response.

        Parameters
        ----------
        encode : callable
            Makes the command's bytes from the tag it is given.
        what : str
            The command as a person would write it, for messages.
        timeout_s : float
            How long to wait for the response.

        Returns
        -------
        Response
            Its status is OK.

        Raises
        ------
        BoardStatusError
            If the board refused.
        BoardFault
            If it did not answer.
        LinkLost
            If the link broke.
        """
        self._raise_if_lost()
        tag = self._next_tag
        self._next_tag = (tag + 1) % 256
        data = encode(tag)
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._pending[tag] = data[0], answer
        strays_before = self._strays
        try:
            await self._operate(
                self._client.write_gatt_char(CONTROL_UUID, data, response=True), what
            )
            async with asyncio.timeout(timeout_s):
                response = await answer
        except TimeoutError:
            strays = self._strays > strays_before
            but = ", and what it did answer has another tag or opcode" if strays else ""
            raise BoardFault(
                f"{self.name} did not answer {what} within {timeout_s:g} s{but}: reset the board"
            ) from None
        finally:
            del self._pending[tag]
            # An exception set while the write itself failed is the same loss, told once.
            if answer.done() and not answer.cancelled():
                answer.exception()
        if response.status is not Status.OK:
            raise BoardStatusError(what, response.status, response.detail)
        return response

    async def start(
        self, profile: Profile = Profile.EFFICIENT, pattern: Pattern = Pattern.EEG
    ) -> None:
        """Begin streaming; packets that were not taken from an earlier stream are dropped.

        Raises
        ------
        InfrastructureError
            If the link's MTU is too small for a packet with one frame.
        BoardStatusError, BoardFault, LinkLost
            As `command`.
        """
        max_payload = self.parameters.mtu - 3
        if frames_per_packet(max_payload, self.info.n_channels) == 0:
            raise InfrastructureError(
                f"the link to {self.name} has an MTU of {self.parameters.mtu}: a notification "
                f"holds {max_payload} bytes, one frame of {self.info.n_channels} channels needs "
                f"{HEADER_SIZE + self.info.frame_size}; use an adapter or driver that negotiates "
                "a larger MTU"
            )
        self._packets.clear()
        if self._failure is not self._lost:
            self._failure = None
        await self.command(
            lambda tag: encode_start(tag, max_payload, profile, pattern),
            f"START ({profile.name.lower()}, {pattern.name.lower()})",
        )
        self.info = dataclasses.replace(self.info, state=State.STREAMING, profile=profile)

    async def stop(self) -> None:
        """End streaming."""
        await self.command(encode_stop, "STOP")
        self.info = dataclasses.replace(self.info, state=State.IDLE)

    async def set_rate(self, rate_sps: int) -> None:
        """Set the sample rate (only while idle) and read Info back.

        Raises
        ------
        BoardStatusError
            If it is not a rate the board has.
        BoardFault
            If the board says yes and stays at another rate.
        """
        await self.command(lambda tag: encode_set_rate(tag, rate_sps), f"SET_RATE {rate_sps}")
        info = await self.refresh_info()
        if info.sample_rate_sps != rate_sps:
            raise BoardFault(
                f"{self.name} accepted SET_RATE {rate_sps} but says it samples at "
                f"{info.sample_rate_sps} SPS: its firmware is wrong"
            )

    async def test_signal(self, signal: TestSignal) -> None:
        """Connect the front end's inputs to `signal` (only while idle)."""
        await self.command(
            lambda tag: encode_test_signal(tag, signal), f"TEST_SIGNAL {signal.name.lower()}"
        )

    async def drive_electrodes(self, electrodes: int) -> Drive:
        """Let the lead-off current flow through electrodes in the next streams (only while idle).

        Parameters
        ----------
        electrodes : int
            Bit c set for channel c; 0 ends it.

        Returns
        -------
        Drive
            What flows, at the present sample rate.
        """
        response = await self.command(
            lambda tag: encode_impedance(tag, electrodes), f"IMPEDANCE 0x{electrodes:02x}"
        )
        if response.detail is None:
            raise ProtocolError("the response to IMPEDANCE does not tell the current")
        return decode_drive(response.detail)

    async def ping(self) -> int:
        """Return the board's time in microseconds, mod 2^30."""
        response = await self.command(encode_ping, "PING")
        if response.detail is None:
            raise ProtocolError("the response to PING has no device time")
        return response.detail

    async def sleep(self, seconds: int) -> None:
        """Let the board disconnect and be silent for a while (only while idle); wait until it has.

        Raises
        ------
        BoardFault
            If it says yes and stays connected.
        """
        await self.command(lambda tag: encode_sleep(tag, seconds), f"SLEEP {seconds}")
        self._farewell = f"{self.name} sleeps for {seconds} s"
        try:
            async with asyncio.timeout(OPERATION_TIMEOUT_S):
                await self._ended.wait()
        except TimeoutError:
            raise BoardFault(
                f"{self.name} accepted SLEEP {seconds} but stays connected: its firmware is wrong"
            ) from None

    # --- what can be read -------------------------------------------------------------------

    async def refresh_info(self) -> Info:
        """Read Info again and return it."""
        self.info = decode_info(await self._read(INFO_UUID, "Info"))
        return self.info

    async def battery_level(self) -> int:
        """Return the state of charge in percent."""
        data = await self._read(BATTERY_LEVEL_UUID, "Battery Level")
        if len(data) != 1 or data[0] > 100:
            raise ProtocolError(f"Battery Level is {data.hex() or 'empty'}: not a percentage")
        return data[0]

    async def device_information(self) -> DeviceInformation:
        """Return the standard Device Information."""
        return DeviceInformation(
            manufacturer=await self._read_text(MANUFACTURER_NAME_UUID),
            model=await self._read_text(MODEL_NUMBER_UUID),
            firmware_revision=await self._read_text(FIRMWARE_REVISION_UUID),
            serial_number=await self._read_text(SERIAL_NUMBER_UUID),
        )

    def now_ns(self) -> int:
        """Return the time on the host's clock, the one that dates arrivals, in nanoseconds."""
        return self._now_ns()

    # --- what arrives -----------------------------------------------------------------------

    async def receive(self) -> list[tuple[bytes, int]]:
        """Wait for packets and return all there are.

        A board that sends nothing is waited for as long as the link is up: `StallWatch` is what
        ends that.

        Returns
        -------
        list of (bytes, int)
            Payload and time of arrival (nanoseconds on the host's clock), at least one.

        Raises
        ------
        LinkLost
            If the link broke and every packet before that was returned.
        BoardEventError
            If the board said that it stopped streaming, likewise.
        ProtocolError
            If the board sent a Control notification that is none, likewise.
        """
        while not self._packets:
            if self._failure is not None:
                raise self._failure
            self._wake.clear()
            await self._wake.wait()
        return self.drain()

    async def packets(self) -> AsyncIterator[tuple[bytes, int]]:
        """Yield packets with their times of arrival, for ever; raises as `receive`."""
        while True:
            for packet in await self.receive():
                yield packet

    def drain(self) -> list[tuple[bytes, int]]:
        """Return the packets there are, without waiting; maybe none."""
        packets, self._packets = self._packets, []
        return packets

    def on_event(self, callback: Callable[[Event], None]) -> None:
        """Call `callback` with every event of the board, as it arrives."""
        self._event_callbacks.append(callback)

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return self._lost is None and self._client.is_connected

    # --- bleak's callbacks ------------------------------------------------------------------

    def _on_stream(self, _sender: BleakGATTCharacteristic, data: bytearray) -> None:
        arrival_ns = self.now_ns()
        self._last_heard_ns = arrival_ns
        self._packets.append((bytes(data), arrival_ns))
        self._wake.set()

    def _on_control(self, _sender: BleakGATTCharacteristic, data: bytearray) -> None:
        self._last_heard_ns = self.now_ns()
        try:
            message = decode_control(bytes(data))
        except ProtocolError as error:
            self._fail(error)
            return
        if isinstance(message, Event):
            self.events.append(message)
            for callback in self._event_callbacks:
                callback(message)
            if message.code in _ENDING_EVENTS:
                self._fail(BoardEventError(message.code, message.detail))
            return
        opcode, answer = self._pending.get(message.tag, (None, None))
        if answer is None or opcode != message.opcode:
            # It came after its command's time-out, which was reported; or the board is wrong.
            self._strays += 1
        elif not answer.done():
            answer.set_result(message)

    def broke(self) -> None:
        """Take note that the link broke (`connect` hears it from bleak)."""
        if self._lost is not None:
            return
        if self._farewell is not None:
            self._lose(self._farewell)
            return
        silent_s = (self.now_ns() - self._last_heard_ns) * 1e-9
        self._lose(
            f"the link to {self.name} broke, {silent_s:.1f} s after it was last heard: "
            "out of reach, out of battery, or reset"
        )

    def closed(self) -> None:
        """Take note that `connect` is about to end the link: whoever still waits is told."""
        if self._lost is None:
            self._lose(f"the link to {self.name} was closed")

    def _lose(self, reason: str) -> None:
        self._lost = LinkLost(reason)
        self._fail(self._lost)
        self._ended.set()
        for _, answer in self._pending.values():
            if not answer.done():
                answer.set_exception(self._lost)

    def _fail(self, failure: LinkLost | BoardEventError | ProtocolError) -> None:
        # The first failure is the cause, except that a lost link ends everything.
        if self._failure is None or isinstance(failure, LinkLost):
            self._failure = failure
        self._wake.set()

    # --- bleak's operations -----------------------------------------------------------------

    async def subscribe(self) -> None:
        """Subscribe to Control and Stream; `connect` has done so."""
        await self._operate(self._client.start_notify(CONTROL_UUID, self._on_control), "subscribe")
        await self._operate(self._client.start_notify(STREAM_UUID, self._on_stream), "subscribe")

    def _raise_if_lost(self) -> None:
        if self._lost is not None:
            raise self._lost

    async def _operate(self, operation: Awaitable[T], what: str) -> T:
        """Await an operation of bleak; that the link was lost says more than how it failed."""
        try:
            return await operate(self._client, self.name, operation, what)
        except InfrastructureError:
            self._raise_if_lost()
            raise

    async def _read(self, uuid: str, what: str) -> bytes:
        from bleak.exc import BleakCharacteristicNotFoundError

        self._raise_if_lost()
        try:
            return bytes(await self._operate(self._client.read_gatt_char(uuid), f"reading {what}"))
        except InfrastructureError as error:
            if isinstance(error.__cause__, BleakCharacteristicNotFoundError):
                raise BoardFault(
                    f"{self.name} has no {what} characteristic: flash it with eegrig's firmware"
                ) from error
            raise

    async def _read_text(self, uuid: str) -> str | None:
        self._raise_if_lost()
        if self._client.services.get_characteristic(uuid) is None:
            return None
        return (await self._read(uuid, "Device Information")).decode("utf-8", "replace")
