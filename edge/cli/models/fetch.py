"""`icv models fetch`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.models.option import chosen, perception_of, print_rows, zoo_of, zoo_options

if TYPE_CHECKING:
    from edge.vision.zoo import Zoo


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="as `icv models list` names them")
    parser.add_argument(
        "--all", action="store_true", help="all public models that can be had (with --from: that lie there)"
    )
    parser.add_argument("--from", dest="source", metavar="DIR", help="a directory that holds the files")
    zoo_options(parser, "--to")


def run(args: argparse.Namespace) -> int:
    """0; 1 if a model could not be had."""
    import sys

    from edge.config import UserError
    from edge.vision import fold
    from edge.vision.sessions import cache_of
    from edge.vision.zoo import ModelError, brings

    perception = perception_of(args)
    zoo = zoo_of(perception)
    source = Path(args.source).expanduser() if args.source else None
    if source is not None and not source.is_dir():
        raise UserError(f"--from {source}: no such directory")
    names = chosen(zoo, args.names) if args.names else []
    if args.all:
        names = [name for name in zoo.entries if _can_be_had(name, zoo, source)]
    if not names:
        raise UserError("nothing to fetch: name models (see `icv models list`), or give --all")
    rows = []
    for name in dict.fromkeys(names):
        print(brings(name, zoo.entry(name)), file=sys.stderr)
        try:
            path = zoo.fetch(name, perception.directory, source, show_progress=not args.json)
        except ModelError as error:
            rows.append({"name": name, "state": "refused", "detail": str(error)})
        else:
            cache = cache_of(perception)
            fold.folded(path, zoo.entry(name), cache)  # now, so that the first start is no slower
            told = fold.why_not(zoo.entry(name), cache)
            rows.append({"name": name, "state": "here", "detail": f"{path}{told and '; ' + told}"})
    print_rows(rows, args.json)
    return int(any(row["state"] == "refused" for row in rows))


def _can_be_had(name: str, zoo: Zoo, source: Path | None) -> bool:
    entry = zoo.entry(name)
    if entry.own:
        return False
    if entry.made_from is not None:
        return _can_be_had(entry.made_from, zoo, source)
    return entry.address is not None if source is None else (source / entry.file).exists()
