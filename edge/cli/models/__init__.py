"""`icv models`: which networks there are, getting the public ones, how good they are; one file per verb."""

from __future__ import annotations

import argparse

from edge.cli.models import bench, card, check, fetch, listing, quantise, table

VERBS = {
    "list": (listing, "every model, whether it is here, its licences and where it is from"),
    "fetch": (fetch, "bring public models here, from their address or from a directory"),
    "check": (check, "run each model that is here on a drawn picture, compare with what it should say"),
    "bench": (bench, "measure how good and how fast they are, side by side"),
    "card": (card, "all that is known of a model: licences, what it learnt from, figures, limits"),
    "quantise": (quantise, "make a faster one with bytes inside, held against the original on your pictures"),
    "table": (table, "begin the zoo's table of a model of your own: what its file says of itself"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verbs and their options."""
    verbs = parser.add_subparsers(dest="models_verb", metavar="VERB", required=True)
    for name, (module, summary) in VERBS.items():
        verb = verbs.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        module.configure(verb)


def run(args: argparse.Namespace) -> int:
    """What the verb returns."""
    return VERBS[args.models_verb][0].run(args)
