# Imported by a MicroPython process of the tests: the firmware's whole application on a board that
# is played, in a time of its own. Whenever the firmware calls its port a moment passes, and in each
# of them something may happen, as it does in interrupts and callbacks: a command comes in, frames
# are converted, the central leaves. None of that happens within a callback, as on a board.
# ruff: noqa: SIM105 (runs under MicroPython)
import sys

import played_board
from played_board import CONTROL, INFO, STREAM, UPDATE, Config, FrontEnd, Machine, OpticalChip, Pin

_ENOMEM = 12
_THROUGHPUT = 0x7F
_BURST = 12  # packets of throughput in a pass, which would go on for ever
_LIGHT_US = 40_000
_INTERVAL_US = 7_500  # of the connection: no sooner is there anything new
_ENDLESS = 20_000  # moments in a pass of the main loop


class _Enough(Exception):
    """The main loop does nothing but send; the test wants its turn."""


class World:
    """What happens around the firmware, and the log of it."""

    def __init__(self):
        self.log = []
        self.plan = []  # (moment, what, argument), in order
        self.behind = []  # (what, argument), each right behind an answer or event
        self.moments = 0
        self.now_us = 1_000_000
        self.busy = False  # in a callback
        self.scheduled = []
        self.frame_at = self.light_at = None
        self.silent = False  # the front end converts no more
        self.refusals = 0  # packets for which the port has no memory
        self.errno = 0  # with which packets fail
        self.burst = 0
        self.found = False  # it advertises

    def moment(self):
        """Let happen what is to."""
        if self.busy:
            return
        self.moments += 1
        if self.moments == _ENDLESS:
            raise RuntimeError("the firmware goes on for ever")
        while self.plan and self.plan[0][0] <= self.moments:
            _, what, argument = self.plan.pop(0)
            self.call(_HAPPENINGS[what], argument)
        self.run_scheduled()

    def answered(self):
        """Let happen what is to happen behind an answer.

        One thing: what it is answered with has to wait until the firmware is done with this one.
        """
        if self.behind and not self.busy:
            what, argument = self.behind.pop(0)
            self.call(_HAPPENINGS[what], argument)

    def call(self, callback, argument):
        """Call as the port does: nothing else is called meanwhile."""
        self.busy = True
        try:
            callback(argument)
        finally:
            self.busy = False

    def run_scheduled(self):
        """Run what interrupts have scheduled."""
        while self.scheduled and not self.busy:
            self.call(*self.scheduled.pop(0))

    def pass_time(self, us):
        """Let time go by, and convert meanwhile."""
        end = self.now_us + us
        while True:
            afe, light = FrontEnd.only, OpticalChip.only
            self.frame_at = self._next(self.frame_at, afe, afe and afe.period_us)
            self.light_at = self._next(self.light_at, light, lambda: _LIGHT_US)
            due = [at for at in (self.frame_at, self.light_at) if at is not None and at <= end]
            if not due:
                break
            at = min(due)
            self.now_us = max(at, self.now_us)  # sending a frame may have taken longer
            if at == self.frame_at:
                self.frame_at = None
                Pin.lines["drdy"].handler(Pin.lines["drdy"])
            else:
                self.light_at = None
                first = not light.fifo
                light.fifo += b"\0\1\0\0\2\0"
                if first:
                    Pin.lines["light"].handler(Pin.lines["light"])
            self.run_scheduled()
            self.moment()
        self.now_us = max(self.now_us, end)

    def _next(self, at, chip, period_us):
        if chip is None or not chip.converts() or self.silent:
            return None
        return self.now_us + period_us() if at is None else at

    # --- what the port offers

    def sleep_ms(self, ms):
        self.pass_time(1000 * ms)
        self.moment()

    def sleep_us(self, us):
        self.pass_time(us)
        self.moment()

    def lightsleep(self, ms):
        """Until a conversion, if there are any."""
        self.pass_time(FrontEnd.only.period_us() if FrontEnd.only.converts() else 1000 * ms)
        self.moment()

    def ticks_us(self):
        return self.now_us & 0x3FFFFFFF

    def time(self):
        return self.now_us // 1_000_000

    def schedule(self, function, argument):
        self.scheduled.append((function, argument))


class Radio(played_board.Radio):
    def gatts_write(self, handle, data):
        world.moment()
        super().gatts_write(handle, data)
        world.moment()

    def gatts_read(self, handle):
        data = super().gatts_read(handle)
        if handle == UPDATE:  # messages wait one behind the other
            self.values[UPDATE] = b""
        return data

    def gatts_notify(self, connection, handle, data):
        if handle == STREAM:
            self._take_packet(data)
            world.pass_time(100)
            world.moment()
        elif handle in (CONTROL, UPDATE):
            world.log.append(("control" if handle == CONTROL else "update", bytes(data)))
            world.answered()

    def _take_packet(self, data):
        if world.errno:
            errno, world.errno = world.errno, 0
            raise OSError(errno)
        if world.refusals:
            world.refusals -= 1
            raise OSError(_ENOMEM)
        world.log.append(("packet", bytes(data)))
        if data[2] == _THROUGHPUT and not world.busy:
            world.burst += 1
            if world.burst > _BURST:
                raise _Enough

    def gap_advertise(self, *_, **__):
        world.found = True

    def gap_disconnect(self, connection):
        world.call(_leave, None)


def _command(data):
    if application.gatt.connection is not None:
        world.log.append(("command", data))
        radio.write(CONTROL, data)


def _update(data):
    if application.gatt.connection is not None:
        world.log.append(("message", data))
        radio.write(UPDATE, radio.values.get(UPDATE, b"") + data)


def _leave(_):
    if application.gatt.connection is not None:
        world.log.append(("gone", b""))
        radio.leave()


def _arrive(_):
    if application.gatt.connection is None and world.found:
        world.log.append(("here", b""))
        world.found = False
        radio.arrive()


_HAPPENINGS = {"command": _command, "message": _update, "leave": _leave, "arrive": _arrive}


class Updater:
    """In place of the firmware's: an update goes on from the message 1 to the message 2."""

    def __init__(self, gatt, board, largest_write):
        self._gatt = gatt
        self.active = self.restart = self.lost = False

    def poll(self):
        if not self._gatt.update_waits:
            return False
        self.active = True
        more = self._gatt.read_update()[-1:] == b"\1"
        self._gatt.send_update(b"\x81\0")
        if not more:
            self.stop()
        return not more

    def stop(self):
        self.active = False
        world.log.append(("updated", b""))


class _Update:
    Updater = Updater


class _Watchdog:
    def feed():
        pass


world = World()
radio = Radio()
application = None


def prepare(port):
    """Import the firmware for a port: 'zephyr', on a board that also has light, or 'stm32'."""
    global app, slots
    if port == "stm32":
        Machine.lightsleep = lambda ms: world.lightsleep(ms)
        Config.ACQUISITION = "interrupt_acquisition"
    else:
        Config.OPTICS = {
            "i2c": 0,
            "i2c_hz": 400_000,
            "driver": "adpd4101",
            "settings": (1, 2, 25_000, 100_000, 32, 2, 100_000),
            "interrupt": "light",
            "lsb": (1, -12),
            "names": "a,b",
        }
    played_board.install(radio)
    sys.modules["eeg.update"] = _Update
    import slots
    from eeg import app, commands, gatt, power, streams, trial
    from eeg.drivers import ads129x

    modules = [app, commands, gatt, power, streams, trial, ads129x]
    if port == "stm32":
        from eeg import interrupt_acquisition as acquisition
    else:
        from eeg import callback_acquisition as acquisition
        from eeg.drivers import optics

        modules.append(optics)
    modules.append(acquisition)
    for module in modules:
        module.print = lambda *_: None  # the console is the tests'
        for name in ("sleep_ms", "sleep_us", "ticks_us", "time", "schedule"):
            if hasattr(module, name):
                setattr(module, name, lambda *args, name=name: getattr(world, name)(*args))
    trial._TRIAL_S = 1_000_000
    FrontEnd.on_command = lambda _: world.moment()
    Pin.on_level = _on_level


def _on_level(name, level):
    if name == "start" and level:
        world.log.append(("converts", bytes(FrontEnd.only.registers)))


def boot(on_trial):
    """Start the application, and connect a central to it."""
    global world, application
    world = World()
    FrontEnd.identity = 0x3E
    slots.watchdog = _Watchdog if on_trial else None
    application = app.Application()
    _arrive(None)
    world.log = []


def surround(what, value):
    """Change something of the board's surroundings."""
    if what == "identity":
        FrontEnd.identity = value
    else:
        setattr(world, what, value)


def run_once(plan, behind):
    """Let the main loop look after everything once, and `plan` and `behind` happen.

    What of the plan finds no moment in the pass happens after it. Returns the log, and how things
    are then: connected, to be found, power and start line of the front end, and Info.
    """
    world.pass_time(_INTERVAL_US)
    world.moments = world.burst = 0
    world.plan = plan
    world.behind = behind
    world.moment()
    try:
        application.attend()
    except _Enough:
        pass
    world.log.append(("passed", b""))
    world.moments = 1_000_000
    world.moment()
    log, world.log = world.log, []
    connected = application.gatt.connection is not None
    lines = bool(Pin.lines["pwdn"].level), bool(Pin.lines["start"].level)
    return log, connected, world.found, lines, radio.values[INFO]
