"""`make mutants`: change the sources in small ways, and see whether their tests notice.

    python -m tests.mutants [FILE OR FOLDER ...] [--matching TEXT] [--list]

Exits with 1 if a mutant survives that docs/mutants.md does not explain.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from tests.mutants.mutations import Mutant, mutants_of
from tests.mutants.page import PAGE, explained_on
from tests.mutants.run import MutantError, run_mutants

ROOT = Path(__file__).parents[2]
SOURCES = ("hil/measure", "hil/virtual/power", "host/wire", "host/streaming/decoder.py")


def say(line: str) -> None:
    """Write a line at once: a run takes long, and is read while it goes on."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def files(names: list[str]) -> list[str]:
    """Return the source files that are named, or in a folder that is."""
    found = []
    for name in names:
        path = ROOT / name
        if not path.exists():
            raise MutantError(f"no file or folder {name}")
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [path.relative_to(ROOT).as_posix() for path in found]


def main(argv: list[str]) -> int:
    """Run what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("sources", nargs="*", default=SOURCES, help="files or folders to change")
    parser.add_argument("--matching", default="", help="only mutants whose line has this text")
    parser.add_argument("--list", action="store_true", help="say which there are, and run none")
    options = parser.parse_args(argv)
    known = explained_on(ROOT)
    fates: Counter[str] = Counter()
    begin = time.monotonic()
    for path in files(list(options.sources)):
        if options.list:
            for mutant in mutants_of(ROOT, path):
                say(f"{path}:{mutant.line}: {mutant.function}: {mutant.change}")
            continue
        total = sum(options.matching in _line(mutant) for mutant in mutants_of(ROOT, path))
        say(f"{path}: {total} mutants")
        outcomes = run_mutants(ROOT, path, wanted=lambda m: options.matching in _line(m))
        for number, outcome in enumerate(outcomes, start=1):
            mutant, fate = outcome.mutant, str(outcome.fate)
            if (path, mutant.function, mutant.change) in known:
                fate = "explained" if fate == "survived" else "explained, but killed"
            fates[fate] += 1
            if fate in ("survived", "explained, but killed"):
                say(f"  {fate}: {_line(mutant)}")
            if number % 50 == 0 or number == total:
                say(f"  {number} of {total}, {time.monotonic() - begin:.0f} s")
    say(", ".join(f"{count} {fate}" for fate, count in sorted(fates.items())))
    if fates["survived"]:
        say(f"Tests that would notice are missing, or {PAGE} an explanation.")
    if fates["explained, but killed"]:
        say(f"{PAGE} explains what tests do notice: take it out there.")
    return 1 if fates["survived"] else 0


def _line(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.line}: {mutant.function}: {mutant.change}"


def _terminated(_signal: int, _frame: object) -> None:
    # Like Ctrl-C: the process that has a mutant goes along.
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    try:
        sys.exit(main(sys.argv[1:]))
    except MutantError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
