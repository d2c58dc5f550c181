"""Twenty changes of the firmware that do nothing, to measure how far figures move by themselves.

``python -m eegrig.hil.gate.null_changes DIR`` builds and measures each on the virtual bench, leaves
the runs in DIR, and prints the table of ``docs/gate.md``. It takes some ten minutes.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from eegrig.boards.catalogue import catalogue
from eegrig.hil.figures.quantities import number
from eegrig.hil.figures.results import FILE_NAME, Results
from eegrig.hil.gate.judge import judge
from eegrig.hil.gate.observations import from_results
from eegrig.hil.gate.residual_noise import LEAST_CHANGES, bound_of, measured_bound
from eegrig.hil.run import RunRequest, run_suites
from eegrig.host.image.application import default_firmware

__all__ = ["CHANGES", "alarms", "measure", "moves_table"]

Change = Callable[[Path], None]
"""Changes a copy of the firmware."""

_BOARD = "headband8"
_SELECT = "power or latency or bandwidth"
_SECONDS = 10.0
_GROUPS = ("power.*", "energy.*", "battery.life", "latency.*", "bandwidth.*")

_COMMENT = "# A comment.\n# Another one.\n"
_DEAD = """

def _never_called(a, b):
    total = 0
    for i in range(a):
        total += i * b
    return total
"""
_STRING = '\n_REMARK = "a string that nobody reads, and that takes some of the heap"\n'
_CLASS = '''

class Unused:
    """Nobody makes one."""

    def method(self):
        return 7
'''
_MODULE = """def nothing(x):
    return x + 1


TABLE = (1, 2, 3)
"""


def _before(module: str, text: str) -> Change:
    def change(firmware: Path) -> None:
        path = firmware / "eeg" / f"{module}.py"
        path.write_text(text + path.read_text(encoding="utf-8"), encoding="utf-8")

    return change


def _after(module: str, text: str) -> Change:
    def change(firmware: Path) -> None:
        path = firmware / "eeg" / f"{module}.py"
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    return change


def _instead(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{path} has {text.count(old)} times {old!r}")
    path.write_text(text.replace(old, new), encoding="utf-8")


def _spare_module(firmware: Path) -> None:
    (firmware / "eeg" / "spare.py").write_text(_MODULE, encoding="utf-8")


def _imported_module(firmware: Path) -> None:
    _spare_module(firmware)
    _instead(firmware / "eeg" / "app.py", "import gc\n", "import gc\nfrom eeg import spare\n")


def _renamed_module(firmware: Path) -> None:
    (firmware / "eeg" / "slot_files.py").rename(firmware / "eeg" / "slot_store.py")
    for path in firmware.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "slot_files" in text:
            path.write_text(text.replace("slot_files", "slot_store"), encoding="utf-8")


def _other_version(firmware: Path) -> None:
    (firmware / "VERSION").write_text("0.1.1\n", encoding="utf-8")


def _branch_not_taken(firmware: Path) -> None:
    begin = "    Application().serve()\n"
    never = '    if build_info.VERSION == "never":\n        print("never")\n'
    _instead(firmware / "eeg" / "app.py", begin, never + begin)


CHANGES: tuple[Change, ...] = (
    *(_before(module, _COMMENT) for module in ("app", "acquisition", "packet", "gatt")),
    *(
        _after(module, _DEAD)
        for module in ("app", "acquisition", "packet", "gatt", "streams", "power")
    ),
    *(_after(module, _STRING) for module in ("app", "acquisition", "gatt", "commands")),
    _spare_module,
    _imported_module,
    _renamed_module,
    _other_version,
    _branch_not_taken,
    _after("codes", _CLASS),
)
"""Comments, dead code, unread strings, a spare and a renamed module, a version, a dead branch."""


def measure(out: Path) -> tuple[Results, list[Results]]:
    """Measure the firmware and each of its changes; runs that are there already are taken.

    Parameters
    ----------
    out : Path
        Folder for the runs.
    """
    found = []
    for at, change in enumerate((None, *CHANGES)):
        folder = out / f"{at:02}"
        if not (folder / FILE_NAME).exists():
            with tempfile.TemporaryDirectory(prefix="eegrig-null-") as place:
                firmware = Path(place) / "firmware"
                shutil.copytree(
                    default_firmware(), firmware, ignore=shutil.ignore_patterns("__pycache__")
                )
                if change is not None:
                    change(firmware)
                request = RunRequest(
                    board=_BOARD, out=folder, select=_SELECT, seconds=_SECONDS,
                    firmware_dir=firmware,
                )  # fmt: skip
                run_suites(request, quiet=True)
        found.append(Results.load(folder))
    return found[0], found[1:]


def alarms(before: Results, changed: Sequence[Results]) -> list[str]:
    """Return the figures that the gate calls worse, each with the change; there should be none."""
    accepted = from_results([("before", before)], catalogue())
    found = []
    for at, results in enumerate(changed, start=1):
        verdict = judge(accepted, from_results([(f"{at}", results)], catalogue()), catalogue())
        found += [f"{figure.name}, change {at}" for figure in verdict.of("worse")]
    return found


def moves_table(before: Results, changed: Sequence[Results]) -> str:
    """Return, for groups of figures, how far they moved and which bound that makes.

    Parameters
    ----------
    before : Results
    changed : sequence of Results
        Of 20 changes or more.
    """
    lines = [
        "| figures | moved in, of all | largest move | bound that this makes | bound in use |",
        "|---|---|---|---|---|",
    ]
    for group in _GROUPS:
        moves = {
            figure.name: [
                (new.value - figure.value) / abs(figure.value)
                for results in changed
                if (new := results.figure(figure.name)) is not None and new.value is not None
            ]
            for figure in before.figures
            if figure.value and fnmatchcase(figure.name, group)
        }
        told = {name: each for name, each in moves.items() if len(each) >= LEAST_CHANGES}
        every = [move for each in told.values() for move in each]
        if not every:
            continue
        in_use = {bound_of(name).relative for name in told}
        lines.append(
            f"| `{group}` | {sum(map(bool, every))} of {len(every)} | "
            f"{_percent(max(map(abs, every)))} | "
            f"{_percent(max(map(measured_bound, told.values())))} | "
            f"{', '.join(f'{number(100 * bound, 2)} %' for bound in sorted(in_use))} |"
        )
    return "\n".join(lines) + "\n"


def _percent(share: float) -> str:
    return f"{100 * share:.1g} %" if share else "0"


if __name__ == "__main__":
    runs = measure(Path(sys.argv[1]))
    sys.stdout.write(moves_table(*runs))
    if worse := alarms(*runs):
        sys.exit(f"worse, and nothing was changed: {'; '.join(worse)}")
