"""`icv models fetch`."""

from __future__ import annotations

import argparse

from edge.cli.models.option import chosen, perception_of, print_rows, zoo_of, zoo_options


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
    from pathlib import Path

    from edge.config import UserError
    from edge.vision.zoo import ModelError, brings

    perception = perception_of(args)
    zoo = zoo_of(perception)
    source = Path(args.source).expanduser() if args.source else None
    if source is not None and not source.is_dir():
        raise UserError(f"--from {source}: no such directory")
    names = chosen(zoo, args.names) if args.names else []
    if args.all:
        public = {name: entry for name, entry in zoo.entries.items() if not entry.own}
        names = [
            n for n, e in public.items() if (e.address if source is None else (source / e.file).exists())
        ]
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
            rows.append({"name": name, "state": "here", "detail": str(path)})
    print_rows(rows, args.json)
    return int(any(row["state"] == "refused" for row in rows))
