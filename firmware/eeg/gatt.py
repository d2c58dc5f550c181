# The board's GATT services: ours (docs/protocol.md), Battery and Device Information.
from struct import pack

import bluetooth
from bluetooth import FLAG_NOTIFY, FLAG_READ, FLAG_WRITE, FLAG_WRITE_NO_RESPONSE, UUID

from eeg import codes
from eeg.port import ENOMEM, REFUSES

_ENOTCONN = 128  # as the port names it
_IRQ_CENTRAL_CONNECT = 1
_IRQ_CENTRAL_DISCONNECT = 2
_IRQ_GATTS_WRITE = 3

_INFO_SIZE = 512
_COMMAND_SIZE = 32
_STATE_SIZE = 192


def _uuid(number):
    return UUID("7d5e%04x-8f2a-4c61-9b1d-3e6f0a94c2b7" % number)


def stream_bytes(stream, kind, rate_mhz, channels, sample_size, lsb, unit, names):
    """Return Info's entry of one stream; `lsb` is (mantissa, decimal exponent)."""
    data = names.encode()
    return (
        pack("<BBIBBIbB", stream, kind, rate_mhz, channels, sample_size, lsb[0], lsb[1], unit)
        + bytes((len(data),))
        + data
    )


def info_bytes(
    state,
    rate,
    channels,
    gain,
    profile,
    lsb_fv,
    delay_us,
    fault,
    rates,
    texts,
    image_hash,
    streams=(),
):
    """Return the value of the Info characteristic."""
    parts = [
        pack(
            "<BBHBBBBIIHBB",
            codes.PROTOCOL_VERSION,
            state,
            rate,
            channels,
            gain,
            24,
            profile,
            lsb_fv,
            0,
            delay_us,
            fault,
            len(rates),
        )
    ]
    parts.extend(pack("<H", r) for r in rates)
    for text in texts:
        data = text.encode()
        parts.append(bytes((len(data),)) + data)
    parts.append(image_hash)
    parts.append(bytes((len(streams),)))
    parts.extend(streams)
    return b"".join(parts)


def _nothing():
    """Prepare for nothing."""


class GattServer:
    """Advertises, accepts one central, and passes its commands on.

    Parameters
    ----------
    name : str
        Advertised name.
    advertising_us : int
        Advertising interval in microseconds.
    model, version : str
        For the Device Information service.
    on_command : callable
        Called with the bytes of each command.
    on_disconnect : callable
        Called without arguments when the central is gone.
    update_buffer : int
        Bytes of update messages that may wait to be read.

    Attributes
    ----------
    before_send : callable
        Called before anything but a packet is sent, which the link may hold up.
    """

    def __init__(
        self, name, advertising_us, model, version, on_command, on_disconnect, update_buffer
    ):
        self._name = name
        self._advertising_us = advertising_us
        self._on_command = on_command
        self._on_disconnect = on_disconnect
        self.before_send = _nothing
        self.connection = None
        self.wanted = False  # something came in since the main loop last rested
        self.update_waits = False  # update messages came in
        self._flushing = False
        self._unsent = []  # what the port had no buffer for: (characteristic, bytes)
        self._ble = ble = bluetooth.BLE()
        ble.active(True)
        ble.irq(self._irq)
        services = (
            (
                _uuid(0),
                (
                    (_uuid(1), FLAG_READ),
                    (_uuid(2), FLAG_WRITE | FLAG_NOTIFY),
                    (_uuid(3), FLAG_NOTIFY),
                    (_uuid(4), FLAG_WRITE | FLAG_WRITE_NO_RESPONSE | FLAG_NOTIFY),
                    (_uuid(5), FLAG_READ),
                ),
            ),
            (UUID(0x180F), ((UUID(0x2A19), FLAG_READ | FLAG_NOTIFY),)),
            (
                UUID(0x180A),
                (
                    (UUID(0x2A29), FLAG_READ),
                    (UUID(0x2A24), FLAG_READ),
                    (UUID(0x2A26), FLAG_READ),
                ),
            ),
        )
        handles = ble.gatts_register_services(services)
        ours, (self._battery,), device = handles
        self._info, self._control, self._stream, self._update, self._update_state = ours
        ble.gatts_set_buffer(self._info, _INFO_SIZE)
        ble.gatts_set_buffer(self._control, _COMMAND_SIZE)
        ble.gatts_set_buffer(self._update, update_buffer, True)
        ble.gatts_set_buffer(self._update_state, _STATE_SIZE)
        for handle, text in zip(device, ("eegrig", model, version)):
            ble.gatts_write(handle, text.encode())

    def advertise(self):
        """Be found: name in the scan response, service in the advertisement."""
        service = bytes(_uuid(0))
        name = self._name.encode()
        self._ble.gap_advertise(
            self._advertising_us,
            adv_data=b"\x02\x01\x06" + bytes((len(service) + 1, 0x07)) + service,
            resp_data=bytes((len(name) + 1, 0x09)) + name,
        )

    def disconnect(self):
        """Leave the central, if there is one."""
        if self.connection is not None:
            self._ble.gap_disconnect(self.connection)

    def set_info(self, data):
        """Set what the Info characteristic reads."""
        self._ble.gatts_write(self._info, data)

    def set_update_state(self, data):
        """Set what the Update State characteristic reads."""
        self._ble.gatts_write(self._update_state, data)

    def read_update(self):
        """Return the update messages that came in, one behind the other."""
        self.update_waits = False
        return self._ble.gatts_read(self._update)

    def set_battery(self, percent):
        """Set the battery level, and tell a central that listens."""
        data = bytes((percent,))
        self._ble.gatts_write(self._battery, data)
        if self.connection is not None:
            self.before_send()
            try:
                self._ble.gatts_notify(self.connection, self._battery, data)
            except OSError:  # nobody listens
                pass

    def stream(self, data):
        """Send one packet; raises OSError if the link does not take it."""
        if self.connection is None:
            raise OSError(_ENOTCONN)
        self._ble.gatts_notify(self.connection, self._stream, data)

    def respond(self, data):
        """Send a response or an event to the central, if there is one."""
        self._unsent.append((self._control, data))
        self.flush()

    def send_update(self, data):
        """Send an update message to the central, if there is one."""
        self._unsent.append((self._update, data))
        self.flush()

    def flush(self):
        """Send what found no buffer before; a callback in the middle of that leaves it to it."""
        if self._flushing:
            return
        self._flushing = True
        try:
            while self._unsent and self._send_first():
                pass
        finally:
            self._flushing = False

    def _send_first(self):
        """Send what is first in the queue; tells whether it is gone."""
        handle, data = self._unsent[0]
        if self.connection is not None:
            self.before_send()
            try:
                self._ble.gatts_notify(self.connection, handle, data)
            except OSError as error:
                if REFUSES and error.errno == ENOMEM:
                    return False
                print("eegrig: response not sent, errno", error.errno)
        self._unsent.pop(0)
        return True

    def behind(self):
        """Whether something waits for a buffer."""
        return bool(self._unsent)

    def _irq(self, event, data):
        self.wanted = True
        if event == _IRQ_GATTS_WRITE:
            if data[1] == self._control:
                self._on_command(self._ble.gatts_read(self._control))
            elif data[1] == self._update:
                self.update_waits = True
        elif event == _IRQ_CENTRAL_CONNECT:
            self.connection = data[0]
        elif event == _IRQ_CENTRAL_DISCONNECT:
            self.connection = None
            self._on_disconnect()
