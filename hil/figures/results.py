"""What a run leaves behind: figures held against a board's targets, and everything they rest on.

A run is a folder; ``results.json`` in it is one `Results`. The names of figures and the schema are
described in ``docs/results.md``.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from eegrig.boards.assumed import Assumed
from eegrig.boards.errors import ConfigError
from eegrig.boards.whole_file import write_whole
from eegrig.hil.figures.assumptions import Assumption, rest
from eegrig.hil.figures.figure import Figure, Scalar
from eegrig.hil.figures.verdict import RunVerdict, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eegrig.boards.ports import Runtime
    from eegrig.boards.schema import Board

__all__ = [
    "FILE_NAME",
    "SCHEMA_VERSION",
    "FirmwareCheck",
    "NotMeasured",
    "Results",
    "ResultsError",
    "RuntimeBuild",
]

SCHEMA_VERSION = 2
FILE_NAME = "results.json"

_WORST_FIRST: tuple[Verdict, ...] = ("fail", "inconclusive", "marginal", "pass")


class ResultsError(ConfigError):
    """A results file cannot be read, or a figure does not fit in it."""


class FirmwareCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which firmware answered, and which was asked for.

    Attributes
    ----------
    version, image_hash : str
        As read back from the board.
    expected_hash : str
        Of the image that was flashed; empty where the run took the board as it was.
    """

    version: str
    image_hash: str
    expected_hash: str = ""

    @property
    def matches(self) -> bool:
        """Whether the board runs the image it was given (hashes may be shortened)."""
        if not self.expected_hash:
            return True
        length = min(len(self.image_hash), len(self.expected_hash))
        return length >= 8 and self.image_hash[:length] == self.expected_hash[:length]


class RuntimeBuild(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which build of MicroPython the board is for.

    Attributes
    ----------
    port, build : str
        Names of port and stock build (``docs/ports.md``).
    options : dict
        Options of the build beyond stock; without any it is the stock build.
    mode : str
        How a virtual board ran it: ``"fast"``, in a model of it, or ``"exact"``, itself; empty on
        hardware, and in runs of before there were two.
    sha256 : str
        Of the runtime that was flashed, if one was.
    """

    port: str
    build: str
    options: dict[str, Scalar] = {}
    mode: str = ""
    sha256: str = ""

    @property
    def beyond_stock(self) -> str:
        """What it has beyond the stock build, in words; empty if nothing."""
        return ", ".join(
            name if value is True else f"{name} = {value}" for name, value in self.options.items()
        )


class NotMeasured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something a reader might expect, and why it is not there."""

    what: str
    why: str


class Results(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything one run found out.

    Attributes
    ----------
    board, board_title : str
        Name and title of the board.
    bench : str
        Name of the bench.
    firmware : FirmwareCheck or None
        Read back from the board; None before it was.
    runtime : RuntimeBuild or None
        What the board says it runs; None in runs of before it had to say so.
    seed : int
        Of everything random on the bench.
    started_at : str or None
        ISO 8601 wall-clock time, given by the caller; not part of `digest`.
    signal : str
        What was played into the electrodes.
    link : dict
        Link parameters that were really negotiated.
    figures : list of Figure
        In the order they were taken.
    assumptions : list of Assumption
    not_measured : list of NotMeasured
    part_of : int or None
        How many targets the board has, in a run of a part of the tests; None for one of all.
    notes : list of str
        What the bench has to say of the firmware; of several lines the first says it all.
    schema : int
        Version of this layout.
    """

    board: str
    bench: str
    board_title: str = ""
    firmware: FirmwareCheck | None = None
    runtime: RuntimeBuild | None = None
    seed: int = 0
    started_at: str | None = None
    signal: str = ""
    link: dict[str, Scalar] = {}
    figures: list[Figure] = []
    assumptions: list[Assumption] = []
    not_measured: list[NotMeasured] = []
    part_of: int | None = None
    notes: list[str] = []
    schema: int = SCHEMA_VERSION

    def add(self, figure: Figure) -> Figure:
        """Add a figure.

        Raises
        ------
        ResultsError
            If there is one of that name already.
        """
        if any(figure.name == other.name for other in self.figures):
            raise ResultsError(f"figure {figure.name} is there already; give each its own name")
        self.figures.append(figure)
        return figure

    def record(
        self,
        board: Board,
        name: str,
        value: float | None,
        unit: str,
        *,
        uncertainty: float | None,
        n: int,
        provenance: Literal["measured", "simulated", "modelled"],
        conditions: dict[str, Scalar] | None = None,
        note: str = "",
        lost: int = 0,
        saturated: bool = False,
        signal_fault: str = "",
        identity_ok: bool | None = None,
        window_ok: bool = True,
    ) -> Figure:
        """Judge a figure and add it; see `Figure` for the fields and `judge` for the flags.

        Parameters
        ----------
        identity_ok : bool, optional
            By default, what `firmware` says.

        Raises
        ------
        ResultsError
            If the unit is not the one of the board's target, or the name was used before.
        """
        if identity_ok is None:
            identity_ok = self.firmware is None or self.firmware.matches
        if value is not None and not math.isfinite(value):
            value = None
        verdict, why, target = judge(
            board,
            name,
            value,
            uncertainty,
            n,
            lost=lost,
            saturated=saturated,
            signal_fault=signal_fault,
            identity_ok=identity_ok,
            window_ok=window_ok,
        )
        if target is not None and target.unit != unit:
            raise ResultsError(
                f"figure {name} is in {unit}, its target in board {board.name} in {target.unit}: "
                f'write [targets."{name}"] in {unit}'
            )
        return self.add(
            Figure(
                name=name,
                value=None if value is None else float(value),
                unit=unit,
                uncertainty=None if uncertainty is None else float(uncertainty),
                n=int(n),
                provenance=provenance,
                limit=target.limit if target else None,
                kind=target.kind if target else None,
                verdict=verdict,
                conditions=conditions or {},
                reason=target.reason if target else "",
                note="; ".join(part for part in (why, note) if part),
            )
        )

    def assume(self, facts: Iterable[Assumed]) -> None:
        """Add facts that figures rest on, each once."""
        for fact in facts:
            rest(self.assumptions, fact, {})

    def assume_in(self, mode: str, shares: Mapping[Assumed, float]) -> None:
        """Add facts that the energy of a mode rests on, each with its part of that energy."""
        for fact, share in shares.items():
            rest(self.assumptions, fact, {mode: share})

    def note_runtime(self, sha256: str) -> None:
        """Take note of which runtime was flashed."""
        if self.runtime is not None:
            self.runtime = msgspec.structs.replace(self.runtime, sha256=sha256)

    def rest_on(self, runtime: Runtime, *, modelled: bool, mode: str = "") -> None:
        """Take note of the runtime a board is for.

        Parameters
        ----------
        runtime : Runtime
        modelled : bool
            Whether the board is a model made of what is said of the runtime: then the figures rest
            on what is assumed of its Bluetooth, its heap and how it starts.
        mode : str
            As in `RuntimeBuild`.
        """
        self.runtime = RuntimeBuild(
            port=runtime.port, build=runtime.build, options=dict(runtime.options), mode=mode
        )
        if modelled:
            rows = runtime.assumed("bluetooth", "memory", "system")
            rows.pop("system.download", None)  # no figure rests on where builds are offered
            for key, row in rows.items():
                value = ", ".join(row.value) if isinstance(row.value, list) else row.value
                fact = Assumed(part=runtime.build, key=key, value=value, source=row.assumed or "")
                self.assume([fact])

    def omit(self, what: str, why: str) -> None:
        """Say that something was not measured, and why; each once."""
        entry = NotMeasured(what=what, why=why)
        if entry not in self.not_measured:
            self.not_measured.append(entry)

    def close(
        self,
        board: Board,
        *,
        provenance: Literal["measured", "simulated", "modelled"],
        partial: bool = False,
    ) -> None:
        """Account for the targets nobody measured.

        A target without a figure is inconclusive, so that a test that never ran cannot pass. In a
        run that was told to be `partial` it is listed as not measured instead, and so is one that
        was left out with `omit`.
        """
        if partial:
            self.part_of = len(board.targets)
        accounted = {figure.name for figure in self.figures}
        accounted |= {entry.what for entry in self.not_measured}
        for name, target in board.targets.items():
            if name in accounted:
                continue
            if partial:
                self.omit(name, "left out of this run by its selection of tests")
                continue
            self.record(
                board,
                name,
                None,
                target.unit,
                uncertainty=None,
                n=0,
                provenance=provenance,
            )

    def distrust(self, name: str, note: str) -> None:
        """Make a figure that met its target inconclusive, because of what `note` says."""
        for index, figure in enumerate(self.figures):
            if figure.name == name and figure.verdict in ("pass", "marginal"):
                self.figures[index] = msgspec.structs.replace(
                    figure, verdict="inconclusive", note=note
                )

    def figure(self, name: str) -> Figure | None:
        """Return the figure of that name, or None."""
        return next((figure for figure in self.figures if figure.name == name), None)

    @property
    def met(self) -> int:
        """How many figures meet their targets."""
        return sum(figure.verdict in ("pass", "marginal") for figure in self.figures)

    @property
    def verdict(self) -> RunVerdict:
        """The worst verdict of all; inconclusive if nothing was judged or the firmware is wrong.

        A run of a part of the tests passes nothing: it is ``part`` if all that it took is met.
        """
        found = {figure.verdict for figure in self.figures} - {None}
        if not found or (self.firmware is not None and not self.firmware.matches):
            found.add("inconclusive")
        worst = next(verdict for verdict in _WORST_FIRST if verdict in found)
        return "part" if self.part_of is not None and worst in ("marginal", "pass") else worst

    @property
    def exit_code(self) -> int:
        """Exit code of a command that ends with this run: 0 if all that it took is met, else 1."""
        return 0 if self.verdict in ("pass", "marginal", "part") else 1

    def digest(self) -> str:
        """Return a SHA-256 over everything but the time of day, in hex.

        Two runs with one seed have the same digest, whatever Python and numpy they are of: numbers
        count to ten digits, and the order in which sums were taken shows in the last ones of
        sixteen.
        """
        content: dict[str, Any] = _to_ten_digits(msgspec.to_builtins(self))
        del content["started_at"]
        if not self.notes:  # most runs have none, and keep the digest that they had before
            del content["notes"]
        return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()

    def to_json(self) -> bytes:
        """Return the content of ``results.json``, with the verdict and the exit code in front."""
        content = {
            "schema": self.schema,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            **msgspec.to_builtins(self),
        }
        return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"

    def save(self, directory: Path) -> Path:
        """Write ``results.json`` into `directory`, whole or not at all, and return its path."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / FILE_NAME
        write_whole(path, self.to_json())
        return path

    @classmethod
    def load(cls, directory: Path) -> Results:
        """Read ``results.json`` of a run.

        Raises
        ------
        ResultsError
            If there is none, or it is broken or of a layout this version does not know.
        """
        path = directory / FILE_NAME
        try:
            content = msgspec.json.decode(path.read_bytes())
        except OSError as error:
            raise ResultsError(
                f"{path}: {error.strerror or error}; give the folder of a finished run"
            ) from error
        except msgspec.DecodeError as error:
            raise ResultsError(f"{path} is no valid JSON ({error}); run again") from error
        found = content.get("schema") if isinstance(content, dict) else None
        if found != SCHEMA_VERSION:
            raise ResultsError(
                f"{path} has schema {found}, this eegrig reads {SCHEMA_VERSION}; "
                "use the eegrig that wrote it, or run again"
            )
        # Derived fields, there for readers of the file; worked out again here.
        content.pop("verdict", None)
        content.pop("exit_code", None)
        try:
            return msgspec.convert(content, cls)
        except msgspec.ValidationError as error:
            raise ResultsError(f"{path}: {error}; run again") from error


def _to_ten_digits(content: Any) -> Any:
    """Return plain data with every float in it rounded."""
    if isinstance(content, float):
        return float(f"{content:.10g}") + 0.0  # -0.0 is 0.0
    if isinstance(content, dict):
        return {key: _to_ten_digits(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_to_ten_digits(value) for value in content]
    return content
