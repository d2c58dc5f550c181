# Imported by a MicroPython process of the tests: the firmware's whole application, on a board that
# is played. One pass of its main loop after each command.
# ruff: noqa: E402 (runs under MicroPython)
from played_board import CONTROL, STREAM, Radio, install


class _Radio(Radio):
    def gatts_notify(self, connection, handle, data):
        if handle == STREAM:
            application.streams[-1].stop()  # would go on until the STOP that cannot come
        else:
            super().gatts_notify(connection, handle, data)


radio = _Radio()
install(radio)

from eeg import app, commands, gatt, power
from eeg.drivers import ads129x

app.sleep_ms = power.sleep_ms = ads129x.sleep_ms = ads129x.sleep_us = lambda _: None
commands.print = power.print = gatt.print = lambda *_: None  # the console is the tests'

application = None


def boot():
    """Start the application, and connect a central to it."""
    global application
    application = app.Application()
    radio.arrive()


def endure(writes):
    """Write commands, one after the other; return what the board notifies on Control for each."""
    answers = []
    for command in writes:
        radio.write(CONTROL, command)
        application.attend()
        answers.append([data for handle, data in radio.sent if handle == CONTROL])
        radio.sent = []
        if application.gatt.connection is None:  # it slept
            radio.arrive()
    return answers


def phases():
    """Return the names of what a board may be doing, for a command."""
    return sorted(name for name in dir(commands) if name.isupper() and name not in _NO_PHASES)


def table():
    """Return sizes and phases of all commands by opcode."""
    return {
        opcode: (size, [name for name in phases() if allowed & getattr(commands, name)])
        for opcode, (size, allowed, _) in commands.TABLE.items()
    }


_NO_PHASES = ("TABLE", "LARGEST_PAYLOAD", "NOBODY", "_UNKNOWN")
