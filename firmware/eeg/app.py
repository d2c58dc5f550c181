# The board as a whole: bring it up, answer commands, stream, and say so when something is wrong.
import gc
from struct import pack, unpack_from
from time import sleep_ms, ticks_us, time

import board_config as config
import build_info
import machine
import slots
from machine import ADC, SPI, Pin

from eeg import acquisition, codes, drivers, port, trial
from eeg.battery import Gauge
from eeg.gatt import GattServer, info_bytes, stream_bytes
from eeg.packet import HEADER_SIZE, ThroughputPacket

_POLL_MS = 50
_IDLE_POLL_MS = 250
_UPDATE_POLL_MS = 5
_GOODBYE_MS = 200  # for the last answer to get out, and for the central to take note
_BATTERY_PERIOD_S = 60
_BATTERY_LOW = 5  # percent
_LARGEST_WRITE = config.MTU - 3
_LATER = -1  # the main loop answers: waking the front end takes longer than a callback may
_SILENT_PERIODS = 8  # a front end that misses so many conversions is lost
_SILENT_EXTRA_US = 20_000
_LINGER_MS = 2  # between attempts to send what is left after STOP


def run():
    """Bring the board up and serve for ever."""
    print("eegrig", build_info.VERSION, config.NAME, "image", build_info.IMAGE_HASH.hex())
    Application().serve()


class Application:
    """The state machine behind the Control characteristic."""

    def __init__(self):
        self._rate = config.DEFAULT_RATE
        self._profile = codes.EFFICIENT
        self._signal = drivers.NORMAL
        self._driven = 0  # electrodes with the lead-off current, by bit
        self._state = codes.IDLE
        self._fault = 0
        self._fault_detail = 0
        self._throughput = None
        self._start_request = None
        self._stop_tag = None
        self._sleep_s = 0
        self._updater = None
        self._leaving = False
        self._trial = None if slots.watchdog is None else trial.Trial(slots.watchdog)
        self._reported_overruns = 0
        self._seen = 0
        self._quiet = 0
        self._battery_at = time()
        self._battery_low = False
        spi = SPI(config.SPI_ID, baudrate=config.SPI_HZ, polarity=0, phase=1)
        cs = Pin(config.PIN_CS, Pin.OUT, value=1)
        reset = Pin(config.PIN_RESET, Pin.OUT, value=1)
        start = Pin(config.PIN_START, Pin.OUT, value=0)
        pwdn = None if config.PIN_PWDN is None else Pin(config.PIN_PWDN, Pin.OUT, value=1)
        driver = drivers.load(config.AFE_DRIVER)
        self._afe = driver.Afe(
            spi,
            cs,
            reset,
            start,
            pwdn,
            len(config.CHANNELS),
            config.SPI_HZ,
            config.HIGH_RESOLUTION,
        )
        adc = ADC(config.PIN_BATTERY)
        self._gauge = Gauge(adc, config.BATTERY_DIVIDER, config.ADC_REFERENCE_UV)
        self._commands = {
            codes.START: (4, self._start),
            codes.STOP: (0, self._stop),
            codes.SET_RATE: (2, self._set_rate),
            codes.TEST_SIGNAL: (1, self._test_signal),
            codes.PING: (0, self._ping),
            codes.SLEEP: (2, self._sleep),
            codes.IMPEDANCE: (1, self._impedance),
        }
        try:
            self._afe.wake()
        except drivers.AfeError as error:
            print("eegrig:", error)
            self._set_fault(codes.AFE_BAD_ID, error.detail)
        self._afe.sleep()
        self._gatt = GattServer(
            config.BLE_NAME,
            config.ADV_INTERVAL_US,
            config.NAME,
            build_info.VERSION,
            self._on_command,
            self._on_disconnect,
            trial.BUFFER,
        )
        drdy = Pin(config.PIN_DRDY, Pin.IN)
        self._acquisition = acquisition.load(config.ACQUISITION)(self._afe, drdy, self._gatt.stream)
        self._optics_device = self._optics = None
        if config.OPTICS is not None:
            self._set_up_optics(config.OPTICS)
        self._check_battery()
        self._publish()
        self._gatt.set_update_state(
            trial.state_bytes(
                config.NAME, build_info.VERSION, build_info.IMAGE_HASH, _LARGEST_WRITE
            )
        )
        self._gatt.advertise()

    def _set_up_optics(self, settings):
        bus = port.i2c(settings["i2c"], settings["i2c_hz"])
        self._optics_device = drivers.load(settings["driver"]).Optics(bus, *settings["settings"])
        interrupt = Pin(settings["interrupt"], Pin.IN)
        self._optics = self._optics_device.acquisition(interrupt, self._gatt.stream)
        try:
            self._optics_device.wake()  # our reset did not reach it: its LEDs may be lit
        except drivers.AfeError as error:
            print("eegrig:", error)
            self._set_fault(codes.AFE_BAD_ID, error.detail)

    def serve(self):
        """Watch over what runs in interrupts and callbacks, for ever."""
        while True:
            self.attend()

    def attend(self):
        """Rest, then look after everything once."""
        if self._updater is None:
            port.idle(_IDLE_POLL_MS if self._gatt.connection is None else _POLL_MS, self._gatt)
        if self._updater is not None or self._gatt.update_waits:
            self._update()
        if self._trial is not None:
            self._trial.watch()
        request = self._start_request
        if request is not None:
            self._begin(request)
        if self._sleep_s:
            self._doze()
        if self._optics is not None and self._optics.active:
            self._optics.poll()
        if self._acquisition.active:
            self._watch()
        if self._throughput is not None:
            self._send_throughput()
        if port.REFUSES or self._stop_tag is not None:
            self._catch_up()
        if time() - self._battery_at > _BATTERY_PERIOD_S:
            self._battery_at = time()
            self._check_battery()

    def _update(self):
        """Take update messages, and do the next piece of the update they ask for."""
        updater = self._updater
        if updater is None:
            if self._is_busy():
                self._gatt.send_update(trial.busy(self._gatt.read_update()))
                return
            gc.collect()
            from eeg.update import Updater  # not in memory unless it is needed

            updater = self._updater = Updater(self._gatt, config.NAME, _LARGEST_WRITE)
        try:
            if not updater.poll():
                port.idle(_UPDATE_POLL_MS, self._gatt)
        except Exception as error:  # the board must stay reachable, for the next update
            print("eegrig: update:", repr(error))
            updater.fail()
        if updater.restart:
            self._restart()
        if updater.lost or self._gatt.connection is None:
            updater.stop()
        if not updater.active:
            self._updater = None

    def _restart(self):
        """Let the last answer out, leave the central, and boot again."""
        self._leaving = True
        for _ in range(_GOODBYE_MS // _LINGER_MS):
            self._gatt.flush()
            sleep_ms(_LINGER_MS)
        self._gatt.disconnect()
        sleep_ms(_GOODBYE_MS)
        machine.reset()

    def _check_battery(self):
        percent = self._gauge.percent()
        self._gatt.set_battery(percent)
        low = percent <= _BATTERY_LOW
        if low and not self._battery_low:
            self._event(codes.BATTERY_LOW, percent)
        self._battery_low = low

    def _catch_up(self):
        """Send what the link had no room for, and answer the STOP that waits for that."""
        self._gatt.flush()
        acquisition = self._acquisition
        optics = self._optics
        while self._stop_tag is not None:
            acquisition.flush()
            waiting = acquisition.waiting()
            if optics is not None:
                optics.finish()
                waiting = waiting or optics.unfinished()
            if not waiting or self._gatt.connection is None:
                tag = self._stop_tag
                self._stop_tag = None
                self._answer(codes.STOP, tag, codes.OK, 0)
            else:
                sleep_ms(_LINGER_MS)
        if self._gatt.behind():
            sleep_ms(_LINGER_MS)
            self._gatt.wanted = True

    # --- what may go wrong while streaming

    def _watch(self):
        acquisition = self._acquisition
        if self._is_silent(acquisition):
            self._fail(codes.AFE_LOST, acquisition.frame_index())
        elif acquisition.error():
            self._fail(codes.LINK_ERROR, acquisition.error())
        elif self._optics is not None and self._optics.active and self._optics.error():
            self._fail(codes.LINK_ERROR, self._optics.error())
        elif self._optics is not None and self._optics.is_silent(_SILENT_PERIODS, _SILENT_EXTRA_US):
            self._fail(codes.AFE_LOST, self._optics.frame_index)
        elif acquisition.overruns != self._reported_overruns and not self._gatt.behind():
            self._reported_overruns = acquisition.overruns
            self._event(codes.OVERRUN, acquisition.overruns)

    def _is_silent(self, acquisition):
        if port.STOPS:  # nothing tells how long the CPU slept, but `idle` woke several times
            conversions = acquisition.conversions()
            self._quiet = self._quiet + 1 if conversions == self._seen else 0
            self._seen = conversions
            return self._quiet > 1
        silence_us = acquisition.silence_us()
        return silence_us > _SILENT_PERIODS * 1_000_000 // self._rate + _SILENT_EXTRA_US

    def _send_throughput(self):
        packet = self._throughput
        data = None
        while packet is self._throughput and packet is not None:
            if self._trial is not None:
                self._trial.watch()
            if data is None:
                data = packet.finish(ticks_us())
            try:
                self._gatt.stream(data)
                data = None
            except OSError as error:
                if port.REFUSES and error.errno == port.ENOMEM:
                    sleep_ms(1)
                    self._gatt.flush()
                elif self._throughput is not None:
                    self._throughput = None
                    self._fail(codes.LINK_ERROR, abs(error.args[0]))

    def _stop_streams(self):
        self._acquisition.stop()
        if self._optics is not None:
            self._optics.stop()

    def _fail(self, code, detail):
        self._stop_streams()
        if self._optics is not None:
            self._optics.finish()
        if code == codes.LINK_ERROR:
            self._state = codes.IDLE
        else:
            self._set_fault(code, detail)
        self._publish()
        self._event(code, detail)

    def _set_fault(self, code, detail):
        self._state = codes.FAULT
        self._fault = code
        self._fault_detail = detail

    def _event(self, code, detail):
        print("eegrig: event", code, detail)
        self._gatt.respond(pack("<BBI", codes.EVENT, code, detail))

    def _on_disconnect(self):
        self._halt()
        if self._updater is not None:
            self._updater.lost = True
        self._driven = 0  # no current into anybody's skin without a host
        self._battery_low = False  # the next one wants to know, too
        if not self._sleep_s and not self._leaving:
            self._gatt.advertise()

    def _halt(self):
        self._throughput = None
        self._start_request = None
        self._stop_streams()
        if self._state == codes.STREAMING:
            self._state = codes.IDLE
        self._publish()

    # --- commands

    def _is_busy(self):
        return self._state == codes.STREAMING or self._start_request is not None

    def _on_command(self, data):
        if len(data) < 2:
            self._gatt.respond(bytes((codes.RESPONSE, 0, codes.BAD_LENGTH)))
            return
        opcode, tag = data[0], data[1]
        size, handler = self._commands.get(opcode, (None, None))
        detail = 0
        if handler is None:
            status = codes.UNKNOWN_COMMAND
        elif len(data) != size + 2:
            status, detail = codes.BAD_LENGTH, size
        else:
            status, detail = handler(data)
        if status != _LATER:
            self._answer(opcode, tag, status, detail)

    def _answer(self, opcode, tag, status, detail):
        self._gatt.respond(pack("<BBBI", (opcode | codes.RESPONSE) & 0xFF, tag, status, detail))

    def _start(self, data):
        payload, profile, pattern = unpack_from("<HBB", data, 2)
        if self._is_busy() or self._updater is not None:
            return codes.BUSY, 0
        if self._stop_tag is not None:  # what is left of the stream before is not sent yet
            return codes.BUSY, 0
        if profile > codes.LOW_LATENCY or pattern > codes.PATTERN_THROUGHPUT:
            return codes.BAD_ARGUMENT, 0
        smallest = HEADER_SIZE + self._acquisition.bytes_per_frame
        if self._optics_device is not None:
            smallest = max(smallest, HEADER_SIZE + self._optics_device.frame_size)
        if payload < smallest:
            return codes.PAYLOAD_TOO_SMALL, smallest
        self._start_request = (data[1], min(payload, config.MTU - 3), profile, pattern)
        return _LATER, 0

    def _begin(self, request):
        """Wake what has to be awake, stream, and answer the START that asked for it."""
        tag, payload, profile, pattern = request
        status = detail = 0
        if pattern != codes.PATTERN_THROUGHPUT:
            try:
                self._afe.wake()
                self._afe.configure(self._rate, config.GAIN, self._signal, self._driven)
                if self._optics_device is not None and pattern == codes.PATTERN_EEG:
                    self._optics_device.wake()
            except drivers.AfeError as error:
                self._afe.sleep()
                self._set_fault(codes.AFE_BAD_ID, error.detail)
                status, detail = codes.AFE_FAULT, error.detail
        if self._start_request is request:
            self._start_request = None
        else:  # stopped, or the central left (and maybe another one came), meanwhile
            self._afe.sleep()
            status = codes.BUSY
        if status == codes.OK:
            self._profile = profile
            self._fault = 0
            self._state = codes.STREAMING
        self._publish()
        self._answer(codes.START, tag, status, detail)
        if status != codes.OK:
            return
        if pattern == codes.PATTERN_THROUGHPUT:
            self._throughput = ThroughputPacket(payload, codes.STREAM_THROUGHPUT)
        else:
            self._reported_overruns = 0
            self._quiet = 0
            flags = 0 if self._signal == drivers.NORMAL else codes.FLAG_TEST_SIGNAL
            if self._driven:
                flags |= codes.FLAG_DRIVEN
            self._acquisition.start(
                payload, profile, pattern, flags, self._rate, config.SHORTEST_PACKET_US
            )
            if self._optics is not None and pattern == codes.PATTERN_EEG:
                self._optics.start(payload, profile, flags)

    def _stop(self, data):
        self._halt()
        if self._acquisition.waiting() or (self._optics is not None and self._optics.unfinished()):
            self._stop_tag = data[1]
            return _LATER, 0
        return codes.OK, 0

    def _set_rate(self, data):
        (rate,) = unpack_from("<H", data, 2)
        if self._is_busy():
            return codes.BUSY, 0
        if rate not in config.RATES:
            return codes.BAD_RATE, min(config.RATES, key=lambda r: abs(r - rate))
        self._rate = rate
        self._publish()
        return codes.OK, 0

    def _test_signal(self, data):
        if self._state == codes.STREAMING:
            return codes.BUSY, 0
        if data[2] > drivers.SHORTED:
            return codes.BAD_ARGUMENT, 0
        self._signal = data[2]
        return codes.OK, 0

    def _ping(self, _):
        return codes.OK, self._acquisition.now_us()

    def _impedance(self, data):
        if self._is_busy():
            return codes.BUSY, 0
        if data[2] >> self._afe.channels:
            return codes.BAD_ARGUMENT, 0
        self._driven = data[2]
        current_pa, centihertz = self._afe.drive(self._rate)
        return codes.OK, current_pa | centihertz << 16

    def _sleep(self, data):
        (seconds,) = unpack_from("<H", data, 2)
        if self._is_busy() or self._updater is not None or self._trial is not None:
            return codes.BUSY, 0
        if not seconds:
            return codes.BAD_ARGUMENT, 0
        self._sleep_s = seconds
        return codes.OK, 0

    def _doze(self):
        """Leave the central and stay silent for a while: the least the board can draw."""
        self._gatt.disconnect()
        port.rest(self._sleep_s)
        self._sleep_s = 0
        self._gatt.advertise()

    def _publish(self):
        """Bring the Info characteristic up to date."""
        lsb_fv = ((2 * config.VREF_UV * 1_000_000_000 // config.GAIN) + (1 << 23)) >> 24
        names = ",".join(config.CHANNELS)
        streams = [
            stream_bytes(
                codes.STREAM_EEG,
                config.KIND,
                self._rate * 1000,
                self._afe.channels,
                3,
                (lsb_fv, -15),
                codes.UNIT_VOLT,
                names,
            )
        ]
        if self._optics_device is not None and config.OPTICS is not None:
            streams.append(
                stream_bytes(
                    codes.STREAM_OPTICS,
                    codes.KIND_OPTICS,
                    self._optics_device.rate_mhz,
                    self._optics_device.channels,
                    3,
                    config.OPTICS["lsb"],
                    codes.UNIT_AMPERE,
                    config.OPTICS["names"],
                )
            )
        self._gatt.set_info(
            info_bytes(
                self._state,
                self._rate,
                self._afe.channels,
                config.GAIN,
                self._profile,
                lsb_fv,
                self._afe.filter_order * 500_000 // self._rate,
                self._fault,
                config.RATES,
                (config.NAME, build_info.VERSION, names),
                build_info.IMAGE_HASH,
                streams,
            )
        )
