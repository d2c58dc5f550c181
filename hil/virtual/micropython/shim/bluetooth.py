# The port's `bluetooth`, on the virtual radio. What the port's build lacks is taken away at the end.
#
# Over 500 lines: firmware imports this one module, and every further one takes memory of its heap.
import binascii
import struct
from array import array as _array

import _board as _b
import _port
import micropython
from _buses import Windows as _Windows
from _console import octets_of as _octets_of

FLAG_READ = 0x02
FLAG_WRITE_NO_RESPONSE = 0x04
FLAG_WRITE = 0x08
FLAG_NOTIFY = 0x10
FLAG_INDICATE = 0x20

_ENOMEM = 12
_ENODEV = 19
_EINVAL = 22
_EOPNOTSUPP = 95
_rules = _port.ble
_CONFIG_MTU, _CONFIG_NAME, _CONFIG_MAC, _CONFIG_ADDRESS, _CONFIG_SECURITY, _CONFIG_BUFFER = range(
    1, 7
)
_NOT_GIVEN = 255
_NOT_OF_BYTES = (str, _array)
# Operations of l2cap_*, for one request.
_LISTEN, _OPEN, _CLOSE, _SEND, _RECEIVE = range(5)

# Fields of each event's tuple, by number: those of ../irq.py.
_FORMATS = {
    1: "HBa",
    2: "HBa",
    3: "HH",
    4: "HH",
    5: "BaBbv",
    6: "",
    7: "HBa",
    8: "HBa",
    9: "HHHu",
    10: "HH",
    11: "HHHBu",
    12: "HH",
    13: "HHu",
    14: "HH",
    15: "HHv",
    16: "HHH",
    17: "HHH",
    18: "HHv",
    19: "HHv",
    20: "HHB",
    21: "HH",
    22: "HHHHH",
    23: "HHHHH",
    24: "HHHH",
    25: "HH",
    26: "HHB",
    27: "HHHHH",
    28: "HBBBB",
    29: "BBv",
    30: "Bvv",
    31: "HBI",
}
_SIZES = {"B": 1, "b": 1, "H": 2, "I": 4}


def _uuid_bytes(value):
    if isinstance(value, int):
        if not 0 <= value <= 0xFFFF:
            raise ValueError("invalid UUID")
        return struct.pack("<H", value)
    data = value.encode() if isinstance(value, str) else bytes(value)
    if len(data) in (2, 4, 16):
        return data  # text this short too: the ports take "AB12" for four octets, not for digits
    data = bytes(reversed(binascii.unhexlify(data.replace(b"-", b""))))
    if len(data) != 16:
        raise ValueError("invalid UUID")
    return data


class UUID(bytes):
    # A bytes object, because only those have the buffer protocol that bytes(uuid) asks for.
    def __init__(self, value):
        super().__init__(_uuid_bytes(value))

    def __repr__(self):
        data = bytes(self)
        if len(data) < 16:
            return "UUID(0x%04x)" % int.from_bytes(data, "little")
        text = binascii.hexlify(bytes(reversed(data))).decode()
        parts = (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
        return "UUID('%s')" % "-".join(parts)

    __str__ = __repr__


def _check(result):
    if result < 0:
        raise OSError(-result)
    return result


def _fields(event, kind):
    """Decode an event's tuple. Addresses and data are memoryviews, valid in the handler only on a board."""
    at = 3
    fields = []
    view = memoryview(event)
    for letter in _FORMATS[kind]:
        if letter == "a":
            fields.append(view[at : at + 6])
            at += 6
        elif letter == "u":
            size = event[at]
            fields.append(UUID(event[at + 1 : at + 1 + size]))
            at += 1 + size
        elif letter == "v":
            size = struct.unpack_from("<H", event, at)[0]
            at += 2
            if size == 0xFFFF:
                fields.append(None)
            else:
                fields.append(view[at : at + size])
                at += size
        else:
            fields.append(struct.unpack_from("<" + letter, event, at)[0])
            at += _SIZES[letter]
    return tuple(fields)


class BLE:
    _only = None

    def __new__(cls):
        if BLE._only is None:
            BLE._only = self = object.__new__(cls)
            self._active = False
            self._handler = None
            self._name = b"MPY NIMBLE" if _rules["pairing"] else b"MPY ZEPHYR"
            self._mtu = _rules["mtu"]
            # NimBLE's own settings; they outlive active(False).
            self._security = {"bond": 0, "mitm": 0, "le_secure": 1, "io": 3}
        return BLE._only

    # ---------------------------------------------------------------- requests
    def _ask(self, op, a=0, b=0, c=0, body=b"", charge=None):
        """Make a request; returns the value answered, with what came along in `_answer()`."""
        if not self._active:
            raise OSError(_ENODEV)
        if isinstance(body, _NOT_OF_BYTES):
            body = _octets_of(body)
        size = len(body)
        if size > len(_b.out):
            raise OSError(_ENOMEM)
        _b.enter()
        if size:
            try:
                _b.out[:size] = body
            except Exception:
                size = len(self._put(body))
        if charge is not None:
            _b.charge(charge)
        result = _b.call(op, a, b, c, size)
        if result < 0:
            _b.leave()
            raise OSError(-result)
        return result

    def _put(self, body):
        """Put the bytes of what is no bytes into the request, as a view of words; returns them."""
        try:
            body = _octets_of(body)
            _b.out[: len(body)] = body
        except Exception as error:
            _b.leave()
            raise error
        return body

    def _data(self):
        """Return what came with the answer to `_ask`, and go back to the firmware."""
        data = bytes(_b.data[: _b.reply_size()])
        _b.leave()
        return data

    def _do(self, op, a=0, b=0, c=0, body=b""):
        result = self._ask(op, a, b, c, body)
        _b.leave()
        return result

    # ---------------------------------------------------------------- state and configuration
    def active(self, active=None):
        if active is not None:
            _b.enter()
            result = _b.call(_b.BLE_ACTIVE, 1 if active else 0)
            _b.ble_handler = self._deliver
            was_active, self._active = self._active, bool(active)
            _b.leave()
            _check(result)
            if active and not was_active:
                self._begin()
        return self._active

    def _begin(self):
        self._mtu = _rules["mtu"]
        self._send_name()
        if _rules["pairing"]:
            self._send_security()

    def config(self, *args, **kwargs):
        if args:
            if len(args) > 1 or kwargs:
                raise TypeError("can't set and get config at the same time")
            return self._get(args[0])
        for key, value in kwargs.items():
            self._set(key, value)

    def _get(self, key):
        if key == "mac":
            self._ask(_b.BLE_CONFIG, _CONFIG_MAC)
            data = self._data()
            return (data[0], data[1:])
        if key == "gap_name":
            return self._name
        if key == "mtu":
            if not self._active:
                raise OSError(_ENODEV)
            if self._mtu is None:
                raise OSError(_EOPNOTSUPP)
            return self._mtu
        raise ValueError("unknown config param")

    def _set(self, key, value):
        if key == "gap_name":
            self._name = value.encode() if isinstance(value, str) else bytes(value)
            self._send_name()
        elif key == "mtu":
            if self._mtu is None:
                raise OSError(_EOPNOTSUPP)
            if not 23 <= value <= 527:
                raise OSError(_EINVAL)
            self._do(_b.BLE_CONFIG, _CONFIG_MTU, value)
            self._mtu = value
        elif key == "rxbuf" and _rules["event_buffer"] is not None:
            if not 16 <= value <= 0xFFFF:
                raise ValueError()
            _b.event_room = value
        elif key == "addr_mode":
            self._do(_b.BLE_CONFIG, _CONFIG_ADDRESS, value)
        elif key in self._security and _rules["pairing"]:
            self._security[key] = int(value)
            self._send_security()
        else:
            raise ValueError("unknown config param")

    def _send_name(self):
        if self._active:
            self._do(_b.BLE_CONFIG, _CONFIG_NAME, 0, 0, self._name)

    def _send_security(self):
        if self._active:
            security = self._security
            bits = security["bond"] | security["mitm"] << 1 | security["le_secure"] << 2
            self._do(_b.BLE_CONFIG, _CONFIG_SECURITY, bits, security["io"])

    # ---------------------------------------------------------------- events
    def irq(self, handler):
        if handler is not None and not callable(handler):
            raise ValueError("invalid handler")
        self._handler = handler

    def _deliver(self, event):
        # event: kind u8, question u16 (0: none), fields
        handler = self._handler
        question = event[1] | event[2] << 8
        result = None
        if handler is not None:
            try:
                result = handler(event[0], _fields(event, event[0]))
            finally:
                if question:
                    self._reply(question, result)
        elif question:
            self._reply(question, None)

    def _reply(self, question, result):
        _b.enter()
        if result is None or result is True or result is False or isinstance(result, int):
            _b.call(_b.BLE_ANSWER, question, 0 if result is None else int(result), 0)
        else:
            result = _octets_of(result)
            size = len(result)
            _b.out[:size] = result
            _b.call(_b.BLE_ANSWER, question, 0, 1, size)
        _b.leave()

    # ---------------------------------------------------------------- GAP
    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        adv = None if adv_data is None else bytes(adv_data)
        resp = None if resp_data is None else bytes(resp_data)
        for data in (adv, resp):
            if data is not None and len(data) > 31:
                raise OSError(_EINVAL)
        sizes = bytes(_NOT_GIVEN if data is None else len(data) for data in (adv, resp))
        interval = -1 if interval_us is None else interval_us
        self._do(
            _b.BLE_ADVERTISE,
            interval,
            1 if connectable else 0,
            0,
            sizes + (adv or b"") + (resp or b""),
        )

    def gap_scan(self, duration_ms, interval_us=1280000, window_us=11250, active=False):
        if duration_ms is None:
            self._do(_b.BLE_SCAN, -1)
        else:
            body = struct.pack("<I", 1 if active else 0)
            self._do(_b.BLE_SCAN, duration_ms, interval_us or 1280000, window_us or 11250, body)

    def gap_connect(
        self,
        addr_type,
        addr=None,
        scan_duration_ms=2000,
        min_conn_interval_us=0,
        max_conn_interval_us=0,
    ):
        if not _rules["gatt_client"]:
            raise OSError(_EOPNOTSUPP)
        if addr_type is None:
            self._do(_b.BLE_CONNECT, -1)
            return
        if len(addr) != 6:
            raise ValueError("invalid addr")
        body = bytes(addr) + struct.pack(
            "<II", min_conn_interval_us or 0, max_conn_interval_us or 0
        )
        self._do(_b.BLE_CONNECT, addr_type, scan_duration_ms or 2000, 0, body)

    def gap_disconnect(self, conn_handle):
        return bool(self._do(_b.BLE_DISCONNECT, conn_handle))

    def gap_pair(self, conn_handle):
        self._do(_b.BLE_PAIR, conn_handle)

    def gap_passkey(self, conn_handle, action, passkey):
        self._do(_b.BLE_PASSKEY, conn_handle, action, int(passkey))

    # ---------------------------------------------------------------- GATT server
    def gatts_register_services(self, services):
        if _rules["max_services"] is not None and len(services) > _rules["max_services"]:
            raise OSError(_EINVAL)
        body = bytearray()
        body.append(len(services))
        for service in services:
            _append_uuid(body, service[0])
            body.append(len(service[1]))
            for characteristic in service[1]:
                _append_uuid(body, characteristic[0])
                body.extend(struct.pack("<H", characteristic[1]))
                descriptors = characteristic[2] if len(characteristic) > 2 else ()
                body.append(len(descriptors))
                for descriptor in descriptors:
                    _append_uuid(body, descriptor[0])
                    body.extend(struct.pack("<H", descriptor[1]))
        self._ask(_b.BLE_REGISTER, 0, 0, 0, body)
        data = self._data()
        handles = iter(struct.unpack("<%dH" % (len(data) // 2), data))
        result = []
        for service in services:
            row = []
            for characteristic in service[1]:
                row.append(next(handles))
                for _ in characteristic[2] if len(characteristic) > 2 else ():
                    row.append(next(handles))
            result.append(tuple(row))
        return tuple(result)

    def gatts_read(self, value_handle):
        self._ask(_b.BLE_READ, value_handle, charge="gatts_read")
        return self._data()

    def gatts_write(self, value_handle, data, send_update=False):
        self._ask(
            _b.BLE_WRITE, value_handle, 1 if send_update else 0, 0, data, charge="gatts_write"
        )
        _b.leave()

    def gatts_set_buffer(self, value_handle, len, append=False):
        self._do(_b.BLE_BUFFER, value_handle, len, 1 if append else 0)

    @micropython.native
    def gatts_notify(self, conn_handle, value_handle, data=None):
        if not self._active:
            raise OSError(_ENODEV)
        if data is None:
            data = self.gatts_read(value_handle)
        size = len(data)
        _b.enter()
        try:
            _out[size][_b.ALL] = data
        except Exception:
            data = self._put(data)
            size = len(data)
        _b.charge("gatts_notify")
        _b.charge_for("gatts_notify_byte", size)
        # The ports wait here until there is room: interrupts go on meanwhile, callbacks do not.
        locked = _b.lock(1)
        while True:
            result = _b.call(_b.BLE_NOTIFY, conn_handle, value_handle, 0, size)
            if result != _b.INTERRUPTED:
                break
            _out[size][_b.ALL] = data
        _b.lock(locked)
        _b.leave()
        if result < 0:
            raise OSError(-result)

    def gatts_indicate(self, conn_handle, value_handle, data=None):
        if data is None:
            self._do(_b.BLE_INDICATE, conn_handle, value_handle, 1)
        else:
            self._do(_b.BLE_INDICATE, conn_handle, value_handle, 0, data)

    # ---------------------------------------------------------------- GATT client
    def _discover(self, conn_handle, what, start, end, uuid):
        body = struct.pack("<BHH", what, start, end) + (b"" if uuid is None else bytes(uuid))
        self._do(_b.BLE_DISCOVER, conn_handle, 0, 0, body)

    def gattc_discover_services(self, conn_handle, uuid=None):
        self._discover(conn_handle, 0, 1, 0xFFFF, uuid)

    def gattc_discover_characteristics(self, conn_handle, start_handle, end_handle, uuid=None):
        self._discover(conn_handle, 1, start_handle, end_handle, uuid)

    def gattc_discover_descriptors(self, conn_handle, start_handle, end_handle):
        self._discover(conn_handle, 2, start_handle, end_handle, None)

    def gattc_read(self, conn_handle, value_handle):
        self._do(_b.BLE_REMOTE_READ, conn_handle, value_handle)

    def gattc_write(self, conn_handle, value_handle, data, mode=0):
        self._do(_b.BLE_REMOTE_WRITE, conn_handle, value_handle, int(mode), data)

    def gattc_exchange_mtu(self, conn_handle):
        self._do(_b.BLE_EXCHANGE_MTU, conn_handle)

    # ---------------------------------------------------------------- L2CAP channels
    def _channel(self, what, conn_handle, number, value=0, body=b""):
        return self._ask(_b.BLE_CHANNEL, what, conn_handle, number | value << 16, body)

    def l2cap_listen(self, psm, mtu):
        self._channel(_LISTEN, 0, psm, mtu)
        _b.leave()

    def l2cap_connect(self, conn_handle, psm, mtu):
        self._channel(_OPEN, conn_handle, psm, mtu)
        _b.leave()

    def l2cap_disconnect(self, conn_handle, cid):
        self._channel(_CLOSE, conn_handle, cid)
        _b.leave()

    def l2cap_send(self, conn_handle, cid, buf):
        result = self._channel(_SEND, conn_handle, cid, 0, buf)
        _b.leave()
        return bool(result)

    def l2cap_recvinto(self, conn_handle, cid, buf):
        if buf is None:
            waiting = self._channel(_RECEIVE, conn_handle, cid)
            _b.leave()
            return waiting
        n = 0
        while n < len(buf):
            self._channel(_RECEIVE, conn_handle, cid, min(len(buf) - n, len(_b.data)))
            part = self._data()
            buf[n : n + len(part)] = part
            n += len(part)
            if not part:
                break
        return n


def _append_uuid(body, uuid):
    data = bytes(uuid)
    body.append(len(data))
    body.extend(data)


_out = _Windows(_b.out)

if not _rules["gatt_client"]:
    for _name in dir(BLE):
        if _name.startswith("gattc_"):
            delattr(BLE, _name)
if not _rules["pairing"]:
    del BLE.gap_pair, BLE.gap_passkey
if not _rules["l2cap"]:
    for _name in ("listen", "connect", "disconnect", "send", "recvinto"):
        delattr(BLE, "l2cap_" + _name)
if _rules["event_buffer"] is not None:
    _b.event_room = _rules["event_buffer"]
