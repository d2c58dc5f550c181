from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("trace_program.py")
ROOT = Path(__file__).parents[4]


def digest(seed: int, hash_seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(PROGRAM), str(seed)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_seed_one_trace_whatever_the_process():
    first = digest(7, "0")
    assert len(first) == 64
    assert digest(7, "0") == first
    assert digest(7, "12345") == first
    assert digest(8, "0") != first
