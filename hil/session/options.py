"""The rig's options and markers, as pytest is told of them."""

from __future__ import annotations

import pytest

__all__ = ["add_markers", "add_options", "asks_for_soak", "leave_out"]


def add_options(parser: pytest.Parser) -> None:
    """Add the rig's options."""
    group = parser.getgroup("eegrig", "eegrig: hardware-in-the-loop rig")
    group.addoption(
        "--rig", default="sim", metavar="sim|FILE", help="bench: sim (default) or a bench.toml"
    )
    group.addoption("--rig-board", default="headband8", metavar="NAME", help="board to test")
    group.addoption("--rig-out", default=None, metavar="DIR", help="folder for results and traces")
    group.addoption("--rig-seed", default=0, type=int, metavar="N", help="of everything random")
    group.addoption(
        "--rig-seconds", default=30.0, type=float, metavar="S", help="length of each recording"
    )
    group.addoption(
        "--rig-signal",
        default="resting",
        metavar="SCENE|FILE",
        help="what drives the electrodes: a scene of signal_sim, or a recording",
    )
    group.addoption(
        "--rig-map",
        action="append",
        default=[],
        metavar="ELECTRODE=LABEL",
        help="channel of the recording that drives an electrode; repeatable",
    )
    group.addoption(
        "--rig-firmware", default=None, metavar="DIR", help="firmware sources to build and flash"
    )
    group.addoption(
        "--rig-runtime",
        default=None,
        metavar="FILE",
        help="MicroPython to flash besides; a virtual board's chip runs it itself",
    )
    group.addoption(
        "--rig-figures",
        action="append",
        default=[],
        metavar="FILE",
        help="figures.toml of suites that take figures of their own; repeatable",
    )
    group.addoption(
        "--rig-brief", action="store_true", help="leave out what takes longest (the decoders)"
    )
    group.addoption(
        "--rig-repeat",
        action="store_true",
        help="signal and noise begin anew with each stream, so that two runs can be compared",
    )


def add_markers(config: pytest.Config) -> None:
    """Add the rig's markers."""
    config.addinivalue_line(
        "markers",
        "needs(*capabilities): what a test needs of a bench; it is skipped where the bench lacks "
        "it (power, power_split, source, light, common_mode, series_network, faults, link_control, "
        "reset, flash, processor, stranger)",
    )
    config.addinivalue_line(
        "markers",
        "figures(*names): figures a test is there for; if it fails before it has taken them, those "
        "of them that are targets are inconclusive",
    )
    config.addinivalue_line(
        "markers",
        "lasts(seconds): how long a test keeps the bench, besides what it shares with others",
    )
    config.addinivalue_line(
        "markers", "soak: takes days on the bench's clock; left out unless -m asks for it"
    )
    config.addinivalue_line(
        "markers", "long: takes as long as all others together; left out with --rig-brief"
    )
    config.addinivalue_line("markers", "quick: one of the tests of a first look, in a minute")


def asks_for_soak(config: pytest.Config) -> bool:
    """Say whether tests that take days are asked for."""
    return "soak" in (config.option.markexpr or "")


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the rig's tests that take days, unless they are asked for or only listed.

    With ``--rig-brief`` those that take longest, too. It makes no part of a run: what they take is
    none of what a board promises.
    """
    left_out = set()
    if not (asks_for_soak(config) or config.option.collectonly):
        left_out.add("soak")
    if config.getoption("--rig-brief"):
        left_out.add("long")
    items[:] = [
        item
        for item in items
        if not any(item.get_closest_marker(mark) for mark in left_out)
        or not any(name.startswith("rig") for name in getattr(item, "fixturenames", ()))
    ]
