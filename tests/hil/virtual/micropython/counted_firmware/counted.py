# Excerpts of the application, the GATT server and the drivers: what a frame passes through.
from time import time

import bluetooth
from machine import SPI, Pin

from eeg import codes, port
from eeg.acquisition import Acquisition
from eeg.packet import HEADER_SIZE

_ENOTCONN = 128
_POLL_MS = 50
_IDLE_POLL_MS = 250
_BATTERY_PERIOD_S = 60


class GattServer:
    def __init__(self):
        self.connection = 1
        self.wanted = False
        self.update_waits = False
        self._unsent = []
        self._ble = ble = bluetooth.BLE()
        ble.active(True)
        self._stream = 16

    def stream(self, data):
        """Send one packet; raises OSError if the link does not take it."""
        if self.connection is None:
            raise OSError(_ENOTCONN)
        self._ble.gatts_notify(self.connection, self._stream, data)

    def flush(self):
        """Send what found no buffer before."""
        while self._unsent:
            self._unsent.pop(0)

    @property
    def behind(self):
        """Whether something waits for a buffer."""
        return bool(self._unsent)


class Ads129x:
    watches_leads = False
    status_size = 3

    def __init__(self, spi, channels, inputs):
        self.channels = channels
        self.frame_size = self.status_size + 3 * inputs
        self.readinto = spi.readinto  # bound once: the hot path must not allocate

    def start(self):
        pass

    def stop(self):
        pass


class Ads1299(Ads129x):
    def lead_off_p(self, status):
        """Return the positive electrodes that are off, by the 24 bits of a status word."""
        return status >> 12 & 0xFF

    def lead_off_n(self, status):
        """Return the negative electrodes that are off."""
        return status >> 4 & 0xFF


class Ads1292r(Ads129x):
    def lead_off_p(self, status):
        """Return the positive electrodes that are off: IN1P is bit 15, IN2P bit 17."""
        return status >> 15 & 1 | status >> 16 & 2

    def lead_off_n(self, status):
        """Return the negative electrodes that are off: IN1N is bit 16, IN2N bit 18."""
        return status >> 16 & 1 | status >> 17 & 2


class Application:
    def __init__(self, channels, profile):
        self._rate = 250
        self._throughput = None
        self._start_request = None
        self._stop_tag = None
        self._sleep_s = 0
        self._updater = None
        self._trial = None
        self._optics = None
        self._reported_overruns = 0
        self._seen = 0
        self._quiet = 0
        self._battery_at = time()
        self._gatt = GattServer()
        spi = SPI(1, baudrate=4_000_000, polarity=0, phase=1)
        afe = Ads1299(spi, 8, 8) if channels == 8 else Ads1292r(spi, 2, 2)
        self._acquisition = Acquisition(afe, Pin("A4", Pin.IN), self._gatt.stream)
        self._acquisition.start(HEADER_SIZE + 216, profile, codes.PATTERN_EEG, 0)

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

    def _catch_up(self):
        """Send what the link had no room for, and answer the STOP that waits for that."""
        self._gatt.flush()
        acquisition = self._acquisition
        optics = self._optics
        while self._stop_tag is not None:
            acquisition.flush()
            waiting = acquisition.waiting
            if optics is not None:
                optics.finish()
                waiting += optics.unfinished
        if self._gatt.behind:
            self._gatt.wanted = True

    def _watch(self):
        acquisition = self._acquisition
        if self._is_silent(acquisition):
            self._fail(codes.AFE_LOST, acquisition.frame_index)
        elif acquisition.error:
            self._fail(codes.LINK_ERROR, acquisition.error)
        elif self._optics is not None and self._optics.active and self._optics.error:
            self._fail(codes.LINK_ERROR, self._optics.error)
        elif self._optics is not None and self._optics.is_silent(8, 20_000):
            self._fail(codes.AFE_LOST, self._optics.frame_index)
        elif acquisition.overruns != self._reported_overruns and not self._gatt.behind:
            self._reported_overruns = acquisition.overruns
            self._event(codes.OVERRUN, acquisition.overruns)

    def _is_silent(self, acquisition):
        if port.STOPS:  # nothing tells how long the CPU slept, but `idle` woke several times
            conversions = acquisition.conversions
            self._quiet = self._quiet + 1 if conversions == self._seen else 0
            self._seen = conversions
            return self._quiet > 1
        silence_us = acquisition.silence_us()
        return silence_us > 8 * 1_000_000 // self._rate + 20_000

    @property
    def _busy(self):
        return self._start_request is not None


def nothing(spi, frame):
    pass


def read(spi, frame):
    spi.readinto(frame)
