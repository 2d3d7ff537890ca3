"""icv demo: the main job on a simulated drive."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from edge.runtime.begin import Begun, Eyes


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument(
        "--scenario", metavar="FILE", help="another scenario than configs/scenarios/demo.toml"
    )
    parser.add_argument(
        "--directory", default="drives", metavar="DIR", help="where its results go (default: drives)"
    )
    parser.add_argument("--seconds", type=float, help="stop after so long (default: the whole scenario)")
    parser.add_argument("--no-film", action="store_true", help="make no film and no pictures")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Drive live, record, replay the recording, make the film. 1 if the replay decides otherwise."""
    from edge.clock import now_ns

    started_ns = now_ns()
    from contextlib import closing
    from pathlib import Path

    import msgspec

    from edge import config as cfg
    from edge.runtime.begin import begin, read_eyes

    path = cfg.shipped("configs/demo.toml")
    config = cfg.read(path, cfg.Config)
    if args.scenario:
        config = msgspec.structs.replace(config, scenario=str(Path(args.scenario).resolve()))
    eyes = read_eyes(config, path)
    with closing(begin(eyes)) as begun:  # before all else is even imported
        return _run(args, eyes, begun, path, started_ns)


def _run(args: argparse.Namespace, eyes: Eyes, begun: Begun, path: Path, started_ns: int) -> int:
    import sys

    from edge.cli.report import Printer, drive_path, print_summary
    from edge.clock import utc_text
    from edge.drives.reader import read_drive
    from edge.runtime.film import Film
    from edge.runtime.live import run_live
    from edge.runtime.replay_drive import replay_drive
    from edge.runtime.setup import complete
    from edge.runtime.summary import Progress

    setup = complete(eyes.config, path, eyes=eyes)
    drive = drive_path(args.directory, "demo", utc_text())
    duration_s = setup.read_scenario().duration_s
    seconds = min(args.seconds or duration_s, duration_s)
    loud = not args.json and sys.stderr.isatty()
    progress = Progress(seconds, "driving", loud)
    if not args.json:
        print(
            "SIMULATION: a simulated car, road and driver, in real time. The pictures are drawn, then seen\n"
            "by real networks; CAN, GNSS and V2X are encoded and decoded. Nothing leaves this machine."
        )
    outcome = run_live(
        setup,
        title="demo",
        drive_path=drive,
        seconds=seconds,
        sinks=[] if args.json else [Printer(progress.say)],
        progress=progress,
        started_ns=started_ns,
        begun=begun,
    )
    recorded = read_drive(drive)
    film = None if args.no_film else Film(drive.with_suffix(".mp4"), True, 5.0, stills=True)
    again = replay_drive(recorded, film=film, progress=lambda total: Progress(total, "replaying", loud))
    if film is not None:
        film.close()
    first_ns = outcome.summary.first_decision_ns
    more: dict[str, object] = {
        "simulated": True,
        "drive": drive,
        "film": film.path if film else None,
        "stills": film.stills if film else [],
        "digest": outcome.digest,
        "replay_digest": again.digest,
        "replay_same": again.same,
        "first_decision_s": None if first_ns is None else first_ns / 1e9,
    }
    lines = [
        *outcome.rights,
        "no decision: no picture was seen"
        if first_ns is None
        else f"first decision {first_ns / 1e9:.2f} s after start",
        "replay of the recording: "
        + (
            f"the same decisions, digest {again.digest[:16]}"
            if again.same
            else f"DIFFERS: {again.first_difference}"
        ),
        f"recording  {drive}",
    ]
    if film is not None:
        lines.append(f"film       {film.path}")
        lines += [f"picture    {still}" for still in film.stills]
    print_summary(outcome.summary, args.json, more, lines)
    return 0 if again.same else 1
