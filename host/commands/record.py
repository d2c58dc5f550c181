"""`eegrig record`: what a board's electrodes pick up, into a file."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eegrig.boards.errors import ConfigError
from eegrig.boards.places import check_place
from eegrig.host.commands.output import JsonOption, examples, print_json, progress_bar
from eegrig.host.commands.targets import RadioOption, TargetArgument, advertised_name
from eegrig.host.process.interruption import held
from eegrig.host.process.run_async import run_async
from eegrig.host.recording.mark_reader import read_marks

if TYPE_CHECKING:
    from eegrig.host.link.board_link import BoardLink
    from eegrig.host.recording.recording import Recording
    from eegrig.host.streaming.decoder import Block

__all__ = ["register"]


_BESIDES = 1_000_000  # headers, annotations and the sidecar, in bytes


class _Profile(Enum):
    EFFICIENT = "efficient"
    LOW_LATENCY = "low-latency"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "record",
        epilog=examples(
            "eegrig record headband8 -o resting.bdf --seconds 60",
            "eegrig record F0:12:34:56:78:9A -o fast.bdf --rate 1000 --profile low-latency",
            "eegrig record headband8 --radio virtual:headband8 -o out.bdf --json",
            "stimulus-program | eegrig record headband8 -o ssvep.bdf --seconds 300 --marks",
        ),
    )(_record)


def _record(
    target: TargetArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="BDF+ file to write.")
    ],
    *,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=0.1, help="Length of the recording.")
    ] = 10.0,
    rate_sps: Annotated[
        int | None,
        typer.Option(
            "--rate", metavar="SPS", help="Sample rate; default: the board's present one."
        ),
    ] = None,
    profile: Annotated[
        _Profile,
        typer.Option("--profile", help="Full packets seldom, or small ones often."),
    ] = _Profile.EFFICIENT,
    marks: Annotated[
        bool,
        typer.Option(
            "--marks", help="Annotate with the lines that are typed or piped in, when they come."
        ),
    ] = False,
    radio: RadioOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record from a board over Bluetooth, as BDF+ with the front end's own codes.

    The file states the rate that the board's clock was found to have, and when its first frame was
    taken. Beside FILE a .json says how that is known, which firmware sent it, what was lost, and
    what the link was. Streams other than the electrodes' get files of their own.

    Exits with 1 if frames were lost: they are filled and annotated BAD_ACQ_SKIP. What arrived until
    the board, the link or somebody ended it too early is written all the same.
    """
    if output.suffix.lower() != ".bdf":
        raise ConfigError(f"{output}: recordings are BDF+ files: let the name end in .bdf")
    for path in (output, output.with_suffix(".json")):
        check_place(path)
    name = advertised_name(target)
    begun: list[_Begun] = []

    def begin(recording: Recording, link: BoardLink) -> None:
        streams = [each.stream for each in recording.streams.values()]
        bytes_per_s = sum(3 * stream.n_channels * stream.rate_sps for stream in streams)
        check_place(output, round(seconds * bytes_per_s) + _BESIDES)
        begun.append(_Begun(recording, time.time_ns() - link.now_ns()))
        if marks:
            read_marks(sys.stdin, link.now_ns, recording.mark)

    try:
        with progress_bar(f"recording {name}", shown=not as_json) as progress:
            recording = run_async(
                _session(name, radio, seconds, rate_sps, profile, progress, begin)
            )
    except BaseException as error:
        with held():
            _keep(begun, output, error)
        raise
    recording.write_bdf(output, start=begun[0].start())
    if as_json:
        print_json({"path": str(output)} | recording.main.sidecar(begun[0].start()))
    else:
        _say(recording, output)
    raise typer.Exit(0 if recording.intact else 1)


async def _session(
    name: str,
    radio: str | None,
    seconds: float,
    rate_sps: int | None,
    profile: _Profile,
    progress: Callable[[float], None] | None,
    on_start: Callable[[Recording, BoardLink], None],
) -> Recording:
    from eegrig.host.link.connection import connect
    from eegrig.host.link.radio import open_radio
    from eegrig.host.recording.recorder import record
    from eegrig.host.wire.constants import Profile

    async with open_radio(radio) as backends, connect(name, **backends._asdict()) as link:
        if rate_sps is not None:
            await link.set_rate(rate_sps)
        main = link.info.streams[0]
        wanted = seconds * main.rate_sps

        def took(block: Block) -> None:
            if progress is not None and block.stream_id == main.stream_id:
                progress(min((block.first_frame + block.n_frames) / wanted, 1.0))

        return await record(
            link,
            seconds,
            profile=Profile[profile.name],
            on_block=took,
            on_start=lambda recording: on_start(recording, link),
        )


@dataclass(frozen=True)
class _Begun:
    """A recording that has begun, and how far its clock is from the time of day."""

    recording: Recording
    behind_ns: int

    def start(self) -> datetime.datetime:
        """Return the time of day at which the first frame was taken."""
        base = self.recording.main.time_base()
        first_ns = self.behind_ns + (0 if base is None else base.first_frame_ns)
        moment = datetime.datetime.fromtimestamp(first_ns // 10**9).astimezone()
        return moment.replace(microsecond=first_ns // 1000 % 10**6)


def _keep(begun: Sequence[_Begun], path: Path, error: BaseException) -> None:
    """Write what arrived before `error` ended it, and say so."""
    if not begun or not begun[0].recording.main.n_frames:
        return
    recording = begun[0].recording
    recording.write_bdf(path, start=begun[0].start())
    why = "interrupted" if isinstance(error, KeyboardInterrupt) else "it ended too early"
    arrived_s = recording.main.duration_s
    typer.echo(
        f"eegrig: {why}; the {arrived_s:.3f} s that arrived until then are in {path}", err=True
    )


def _say(recording: Recording, path: Path) -> None:
    info, main, base = recording.info, recording.main, recording.main.time_base()
    losses = [
        f", {stream.counters.frames_lost} frames lost"
        + (f" of {stream.stream.kind.name.lower()}" if stream is not main else "")
        for stream in recording.streams.values()
        if stream.counters.frames_lost
    ]
    lost = "".join(losses) or ", none lost"
    rate = f"{main.stream.rate_sps:g} SPS"
    if base is not None and base.fitted:
        rate += f" (its clock: {base.rate_sps / base.nominal_sps - 1:+.2%})"
    n_marks = main.n_marks
    marks = f", {n_marks} mark{'s' * (n_marks != 1)}" if n_marks else ""
    typer.echo(
        f"{path}: {main.duration_s:.4g} s of {main.stream.n_channels} channels at "
        f"{rate} from {info.board} {info.firmware_version} ({info.image_hash[:12]}){lost}{marks}"
    )
