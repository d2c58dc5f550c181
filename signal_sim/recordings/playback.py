"""A recording as a source: channels chosen by name, resampled to the board's clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from eegrig.boards.wording import nearest
from eegrig.signal_sim.errors import RecordingError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.montage import POSITIONS, canonical
from eegrig.signal_sim.recordings.loaded import Loaded
from eegrig.signal_sim.replay import repeat_events
from eegrig.signal_sim.resample import Polyphase, ratio
from eegrig.signal_sim.stream import BLOCK, BlockSource, FloatArray

__all__ = ["Recording"]

_NEAR_DEG = 40.0
"""A missing electrode is taken from the nearest free one within this angle: about one place of
the 10-20 system (assumed)."""


class Recording(BlockSource):
    """An EEG recording, played from its start and, looped, over again.

    Formats: EDF, EDF+, BDF and BDF+; with the extra ``eegrig[recordings]`` BrainVision
    (``.vhdr``), EEGLAB (``.set``), FIF and XDF. Which one it is follows from what is in the file.

    Channels are matched by their plain names: case, a prefix such as ``EEG`` and a reference
    suffix do not count, and T3/T4/T5/T6 are T7/T8/P7/P8. A 10-10 electrode that the recording
    lacks is taken from the nearest recorded one that nobody else asked for, at most 40 degrees
    of the head away (one place of the 10-20 system), and `mapping` and `notes` say so.

    Parameters
    ----------
    path : path_like
        The file.
    channels : sequence of str or None
        Channels wanted, in this order; None for all voltage channels, in plain names.
    rate_hz : float or None
        Rate wanted; None for the recording's own.
    loop : bool
        Whether to begin again at the end; 0 V follows it otherwise.
    assign : dict of str to str or None
        Labels in the file that channels are to be taken from, by channel, whatever their names.

    Attributes
    ----------
    path : Path
        The file.
    mapping : dict of str to str
        Label in the file from which each channel is taken.
    duration_s : float
        Length of the recording in seconds.

    Raises
    ------
    RecordingError
        No such file, truncated, gaps, mixed rates, no voltage channel, a channel it lacks or has
        in a unit that is no voltage, a rate that cannot be resampled, or a reader that is not
        installed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        channels: Sequence[str] | None = None,
        rate_hz: float | None = None,
        loop: bool = True,
        assign: Mapping[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        loaded = _load(self.path)
        if not loaded.labels:
            first = list(loaded.unplayable.items())[:3]
            why = "; ".join(["nothing is measured in volts", *(f"{k} {v}" for k, v in first)])
            msg = f"{self.path}: no EEG channel in it ({why})"
            raise RecordingError(msg)
        names = [canonical(label) for label in loaded.labels]
        wanted = list(channels) if channels is not None else _without_twins(names)
        chosen, self._borrowed = _choose(wanted, loaded, self.path, assign or {})
        rates = {loaded.rates_hz[i] for i in chosen}
        if len(rates) > 1:
            listed = " and ".join(f"{rate:g}" for rate in sorted(rates))
            msg = f"{self.path}: channels of mixed rates ({listed} Hz): choose channels of one rate"
            raise RecordingError(msg)
        own_hz = rates.pop()
        super().__init__(tuple(wanted), own_hz if rate_hz is None else rate_hz)
        self.mapping = {
            name: loaded.labels[i] for name, i in zip(self.channels, chosen, strict=True)
        }
        self._polyphase = Polyphase(ratio(own_hz, self.rate_hz))
        self._n_times = min(loaded.lengths[i] for i in chosen)
        if self._n_times == 0:
            msg = f"{self.path}: the recording is empty"
            raise RecordingError(msg)
        self.duration_s = self._n_times / own_hz
        self._loaded = loaded
        self._chosen = chosen
        self._loop = loop

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what its reader had to decide, and which channels are taken from elsewhere."""
        labels = [canonical(label) for label in self._loaded.labels]
        taken = [canonical(label) for label in self.mapping.values()]
        twice = sorted({name for name in taken if labels.count(name) > 1})
        return (
            *self._loaded.notes,
            *(
                f"{self.path.name} has {labels.count(name)} channels that are {name}: which is "
                "which, only its recorder knows"
                for name in twice
            ),
            *(
                f"{self.path.name} has no {name}: taken from {self.mapping[name]}"
                for name in self._borrowed
            ),
        )

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the annotations in ``[start_s, stop_s)``, loops included."""
        period_s = self.duration_s if self._loop else None
        return repeat_events(self._loaded.events, period_s, start_s, stop_s)

    def _render(self, start: int) -> FloatArray:
        return self._polyphase.render(self._fetch, start, BLOCK)

    def _fetch(self, first: int, last: int) -> FloatArray:
        """Return recorded samples; outside the recording they repeat, or are 0 V."""
        out = np.zeros((len(self._chosen), last - first))
        done = first
        while done < last:
            lap = done // self._n_times
            begin = done - lap * self._n_times
            take = min(self._n_times - begin, last - done)
            if (self._loop and done >= 0) or lap == 0:
                for row, channel in enumerate(self._chosen):
                    out[row, done - first : done - first + take] = self._loaded.read(
                        channel, begin, begin + take
                    )
            done += take
        return out


_WRAPPED = {
    b"\x1f\x8b": "is compressed (gzip): unpack it first",
    b"PK\x03\x04": "is an archive (zip): unpack it first",
    b"version https://": "is a pointer of git-lfs and no recording: fetch it with `git lfs pull`",
}
"""What a file begins with that has a recording inside, or stands for one."""


def _load(path: Path) -> Loaded:
    from eegrig.signal_sim.recordings import edf, mne_formats, xdf

    # By what is in the file; by its name where that says nothing.
    by_name: dict[str, Callable[[Path], Loaded]] = {
        ".bdf": edf.load,
        ".edf": edf.load,
        ".fif": mne_formats.load_fif,
        ".set": mne_formats.load_eeglab,
        ".vhdr": mne_formats.load_brainvision,
        ".xdf": xdf.load,
    }
    by_content: dict[bytes, Callable[[Path], Loaded]] = {
        b"\xffBIOSEMI": edf.load,
        b"0       ": edf.load,
        b"\x00\x00\x00\x64\x00\x00\x00\x1f": mne_formats.load_fif,
        b"MATLAB ": mne_formats.load_eeglab,
        b"Brain Vision": mne_formats.load_brainvision,
        b"BrainVision": mne_formats.load_brainvision,
        b"XDF:": xdf.load,
    }
    if path.is_dir():
        msg = f"{path} is a folder: name a recording in it"
        raise RecordingError(msg)
    if not path.is_file():
        if path.suffix.lower() not in by_name:
            msg = f"{path}: unknown kind of recording{nearest(path.suffix.lower(), by_name)}"
        else:
            msg = f"{path}: no such recording"
        raise RecordingError(msg)
    try:
        with path.open("rb") as file:
            head = file.read(16).removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise RecordingError(msg) from error
    for begins, what in _WRAPPED.items():
        if head.startswith(begins):
            msg = f"{path} {what}"
            raise RecordingError(msg)
    for begins, reader in by_content.items():
        if head.startswith(begins):
            return reader(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    named = next((by_name[suffix] for suffix in reversed(suffixes) if suffix in by_name), None)
    if named is None:
        msg = f"{path}: unknown kind of recording (there are: {', '.join(sorted(by_name))})"
        raise RecordingError(msg)
    return named(path)


def _without_twins(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _choose(
    wanted: list[str], loaded: Loaded, path: Path, assign: Mapping[str, str]
) -> tuple[list[int], list[str]]:
    """Return the index of the recorded channel for each wanted one, and which are borrowed."""
    names = [canonical(label) for label in loaded.labels]
    plain = [canonical(name) for name in wanted]
    unplayable = {canonical(label): why for label, why in loaded.unplayable.items()}
    by_hand = _by_hand(plain, wanted, loaded, path, assign)
    found: dict[int, int] = {}
    for row, name in enumerate(plain):
        if row in by_hand:
            found[row] = by_hand[row]
        elif name in names:
            found[row] = names.index(name)
        elif name in unplayable:
            msg = (
                f"{path}: {wanted[row]} {unplayable[name]}: correct the file, or choose a channel "
                f"for it with --map {wanted[row]}=LABEL"
            )
            raise RecordingError(msg)
    taken = set(found.values())
    borrowed: list[str] = []
    for row, name in enumerate(plain):
        if row in found:
            continue
        free = [i for i, other in enumerate(names) if i not in taken and other in POSITIONS]
        near = (
            min(free, key=lambda i: _angle_deg(name, names[i]), default=None)
            if name in POSITIONS
            else None
        )
        if near is None or _angle_deg(name, names[near]) > _NEAR_DEG:
            msg = f"{path}: no channel {wanted[row]!r} and none near it{nearest(name, names)}"
            raise RecordingError(msg)
        found[row] = near
        taken.add(near)
        borrowed.append(wanted[row])
    return [found[row] for row in range(len(wanted))], borrowed


def _by_hand(
    plain: list[str], wanted: list[str], loaded: Loaded, path: Path, assign: Mapping[str, str]
) -> dict[int, int]:
    """Return the index of the recorded channel for those wanted ones that were assigned."""
    found: dict[int, int] = {}
    for name, label in assign.items():
        if name not in wanted and canonical(name) not in plain:
            msg = f"{name}={label}: no channel {name!r} is wanted{nearest(name, wanted)}"
            raise RecordingError(msg)
        row = wanted.index(name) if name in wanted else plain.index(canonical(name))
        same = [i for i, other in enumerate(loaded.labels) if other == label]
        same += [i for i, other in enumerate(loaded.labels) if other.lower() == label.lower()]
        same += [i for i, other in enumerate(loaded.labels) if canonical(other) == canonical(label)]
        if not same:
            why = next(
                (
                    f"{other} {why}"
                    for other, why in loaded.unplayable.items()
                    if label in (other, canonical(other))
                ),
                None,
            )
            msg = (
                f"{path}: {name}={label}: no channel {label!r} in it{nearest(label, loaded.labels)}"
                if why is None
                else f"{path}: {name}={label}: {why}"
            )
            raise RecordingError(msg)
        found[row] = same[0]
    return found


def _angle_deg(name: str, other: str) -> float:
    if name not in POSITIONS or other not in POSITIONS:
        return 180.0
    return float(np.degrees(np.arccos(np.clip(POSITIONS[name] @ POSITIONS[other], -1.0, 1.0))))
