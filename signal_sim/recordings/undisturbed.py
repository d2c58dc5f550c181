"""Reading libraries as they are, whatever the caller's surroundings tell them.

MNE-Python takes settings from the environment and from a file in the home folder, and fails where
one of them is wrong; HDF5, numba and numexpr have variables, too. What is in a recording does not
depend on any of them.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator

__all__ = ["undisturbed"]

_FOREIGN = ("MNE_", "_MNE_", "NUMBA_", "NUMEXPR_", "HDF5_", "H5PY_")
_NO_HOME = {"_MNE_FAKE_HOME_DIR": os.devnull}
"""Where MNE-Python looks for its settings file: a place that cannot have one."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Import and use reading libraries without settings of anybody's, and with warnings as such."""
    foreign = {name: text for name, text in os.environ.items() if name.startswith(_FOREIGN)}
    for name in foreign:
        del os.environ[name]
    os.environ.update(_NO_HOME)
    try:
        with warnings.catch_warnings():
            # PYTHONWARNINGS or -W: a library's own warning must not become a file's fault.
            warnings.simplefilter("ignore")
            yield
    finally:
        for name in _NO_HOME:
            os.environ.pop(name, None)
        os.environ.update(foreign)
