"""The drawings of a report, each a function from arrays to SVG."""

from hil.report.charts.bullet import bullet
from hil.report.charts.current import CurrentRow, current
from hil.report.charts.eeg import eeg
from hil.report.charts.goodput import goodput
from hil.report.charts.latency import LatencyRow, latency
from hil.report.charts.power import PowerRow, power

__all__ = [
    "CurrentRow",
    "LatencyRow",
    "PowerRow",
    "bullet",
    "current",
    "eeg",
    "goodput",
    "latency",
    "power",
]
