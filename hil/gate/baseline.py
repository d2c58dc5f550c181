"""Baselines: runs that somebody accepted as good, in a file of the repository.

The file is TOML, made to be reviewed: who accepted what, when and why, and each value that later
runs are held against. What changes in it shows line by line in a pull request.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from eegrig.boards.errors import ConfigError
from eegrig.boards.figures import Catalogue
from eegrig.boards.files import read_toml
from eegrig.boards.whole_file import write_whole
from eegrig.hil.figures.catalogue import expect
from eegrig.hil.gate.observations import Observation, Setting, Taken, check_alike

__all__ = [
    "FOLDER",
    "MOST_RUNS",
    "AcceptedFigure",
    "Baseline",
    "Loaded",
    "accept",
    "baseline_path",
    "load_baselines",
    "read_baseline",
    "to_toml",
    "write_baseline",
]

FOLDER = Path("baselines")
"""Where baselines are, as seen from the folder a command is given in."""
MOST_RUNS = 100
"""Exact tests of more would take long, and tell no more."""

_SCHEMA = 1
_HEAD = """\
# Accepted with `eegrig gate accept`; later runs are held against it. Values are sorted by seed.
"""


class AcceptedFigure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure of a baseline.

    Attributes
    ----------
    unit : str
        SI unit without a prefix.
    seeds : list of int
        Of the runs that took it.
    values : list of float
        One for each of `seeds`, in `unit`.
    limit : float or None
        Magnitude of the board's limit, in `unit`.
    conditions : dict
        What it was asked for with: seconds and the like.
    """

    unit: Annotated[str, msgspec.Meta(min_length=1)]
    seeds: Annotated[list[int], msgspec.Meta(min_length=1, max_length=MOST_RUNS)]
    values: Annotated[list[float], msgspec.Meta(min_length=1, max_length=MOST_RUNS)]
    limit: float | None = None
    conditions: dict[str, float] = {}


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file of a baseline says.

    Attributes
    ----------
    reason, who, accepted_at : str
        Why it was accepted, by whom and when (ISO 8601).
    eegrig : str
        Version that took the runs in.
    commit : str
        Of the firmware; empty where nobody said.
    images, firmware : list of str
        Hashes of the images, and their versions.
    setting : Setting
    matters_from : dict of str to float
        From where on a change matters, relative, by figure or pattern; written by hand, and kept
        when other runs are accepted.
    figures : dict of str to AcceptedFigure
    schema : int
        Version of this layout.
    """

    reason: Annotated[str, msgspec.Meta(min_length=1)]
    who: Annotated[str, msgspec.Meta(min_length=1)]
    accepted_at: str
    eegrig: str
    commit: str = ""
    images: list[str] = []
    firmware: list[str] = []
    setting: Setting
    matters_from: dict[str, float] = {}
    figures: dict[str, AcceptedFigure]
    schema: Annotated[int, msgspec.Meta(ge=1)] = _SCHEMA


@dataclass(frozen=True)
class Loaded:
    """Baselines as the gate judges by them.

    Attributes
    ----------
    taken : Taken
        All figures of all files.
    words : tuple of str
        A line for each file: who accepted it, when and why.
    matters_from : mapping of str to float
        As in `Baseline`, of all files.
    """

    taken: Taken
    words: tuple[str, ...]
    matters_from: Mapping[str, float]


def baseline_path(setting: Setting, folder: Path = FOLDER) -> Path:
    """Return where the baseline of a setting is, where nobody names another place."""
    return folder / f"{setting.board}-{setting.bench}.toml"


def accept(
    taken: Taken, *, reason: str, who: str, accepted_at: str, eegrig: str, commit: str = ""
) -> Baseline:
    """Make a baseline of runs; figures that a run took under bad conditions are left out.

    Parameters
    ----------
    taken : Taken
    reason, who, accepted_at, eegrig, commit : str
        As in `Baseline`.

    Raises
    ------
    boards.errors.ConfigError
        If there is no reason or nobody who accepts it, no figure, or there are too many runs.
    """
    if not reason.strip():
        raise ConfigError("a baseline needs a reason: say with --reason why these runs are good")
    if not who.strip():
        raise ConfigError("a baseline needs somebody who accepts it: say with --who")
    if taken.n_runs > MOST_RUNS:
        raise ConfigError(f"{taken.n_runs} runs; a baseline has {MOST_RUNS} at most: give fewer")
    figures = {
        name: AcceptedFigure(
            unit=seen[0].unit,
            seeds=[each.seed for each in seen],
            values=[each.value for each in seen],
            limit=taken.limits.get(name),
            conditions=dict(taken.conditions.get(name, {})),
        )
        for name, observations in taken.series.items()
        if name not in taken.unsound and (seen := sorted(observations, key=lambda each: each.seed))
    }
    if not figures:
        raise ConfigError("no figure of these runs can be accepted: each was taken badly")
    return Baseline(
        reason=" ".join(reason.split()),
        who=who.strip(),
        accepted_at=accepted_at,
        eegrig=eegrig,
        commit=commit,
        images=list(taken.images),
        firmware=list(taken.versions),
        setting=taken.setting,
        figures=figures,
    )


def write_baseline(path: Path, baseline: Baseline) -> list[str]:
    """Write a baseline, whole or not at all, and return the figures that an older one had alone.

    Raises
    ------
    boards.errors.ConfigError
        If the file is there and is no baseline, or one of other boards, rigs or signals; or if it
        cannot be written.
    """
    gone: list[str] = []
    if path.exists():
        before = read_baseline(path)
        check_alike("what is accepted", baseline.setting, f"the baseline {path}", before.setting)
        gone = [name for name in before.figures if name not in baseline.figures]
        kept = {**before.matters_from, **baseline.matters_from}
        baseline = msgspec.structs.replace(baseline, matters_from=kept)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error
    write_whole(path, to_toml(baseline).encode())
    return gone


def read_baseline(path: Path) -> Baseline:
    """Read a baseline's file.

    Raises
    ------
    boards.errors.ConfigError
        If it is none, of a later version, or a value in it is not finite.
    """
    if not path.exists():
        raise ConfigError(
            f"{path}: no baseline there; accept good runs with: "
            'eegrig gate accept RUN_FOLDER... --reason "why"'
        )
    baseline = read_toml(path, Baseline)
    if baseline.schema != _SCHEMA:
        raise ConfigError(
            f"{path} has schema {baseline.schema}, this eegrig reads {_SCHEMA}: "
            "use the eegrig that wrote it"
        )
    for name, least in baseline.matters_from.items():
        if not (math.isfinite(least) and least >= 0):
            raise ConfigError(f"{path}: matters_from: {name}: {least} is no share: 0.01 is 1 %")
    for name, figure in baseline.figures.items():
        wrong = _fault(figure, baseline.setting)
        if wrong:
            raise ConfigError(f"{path}: {name}: {wrong}: accept it again")
    return baseline


def load_baselines(paths: Sequence[Path], catalogue: Catalogue) -> Loaded:
    """Read one baseline or several that have different figures.

    Raises
    ------
    boards.errors.ConfigError
        If two have the same figure or are of different settings, a figure is not one of the
        catalogue, or a file cannot be read.
    """
    series: dict[str, Sequence[Observation]] = {}
    conditions: dict[str, Mapping[str, float]] = {}
    limits: dict[str, float] = {}
    origin: dict[str, Path] = {}
    read = [(path, read_baseline(path)) for path in paths]
    first_path, first = read[0]
    for path, baseline in read:
        check_alike(str(path), baseline.setting, str(first_path), first.setting)
        for name, figure in baseline.figures.items():
            try:
                expect(catalogue, name, figure.unit)
            except ConfigError as error:
                raise ConfigError(f"{path}: {error}") from None
            if name in origin:
                raise ConfigError(
                    f"{name} has two baselines, in {origin[name]} and {path}: take it out of one"
                )
            origin[name] = path
            pairs = zip(figure.seeds, figure.values, strict=True)
            series[name] = [
                Observation(value, None, figure.unit, seed, baseline.commit)
                for seed, value in pairs
            ]
            conditions[name] = figure.conditions
            if figure.limit is not None:
                limits[name] = figure.limit
    taken = Taken(
        setting=first.setting,
        series=series,
        n_runs=max(map(len, series.values()), default=0),
        images=tuple(image for _, baseline in read for image in baseline.images),
        versions=tuple(version for _, baseline in read for version in baseline.firmware),
        limits=limits,
        conditions=conditions,
    )
    return Loaded(
        taken,
        tuple(_words(path, baseline) for path, baseline in read),
        {name: least for _, each in read for name, least in each.matters_from.items()},
    )


def to_toml(baseline: Baseline) -> str:
    """Return the content of a baseline's file."""
    fields = msgspec.to_builtins(baseline)
    figures = fields.pop("figures")
    setting = fields.pop("setting")
    schema = fields.pop("schema")
    matters_from = fields.pop("matters_from")
    lines = [_HEAD + f"schema = {schema}", *(f"{key} = {_toml(fields[key])}" for key in fields)]
    lines += ["", "[setting]", *(f"{key} = {_toml(setting[key])}" for key in setting)]
    if matters_from:
        named = (f"{json.dumps(name)} = {_toml(least)}" for name, least in matters_from.items())
        lines += ["", "[matters_from]", *named]
    for name in sorted(figures):
        lines += ["", f"[figures.{json.dumps(name)}]"]
        lines += [f"{key} = {_toml(value)}" for key, value in figures[name].items() if _said(value)]
    return "\n".join(lines) + "\n"


def _said(value: object) -> bool:
    return value is not None and value != {}


def _toml(value: object) -> str:
    """Return plain data as TOML; strings of JSON are strings of TOML, too."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    # TOML wants DEL as an escape, JSON does not mind it.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _fault(figure: AcceptedFigure, setting: Setting) -> str:
    if len(figure.seeds) != len(figure.values):
        return f"{len(figure.values)} values for {len(figure.seeds)} seeds"
    numbers = [*figure.values, *figure.conditions.values(), figure.limit or 0.0]
    if not all(map(math.isfinite, numbers)):
        return "a value is not a finite number"
    if setting.virtual and len({*figure.seeds}) != len(figure.seeds):
        return "two values for one seed of a virtual bench"
    return ""


def _words(path: Path, baseline: Baseline) -> str:
    return f"{path}: accepted by {baseline.who}, {baseline.accepted_at[:10]}: {baseline.reason}"
