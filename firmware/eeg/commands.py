# The commands of Control (docs/protocol.md). `take` holds a write against the table, and it alone:
# no handler asks how many bytes it got or what else the board is doing.
from struct import pack, unpack_from

import board_config as config
from micropython import const

from eeg import codes, drivers
from eeg.streams import NOBODY, Run

# Phases: what the board is doing, as far as commands are concerned.
IDLE = 0x01  # also with a fault
TRIAL = 0x02  # idle, with a firmware that nobody has confirmed yet
STARTING = 0x04  # between START and its answer
STREAMING = 0x08
STOPPING = 0x10  # between STOP and its answer
UPDATING = 0x20
LEAVING = 0x40  # about to sleep or to boot again
_ANY = const(0x7F)

_LATER = const(-1)  # answered already, or by the main loop: it takes longer than a callback may
LARGEST_PAYLOAD = config.MTU - 3


def take(board, data):
    """Answer a command; it is done if the table allows it now."""
    if len(data) < 2:
        board.gatt.respond(bytes((codes.RESPONSE, 0, codes.BAD_LENGTH)))
        return
    opcode, tag = data[0], data[1]
    size, phases, handler = TABLE.get(opcode, _UNKNOWN)
    detail = 0
    if handler is None:
        status = codes.UNKNOWN_COMMAND
    elif len(data) != size + 2:
        status, detail = codes.BAD_LENGTH, size
    elif not phases & board.phase():
        status = codes.BUSY
    else:
        status, detail = handler(board, data)
    if status != _LATER:
        answer(board, opcode, tag, status, detail)


def answer(board, opcode, tag, status, detail):
    """Send the response to a command."""
    board.gatt.respond(pack("<BBBI", (opcode | codes.RESPONSE) & 0xFF, tag, status, detail))


def tell(board, code, detail):
    """Send an event."""
    print("eegrig: event", code, detail)
    board.gatt.respond(pack("<BBI", codes.EVENT, code, detail))


def _start(board, data):
    payload, profile, pattern = unpack_from("<HBB", data, 2)
    if profile > codes.LOW_LATENCY or pattern > codes.PATTERN_THROUGHPUT:
        return codes.BAD_ARGUMENT, 0
    if payload < board.smallest:
        return codes.PAYLOAD_TOO_SMALL, board.smallest
    board.run = Run(data[1], min(payload, LARGEST_PAYLOAD), profile, pattern, board.streams)
    return _LATER, 0


def _stop(board, data):
    run = board.run
    start_tag = run.tag
    run.tag = NOBODY
    if board.halt():
        board.stop_tag = data[1]
    else:
        answer(board, codes.STOP, data[1], codes.OK, 0)
    if start_tag != NOBODY:  # the main loop has not come to it yet
        answer(board, codes.START, start_tag, codes.BUSY, 0)
    return _LATER, 0


def _set_rate(board, data):
    (rate,) = unpack_from("<H", data, 2)
    if rate not in config.RATES:
        return codes.BAD_RATE, min(config.RATES, key=lambda r: abs(r - rate))
    board.electrodes.rate = rate
    board.publish()
    return codes.OK, 0


def _test_signal(board, data):
    if data[2] > drivers.SHORTED:
        return codes.BAD_ARGUMENT, 0
    board.electrodes.signal = data[2]
    return codes.OK, 0


def _ping(board, _):
    return codes.OK, board.electrodes.now_us()


def _sleep(board, data):
    (seconds,) = unpack_from("<H", data, 2)
    if not seconds:
        return codes.BAD_ARGUMENT, 0
    board.sleep_s = seconds
    return codes.OK, 0


def _impedance(board, data):
    electrodes = board.electrodes
    if data[2] >> electrodes.channels:
        return codes.BAD_ARGUMENT, 0
    electrodes.driven = data[2]
    current_pa, centihertz = electrodes.drive()
    return codes.OK, current_pa | centihertz << 16


_UNKNOWN = (0, 0, None)
# Opcode: bytes of arguments, phases in which it is allowed, what does it.
TABLE = {
    codes.START: (4, IDLE | TRIAL, _start),
    codes.STOP: (0, _ANY & ~STOPPING, _stop),
    codes.SET_RATE: (2, IDLE | TRIAL | UPDATING, _set_rate),
    codes.TEST_SIGNAL: (1, IDLE | TRIAL | UPDATING, _test_signal),
    codes.PING: (0, _ANY, _ping),
    codes.SLEEP: (2, IDLE, _sleep),
    codes.IMPEDANCE: (1, IDLE | TRIAL | UPDATING, _impedance),
}
