"""`icv can convert`."""

from __future__ import annotations

import argparse
import json

from edge.cli.can.log import log_argument, said_of, troubles, with_progress, writing


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    log_argument(parser)
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="the new log; its ending chooses the format"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0; 1 if lines of the log could not be read."""
    from edge.can.logs.reader import read_log
    from edge.can.logs.writer import write_log

    log = read_log(args.log)
    with writing(log, args.output) as path:
        count = write_log(path, with_progress(log), log.buses)
    if args.json:
        found = {"file": args.output, "frames": count, "buses": log.buses, **said_of(log)}
        print(json.dumps(found, indent=2))
    else:
        print("\n".join([f"{args.output}: {count:,} frames on {', '.join(log.buses)}", *troubles(log)]))
    return 1 if log.report.bad_count else 0
