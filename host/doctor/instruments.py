"""Measuring instruments. eegrig drives none yet; whoever adds one adds its check here."""

from __future__ import annotations

from collections.abc import Iterator

from eegrig.host.doctor.finding import Finding

__all__ = ["check"]


def check() -> Iterator[Finding]:
    """Check the instruments: there are none."""
    yield Finding(
        area="instruments",
        name="instruments",
        status="warn",
        detail="none is supported yet: power and signals are measured on virtual boards only",
    )
