"""`icv can`: logs of CAN frames on a desk; one file per verb."""

from __future__ import annotations

import argparse

from edge.cli.can import convert, decode, info, play, plot

VERBS = {
    "info": (info, "how long, which buses and ids, how busy, what is missing"),
    "decode": (decode, "every signal of a log into a Parquet, CSV or MCAP file"),
    "plot": (plot, "a picture of signals over time"),
    "convert": (convert, "a log in another format"),
    "play": (play, "a log onto a bus, each frame at its time"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verbs and their options."""
    verbs = parser.add_subparsers(dest="can_verb", metavar="VERB", required=True)
    for name, (module, summary) in VERBS.items():
        verb = verbs.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        module.configure(verb)


def run(args: argparse.Namespace) -> int:
    """What the verb returns."""
    return VERBS[args.can_verb][0].run(args)
