# The port's `bluetooth`, on the virtual radio. What the port's build lacks is taken away at the end.
#
# Over 500 lines: the name of one more would move what the firmware pays for its own names (../shim_folder.py).
import binascii
import struct
from array import array as _array

import _board as _b
import _port
import micropython
from _arguments import ABSENT, INT, OBJ, Table, buffer, check_number, integer, items, text
from _buses import Windows as _Windows
from _console import octets_of as _octets_of

FLAG_READ = 0x02
FLAG_WRITE_NO_RESPONSE = 0x04
FLAG_WRITE = 0x08
FLAG_NOTIFY = 0x10
FLAG_INDICATE = 0x20

_ENOENT, _E2BIG = 2, 7
_ENOMEM = 12
_ENODEV = 19
_EINVAL = 22
_EOPNOTSUPP = 95
_rules = _port.ble
_CONFIG_MTU, _CONFIG_NAME, _CONFIG_MAC, _CONFIG_ADDRESS, _CONFIG_SECURITY, _CONFIG_BUFFER = range(
    1, 7
)
_NOT_GIVEN = 255
_ADDRESS_MODES = (0, 1, 2, 3)
_NOT_OF_BYTES = (str, _array)
_BYTES = (bytes, bytearray)
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


@micropython.native
def _uuid_bytes(value):
    """extmod/modbluetooth.c, MicroPython 1c3c201149: bluetooth_uuid_make_new."""
    if value is True or value is False or isinstance(value, int):
        value = integer(value)
        if value > 0xFFFF:
            raise ValueError("invalid UUID")
        return struct.pack("<H", value & 0xFFFF)
    data = buffer(value)
    if len(data) in (2, 4, 16):
        return data  # text this short too: the ports take "AB12" for four octets, not for digits
    digits = bytes(octet for octet in data if octet != 0x2D)
    for octet in digits[:33]:
        if octet not in _HEX:
            raise ValueError("invalid char in UUID")
    if len(digits) != 32:
        raise ValueError("UUID too long" if len(digits) > 32 else "UUID too short")
    return bytes(reversed(binascii.unhexlify(digits)))


_HEX = b"0123456789abcdefABCDEF"


class UUID(bytes):
    # A bytes object, because only those have the buffer protocol that bytes(uuid) asks for.
    def __init__(self, *args, **options):
        check_number(args, options, 1, 1)
        super().__init__(_uuid_bytes(args[0]))

    @micropython.native
    def __repr__(self):
        data = bytes(self)
        if len(data) < 16:
            return "UUID(0x%04x)" % int.from_bytes(data, "little")
        text = binascii.hexlify(bytes(reversed(data))).decode()
        parts = (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
        return "UUID('%s')" % "-".join(parts)

    __str__ = __repr__


@micropython.native
def _number_of(result):
    """Return the errno of what went wrong with a notification; Zephyr's host's own comes as it is."""
    return result if _rules["negative_errors"] and result != -_ENOENT else -result


@micropython.native
def _check(result):
    if result < 0:
        raise OSError(-result)
    return result


@micropython.native
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

    @micropython.native
    def __new__(cls, *args, **options):
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
    @micropython.native
    def _ask(self, op, a=0, b=0, c=0, body=b"", charge=None, number_of=None):
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
            raise OSError(-result if number_of is None else number_of(result))
        return result

    @micropython.native
    def _put(self, body):
        """Put the bytes of what is no bytes into the request, as a view of words; returns them."""
        try:
            body = _octets_of(body)
            _b.out[: len(body)] = body
        except Exception as error:
            _b.leave()
            raise error
        return body

    @micropython.native
    def _data(self):
        """Return what came with the answer to `_ask`, and go back to the firmware."""
        data = bytes(_b.data[: _b.reply_size()])
        _b.leave()
        return data

    @micropython.native
    def _do(self, op, a=0, b=0, c=0, body=b"", number_of=None):
        result = self._ask(op, a, b, c, body, None, number_of)
        _b.leave()
        return result

    # ---------------------------------------------------------------- state and configuration
    @micropython.native
    def active(self, _on=ABSENT):
        if _on is not ABSENT:
            _b.enter()
            result = _b.call(_b.BLE_ACTIVE, 1 if _on else 0)
            _b.ble_handler = self._deliver
            was_active, self._active = self._active, bool(_on)
            _b.leave()
            _check(result)
            if _on and not was_active:
                self._begin()
        return self._active

    @micropython.native
    def _begin(self):
        self._mtu = _rules["mtu"]
        self._send_name()
        if _rules["pairing"]:
            self._send_security()

    @micropython.native
    def config(self, *args, **options):
        if options:
            if args:
                raise TypeError("can't specify pos and kw args")
            for key, value in options.items():
                self._set(key, value)
            return None
        if len(args) != 1:
            raise TypeError("must query one param")
        return self._get(text(args[0]))

    @micropython.native
    def _get(self, key):
        if key == "mac":
            self._ask(_b.BLE_CONFIG, _CONFIG_MAC)
            data = self._data()
            return (data[0], data[1:])
        if key == "gap_name":
            return self._name
        if key == "rxbuf" and _rules["event_buffer"] is not None:
            return _b.event_room
        if key == "mtu":
            if not self._active:
                raise OSError(_ENODEV)
            if self._mtu is None:
                raise OSError(_EOPNOTSUPP)
            return self._mtu
        raise ValueError("unknown config param")

    @micropython.native
    def _set(self, key, value):
        if key == "gap_name":
            name = buffer(value)
            if len(name) > _rules["name_max"]:
                raise OSError(_EINVAL)
            self._name = name
            self._send_name()
        elif key == "mtu":
            value = integer(value) & 0xFFFF
            if not self._active:
                raise OSError(_ENODEV)
            if self._mtu is None:
                raise OSError(_EOPNOTSUPP)
            if not 23 <= value <= 527:
                raise OSError(_EINVAL)
            self._do(_b.BLE_CONFIG, _CONFIG_MTU, value)
            self._mtu = value
        elif key == "rxbuf" and _rules["event_buffer"] is not None:
            value = integer(value)
            if not 16 <= value <= 0xFFFF:
                raise ValueError()
            _b.event_room = value
        elif key == "addr_mode":
            value = integer(value) & 0xFF
            if not _rules["gatt_client"]:
                raise OSError(_EOPNOTSUPP)
            if not self._active:
                raise OSError(_ENODEV)
            if value in _ADDRESS_MODES:  # others change nothing
                self._do(_b.BLE_CONFIG, _CONFIG_ADDRESS, value)
        elif key in self._security and _rules["pairing"]:
            self._security[key] = integer(value) if key == "io" else int(bool(value))
            self._send_security()
        else:
            raise ValueError("unknown config param")

    @micropython.native
    def _send_name(self):
        if self._active:
            self._do(_b.BLE_CONFIG, _CONFIG_NAME, 0, 0, self._name)

    @micropython.native
    def _send_security(self):
        if self._active:
            security = self._security
            bits = security["bond"] | security["mitm"] << 1 | security["le_secure"] << 2
            self._do(_b.BLE_CONFIG, _CONFIG_SECURITY, bits, security["io"])

    # ---------------------------------------------------------------- events
    @micropython.native
    def irq(self, _function):
        if _function is not None and not callable(_function):
            raise ValueError("invalid handler")
        self._handler = _function

    @micropython.native
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

    @micropython.native
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
    _ADVERTISE = Table(
        2,
        ("interval_us", OBJ, 500000),
        ("adv_data", OBJ, None),
        ("resp_data", OBJ, None),
        ("connectable", OBJ, True),
    )

    @micropython.native
    def gap_advertise(self, *args, **options):
        interval, adv, resp, connectable = self._ADVERTISE.parse(args, options)
        if interval is None:
            if self._active:
                self._do(_b.BLE_ADVERTISE, -1, 1, 0, bytes((_NOT_GIVEN, _NOT_GIVEN)))
            return
        interval = integer(interval)
        adv = None if adv is None else buffer(adv)
        resp = None if resp is None else buffer(resp)
        if not self._active:
            raise OSError(_ENODEV)
        for data in (adv, resp):
            if data is not None and len(data) > 31:
                raise OSError(_EINVAL)
        sizes = bytes(_NOT_GIVEN if data is None else len(data) for data in (adv, resp))
        self._do(
            _b.BLE_ADVERTISE,
            interval,
            1 if connectable else 0,
            0,
            sizes + (adv or b"") + (resp or b""),
        )

    @micropython.native
    def gap_scan(self, *args):
        check_number(args, None, 0, 4)
        if args and args[0] is None:
            self._do(_b.BLE_SCAN, -1)
            return
        values = [integer(value) for value in args[:3]]
        duration, interval, window = values + [0, 1280000, 11250][len(values) :]
        active = len(args) > 3 and args[3]
        self._do(_b.BLE_SCAN, duration, interval, window, struct.pack("<I", 1 if active else 0))

    @micropython.native
    def gap_connect(self, *args):
        check_number(args, None, 1, 5)
        if len(args) == 1 and args[0] is not None:
            raise TypeError("invalid addr")
        if len(args) > 1:
            kind = integer(args[0]) & 0xFF
            addr = buffer(args[1])
            if len(addr) != 6:
                raise ValueError("invalid addr")
            times = [2000, 0, 0]
            for i, value in enumerate(args[2:]):
                if value is not None:
                    times[i] = integer(value)
        if not self._active:
            raise OSError(_ENODEV)
        if not _rules["gatt_client"]:
            raise OSError(_EOPNOTSUPP)
        if len(args) == 1:
            self._do(_b.BLE_CONNECT, -1)
            return
        body = addr + struct.pack("<II", *times[1:])
        self._do(_b.BLE_CONNECT, kind, times[0], 0, body)

    @micropython.native
    def gap_disconnect(self, _connection):
        connected = bool(self._do(_b.BLE_DISCONNECT, integer(_connection) & 0xFFFF))
        if not connected and not _rules["gatt_client"]:
            raise OSError(_ENOENT)  # ports/zephyr/modbluetooth_zephyr.c
        return connected

    @micropython.native
    def gap_pair(self, _connection):
        self._do(_b.BLE_PAIR, integer(_connection) & 0xFFFF)

    @micropython.native
    def gap_passkey(self, _connection, _action, _passkey):
        self._do(
            _b.BLE_PASSKEY,
            integer(_connection) & 0xFFFF,
            integer(_action) & 0xFF,
            integer(_passkey),
        )

    # ---------------------------------------------------------------- GATT server
    @micropython.native
    def gatts_register_services(self, _services):
        len(_services)
        if not self._active:
            raise OSError(_ENODEV)
        _services = [_checked(service) for service in _services]
        if _rules["max_services"] is not None and len(_services) > _rules["max_services"]:
            raise OSError(_E2BIG)
        body = bytearray()
        body.append(len(_services))
        for service in _services:
            _append_uuid(body, service[0])
            body.append(len(service[1]))
            for characteristic in service[1]:
                _append_uuid(body, characteristic[0])
                body.extend(struct.pack("<H", integer(characteristic[1]) & 0xFFFF))
                descriptors = characteristic[2] if len(characteristic) > 2 else ()
                body.append(len(descriptors))
                for descriptor in descriptors:
                    _append_uuid(body, descriptor[0])
                    body.extend(struct.pack("<H", integer(descriptor[1]) & 0xFFFF))
        self._ask(_b.BLE_REGISTER, 0, 0, 0, body)
        data = self._data()
        handles = iter(struct.unpack("<%dH" % (len(data) // 2), data))
        result = []
        for service in _services:
            row = []
            for characteristic in service[1]:
                row.append(next(handles))
                for _ in characteristic[2] if len(characteristic) > 2 else ():
                    row.append(next(handles))
            result.append(tuple(row))
        return tuple(result)

    @micropython.native
    def gatts_read(self, _handle):
        _handle = integer(_handle)
        try:
            self._ask(_b.BLE_READ, _handle, charge="gatts_read")
        except OSError:  # the binding does not look
            return b""
        return self._data()

    @micropython.native
    def gatts_write(self, _handle, _data, _send_update=False):
        if not isinstance(_data, _BYTES):
            _data = buffer(_data)
        self._ask(
            _b.BLE_WRITE, integer(_handle), 1 if _send_update else 0, 0, _data, charge="gatts_write"
        )
        _b.leave()
        return len(_data)

    @micropython.native
    def gatts_set_buffer(self, _handle, _length, _append=False):
        self._do(_b.BLE_BUFFER, integer(_handle), integer(_length), 1 if _append else 0)

    @micropython.native
    def gatts_notify(self, _conn_handle, _value_handle, _data=None):
        if not self._active:
            raise OSError(_ENODEV)
        if _data is None:
            _data = self.gatts_read(_value_handle) if _rules["notifies_stored_value"] else b""
        size = len(_data)
        _b.enter()
        # The ports wait here until there is room: interrupts go on meanwhile, callbacks do not.
        locked = _b.lock(1)
        _b.work("gatts_notify")
        _b.work("gatts_notify_byte", size)
        try:
            _out[size][_b.ALL] = _data
        except Exception:
            _data = self._put(_data)
            size = len(_data)
        while True:
            result = _b.call(_b.BLE_NOTIFY, _conn_handle, _value_handle, 0, size)
            if result != _b.INTERRUPTED:
                break
            _out[size][_b.ALL] = _data
        _b.lock(locked)
        _b.leave()
        if result < 0:
            raise OSError(_number_of(result))

    @micropython.native
    def gatts_indicate(self, _connection, _handle, _data=None):
        if _data is None and not _rules["notifies_stored_value"]:
            _data = b""
        data = b"" if _data is None else buffer(_data)
        connection, handle = integer(_connection), integer(_handle)
        self._do(_b.BLE_INDICATE, connection, handle, 1 if _data is None else 0, data, _number_of)

    # ---------------------------------------------------------------- GATT client
    @micropython.native
    def _discover(self, connection, what, start, end, uuid):
        if uuid is not None and not isinstance(uuid, UUID):
            raise TypeError("UUID")
        body = struct.pack("<BHH", what, integer(start), integer(end))
        body += b"" if uuid is None else bytes(uuid)
        self._do(_b.BLE_DISCOVER, integer(connection), 0, 0, body)

    @micropython.native
    def gattc_discover_services(self, _connection, _uuid=None):
        self._discover(_connection, 0, 1, 0xFFFF, _uuid)

    @micropython.native
    def gattc_discover_characteristics(self, _connection, _start, _end, _uuid=None):
        self._discover(_connection, 1, _start, _end, _uuid)

    @micropython.native
    def gattc_discover_descriptors(self, _connection, _start, _end):
        self._discover(_connection, 2, _start, _end, None)

    @micropython.native
    def gattc_read(self, _connection, _handle):
        self._do(_b.BLE_REMOTE_READ, integer(_connection), integer(_handle))

    @micropython.native
    def gattc_write(self, _connection, _handle, _data, _mode=0):
        data = buffer(_data)
        self._do(_b.BLE_REMOTE_WRITE, integer(_connection), integer(_handle), integer(_mode), data)

    @micropython.native
    def gattc_exchange_mtu(self, _connection):
        self._do(_b.BLE_EXCHANGE_MTU, integer(_connection) & 0xFFFF)

    # ---------------------------------------------------------------- L2CAP channels
    @micropython.native
    def _channel(self, what, conn_handle, number, value=0, body=b""):
        return self._ask(_b.BLE_CHANNEL, what, conn_handle, number | value << 16, body)

    @micropython.native
    def l2cap_listen(self, _psm, _mtu):
        self._channel(_LISTEN, 0, _psm, _mtu)
        _b.leave()

    @micropython.native
    def l2cap_connect(self, _conn_handle, _psm, _mtu):
        self._channel(_OPEN, _conn_handle, _psm, _mtu)
        _b.leave()

    @micropython.native
    def l2cap_disconnect(self, _conn_handle, _cid):
        self._channel(_CLOSE, _conn_handle, _cid)
        _b.leave()

    @micropython.native
    def l2cap_send(self, _conn_handle, _cid, _buf):
        result = self._channel(_SEND, _conn_handle, _cid, 0, _buf)
        _b.leave()
        return bool(result)

    @micropython.native
    def l2cap_recvinto(self, _conn_handle, _cid, _buf):
        if _buf is None:
            waiting = self._channel(_RECEIVE, _conn_handle, _cid)
            _b.leave()
            return waiting
        n = 0
        while n < len(_buf):
            self._channel(_RECEIVE, _conn_handle, _cid, min(len(_buf) - n, len(_b.data)))
            part = self._data()
            _buf[n : n + len(part)] = part
            n += len(part)
            if not part:
                break
        return n


@micropython.native
def _checked(service):
    """Return a service whose parts are what the binding takes (bluetooth_gatts_register_service)."""
    uuid, characteristics = items(service, 2)
    if not isinstance(uuid, UUID):
        raise ValueError("invalid service UUID")
    characteristics = list(characteristics)
    for characteristic in characteristics:
        if not isinstance(characteristic, (tuple, list)):
            items(characteristic, 0)
        if not 2 <= len(characteristic) <= 3:
            raise ValueError("invalid characteristic tuple")
        if not isinstance(characteristic[0], UUID):
            raise ValueError("invalid characteristic UUID")
        for descriptor in characteristic[2] if len(characteristic) > 2 else ():
            if not isinstance(items(descriptor, 2)[0], UUID):
                raise ValueError("invalid descriptor UUID")
        integer(characteristic[1])
    return uuid, characteristics


@micropython.native
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
