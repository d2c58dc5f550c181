"""Keeping a verdict from what the caller's surroundings tell the libraries underneath.

Several of them read settings from the environment or the working folder. A run takes none of
those: what it is to do is said by its arguments alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

__all__ = ["own_settings"]

# Beginnings of the names of variables. pytest 8 and its plugins: options, plugins, time limits
# ("How to change command line options defaults" and the plugins' own pages); pyOCD 0.46: folder of
# its settings and scripts (core/session.py); MNE-Python: its settings file's keys; matplotlib and
# numpy: theirs.
_FOREIGN = ("PYTEST_", "PYOCD_", "MNE_", "MPL", "MATPLOTLIB", "NPY_", "NUMPY_", "BLEAK_", "BUMBLE_")
_QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


@contextlib.contextmanager
def own_settings(empty_folder: Path) -> Iterator[None]:
    """Run with our own settings of pytest, pyOCD and the others.

    Parameters
    ----------
    empty_folder : Path
        Without settings of anybody's: pyOCD looks there for its own, not in the working folder.
    """
    own = {
        # Of the plugins that happen to be installed none is asked for.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYOCD_PROJECT_DIR": str(empty_folder),
    }
    foreign = {name: text for name, text in os.environ.items() if name.startswith(_FOREIGN)}
    for name in foreign:
        del os.environ[name]
    os.environ.update(own)
    try:
        with warnings.catch_warnings():
            if sys.warnoptions:
                # PYTHONWARNINGS or -W: a library's warning must not become a board's fault.
                warnings.resetwarnings()
                for category in _QUIET:
                    warnings.simplefilter("ignore", category)
            yield
    finally:
        for name in own:
            os.environ.pop(name, None)
        os.environ.update(foreign)
