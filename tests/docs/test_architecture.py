"""``docs/architecture.md`` draws the house that the import rules in ``pyproject.toml`` hold up."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]["contracts"]

Floors = dict[int, set[str]]


def layers(contract: dict[str, Any]) -> Floors:
    floors = enumerate(reversed(contract["layers"]), start=1)
    return {floor: {room.strip() for room in rooms.split("|")} for floor, rooms in floors}


HOUSE, *PACKAGES = [contract for contract in CONTRACTS if contract["type"] == "layers"]
RULES = {
    contract["containers"][0].removeprefix("eegrig."): layers(contract) for contract in PACKAGES
}


def drawn() -> dict[str, Floors]:
    """Read the drawing: of each cell a title, and floors that may go on in the next line."""
    drawing = re.search(r"```text\n(┌.*?)```", PAGE, re.DOTALL)
    assert drawing is not None
    found: dict[str, Floors] = {}
    columns: list[tuple[str, int]] = []
    for line in drawing[1].splitlines():
        if not line.startswith("│"):
            columns = []
            continue
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        if not columns:
            columns = [(cell.partition(":")[0], 0) for cell in cells]
            found.update({name: {} for name, _ in columns})
            continue
        for at, (cell, (name, floor)) in enumerate(zip(cells, columns, strict=True)):
            number = re.match(r"(\d+)  ", cell)
            here = int(number[1]) if number else floor
            columns[at] = (name, here)
            rooms = {room.strip() for room in cell[number.end() if number else 0 :].split("·")}
            if rooms - {""}:
                found[name].setdefault(here, set()).update(rooms - {""})
    return found


def table(package: str) -> Floors:
    """Read the table under a package's heading."""
    section = PAGE.partition(f"\n### {package}\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| \S", section, re.MULTILINE)
    floors: Floors = {}
    for floor, room in rows:
        floors.setdefault(int(floor), set()).add(room)
    assert sum(map(len, floors.values())) == len(rows), f"{package}: a room is there twice"
    return floors


def test_every_package_has_its_rules_and_its_drawing() -> None:
    assert set(drawn()) == set(RULES)


@pytest.mark.parametrize("package", RULES)
def test_the_drawing_has_the_floors_of_the_import_rules(package: str) -> None:
    assert drawn()[package] == RULES[package]


@pytest.mark.parametrize("package", RULES)
def test_the_table_has_the_floors_of_the_import_rules(package: str) -> None:
    assert table(package) == RULES[package]


@pytest.mark.parametrize("package", ["", *RULES])
def test_the_rules_name_every_room_there_is(package: str) -> None:
    contract = next(
        c for c in (HOUSE, *PACKAGES) if c["containers"] == [f"eegrig.{package}".rstrip(".")]
    )
    assert contract["exhaustive"]
    folder = ROOT / "src" / "eegrig" / package.replace(".", "/")
    rooms = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    rooms |= {path.parent.name for path in folder.glob("*/__init__.py")}
    assert set().union(*layers(contract).values()) == rooms


def test_packages_may_import_what_the_table_says() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| ([^|]+) \|$", PAGE.partition("### boards")[0], re.M)
    says = {package: set(re.findall(r"`(\w+)`", allowed)) for package, allowed in rows}
    floors = layers(HOUSE)
    below = {
        package: {room for other in range(1, floor) for room in floors[other]}
        for floor, packages in floors.items()
        for package in packages
    }
    ground = next(c for c in CONTRACTS if c["type"] == "protected")
    of_the_ground = {
        rule.rpartition(".")[2]
        for rule in ground["ignore_imports"]
        if rule.startswith("eegrig.signal_sim")
    }
    assert says.pop("signal_sim") == below.pop("signal_sim") | of_the_ground
    assert says == below


def test_the_narrower_rules_are_in_the_contracts() -> None:
    forbidden = {
        (source.removeprefix("eegrig."), target.removeprefix("eegrig."))
        for contract in CONTRACTS
        if contract["type"] == "forbidden"
        for source in contract["source_modules"]
        for target in contract["forbidden_modules"]
    }
    assert forbidden == {
        ("host", "signal_sim"),
        ("hil.virtual", "host"),
        ("hil.suites", "hil.virtual"),
        ("hil.measure", "hil.virtual"),
    }
    assert "`host` never imports `signal_sim`" in PAGE
    assert "`hil.virtual` imports nothing of `host`" in PAGE
    assert "`hil.suites` and `hil.measure` never import `hil.virtual`" in PAGE
