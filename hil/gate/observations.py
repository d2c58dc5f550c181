"""What the gate judges: figures as they were seen in several runs of one board on one bench.

Run folders give it (`from_folders`); so can whatever else keeps runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from eegrig.boards.errors import ConfigError
from eegrig.boards.figures import Catalogue
from eegrig.hil.figures.catalogue import expect
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.results import FILE_NAME, Results

__all__ = [
    "LEAST_SCHEMA",
    "Observation",
    "Setting",
    "Taken",
    "check_alike",
    "check_asked",
    "from_folders",
    "from_results",
    "last_runs",
    "setting_of",
]

LEAST_SCHEMA = 2
"""Results of schema 1 do not say what was wrong while a figure was taken."""

_CONDITIONS = ("seconds", "battery_v", "packet_error_rate")
"""Set by whoever asks for the run. Others, such as link parameters, the firmware has a part in."""


class Observation(NamedTuple):
    """A figure in one run.

    Attributes
    ----------
    value : float
        In `unit`, finite.
    uncertainty : float or None
        Standard uncertainty in `unit`.
    unit : str
        SI unit without a prefix.
    seed : int
        Of the run.
    commit : str
        Of the firmware; empty where nobody said.
    when : str
        ISO 8601 time at which the run began.
    image : str
        Hash of the firmware's image; empty where nobody said.
    """

    value: float
    uncertainty: float | None
    unit: str
    seed: int
    commit: str = ""
    when: str = ""
    image: str = ""


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What runs must have in common to be compared.

    Attributes
    ----------
    board : str
        Its name.
    bench : str
        Name of the rig's bench.
    virtual : bool
        Whether it is made of models: then runs with one seed make a pair.
    signal : str
        What was played into the electrodes.
    runtime : str
        Port, build and mode of MicroPython.
    """

    board: str
    bench: str
    virtual: bool
    signal: str = ""
    runtime: str = ""


@dataclass(frozen=True)
class Taken:
    """Figures of several runs.

    Attributes
    ----------
    setting : Setting
    series : mapping of str to sequence of Observation
        By the figure's name, in the order of the runs.
    n_runs : int
    images : tuple of str
        Hashes of the firmware images that ran, each once.
    versions : tuple of str
        Of these firmwares, each once.
    unsound : mapping of str to str
        Figures that a run took under conditions in which they do not count, and why.
    limits : mapping of str to float
        Magnitudes of the board's limits.
    conditions : mapping of str to mapping
        What a figure was asked for with: seconds and the like, where it says so.
    """

    setting: Setting
    series: Mapping[str, Sequence[Observation]]
    n_runs: int
    images: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    unsound: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    conditions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def from_folders(
    folders: Sequence[Path], catalogue: Catalogue, *, one_image: bool = True, commit: str = ""
) -> Taken:
    """Read runs.

    Parameters
    ----------
    folders : sequence of Path
        Of runs, or of folders that hold runs (``eegrig hil run --repeat``).
    catalogue : Catalogue
        The figures there are.
    one_image, commit
        As in `from_results`.

    Raises
    ------
    boards.errors.ConfigError
        If there is no run, one cannot be read, or they do not belong together.
    """
    places = [place for folder in folders for place in _runs_in(folder)]
    for place in places:
        _check_schema(place / FILE_NAME)
    runs = [(str(place), Results.load(place)) for place in places]
    return from_results(runs, catalogue, one_image=one_image, commit=commit)


def from_results(
    runs: Sequence[tuple[str, Results]],
    catalogue: Catalogue,
    *,
    one_image: bool = True,
    commit: str = "",
) -> Taken:
    """Return the figures of runs, in the order in which they began.

    Parameters
    ----------
    runs : sequence of tuple
        A name for messages, and the results.
    catalogue : Catalogue
        The figures there are.
    one_image : bool
        Whether all must have run one firmware.
    commit : str
        Of that firmware, if it is known.

    Raises
    ------
    boards.errors.ConfigError
        If they are of different boards, benches, signals or runtimes, a run is there twice, or a
        figure is not one of the catalogue.
    """
    if not runs:
        raise ConfigError("no runs to look at: give folders of runs")
    runs = sorted(runs, key=lambda run: run[1].started_at or "")
    setting = _common([(name, setting_of(results)) for name, results in runs])
    _check_each_once(runs, setting, one_image=one_image)
    series: dict[str, list[Observation]] = {}
    unsound: dict[str, str] = {}
    limits: dict[str, float] = {}
    conditions: dict[str, dict[str, float]] = {}
    for name, results in runs:
        for figure in results.figures:
            try:
                expect(catalogue, figure.name, figure.unit)
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None
            if why := _why_unsound(figure, results):
                unsound.setdefault(figure.name, f"{name}: {why}")
                continue
            assert figure.value is not None
            seen = Observation(
                figure.value, figure.uncertainty, figure.unit, results.seed, commit,
                results.started_at or "",
                results.firmware.image_hash if results.firmware is not None else "",
            )  # fmt: skip
            series.setdefault(figure.name, []).append(seen)
            if figure.limit is not None:
                limits[figure.name] = abs(figure.limit)
            asked = _asked(figure)
            if conditions.setdefault(figure.name, asked) != asked:
                raise ConfigError(
                    f"{name}: {figure.name} was taken with {_words(asked)}, in a run before with "
                    f"{_words(conditions[figure.name])}: compare runs that were asked for alike"
                )
    checks = [results.firmware for _, results in runs if results.firmware is not None]
    return Taken(
        setting=setting,
        series=series,
        n_runs=len(runs),
        images=tuple(dict.fromkeys(check.image_hash for check in checks)),
        versions=tuple(dict.fromkeys(check.version for check in checks)),
        unsound=unsound,
        limits=limits,
        conditions=conditions,
    )


def last_runs(before: Taken, new: Taken, n_runs: int) -> Taken:
    """Return the last runs that were before: a baseline that moves along.

    Parameters
    ----------
    before : Taken
        Runs, of which some may be those of `new`: they do not count.
    new : Taken
    n_runs : int
        How many, of a real bench; of a virtual one all, for they are told apart by their seeds.
    """
    own = {(each.when, each.seed, each.image) for seen in new.series.values() for each in seen}
    series = {
        name: [each for each in seen if (each.when, each.seed, each.image) not in own]
        for name, seen in before.series.items()
    }
    if not before.setting.virtual:
        series = {name: seen[-n_runs:] for name, seen in series.items()}
    longest = max(map(len, series.values()), default=0)
    return replace(before, series=series, n_runs=longest)


def setting_of(results: Results) -> Setting:
    """Return what a run has to have in common with those it is compared with."""
    build = results.runtime
    runs_on = () if build is None else (build.port, build.build, build.mode)
    return Setting(
        board=results.board,
        bench=results.bench,
        virtual=all(figure.provenance != "measured" for figure in results.figures),
        signal=results.signal,
        runtime=" ".join(filter(None, runs_on)),
    )


def check_alike(name: str, found: Setting, what: str, wanted: Setting) -> None:
    """Refuse to compare runs of one setting with those of another.

    Parameters
    ----------
    name : str
        Of what has the setting `found`.
    found : Setting
    what : str
        Of what has the setting `wanted`.
    wanted : Setting

    Raises
    ------
    boards.errors.ConfigError
        That says in what they differ.
    """
    for key, word in _WORDS.items():
        has, should = getattr(found, key), getattr(wanted, key)
        if has != should:
            raise ConfigError(
                f"{name} is of {word} {_shown(has)}, {what} of {word} {_shown(should)}: "
                "only runs alike can be compared"
            )


_WORDS = {
    "board": "board",
    "bench": "rig",
    "virtual": "a virtual bench:",
    "signal": "signal",
    "runtime": "runtime",
}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value!r}"


def _runs_in(folder: Path) -> list[Path]:
    if (folder / FILE_NAME).exists():
        return [folder]
    inside = sorted(path.parent for path in folder.glob(f"*/{FILE_NAME}"))
    if not inside:
        raise ConfigError(f"{folder}: no run in it, nor in a folder of it; give folders of runs")
    return inside


def _check_schema(path: Path) -> None:
    class Head(msgspec.Struct):
        schema: int = LEAST_SCHEMA

    try:
        head = msgspec.json.decode(path.read_bytes(), type=Head)
    except (OSError, msgspec.DecodeError):
        return  # whoever loads it says what is wrong
    if head.schema < LEAST_SCHEMA:
        raise ConfigError(
            f"{path} is of schema {head.schema}, which does not say what was wrong while a figure "
            "was taken: run again"
        )


def _common(settings: Sequence[tuple[str, Setting]]) -> Setting:
    (first, wanted), *others = settings
    for name, setting in others:
        check_alike(name, setting, first, wanted)
    return wanted


def _check_each_once(
    runs: Sequence[tuple[str, Results]], setting: Setting, *, one_image: bool
) -> None:
    seen: dict[object, str] = {}
    image = ""
    for name, results in runs:
        found = results.firmware.image_hash if results.firmware is not None else ""
        if one_image and image and found and found != image:
            raise ConfigError(
                f"{name} is of firmware {found[:12]}, {next(iter(seen.values()))} of {image[:12]}: "
                "give runs of one firmware"
            )
        image = image or found
        # A virtual bench repeats itself: one seed is one observation, however often it runs.
        key: object = (results.digest(), results.started_at)
        what = "is the run of"
        if setting.virtual and one_image:
            key, what = (found, results.seed), f"has seed {results.seed}, as has"
        if key in seen:
            raise ConfigError(f"{name} {what} {seen[key]}: give each run once")
        seen[key] = name


def _why_unsound(figure: Figure, results: Results) -> str:
    if results.firmware is not None and not results.firmware.matches:
        return "the board ran another firmware than was asked for"
    if figure.value is None:
        return figure.note or "no value was obtained"
    flags = figure.flags
    why: Iterable[tuple[object, str]] = (
        (flags.lost, f"{flags.lost} samples were lost"),
        (flags.saturated, "something was out of range"),
        (flags.short_window, "its window was too short"),
        (flags.other_firmware, "the board ran another firmware than was asked for"),
        (flags.signal_fault, flags.signal_fault),
        (flags.failed_test, f"its test failed: {flags.failed_test}"),
    )
    return next((words for flag, words in why if flag), "")


def _asked(figure: Figure) -> dict[str, float]:
    return {
        key: float(value)
        for key, value in figure.conditions.items()
        if key in _CONDITIONS and isinstance(value, int | float)
    }


def _words(asked: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in sorted(asked.items())) or "nothing said"


def check_asked(taken: Taken, wanted: Mapping[str, Mapping[str, float]]) -> None:
    """Refuse figures that were asked for in another way than those they are held against.

    Raises
    ------
    boards.errors.ConfigError
        That names the first one.
    """
    for name, asked in taken.conditions.items():
        if name in wanted and wanted[name] != asked:
            raise ConfigError(
                f"{name} was taken with {_words(asked)}, in its baseline with "
                f"{_words(wanted[name])}: run again with what the baseline had"
            )
