"""A plan, carried out, gives what is wanted, and transfers nothing that is there."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from eegrig.host.console.slot_sync import plan_slot, slot_digest

PATHS = st.sampled_from(["main.mpy", "a.mpy", "x/a.mpy", "x/b.mpy", "x/y/a.mpy", "z/a.mpy"])
SLOTS = st.dictionaries(PATHS, st.sampled_from(["1", "2", "3"]))
FOLDERS = ("x", "x/y", "z")


def folders_of(files, more) -> frozenset[str]:
    needed = {folder for folder in FOLDERS if any(path.startswith(f"{folder}/") for path in files)}
    extra = {folder for folder in more if "/" not in folder or folder.split("/")[0] in more}
    return frozenset(needed | extra)


@given(SLOTS, SLOTS, SLOTS, st.sets(st.sampled_from(FOLDERS)))
def test_a_plan_makes_a_slot_what_is_wanted(wanted, found, other, more):
    folders = folders_of(found, more)
    plan = plan_slot(wanted, found, folders, other)
    files, there = dict(found), set(folders)
    for path in plan.remove:
        del files[path]
    for folder in plan.remove_folders:
        assert not any(path.startswith(f"{folder}/") for path in {*files, *there}), "not empty"
        there.remove(folder)
    for folder in plan.make_folders:
        assert folder not in there
        assert folder.rpartition("/")[0] in {"", *there}
        there.add(folder)
    for path in plan.copy:
        files[path] = other[path]
    for path in plan.send:
        files[path] = wanted[path]
    assert files == wanted
    assert all(path.rpartition("/")[0] in {"", *there} for path in files)
    assert not set(plan.send) & {path for path in wanted if wanted[path] == other.get(path)}
    assert not set(plan.send) & {path for path in wanted if wanted[path] == found.get(path)}


def test_the_digest_is_over_sorted_paths_and_hashes():
    assert slot_digest({"b": "2", "a": "1"}) == sha256(b"a 1\nb 2\n").hexdigest()
