"""`icv models list`."""

from __future__ import annotations

import argparse

from edge.cli.models.option import perception_of, print_rows, zoo_of, zoo_options


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    zoo_options(parser)


def run(args: argparse.Namespace) -> int:
    """0; 1 if a file is not what it should be."""
    from edge.vision import fold
    from edge.vision.sessions import cache_of
    from edge.vision.zoo import ModelError

    perception = perception_of(args)
    zoo = zoo_of(perception)
    rows = []
    for name, entry in zoo.entries.items():
        path = zoo.place(name, perception.directory)
        state, trouble = "here", ""
        if not path.exists():
            state = "absent"
        else:
            try:
                zoo.locate(name, perception.directory)
            except ModelError as error:
                state, trouble = "wrong", str(error)
        source = "own" if entry.own else entry.address or "no address: --from DIR"
        licences = f"code {entry.licence_code}, weights {entry.licence_weights}"
        detail = f"{entry.role}: {', '.join(entry.finds)}; {entry.bytes / 1e6:.1f} MB; {licences}; {source}"
        if state == "here" and (told := fold.why_not(entry, cache_of(perception))):
            detail += f"; {told}"
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
                "path": str(path),
            }
        )
    print_rows(rows, args.json)
    return int(any(row["state"] == "wrong" for row in rows))
