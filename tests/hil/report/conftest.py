from __future__ import annotations

from pathlib import Path

import pytest

from .sample import write_sample


@pytest.fixture(scope="session")
def passing_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every figure and every trace."""
    directory = tmp_path_factory.mktemp("passing")
    write_sample(directory)
    return directory
