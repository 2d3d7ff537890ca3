"""`icv`: one verb, one file. Nothing heavy is imported before the verb is known."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys

from edge import __version__

VERBS = {
    "demo": "run the main job on a simulated drive: nothing but this program is needed",
    "run": "run live from a config: buses, cameras, GNSS, V2X",
    "replay": "run over recorded videos, CAN logs and GNSS, or over a recording of ours",
    "drive": "look into recordings: info, cut, export",
    "models": "the networks: list, fetch, check, bench, card, quantise, table",
    "can": "CAN logs: info, decode, plot, convert, play onto a bus",
    "dbc": "CAN databases: check, show",
    "v2x": "V2X messages: listen, decode, simulated peers, test certificates",
    "bench": "measure on this machine, each figure beside its goal",
    "doctor": "what this machine has and lacks, and what to do about it",
}


def main(argv: list[str] | None = None) -> int:
    """Run the verb. Returns 0: done, 1: a check failed, 2: wrong use or unusable input, 130: Ctrl-C."""
    try:
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()  # now, not at exit, where nobody can catch what follows
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _run(argv: list[str] | None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="icv",
        description="Intelligent connected vehicle edge pipeline.",
        epilog="icv VERB --help says more.",
    )
    parser.add_argument("--version", action="version", version=f"icv-edge {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    chosen = next((a for a in arguments if not a.startswith("-")), None)
    for verb, summary in VERBS.items():
        sub = verbs.add_parser(verb, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if verb == chosen:
            module = importlib.import_module(f"edge.cli.{verb}")
            module.configure(sub)
            sub.set_defaults(run=module.run)
    args = parser.parse_args(arguments)
    from edge.config import UserError  # msgspec costs 15 ms, which --help need not wait for

    try:
        return args.run(args)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except UserError as error:
        print(f"icv {args.verb}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
