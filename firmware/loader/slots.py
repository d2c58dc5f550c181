# Which of the two slots holds the application, and how an update came out. docs/update.md has the
# format: other versions of the firmware read and write it, so it does not change.
#
# One line says it, in the file `slot` or, where the loader has the module `slot_pages`, in two
# pages of flash memory:
#   a              slot a runs
#   a b new        slot a runs; b is to be tried at the next boot
#   a b tried      b is being tried, and has not confirmed itself yet
#   a b failed     b did not, and a runs again
import os

SLOTS = ("a", "b")
NEW = "new"
TRIED = "tried"
FAILED = "failed"

_FILE = "/flash/slot"

# Of a trial: the application feeds it (machine.WDT). Nothing else has one.
watchdog = None


def _load():
    try:
        with open(_FILE) as file:
            return file.read()
    except OSError:
        return ""


def _save(line):
    """Replace the line; after a power cut there is the old one or the new one."""
    with open(_FILE + ".new", "w") as file:
        file.write(line)
    os.rename(_FILE + ".new", _FILE)


def path(slot):
    """Return the directory of a slot."""
    return "/flash/" + slot


# Makes a slot's file system anew, where it has one of its own.
renew = None

try:
    import slot_pages

    _load, _save = slot_pages.load, slot_pages.save
    path, renew = slot_pages.path, slot_pages.renew
except ImportError:
    pass


def read():
    """Return (active slot, other slot, how the trial of the other stands or None)."""
    words = _load().split()
    active = words[0] if words and words[0] in SLOTS else "a"
    trial = words[2] if len(words) == 3 and words[2] in (NEW, TRIED, FAILED) else None
    return active, "b" if active == "a" else "a", trial


def write(active, trial=None):
    """Say which slot is the active one, and how the trial of the other stands."""
    line = active
    if trial is not None:
        line += " %s %s" % ("b" if active == "a" else "a", trial)
    _save(line + "\n")


def to_run():
    """Return the slot to run at this boot."""
    active, other, trial = read()
    return other if trial == NEW else active


def confirm():
    """Keep the slot that is being tried; returns whether there was one."""
    _, other, trial = read()
    if trial != TRIED:
        return False
    write(other)
    return True
