"""Runs of the suites: what is to be done, said before, shown as it goes, left in a folder."""

from eegrig.hil.run.request import RunRequest
from eegrig.hil.run.run import run_suites

__all__ = ["RunRequest", "run_suites"]
