"""What has to happen to a slot so that it holds an application, with the least of transfer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

__all__ = ["SlotPlan", "plan_slot", "slot_digest"]


@dataclass(frozen=True)
class SlotPlan:
    """How to change a slot; the steps in this order.

    Attributes
    ----------
    remove : tuple of str
        Files that are not wanted, or not as they are.
    remove_folders : tuple of str
        Folders that nothing wanted lies in, the deepest first.
    make_folders : tuple of str
        Folders that are missing, the outermost first.
    copy : tuple of str
        Files that the other slot has.
    send : tuple of str
        Files that no slot has.
    """

    remove: tuple[str, ...]
    remove_folders: tuple[str, ...]
    make_folders: tuple[str, ...]
    copy: tuple[str, ...]
    send: tuple[str, ...]


def plan_slot(
    wanted: Mapping[str, str],
    found: Mapping[str, str],
    found_folders: frozenset[str],
    other: Mapping[str, str],
) -> SlotPlan:
    """Plan how a slot becomes what is wanted.

    Parameters
    ----------
    wanted : mapping of str to str
        Hash of every file by its path in the slot.
    found : mapping of str to str
        The same of what is in the slot.
    found_folders : frozenset of str
        The folders in it.
    other : mapping of str to str
        What is in the other slot.
    """
    folders = {parent for path in wanted for parent in _parents(path)}
    missing = [path for path in sorted(wanted) if found.get(path) != wanted[path]]
    return SlotPlan(
        remove=tuple(path for path in sorted(found) if found[path] != wanted.get(path)),
        remove_folders=tuple(sorted(found_folders - folders, reverse=True)),
        make_folders=tuple(sorted(folders - found_folders)),
        copy=tuple(path for path in missing if other.get(path) == wanted[path]),
        send=tuple(path for path in missing if other.get(path) != wanted[path]),
    )


def slot_digest(hashes: Mapping[str, str]) -> str:
    """Return one hash over all paths and hashes of a slot, as the board computes it."""
    digest = sha256()
    for path in sorted(hashes):
        digest.update(f"{path} {hashes[path]}\n".encode())
    return digest.hexdigest()


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]
