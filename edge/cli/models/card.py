"""`icv models card`."""

from __future__ import annotations

import argparse
from typing import Any

from edge.cli.models.option import perception_of, zoo_of, zoo_options


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("name", metavar="NAME", help="as `icv models list` names it")
    zoo_options(parser)


def run(args: argparse.Namespace) -> int:
    """0."""
    import json
    import textwrap

    from edge.vision.evaluate.results import read_results

    perception = perception_of(args)
    zoo = zoo_of(perception)
    entry = zoo.entry(args.name)
    results = read_results(zoo.folder(args.name) / "figures.json")
    measured = results.models.get(args.name) if results else None
    own_card = zoo.place(args.name).with_suffix(".md") if entry.own else None
    card: dict[str, Any] = {
        "name": args.name,
        "for": f"{entry.role} camera",
        "finds": ", ".join(entry.finds),
        "needs": ", ".join(entry.needs) or "nothing else",
        "file": str(zoo.place(args.name, perception.directory)),
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "from": entry.address or entry.origin or "not stated",
        "origin": entry.origin,
        "licence of the code": entry.licence_code,
        "licence of the weights": entry.licence_weights,
        "trained on": entry.training_data,
        "limits": entry.limits or "not stated",
    }
    figures = [] if measured is None else [figure.words for figure in measured.figures]
    if measured is not None and results is not None:
        where = f"{results.machine}, {results.day}"
        if measured.sha256 != entry.sha256:
            where += "; of an earlier file of this model: measure again with icv models bench"
        card["measured"] = where
    if args.json:
        print(json.dumps(card | {"figures": figures}, indent=2))
        return 0
    for key, value in card.items():
        for index, line in enumerate(
            textwrap.wrap(str(value), 86, break_long_words=False, break_on_hyphens=False) or [""]
        ):
            print(f"{key if not index else '':>22}  {line}")
    for index, words in enumerate(figures or ["none: icv models bench measures them"]):
        print(f"{'figures' if not index else '':>22}  {words}")
    if own_card is not None and own_card.exists():
        print(f"\n{own_card.read_text(encoding='utf-8')}")
    return 0
