# The port's `bluetooth` (zephyr profile): a GATT server on the virtual radio.
#
# As on that port there is no GATT client, no pairing and no L2CAP channel, and the MTU is fixed by the build.
import binascii
import struct

import _board as _b
import micropython

FLAG_BROADCAST = 0x01
FLAG_READ = 0x02
FLAG_WRITE_NO_RESPONSE = 0x04
FLAG_WRITE = 0x08
FLAG_NOTIFY = 0x10
FLAG_INDICATE = 0x20

_IRQ_CENTRAL_CONNECT = 1
_IRQ_CENTRAL_DISCONNECT = 2
_IRQ_GATTS_WRITE = 3
_EOPNOTSUPP = 95
_ENODEV = 19
_EINVAL = 22
_MAX_SERVICES = 8


def _uuid_bytes(value):
    if isinstance(value, int):
        return struct.pack("<H", value)
    if isinstance(value, str):
        return bytes(reversed(binascii.unhexlify(value.replace("-", ""))))
    data = bytes(value)
    if len(data) not in (2, 4, 16):
        raise ValueError("invalid UUID")
    return data


class UUID(bytes):
    # A bytes object, because only those have the buffer protocol that bytes(uuid) asks for.
    def __init__(self, value):
        super().__init__(_uuid_bytes(value))

    def __repr__(self):
        return "UUID(%r)" % (bytes(self),)


def _check(result):
    if result < 0:
        raise OSError(-result)
    return result


class BLE:
    _only = None

    def __new__(cls):
        if BLE._only is None:
            BLE._only = self = object.__new__(cls)
            self._active = False
            self._handler = None
            self._name = b"MPY BLE"
        return BLE._only

    def active(self, active=None):
        if active is not None:
            _b.enter()
            _check(_b.call(_b.BLE_ACTIVE, 1 if active else 0))
            _b.ble_handler = self._deliver
            self._active = bool(active)
            _b.leave()
        return self._active

    def config(self, *args, **kwargs):
        if args:
            if args[0] == "mac":
                return (1, bytes((0xF0, 0xE6, 0x00, 0x00, 0x00, 0x01)))
            if args[0] == "gap_name":
                return self._name
            if args[0] == "mtu":
                raise OSError(_EOPNOTSUPP)
            raise ValueError("unknown config param")
        for key, value in kwargs.items():
            if key == "gap_name":
                self._name = value
            elif key == "mtu":
                raise OSError(_EOPNOTSUPP)
            elif key not in ("rxbuf", "bond", "mitm", "io", "le_secure", "addr_mode"):
                raise ValueError("unknown config param")

    def irq(self, handler):
        self._handler = handler

    def _need(self):
        if not self._active:
            raise OSError(_ENODEV)

    def _deliver(self, event):
        # event: kind u8, connection u16, handle u16, address type u8, address 6 bytes
        kind, connection, handle, address_type = struct.unpack_from("<BHHB", event)
        if self._handler is None:
            return
        if kind == _IRQ_GATTS_WRITE:
            self._handler(kind, (connection, handle))
        else:
            self._handler(kind, (connection, address_type, event[6:12]))

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        self._need()
        _b.enter()
        adv = bytes(adv_data) if adv_data else b""
        resp = bytes(resp_data) if resp_data else b""
        if len(adv) > 31 or len(resp) > 31:
            _b.leave()
            raise OSError(_EINVAL)
        body = bytes((len(adv),)) + adv + resp
        _b.out[: len(body)] = body
        interval = -1 if interval_us is None else interval_us
        result = _b.call(_b.BLE_ADVERTISE, interval, 1 if connectable else 0, 0, len(body))
        _b.leave()
        _check(result)

    def gap_scan(self, *args, **kwargs):
        raise OSError(_EOPNOTSUPP)

    def gap_connect(self, *args, **kwargs):
        raise OSError(_EOPNOTSUPP)

    def gap_disconnect(self, conn_handle):
        self._need()
        _b.enter()
        result = _b.call(_b.BLE_DISCONNECT, conn_handle)
        _b.leave()
        return bool(result)

    def gatts_register_services(self, services):
        self._need()
        if len(services) > _MAX_SERVICES:
            raise OSError(_EINVAL)
        _b.enter()
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
        _b.out[: len(body)] = body
        _check(_b.call(_b.BLE_REGISTER, 0, 0, 0, len(body)))
        handles = struct.unpack("<%dH" % (_b.reply_size() // 2), bytes(_b.data[: _b.reply_size()]))
        _b.leave()
        result = []
        i = 0
        for service in services:
            row = []
            for characteristic in service[1]:
                row.append(handles[i])
                i += 1
                for _ in characteristic[2] if len(characteristic) > 2 else ():
                    row.append(handles[i])
                    i += 1
            result.append(tuple(row))
        return tuple(result)

    def gatts_read(self, handle):
        self._need()
        _b.enter()
        _b.charge("gatts_read")
        result = _b.call(_b.BLE_READ, handle)
        value = bytes(_b.data[: _b.reply_size()])
        _b.leave()
        _check(result)
        return value

    def gatts_write(self, handle, data, send_update=False):
        self._need()
        if send_update:
            raise OSError(_EOPNOTSUPP)
        _b.enter()
        size = len(data)
        _b.out[:size] = data
        _b.charge("gatts_write")
        result = _b.call(_b.BLE_WRITE, handle, 0, 0, size)
        _b.leave()
        _check(result)

    def gatts_set_buffer(self, handle, size, append=False):
        self._need()
        _b.enter()
        result = _b.call(_b.BLE_BUFFER, handle, size, 1 if append else 0)
        _b.leave()
        _check(result)

    @micropython.native
    def gatts_notify(self, conn_handle, handle, data=None):
        if not self._active:
            raise OSError(_ENODEV)
        if data is None:
            data = self.gatts_read(handle)
        _b.enter()
        size = len(data)
        _out[size][:] = data
        _b.charge("gatts_notify")
        # The port blocks until there is a buffer; interrupts go on meanwhile.
        while True:
            result = _b.call(_b.BLE_NOTIFY, conn_handle, handle, 0, size)
            if result != _b.INTERRUPTED:
                break
            _out[size][:] = data
        _b.leave()
        if result < 0:
            raise OSError(-result)


def _append_uuid(body, uuid):
    data = bytes(uuid)
    body.append(len(data))
    body.extend(data)


from machine import _Windows

_out = _Windows(_b.out)
