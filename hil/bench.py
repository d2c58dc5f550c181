"""What a bench offers: the only thing a suite sees.

Two benches exist behind it: `hil.virtual` makes everything of models in one virtual time, and a
laboratory bench is made of instruments. No suite and no line of `host` asks which one it has; a
test names what it needs (``@pytest.mark.needs("faults")``) and is skipped, with the reason, where
a bench lacks it.

Over 500 lines: whatever a suite may see of a bench is in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import BaseBleakScanner
    from numpy.typing import NDArray

    from eegrig.boards import Board
    from eegrig.boards.assumed import Assumed
    from eegrig.hil.stranger import Stranger
    from eegrig.host.link.board_link import LinkParameters
    from eegrig.signal_sim import Source

__all__ = [
    "AppliedEvent",
    "Bench",
    "BrokenRule",
    "Capability",
    "Clock",
    "Faults",
    "LinkStatistics",
    "PowerCapture",
    "PowerMeter",
    "Processor",
    "Provenance",
    "Radio",
    "RuleCheck",
    "Seen",
    "SignalSource",
    "SourceFactory",
    "Waveform",
]

T = TypeVar("T")

Provenance = Literal["measured", "simulated", "modelled"]
"""Where a figure comes from: an instrument, the models running the real firmware, or a formula."""

Capability = Literal[
    "power",
    "power_split",
    "source",
    "common_mode",
    "series_network",
    "light",
    "faults",
    "link_control",
    "reset",
    "flash",
    "processor",
    "stranger",
]
"""What a test may need of a bench."""


class Clock(Protocol):
    """The bench's one clock, on which signals, arrivals and power captures are dated."""

    def now_ns(self) -> int:
        """Return the time in nanoseconds since the bench was set up."""
        ...


@dataclass(frozen=True)
class PowerCapture:
    """The power of one window, at the battery terminals.

    Attributes
    ----------
    start_ns, stop_ns : int
        The window, on the bench's clock.
    energy_j : dict of str to float
        Energy taken from the battery in joules, by group: ``afe``, ``mcu``, ``radio``, ``rest`` on
        a bench that can tell them apart (``power_split``), ``total`` always.
    battery_v : float
        Battery voltage during the window, in volts.
    current_a : ndarray, shape (n_times,)
        Battery current in amperes, averaged over each step of `step_s`.
    step_s : float
        Time step of `current_a` in seconds.
    uncertainty : float
        Relative one-sigma uncertainty of the total.
    group_uncertainty : dict of str to float
        The same of each group, where the bench can tell them apart.
    saturated : bool
        Whether the meter was out of range at any time.
    assumptions : dict of Assumed to float
        Facts without a source that the figures rest on, each with the part of the energy that
        rests on it (empty for an instrument).
    """

    start_ns: int
    stop_ns: int
    energy_j: dict[str, float]
    battery_v: float
    current_a: NDArray[np.float64]
    step_s: float
    uncertainty: float
    saturated: bool = False
    assumptions: dict[Assumed, float] = field(default_factory=dict)
    group_uncertainty: dict[str, float] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Length of the window in seconds."""
        return (self.stop_ns - self.start_ns) * 1e-9

    def power_w(self, group: str = "total") -> float:
        """Return the mean power of `group` in watts."""
        return self.energy_j[group] / self.duration_s


class PowerMeter(Protocol):
    """A power meter at the battery."""

    async def start(self) -> None:
        """Begin a capture."""
        ...

    async def stop(self) -> PowerCapture:
        """End the capture that `start` began and return it."""
        ...


@dataclass(frozen=True)
class Waveform:
    """What was applied to the electrodes over a stretch of time.

    Attributes
    ----------
    start_ns : int
        Time of the first sample on the bench's clock.
    rate_hz : float
        Samples per second.
    channels : tuple of str
        Electrode names.
    volts : ndarray, shape (n_channels, n_times)
        Differential voltage at each channel's input, in volts.
    """

    start_ns: int
    rate_hz: float
    channels: tuple[str, ...]
    volts: NDArray[np.float64]


@dataclass(frozen=True)
class AppliedEvent:
    """Something that happened in what was applied: a stimulus, a blink, an annotation of a file.

    Attributes
    ----------
    onset_ns : int
        When it began, on the bench's clock.
    duration_s : float
        Length in seconds; 0 for an instant.
    name : str
    """

    onset_ns: int
    duration_s: float
    name: str


class SourceFactory(Protocol):
    """One signal, made for the rate that somebody wants."""

    @property
    def description(self) -> str:
        """Say in a few words what it is."""
        ...

    def __call__(self, rate_hz: float, /) -> Source:
        """Return a source of so many samples per second, from the signal's beginning."""
        ...


class SignalSource(Protocol):
    """What drives the electrodes."""

    @property
    def description(self) -> str:
        """Say in a few words what is being played."""
        ...

    def play(self, source: Source) -> None:
        """Play a source at its own rate from now on."""
        ...

    def play_made(self, make_source: SourceFactory) -> None:
        """Play a signal from now on, at whatever rate the board wants."""
        ...

    def applied(self, start_ns: int, stop_ns: int) -> Waveform:
        """Return what was applied between two times (kept for the last minutes)."""
        ...

    def events(self, start_ns: int, stop_ns: int) -> list[AppliedEvent]:
        """Return what is known to have happened between two times, by onset."""
        ...

    def keep(self, seconds: float) -> None:
        """Keep what is applied from now on for at least so long."""
        ...

    def common_mode(self, amplitude_v: float, frequency_hz: float) -> None:
        """Put a sine of this peak between all electrodes and the board's ground (``common_mode``).

        From now on, besides what is played; an amplitude of 0 takes it away.
        """
        ...

    def series_network(
        self, channel: str, resistance_ohm: float, capacitance_f: float = 0.0
    ) -> None:
        """Put a resistor, with a capacitor beside it, in one electrode's lead (``series_network``).

        From now on; 0 ohm takes it out.
        """
        ...


@dataclass(frozen=True)
class LinkStatistics:
    """What the link layer counted, board to computer, since the connection began."""

    events: int = 0
    pdus: int = 0
    retransmissions: int = 0
    crc_errors: int = 0
    payload_bytes: int = 0


class Radio(Protocol):
    """The computer's end of the link: backend classes for bleak, and what the rig knows of it."""

    @property
    def scanner_backend(self) -> type[BaseBleakScanner] | None:
        """Bleak's scanner backend, or None for the operating system's."""
        ...

    @property
    def client_backend(self) -> type[BaseBleakClient] | None:
        """Bleak's client backend, or None for the operating system's."""
        ...

    async def set_link(
        self, *, phy: int, interval_ms: float, octets: int = 251
    ) -> LinkParameters | None:
        """Ask for PHY, interval and data length, now and for later connections (``link_control``).

        Returns
        -------
        LinkParameters or None
            What the connection has been negotiated to, if there is one.
        """
        ...

    def link_parameters(self) -> LinkParameters | None:
        """Return what was really negotiated, or None where nobody can tell."""
        ...

    def statistics(self) -> LinkStatistics | None:
        """Return the link layer's counters, or None where nobody can tell."""
        ...


class Processor(Protocol):
    """A processor that is a model, and may be a slower one (bench with ``processor``)."""

    @property
    def spread(self) -> float:
        """Factor of one sigma by which a real one may be slower, or faster, than the model."""
        ...

    def restart(self, factor: float) -> None:
        """Reset the board; from then on everything takes the processor `factor` times as long.

        It stays so over other resets, until the next call: one with 1 ends it. A factor below 1
        makes it faster.
        """
        ...

    def rules(self) -> RuleCheck:
        """Return what was seen of the front ends' data sheets being followed since `restart`."""
        ...


class Faults(Protocol):
    """Things that go wrong on purpose (bench with ``faults``)."""

    def packet_error_rate(self, probability: float) -> None:
        """Lose or corrupt this fraction of packets, in both directions."""
        ...

    def central_vanishes(self) -> None:
        """Take the computer's radio out of reach without a goodbye."""
        ...

    def central_returns(self) -> None:
        """Bring it back."""
        ...

    def afe_lost(self) -> None:
        """Make the front end stop converting (no DRDY any more)."""
        ...

    def afe_restored(self) -> None:
        """Let it work again."""
        ...

    def afe_identity(self, identity: int | None) -> None:
        """Let the front end answer with this ID; None for its own."""
        ...

    def keep_default_mtu(self, keep: bool) -> None:
        """Let the computer stay at an ATT MTU of 23."""
        ...

    def lead_off(self, channel: str) -> None:
        """Disconnect an electrode."""
        ...

    def electrode(self, channel: str, impedance_ohm: float) -> None:
        """Give an electrode this impedance, in ohms."""
        ...

    def leak(self, current_a: float) -> None:
        """Draw a constant current from the digital rail."""
        ...

    def battery(self, volts: float) -> None:
        """Give the cell this open-circuit voltage, in volts."""
        ...

    def hang(self) -> None:
        """Let the firmware stop where it is; a watchdog that it has started will bite."""
        ...

    def brown_out(self) -> None:
        """Take the power away and give it back, for long enough that the board notices."""
        ...

    def clock_drift(self, ppm: float) -> None:
        """Let the oscillator behind the board's conversions run fast by so many parts per million.

        From the next START on, compared with what it does by itself.
        """
        ...


@dataclass(frozen=True)
class BrokenRule:
    """A rule of a part's data sheet that the firmware has broken.

    Attributes
    ----------
    part : str
        Name of the part.
    says, source : str
        What firmware has to do, and where that is written.
    count : int
        How often it did not.
    """

    part: str
    says: str
    source: str
    count: int

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count} times"
        return f"{self.part}, {times}: {self.says} ({self.source})"


@dataclass(frozen=True)
class RuleCheck:
    """What was seen of the firmware's dealings with the board's front ends.

    Attributes
    ----------
    exchanges : int
        Transfers with them.
    broken : tuple of BrokenRule
    """

    exchanges: int
    broken: tuple[BrokenRule, ...]

    @property
    def count(self) -> int:
        """How often rules were broken, all in all."""
        return sum(rule.count for rule in self.broken)

    def since(self, earlier: RuleCheck) -> RuleCheck:
        """Return what was seen after an earlier check of the same board."""
        seen = {replace(rule, count=0): rule.count for rule in earlier.broken}
        later = [
            replace(rule, count=rule.count - seen.get(replace(rule, count=0), 0))
            for rule in self.broken
        ]
        return RuleCheck(
            self.exchanges - earlier.exchanges, tuple(rule for rule in later if rule.count)
        )


@dataclass(frozen=True)
class Seen:
    """What a bench saw of the firmware, from when it was set up until it was taken down.

    Attributes
    ----------
    rules : RuleCheck or None
        None where nobody can tell.
    notes : tuple of str
        Crashes, hangs, what no model answers.
    """

    rules: RuleCheck | None
    notes: tuple[str, ...] = ()


@dataclass
class Bench:
    """A board on a bench.

    Attributes
    ----------
    name : str
        Of the bench, for results.
    board : Board
        What the board is.
    clock : Clock
    probe : str
        Id of the debug probe, as pyOCD knows it.
    console : str
        Serial URL of the board's console.
    radio : Radio
    power : PowerMeter
    source : SignalSource
    light : SignalSource or None
        The same for the photodiodes, in amperes; None for a board without, and on a bench that
        plays nothing to them (``light``).
    faults : Faults or None
    processor : Processor or None
        None on a bench of hardware: its processor is what it is.
    capabilities : frozenset of str
    provenance : {"measured", "simulated"}
        Of every figure taken on this bench.
    run : callable
        Runs a coroutine to its end on the bench's event loop.
    reset : callable
        Resets the board, as its reset pin would.
    flash_clock_ns : callable
        Clock that passes while the board is flashed, in nanoseconds.
    rules : callable or None
        Returns what was seen so far of the front ends' data sheets being followed, but for the time
        that `processor` was another than it is; None where nobody can tell.
    firmware_dir : Path or None
        Sources to build the image from; None for the ones that come with eegrig.
    runtime : Path or None
        MicroPython to flash besides, which the board then runs; None leaves it as it is.
    mode : {"fast", "exact"} or None
        How a virtual board runs its firmware; None on a bench of hardware.
    rests_on : tuple of Assumed
        What the bench's own models assume.
    notes : callable
        Returns what is to be told of the firmware so far: crashes, hangs, what no model answers.
    stranger : Stranger or None
        Another central, which has never met the board; None where the bench has none.
    seed : int
        Of everything random on the bench.
    """

    name: str
    board: Board
    clock: Clock
    probe: str
    console: str
    radio: Radio
    power: PowerMeter
    source: SignalSource
    faults: Faults | None
    capabilities: frozenset[str]
    provenance: Literal["measured", "simulated"]
    run: Callable[[Coroutine[Any, Any, T]], T]
    reset: Callable[[], None]
    flash_clock_ns: Callable[[], int]
    rules: Callable[[], RuleCheck] | None = None
    processor: Processor | None = None
    stranger: Stranger | None = None
    light: SignalSource | None = None
    seed: int = 0
    firmware_dir: Path | None = None
    runtime: Path | None = None
    mode: Literal["fast", "exact"] | None = None
    rests_on: tuple[Assumed, ...] = ()
    notes: Callable[[], Sequence[str]] = tuple
