"""`icv models`: which networks there are, getting the public ones, and whether they are as they should be."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.vision.zoo import Zoo

HELP = "list, fetch and check the ONNX models"


def configure(parser: argparse.ArgumentParser) -> None:
    """The subverbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="list|fetch|check")
    listing = verbs.add_parser(
        "list", help="every model, whether it is here, its licences and where it is from"
    )
    fetch = verbs.add_parser("fetch", help="bring public models here, from their address or from a directory")
    fetch.add_argument("names", nargs="*", metavar="NAME", help="as `icv models list` names them")
    fetch.add_argument(
        "--all", action="store_true", help="all public models that can be had (with --from: that lie there)"
    )
    fetch.add_argument("--from", dest="source", metavar="DIR", help="a directory that holds the files")
    check = verbs.add_parser("check", help="load each model that is here, run it once, compare with the zoo")
    for verb in (listing, fetch, check):
        verb.add_argument(
            "--to" if verb is fetch else "--in",
            dest="directory",
            metavar="DIR",
            help="of downloaded models (default: models/public)",
        )
        verb.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0; 1 if a model could not be had or is not right."""
    from edge.vision.zoo import Zoo

    rows = {"list": _list, "fetch": _fetch, "check": _check}[args.action](args, Zoo())
    if args.json:
        print(json.dumps(rows, indent=2))
    else:
        for row in rows:
            print(f"{row['state']:8} {row['name']:36} {row['detail']}")
    return int(any(row["state"] in ("wrong", "refused") for row in rows))


def _list(args: argparse.Namespace, zoo: Zoo) -> list[dict[str, Any]]:
    from edge.vision.zoo import ModelError

    rows = []
    for name, entry in zoo.entries.items():
        state, trouble = "here", ""
        if not zoo.place(name, args.directory).exists():
            state = "absent"
        else:
            try:
                zoo.locate(name, args.directory)
            except ModelError as error:
                state, trouble = "wrong", str(error)
        source = "own" if entry.own else entry.address or "no address: --from DIR"
        licences = f"code {entry.licence_code}, weights {entry.licence_weights}"
        detail = f"{entry.role}: {', '.join(entry.finds)}; {entry.bytes / 1e6:.1f} MB; {licences}; {source}"
        rows.append(
            {
                "name": name,
                "state": state,
                "detail": trouble or detail,
                "role": entry.role,
                "finds": list(entry.finds),
                "bytes": entry.bytes,
                "sha256": entry.sha256,
                "own": entry.own,
                "address": entry.address,
                "origin": entry.origin,
                "licence_code": entry.licence_code,
                "licence_weights": entry.licence_weights,
                "training_data": entry.training_data,
                "path": str(zoo.place(name, args.directory)),
            }
        )
    return rows


def _fetch(args: argparse.Namespace, zoo: Zoo) -> list[dict[str, Any]]:
    from pathlib import Path

    from edge.config import UserError
    from edge.vision.zoo import ModelError

    source = Path(args.source).expanduser() if args.source else None
    if source is not None and not source.is_dir():
        raise UserError(f"--from {source}: no such directory")
    names = list(args.names)
    for name in names:
        zoo.entry(name)  # all names are looked at before anything is fetched
    if args.all:
        public = {name: entry for name, entry in zoo.entries.items() if not entry.own}
        names = [
            n for n, e in public.items() if (e.address if source is None else (source / e.file).exists())
        ]
    if not names:
        raise UserError("nothing to fetch: name models (see `icv models list`), or give --all")
    rows = []
    for name in names:
        try:
            path = zoo.fetch(name, args.directory, source, show_progress=not args.json)
        except ModelError as error:
            rows.append({"name": name, "state": "refused", "detail": str(error)})
        else:
            rows.append({"name": name, "state": "here", "detail": str(path)})
    return rows


def _check(args: argparse.Namespace, zoo: Zoo) -> list[dict[str, Any]]:
    from edge.vision.zoo import ModelError, how_to_get

    rows = []
    for name, entry in zoo.entries.items():
        if not entry.own and not zoo.place(name, args.directory).exists():
            rows.append({"name": name, "state": "absent", "detail": how_to_get(name, entry)})
            continue
        try:
            detail = _try(name, args.directory, zoo)
        except ModelError as error:
            rows.append({"name": name, "state": "wrong", "detail": str(error)})
        else:
            rows.append({"name": name, "state": "right", "detail": detail})
    return rows


def _try(name: str, directory: str | None, zoo: Zoo) -> str:
    """Run a model once through its adapter's session and compare its shapes with the zoo's."""
    import numpy as np

    from edge import clock, config
    from edge.vision.perceive import load
    from edge.vision.zoo import ModelError

    entry = zoo.entry(name)
    session, _ = load(name, zoo.locate(name, directory), config.Perception(), zoo)
    for what, said, found in (
        ("inputs", entry.inputs, session.inputs),
        ("outputs", entry.outputs, session.outputs),
    ):
        if list(said) != list(found):
            raise ModelError(f"model {name}: its {what} are {list(found)}, the zoo says {list(said)}")
    feed = {name: np.zeros(entry.inputs[name], dtype) for name, (_, dtype) in session.inputs.items()}
    began_ns = clock.now_ns()
    outputs = session.run(feed)
    took_ms = (clock.now_ns() - began_ns) / 1e6
    for output, (label, shape) in zip(outputs, entry.outputs.items(), strict=True):
        if len(output.shape) != len(shape) or any(
            b not in (0, a) for a, b in zip(output.shape, shape, strict=True)
        ):
            raise ModelError(
                f"model {name}: its output {label} is {tuple(output.shape)}, the zoo says {tuple(shape)}"
            )
    return f"{', '.join(session.providers_used)}; one run {took_ms:.1f} ms"
