# Front ends. An image holds only the drivers its board names, and what they import.
#
# Biopotentials are fetched conversion by conversion. Their driver has a class `Afe` with what
# Acquisition and Application need:
#   channels, frame_size, status_size, filter_order, watches_leads
#   wake() raises AfeError; configure(rate, gain, signal, driven); start(); stop(); sleep()
#   readinto(frame) fetches one conversion: a status word that begins with 1100, then the samples
#   lead_off_p(status), lead_off_n(status) find the electrodes that are off in a status word
#   drive(rate) tells the current (pA) and frequency (Hz / 100) of the lead-off drive
# Light is fetched from a FIFO, by a class `Optics`: see adpd4101.py.
NORMAL, TEST_SQUARE, SHORTED = 0, 1, 2


class AfeError(Exception):
    """The front end is not what it should be; `detail` is the ID it answered."""

    def __init__(self, detail):
        super().__init__("front end answered ID 0x%02x" % detail)
        self.detail = detail


def load(name):
    """Import the driver `name`."""
    return getattr(__import__("eeg.drivers." + name).drivers, name)
