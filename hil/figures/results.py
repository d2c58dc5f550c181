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
from eegrig.boards.schema import Target
from eegrig.boards.whole_file import write_whole
from eegrig.hil.figures.account import Attempt, Because, NotMeasured, RunTest, Stop
from eegrig.hil.figures.assumptions import Assumption, rest
from eegrig.hil.figures.consistency import contradiction
from eegrig.hil.figures.earlier_schemas import upgraded
from eegrig.hil.figures.figure import Figure, Scalar
from eegrig.hil.figures.identity import FirmwareCheck, RuntimeBuild
from eegrig.hil.figures.verdict import Flags, RunVerdict, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eegrig.boards.ports import Runtime

__all__ = [
    "FILE_NAME",
    "SCHEMA_VERSION",
    "FirmwareCheck",
    "NotMeasured",
    "Results",
    "ResultsError",
    "RuntimeBuild",
]

SCHEMA_VERSION = 3
FILE_NAME = "results.json"

_WORST_FIRST: tuple[Verdict, ...] = ("fail", "inconclusive", "marginal", "pass")


class ResultsError(ConfigError):
    """A results file cannot be read, or a figure does not fit in it."""


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
    targets : dict of str to Target
        All that the board promised when it was tested, by name: what the figures are held against.
    limits : dict of str to Target
        Limits that hold for every board, of the figures that were taken and are none of `targets`.
    tests : list of RunTest
        In the order they ended.
    figures : list of Figure
        In the order they were taken.
    assumptions : list of Assumption
    not_measured : list of NotMeasured
    part_of : int or None
        How many targets the board has, in a run that took a part of them; None for one of all.
    stopped : Stop or None
        Why the run ended early; None for one that came to its end.
    facts : list of str
        What a reader has to know before any figure, each with its reason.
    attempts : list of Attempt
        What was tried with the board, and what came of each.
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
    targets: dict[str, Target] = {}
    limits: dict[str, Target] = {}
    tests: list[RunTest] = []
    figures: list[Figure] = []
    assumptions: list[Assumption] = []
    not_measured: list[NotMeasured] = []
    part_of: int | None = None
    stopped: Stop | None = None
    facts: list[str] = []
    attempts: list[Attempt] = []
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
        failed_test: str = "",
        everywhere: Target | None = None,
    ) -> Figure:
        """Judge a figure and add it; see `Figure` and `Flags` for the fields.

        Parameters
        ----------
        identity_ok : bool, optional
            Whether the board runs the firmware asked for; by default, what `firmware` says.
        window_ok : bool
            Whether the stretch was long enough for the figure.
        everywhere : Target or None
            A limit that holds for every board, where this one promises nothing.

        Raises
        ------
        ResultsError
            If the unit is not the one of the target, or the name was used before.
        """
        if identity_ok is None:
            identity_ok = self.firmware is None or self.firmware.matches
        if value is not None and not math.isfinite(value):
            value = None
        flags = Flags(
            lost=int(lost),
            saturated=bool(saturated),
            short_window=not window_ok,
            other_firmware=not identity_ok,
            signal_fault=signal_fault,
            failed_test=failed_test,
        )
        if everywhere is not None and name not in self.targets:
            self.limits[name] = everywhere
        target = self.limit_of(name)
        if target is not None and target.unit != unit:
            raise ResultsError(
                f"figure {name} is in {unit}, its target in board {self.board} in {target.unit}: "
                f'write [targets."{name}"] in {unit}'
            )
        verdict, why = judge(target, value, uncertainty, n, flags)
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
                flags=flags,
                conditions=conditions or {},
                reason=target.reason if target else "",
                note="; ".join(part for part in (why, note) if part),
            )
        )

    def limit_of(self, name: str) -> Target | None:
        """Return what a figure is held against: a promise, or a limit for every board, or None."""
        return self.targets.get(name) or self.limits.get(name)

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

    def omit(self, what: str, why: str, because: Because = "") -> None:
        """Say that something was not measured, and why; each once.

        Parameters
        ----------
        what, why, because : str
            As in `NotMeasured`; a target that is left out without a word was skipped.
        """
        if not because and what in self.targets:
            because = "skipped"
        if all(entry.what != what or entry.why != why for entry in self.not_measured):
            self.not_measured.append(NotMeasured(what=what, why=why, because=because))

    def tell(self, fact: str) -> None:
        """Say something that a reader has to know before any figure; each once."""
        if fact not in self.facts:
            self.facts.append(fact)

    def stop(self, reason: str, exit_code: int = 1) -> None:
        """Say that the run ends before its tests do; the first reason given counts.

        Its verdict is inconclusive, unless something has failed already, and `close` lists the
        targets that were not taken as stopped.

        Parameters
        ----------
        reason : str
            Why, in one line: "it was interrupted", or what an error says.
        exit_code : int
            Of the command that ends with this run; not 0.
        """
        if exit_code == 0:
            raise ValueError("a run that was stopped has no exit code 0")
        if self.stopped is None:
            self.stopped = Stop(reason=" ".join(reason.split()), exit_code=exit_code)

    def close(
        self,
        *,
        provenance: Literal["measured", "simulated", "modelled"],
        partial: bool = False,
    ) -> None:
        """Account for the targets nobody measured.

        One whose test was skipped, that the selection of a `partial` run left out, or that the run
        ended before (`stop`) is listed as not measured, with the reason. Any other is an
        inconclusive figure: a test that never ran cannot pass.
        """
        accounted = {figure.name for figure in self.figures}
        accounted |= {entry.what for entry in self.not_measured}
        skips = {
            name: test.reason
            for test in self.tests
            if test.outcome == "skipped"
            for name in test.figures
        }
        for name, target in self.targets.items():
            if name in accounted:
                continue
            if name in skips:
                self.omit(name, skips[name], "skipped")
            elif self.stopped is not None:
                self.omit(name, f"the run ended before: {self.stopped.reason}", "stopped")
            elif partial:
                self.omit(name, "left out of this run by its selection of tests", "not selected")
            else:
                nothing: dict[str, Any] = {"uncertainty": None, "n": 0}
                self.record(name, None, target.unit, provenance=provenance, **nothing)
        left_out = {entry.what for entry in self.not_measured if entry.because != "stopped"}
        if partial or left_out & self.targets.keys():
            self.part_of = len(self.targets)

    def distrust(self, name: str, failed_test: str) -> None:
        """Do not let a figure count for its target: its test failed as `failed_test` says."""
        for index, figure in enumerate(self.figures):
            if figure.name != name:
                continue
            flags = msgspec.structs.replace(figure.flags, failed_test=failed_test)
            verdict, why = judge(
                self.limit_of(name), figure.value, figure.uncertainty, figure.n, flags
            )
            self.figures[index] = msgspec.structs.replace(
                figure, verdict=verdict, flags=flags, note=why
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
        """The worst verdict of any figure or test.

        It is inconclusive, if nothing failed, where nothing was judged, the run was stopped or the
        firmware is wrong. A run that took a part of its targets passes nothing: it is ``part`` if
        all that it took is met.
        """
        judged = {figure.verdict for figure in self.figures} - {None}
        found = judged | {test.verdict for test in self.tests} - {None}
        wrong = self.firmware is not None and not self.firmware.matches
        if not judged or wrong or self.stopped is not None:
            found.add("inconclusive")
        worst = next(verdict for verdict in _WORST_FIRST if verdict in found)
        return "part" if self.part_of is not None and worst in ("marginal", "pass") else worst

    @property
    def exit_code(self) -> int:
        """Exit code of a command that ends with this run: 0 if all that it took is met, else 1.

        A run that was stopped has that of its stop.
        """
        if self.stopped is not None:
            return self.stopped.exit_code
        return 0 if self.verdict in ("pass", "marginal", "part") else 1

    def digest(self) -> str:
        """Return a SHA-256 over everything but the time of day, in hex.

        Two runs with one seed have the same digest, whatever Python and numpy they are of: numbers
        count to ten digits, and the order in which sums were taken shows in the last ones of
        sixteen.
        """
        content: dict[str, Any] = _to_ten_digits(msgspec.to_builtins(self))
        del content["started_at"]
        for test in content["tests"]:
            del test["seconds"]
        # A run without them keeps the digest it had before there were any.
        for often_empty in ("notes", "limits", "facts", "attempts"):
            if not content[often_empty]:
                del content[often_empty]
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
        """Read ``results.json`` of a run, of this schema or an earlier one.

        Verdicts are worked out again, from the values, flags and limits in the file.

        Raises
        ------
        ResultsError
            If there is none, it is broken or of a layout this version does not know, or what it
            says of verdicts does not follow from the rest of it.
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
        if found not in range(1, SCHEMA_VERSION + 1):
            raise ResultsError(
                f"{path} has schema {found}, this eegrig reads 1 to {SCHEMA_VERSION}; "
                "use the eegrig that wrote it, or run again"
            )
        # Derived fields, there for readers of the file.
        said = content.pop("verdict", None), content.pop("exit_code", None)
        try:
            results = msgspec.convert(upgraded(content), cls)
        except (msgspec.ValidationError, ValueError) as error:
            raise ResultsError(f"{path}: {error}; run again") from error
        why = contradiction(
            results.figures,
            targets=results.targets,
            limits=results.limits,
            tests=results.tests,
            not_measured=results.not_measured,
            part_of=results.part_of,
            stopped=results.stopped,
        )
        if why is None and said != (results.verdict, results.exit_code):
            why = (
                f"it says {said[0]} with exit code {said[1]}, and {results.verdict} with "
                f"{results.exit_code} follows from its figures and tests"
            )
        if why is not None:
            raise ResultsError(
                f"{path} contradicts itself: {why}; it was changed since it was written: run again"
            )
        return results


def _to_ten_digits(content: Any) -> Any:
    """Return plain data with every float in it rounded."""
    if isinstance(content, float):
        return float(f"{content:.10g}") + 0.0  # -0.0 is 0.0
    if isinstance(content, dict):
        return {key: _to_ten_digits(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_to_ten_digits(value) for value in content]
    return content
