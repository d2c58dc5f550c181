"""A figure does not depend on what ran before it: one seed, any order, alone or together."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from eegrig.hil import plugin
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.results import Results
from eegrig.hil.run import RunRequest
from eegrig.hil.run.surroundings import own_settings

pytestmark = pytest.mark.timeout(600)  # some are whole runs, twice

BOARDS = {"zephyr": "hairclip1", "stm32": "earpatch2"}
SECONDS = 5.0
OF_THE_RUN = {"afe.rules_broken"}
"""Counted over all tests that ran (docs/results.md)."""


def as_they_stand(items: list[pytest.Item]) -> None:
    """Leave the tests in their order."""


def backwards(items: list[pytest.Item]) -> None:
    items.reverse()


def shuffled(items: list[pytest.Item]) -> None:
    random.Random(7).shuffle(items)


@dataclass
class Arranged:
    """A pytest plugin that puts the tests into another order."""

    arrange: Callable[[list[pytest.Item]], None]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.arrange(items)


@pytest.fixture
def taken(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Results]:
    """Return what runs the suites."""

    def run(
        board: str,
        arrange: Callable[[list[pytest.Item]], None] = as_they_stand,
        select: str | None = None,
    ) -> Results:
        out = tmp_path_factory.mktemp("run")
        request = RunRequest(
            board=board, out=out, seconds=SECONDS, seed=2, select=select, brief=True
        )
        with own_settings(out):
            code = pytest.main(request.pytest_arguments(out), plugins=[plugin, Arranged(arrange)])
        assert code == pytest.ExitCode.OK
        return Results.load(out)

    return run


def figures(results: Results) -> dict[str, Figure]:
    return {figure.name: figure for figure in results.figures if figure.name not in OF_THE_RUN}


# One test for each port: another one would run the reference again in another worker.


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("port", "order", "selections"),
    [
        ("zephyr", backwards, ["test_sleeping", "packet_errors_on_the_air"]),
        # The second is on two recordings that other tests read, too.
        ("stm32", shuffled, ["test_impedance_of_electrodes", "equals_the_input"]),
    ],
)
def test_neither_order_nor_company_changes_a_bit_of_any_figure(taken, port, order, selections):
    reference, other = taken(BOARDS[port]), taken(BOARDS[port], order)
    assert len(figures(reference)) > 30
    assert figures(other) == figures(reference)
    assert other.digest() == reference.digest()
    for select in selections:
        alone = figures(taken(BOARDS[port], select=select))
        assert alone
        assert alone == {name: figures(reference)[name] for name in alone}


def test_workers_of_pytest_take_together_what_one_process_takes(taken, tmp_path):
    select = "power or impedance or fidelity or streams"
    request = RunRequest(
        board=BOARDS["zephyr"], out=tmp_path, seconds=SECONDS, seed=2, select=select
    )
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "load"]
    done = subprocess.run(
        [*command, *request.pytest_arguments(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = Results.load(tmp_path)
    assert results.verdict == "part"
    assert results.digest() == taken(BOARDS["zephyr"], select=select).digest()
    names = {path.name for path in tmp_path.iterdir()}
    assert {"recording.bdf", "image.bin", "junit.xml", "traces"} <= names
    assert not [name for name in names if name.startswith(".")]
