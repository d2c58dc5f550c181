# The board as a whole: bring it up, stream what is asked for, and say so when something is wrong.
# Commands are in eeg.commands, what is streamed in eeg.streams; here is what joins them.
import gc
from time import sleep_ms, time

import board_config as config
import build_info
import machine
import slots
from machine import ADC
from micropython import const

from eeg import codes, commands, port, power, trial
from eeg.drivers import AfeError
from eeg.gatt import GattServer, info_bytes
from eeg.streams import NOBODY, Electrodes, Run, streams_of_board

_POLL_MS = 50
_IDLE_POLL_MS = const(250)
_UPDATE_POLL_MS = const(5)
_GOODBYE_MS = const(200)  # for the last answer to get out, and for the central to take note
_LINGER_MS = const(2)  # between attempts to send what is left after STOP


def run():
    """Bring the board up and serve for ever."""
    print("eegrig", build_info.VERSION, config.NAME, "image", build_info.IMAGE_HASH.hex())
    Application().serve()


class Application:
    """What the board has, what it is doing, and its main loop.

    Attributes
    ----------
    gatt : GattServer
    streams : list of Stream
        `electrodes` first.
    smallest : int
        Bytes of the smallest payload a frame of each stream fits.
    run : Run
        What the last START asked for.
    stop_tag : int
        Of the STOP that waits for an answer, or NOBODY.
    sleep_s : int
        For how long to sleep, once that is answered.
    """

    def __init__(self):
        self.run = Run(NOBODY, 0, codes.EFFICIENT, codes.PATTERN_EEG, ())
        self.run.ended = True
        self.stop_tag = NOBODY
        self.sleep_s = 0
        self._profile = codes.EFFICIENT
        self._fault = 0  # the event that says so
        self._updater = None
        self._updating = False
        self._restarting = False
        self._edition = 0  # of Info
        self._trial = None if slots.watchdog is None else trial.Trial(slots.watchdog)
        self._battery = power.Battery(
            ADC(config.PIN_BATTERY), config.BATTERY_DIVIDER, config.ADC_REFERENCE_UV
        )
        self.gatt = GattServer(
            config.BLE_NAME,
            config.ADV_INTERVAL_US,
            config.NAME,
            build_info.VERSION,
            self._on_command,
            self._on_disconnect,
            trial.BUFFER,
        )
        self.electrodes = Electrodes(self.gatt.stream)
        self.gatt.before_send = self.electrodes.expect_delay
        self.streams = streams_of_board(self.electrodes, self.gatt, self._trial)
        self.smallest = max([stream.smallest for stream in self.streams])
        for stream in self.streams:
            if stream.wrong_id is not None:
                self._fault = codes.AFE_BAD_ID
        self._check_battery()
        self.publish()
        self.gatt.set_update_state(
            trial.state_bytes(
                config.NAME, build_info.VERSION, build_info.IMAGE_HASH, commands.LARGEST_PAYLOAD
            )
        )
        self.gatt.advertise()

    def phase(self):
        """Tell what the board is doing, as far as commands are concerned (`eeg.commands`)."""
        if self.sleep_s or self._restarting:
            return commands.LEAVING
        if self.stop_tag != NOBODY:
            return commands.STOPPING
        run = self.run
        if not run.ended:
            return commands.STREAMING if run.running else commands.STARTING
        if self._updating:
            return commands.UPDATING
        return commands.IDLE if self._trial is None else commands.TRIAL

    # --- the main loop

    def serve(self):
        """Watch over what runs in interrupts and callbacks, for ever."""
        while True:
            self.attend()

    def attend(self):
        """Rest, then look after everything once."""
        if self._updater is None:
            power.idle(_IDLE_POLL_MS if self.gatt.connection is None else _POLL_MS, self.gatt)
        if self._updater is not None or self.gatt.update_waits:
            self._update()
        if self._trial is not None:
            self._trial.watch()
        run = self.run
        if not run.ended and not run.running:
            self._begin(run)
        if self.sleep_s:
            self._doze()
        if run.running and not run.ended:
            self._watch()
        if port.REFUSES or self.stop_tag != NOBODY:
            self._catch_up()
        if time() > self._battery.due_s:
            self._check_battery()

    def _begin(self, run):
        """Wake what has to be awake, stream, and answer the START that asked for it."""
        status = codes.OK
        detail = 0
        try:
            power.up(run.streams)
        except AfeError as error:
            self._fault = codes.AFE_BAD_ID
            status = codes.AFE_FAULT
            detail = error.detail
        if status == codes.OK and not run.ended:
            self._fault = 0
            self._profile = run.profile
            run.flags = self.electrodes.flags()
            run.running = True
        self.publish()
        tag = run.tag
        run.tag = NOBODY
        if tag == NOBODY:  # stopped, or the central left (and maybe another one came), meanwhile
            power.down(run.streams)
            return
        if status != codes.OK:
            run.ended = True
        commands.answer(self, codes.START, tag, status, detail)
        if status != codes.OK:
            return
        for stream in run.streams:
            if not run.ended:
                stream.start(run)
                run.started.append(stream)
        if run.ended:  # meanwhile: whoever did so may have found nothing that it could stop
            self._stop_streams(run)
            power.down(run.streams)

    def _watch(self):
        """Give streams their share of the main loop, and say what goes wrong with them."""
        run = self.run
        overruns = 0
        for stream in run.streams:
            trouble = stream.attend()
            if trouble is not None:
                self._fail(run, trouble[0], trouble[1])
                return
            overruns += stream.overruns
        if overruns != run.told_overruns and not run.ended and not self.gatt.behind():
            run.told_overruns = overruns
            commands.tell(self, codes.OVERRUN, overruns)

    def _fail(self, run, code, detail):
        run.failed = True  # and not over before Info says so, too
        self._stop_streams(run)
        for stream in run.streams:
            stream.finish()
        if code != codes.LINK_ERROR:
            self._fault = code
        self.publish()
        run.ended = True
        commands.tell(self, code, detail)

    def _catch_up(self):
        """Send what the link had no room for, and answer the STOP that waits for that."""
        gatt = self.gatt
        gatt.flush()
        while True:
            tag = self.stop_tag
            if tag == NOBODY:
                break
            waiting = False
            for stream in self.run.started:
                stream.finish()
                waiting = waiting or stream.unfinished()
            if waiting:
                sleep_ms(_LINGER_MS)
            else:
                self.stop_tag = NOBODY
                commands.answer(self, codes.STOP, tag, codes.OK, 0)
        if gatt.behind():
            sleep_ms(_LINGER_MS)
            gatt.wanted = True

    def _doze(self):
        """Leave the central and stay silent for a while: the least the board can draw."""
        self.gatt.disconnect()
        power.rest(self.sleep_s)
        self.sleep_s = 0
        self.gatt.advertise()

    def _check_battery(self):
        percent = self._battery.look()
        self.gatt.set_battery(percent)
        if self._battery.is_newly_low(percent):
            commands.tell(self, codes.BATTERY_LOW, percent)

    # --- updates

    def _update(self):
        """Take update messages, and do the next piece of the update they ask for."""
        updater = self._updater
        if updater is None:
            self._updating = True  # before it is asked whether it may: a START comes at any time
            if self.phase() != commands.UPDATING:
                self._updating = False
                self.gatt.send_update(trial.busy(self.gatt.read_update()))
                return
            gc.collect()
            from eeg.update import Updater  # not in memory unless it is needed

            updater = self._updater = Updater(self.gatt, config.NAME, commands.LARGEST_PAYLOAD)
        try:
            if not updater.poll():
                power.idle(_UPDATE_POLL_MS, self.gatt)
        except Exception as error:  # the board must stay reachable, for the next update
            print("eegrig: update:", repr(error))
            updater.fail()
        if updater.restart:
            self._restart()
        if updater.lost or self.gatt.connection is None:
            updater.stop()
        if not updater.active:
            self._updater = None
            self._updating = False

    def _restart(self):
        """Let the last answer out, leave the central, and boot again."""
        self._restarting = True
        for _ in range(_GOODBYE_MS // _LINGER_MS):
            self.gatt.flush()
            sleep_ms(_LINGER_MS)
        self.gatt.disconnect()
        sleep_ms(_GOODBYE_MS)
        machine.reset()

    # --- callbacks

    def _on_command(self, data):
        commands.take(self, data)

    def _on_disconnect(self):
        self.halt()
        self.run.started = []  # what is left of them is not for the next host
        self.stop_tag = self.run.tag = NOBODY
        if self._updater is not None:
            self._updater.lost = True
        self.gatt.read_update()  # an update that it asked for is not the next one's
        self.electrodes.driven = 0  # no current into anybody's skin without a host
        self._battery.forget_host()
        if not self.sleep_s and not self._restarting:
            self.gatt.advertise()

    def halt(self):
        """End what streams; tells whether some of it has to be sent yet."""
        run = self.run
        run.ended = True
        self._stop_streams(run)
        self.publish()
        for stream in run.started:
            if stream.unfinished():
                return True
        return False

    # --- what the host gets to know

    def _stop_streams(self, run):
        for stream in run.streams:
            stream.stop()

    def publish(self):
        """Bring the Info characteristic up to date."""
        self._edition = (self._edition + 1) & 0xFF
        while True:  # a callback may do the same in the middle of this
            edition = self._edition
            self.gatt.set_info(self._info())
            if edition == self._edition:
                return

    def _info(self):
        run = self.run
        state = codes.IDLE
        if self._fault:
            state = codes.FAULT
        elif run.running and not run.failed and not run.ended:
            state = codes.STREAMING
        electrodes = self.electrodes
        entries = [stream.entry() for stream in self.streams]
        return info_bytes(
            state,
            electrodes.rate,
            electrodes.channels,
            config.GAIN,
            self._profile,
            electrodes.lsb_fv,
            electrodes.delay_us(),
            self._fault,
            config.RATES,
            (config.NAME, build_info.VERSION, ",".join(config.CHANNELS)),
            build_info.IMAGE_HASH,
            [entry for entry in entries if entry],
        )
