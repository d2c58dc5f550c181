"""The drawings of a report, each a function from arrays to SVG."""

from eegrig.hil.report.charts.bullet import bullet
from eegrig.hil.report.charts.current import CurrentRow, current
from eegrig.hil.report.charts.decoding import DecodingRow, decoding
from eegrig.hil.report.charts.eeg import eeg
from eegrig.hil.report.charts.goodput import goodput
from eegrig.hil.report.charts.latency import LatencyRow, latency
from eegrig.hil.report.charts.power import PowerRow, power

__all__ = [
    "CurrentRow",
    "DecodingRow",
    "LatencyRow",
    "PowerRow",
    "bullet",
    "current",
    "decoding",
    "eeg",
    "goodput",
    "latency",
    "power",
]
