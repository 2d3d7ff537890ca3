"""`icv can`: what a CAN log holds."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.can.dbc import Database

HELP = "CAN logs: info"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    verbs = parser.add_subparsers(dest="can_verb", metavar="VERB", required=True)
    info = verbs.add_parser("info", help="how long, which buses and ids, what a DBC file defines of it")
    info.add_argument("log", metavar="LOG", help="candump, GVRET/SavvyCAN CSV, Vector ASC, BLF, TRC; .gz too")
    info.add_argument(
        "--dbc",
        metavar="FILE",
        nargs="+",
        action="extend",
        default=[],
        help="DBC files that name the messages",
    )
    info.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0; 1 if lines of the log could not be read."""
    from edge.can.dbc import read_dbc

    databases = [read_dbc(path) for path in args.dbc]
    found = summary(args.log, databases)
    print(json.dumps(found, indent=2) if args.json else "\n".join(_lines(found)))
    return 1 if found["bad_lines"] else 0


def summary(path: str, databases: list[Database]) -> dict[str, Any]:
    """All that `info` tells, as plain values. Raises LogError."""
    import numpy as np

    from edge.can.frames import ERROR, KEY_EXTENDED
    from edge.can.logs.reader import read_log

    log = read_log(path)
    counts: dict[tuple[int, int], int] = {}
    first_ns, last_ns, errors = [], [], 0
    for batch in log:
        first_ns.append(int(batch.t_ns.min()))
        last_ns.append(int(batch.t_ns.max()))
        real = batch[batch.flags & ERROR == 0]
        errors += len(batch) - len(real)
        places = real.bus.astype(np.uint64) << np.uint64(32) | real.keys()
        for place, count in zip(*np.unique(places, return_counts=True), strict=True):
            bus, key = divmod(int(place), 1 << 32)
            counts[bus, key] = counts.get((bus, key), 0) + int(count)
    duration_s = (max(last_ns) - min(first_ns)) / 1e9
    names: dict[int, str] = {}
    for database in databases:
        for key, message in database.messages.items():
            names.setdefault(key, message.name)
    ids = [
        {
            "bus": log.buses[bus],
            "id": f"{key & ~KEY_EXTENDED:08X}" if key & KEY_EXTENDED else f"{key:03X}",
            "frames": count,
            "rate_hz": round(count / duration_s, 2) if duration_s > 0 else None,
            "message": names.get(key),
        }
        for (bus, key), count in sorted(counts.items(), key=lambda item: -item[1])
    ]
    total = sum(counts.values())
    defined = sum(count for (_, key), count in counts.items() if key in names)
    return {
        "file": str(path),
        "format": log.format,
        "frames": total,
        "error_frames": errors,
        "duration_s": duration_s,
        "buses": {
            name: sum(count for (bus, _), count in counts.items() if bus == number)
            for number, name in enumerate(log.buses)
        },
        "ids": ids,
        "frames_defined": defined if databases else None,
        "frames_undefined": total - defined if databases else None,
        "dbc": {database.path: len(database.messages) for database in databases},
        "dbc_defects": [defect for database in databases for defect in database.defects],
        "bad_lines": log.report.bad_count,
        "bad": log.report.bad,
    }


def _lines(found: dict[str, Any]) -> list[str]:
    seconds = found["duration_s"]
    lines = [
        f"{found['file']}: {found['format']}, {found['frames']:,} frames, {seconds:.3f} s",
        *(f"  bus       {name}: {count:,} frames" for name, count in found["buses"].items()),
    ]
    if found["error_frames"]:
        lines.append(f"  errors    {found['error_frames']:,} error frames")
    if found["frames_defined"] is not None:
        share = found["frames_defined"] / max(found["frames"], 1)
        lines.append(f"  defined   {found['frames_defined']:,} frames ({share:.0%}) by the DBC files")
    lines += [f"  defect    {defect}" for defect in found["dbc_defects"]]
    if found["bad_lines"]:
        lines.append(f"  bad       {found['bad_lines']:,} lines could not be read, the first:")
        lines += [f"            {line}" for line in found["bad"]]
    lines.append(f"  {'bus':8} {'id':>8} {'frames':>10} {'Hz':>9}  message")
    for row in found["ids"]:
        rate = "" if row["rate_hz"] is None else f"{row['rate_hz']:.2f}"
        name = row["message"] or ("" if found["frames_defined"] is None else "(not defined)")
        lines.append(f"  {row['bus']:8} {row['id']:>8} {row['frames']:>10,} {rate:>9}  {name}".rstrip())
    return lines
