"""icv run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.runtime.begin import Begun, Eyes


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("--config", required=True, metavar="FILE", help="the rig, e.g. configs/desktop.toml")
    parser.add_argument("--seconds", type=float, help="stop after so long (default: until Ctrl-C)")
    parser.add_argument("--drive", metavar="FILE", help="where to record (default: as the config says)")
    parser.add_argument("--no-recording", action="store_true", help="record nothing")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Run until stopped; 1 if the recording is not complete."""
    from edge.clock import now_ns

    started_ns = now_ns()
    from contextlib import closing
    from pathlib import Path

    from edge import config as cfg
    from edge.runtime.begin import begin, read_eyes

    beside = Path(args.config)
    eyes = read_eyes(cfg.read(beside, cfg.Config), beside)
    with closing(begin(eyes)) as begun:  # before all else is even imported
        return _run(args, eyes, begun, started_ns)


def _run(args: argparse.Namespace, eyes: Eyes, begun: Begun, started_ns: int) -> int:
    from pathlib import Path

    from edge.cli.report import Printer, drive_path, print_summary
    from edge.clock import utc_text
    from edge.runtime.live import run_live
    from edge.runtime.outside import Dashboard
    from edge.runtime.setup import complete

    setup = complete(eyes.config, Path(args.config), eyes=eyes)
    recording = setup.config.recording
    path = None
    if recording.enabled and not args.no_recording:
        usual = drive_path(recording.directory, setup.config.name, utc_text())
        path = Path(args.drive) if args.drive else usual
    if not args.json:
        for note in setup.notes:
            print(note)
        if setup.simulated:
            print("SIMULATION: some inputs of this config are simulated")
        print(f"recording to {path}" if path else "recording nothing", "- Ctrl-C ends", sep=" ", flush=True)
    dashboard: Dashboard | None = None
    if setup.config.web.enabled:
        from edge.web.server import serve

        dashboard = serve
    outcome = run_live(
        setup,
        title=setup.config.name,
        drive_path=path,
        seconds=args.seconds,
        sinks=[] if args.json else [Printer()],
        started_ns=started_ns,
        dashboard=dashboard,
        begun=begun,
    )
    more: dict[str, object] = {
        "drive": outcome.drive,
        "digest": outcome.digest,
        "rights": list(outcome.rights),
        "recording_failure": outcome.failure,
    }
    lines = [*outcome.rights, f"digest of all decisions {outcome.digest[:16]}"]
    if outcome.failure:
        lines.append(f"THE RECORDING IS NOT COMPLETE: {outcome.failure}")
    elif outcome.drive:
        lines.append(f"recorded in {outcome.drive}: icv replay {outcome.drive} decides the same again")
    print_summary(outcome.summary, args.json, more, lines)
    return 1 if outcome.failure else 0
