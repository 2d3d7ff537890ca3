"""`icv v2x`: look into V2X packets, listen, play others, make certificates; one file per verb."""

from __future__ import annotations

import argparse

from edge.cli.v2x import decode, listen, peers, pki

HELP = "decode V2X packets, listen to who is there, simulate others, make certificates"

VERBS = {
    "decode": (decode, "what packets say, of every standard: from hex, captures, files"),
    "listen": (listen, "a live table of everyone heard, of lights and events"),
    "peers": (peers, "simulate vehicles, and a crossing, that send on a link"),
    "pki": (pki, "make test certificates for stations that trust each other, or show one"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verbs and their options."""
    verbs = parser.add_subparsers(dest="v2x_verb", metavar="VERB", required=True)
    for name, (module, summary) in VERBS.items():
        verb = verbs.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        module.configure(verb)


def run(args: argparse.Namespace) -> int:
    """What the verb returns."""
    return VERBS[args.v2x_verb][0].run(args)
