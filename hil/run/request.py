"""What to run: a board, a bench, which tests, and what is played to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards.catalogue import FILE_NAME, catalogue_with

if TYPE_CHECKING:
    from eegrig.boards.figures import Catalogue

__all__ = ["OWN_SUITES", "RunRequest"]

OWN_SUITES = Path(__file__).parents[1] / "suites"
"""The suites that come with eegrig."""


@dataclass(frozen=True)
class RunRequest:
    """What to run.

    Attributes
    ----------
    board : str
        Name of the board, or the path of its ``board.toml``.
    out : Path
        The run's folder.
    rig : str
        ``sim`` or a ``bench.toml``.
    select : str or None
        pytest's ``-k`` expression.
    marks : str or None
        pytest's ``-m`` expression.
    suites : tuple of Path
        Folders of suites to run beside eegrig's own.
    signal : str
        Scene or recording.
    assign : tuple of str
        Channels of the recording chosen by hand, each ``"ELECTRODE=LABEL"``.
    seconds : float
        Length of each recording.
    seed : int
    firmware_dir : Path or None
        Sources to build; None for eegrig's own.
    runtime : Path or None
        MicroPython to flash besides; a virtual board's chip runs it itself.
    repeat : bool
        Let signal and noise begin anew with each stream, so that two runs can be compared.
    brief : bool
        Leave out what takes longest, the decoders: no board promises a figure of theirs.
    """

    board: str
    out: Path
    rig: str = "sim"
    select: str | None = None
    marks: str | None = None
    suites: tuple[Path, ...] = ()
    signal: str = "resting"
    assign: tuple[str, ...] = ()
    seconds: float = 30.0
    seed: int = 0
    firmware_dir: Path | None = None
    runtime: Path | None = None
    repeat: bool = False
    brief: bool = False

    @property
    def title(self) -> str:
        """What is run, in a line."""
        board = Path(self.board)
        name = board.parent.name if board.suffix == ".toml" else board.name
        played = Path(self.signal).name
        return f"{name} on {self.rig}: {played}, recordings of {self.seconds:g} s, seed {self.seed}"

    @property
    def selection(self) -> str:
        """The selection of tests, as it was given."""
        given = (("-k", self.select), ("-m", self.marks))
        return " ".join(f"{option} {text!r}" for option, text in given if text is not None)

    def command(self) -> list[str]:
        """Return the arguments of `eegrig` that ask for this run."""
        arguments = [
            "hil",
            "run",
            f"--board={self.board}",
            f"--out={self.out}",
            f"--rig={self.rig}",
        ]
        arguments += [f"--seconds={self.seconds}", f"--seed={self.seed}"]
        from eegrig.signal_sim.player import names_recording

        played = "input" if names_recording(self.signal) else "scene"
        arguments.append(f"--{played}={self.signal}")
        arguments += [f"--map={text}" for text in self.assign]
        arguments += [f"--suite={path}" for path in self.suites]
        arguments += ["--brief"] if self.brief else []
        for option, value in (
            ("-k", self.select),
            ("-m", self.marks),
            ("--firmware", self.firmware_dir),
            ("--runtime", self.runtime),
        ):
            if value is not None:
                arguments += [option, str(value)]
        return arguments

    def figure_files(self) -> tuple[Path, ...]:
        """Return the files in which the suites declare figures of their own."""
        found = (folder / FILE_NAME for folder in self.suites)
        return tuple(path.resolve() for path in found if path.exists())

    def catalogue(self) -> Catalogue:
        """Return the figures that the suites can take.

        Raises
        ------
        ConfigError
            If a suite's file of figures is broken.
        """
        return catalogue_with(self.figure_files())

    def pytest_arguments(self, folder: Path | None) -> list[str]:
        """Return the arguments for pytest.

        Parameters
        ----------
        folder : Path or None
            Where it is to write; None where it is to collect the tests only.
        """
        arguments = [
            str(OWN_SUITES),
            *(str(path.resolve()) for path in self.suites),
            f"--rig={self.rig}",
            f"--rig-board={self.board}",
            f"--rig-seed={self.seed}",
            f"--rig-seconds={self.seconds}",
            f"--rig-signal={self.signal}",
            "--rootdir",
            str(OWN_SUITES),
            "-c",
            str(OWN_SUITES / "pytest.ini"),
        ]
        if folder is None:
            # What a test asserts is not looked at: no need to rewrite it.
            arguments += ["--collect-only", "--assert=plain"]
        else:
            arguments += [f"--rig-out={folder}", f"--junitxml={folder / 'junit.xml'}"]
        arguments += [f"--rig-map={text}" for text in self.assign]
        if self.brief:
            arguments.append("--rig-brief")
        if self.firmware_dir is not None:
            arguments.append(f"--rig-firmware={self.firmware_dir}")
        if self.repeat:
            arguments.append("--rig-repeat")
        if self.runtime is not None:
            arguments.append(f"--rig-runtime={self.runtime.resolve()}")
        arguments += [f"--rig-figures={path}" for path in self.figure_files()]
        if self.select is not None:
            arguments += ["-k", self.select]
        if self.marks is not None:
            arguments += ["-m", self.marks]
        return arguments
