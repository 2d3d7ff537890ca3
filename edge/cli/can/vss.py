"""`icv can decode --vss`: a log as VSS paths and their values."""

from __future__ import annotations

import argparse
import json

from edge.cli.can.log import said_of, troubles, with_progress, writing
from edge.cli.dbc_option import databases_of


def decode_to_vss(args: argparse.Namespace) -> int:
    """CSV: t_ns, path, value; in the order of time within each batch of the log. 0; 1 if a leaf gave nothing
    or lines of the log could not be read."""
    import csv

    import numpy as np

    from edge.can.decode import Decoder, chunks
    from edge.can.export import ExportError
    from edge.can.logs.reader import read_log
    from edge.can.vss import VssMapper, find_signals, vss_columns
    from edge.can.vss.overlay import read_overlay

    if not args.output.lower().endswith(".csv"):
        raise ExportError(f"{args.output}: VSS values are written as CSV: end its name in .csv")
    overlay = read_overlay(args.vss)
    databases = databases_of(args.dbc)
    mapper = VssMapper(overlay)
    found = find_signals(mapper.signals, databases)
    decoder = Decoder(databases, found.names)
    log = read_log(args.log)
    counts = {leaf.path: 0 for leaf in overlay.leaves}
    with writing(log, args.output) as created, created.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["t_ns", "path", "value"])
        for batch in chunks(with_progress(log)):
            rows: list[tuple[int, str, object]] = []
            for column in vss_columns(mapper, decoder, decoder.decode(batch, log.buses), batch.t_ns):
                counts[column.leaf.path] += len(column.values)
                path = column.leaf.path
                rows += [
                    (t, path, value) for t, value in zip(column.t_ns.tolist(), column.values, strict=True)
                ]
            order = np.argsort([row[0] for row in rows], kind="stable")
            writer.writerows(rows[i] for i in order.tolist())
    refused = {f"{path}: {why}": count for (path, why), count in mapper.refused.items()}
    if args.json:
        result = {"output": args.output, "values": counts, "refused": refused, "missing": found.missing}
        result |= {"ambiguous": found.ambiguous, "unused": overlay.notes, **said_of(log)}
        print(json.dumps(result, indent=2))
    else:
        lines = [f"{args.output}: {sum(counts.values()):,} values"]
        lines += [f"  {path}: {count:,}" for path, count in counts.items()]
        lines += [f"  missing   no message has {signal}" for signal in found.missing]
        lines += [f"  ambiguous {name}: all of {', '.join(of)}" for name, of in found.ambiguous.items()]
        lines += [f"  refused   {what}, {count:,} times" for what, count in refused.items()]
        lines += [f"  note      {note}" for note in overlay.notes]
        print("\n".join([*lines, *troubles(log)]))
    return 1 if log.report.bad_count or not all(counts.values()) else 0
