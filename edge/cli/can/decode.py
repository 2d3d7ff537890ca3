"""`icv can decode`."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from edge.cli.can.log import log_argument, said_of, troubles, with_progress, writing
from edge.cli.dbc_option import databases_of

if TYPE_CHECKING:
    from edge.can.dbc import Databases
    from edge.can.logs.reader import LogReader
    from edge.can.statistics import LogStatistics


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    log_argument(parser)
    parser.add_argument(
        "--dbc",
        metavar="[BUS=]FILE",
        nargs="+",
        action="extend",
        required=True,
        help="what the frames mean: DBC, ARXML, KCD, SYM; BUS= if it describes one bus only",
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="the new file: .parquet, .csv or .mcap"
    )
    parser.add_argument(
        "--signals", metavar="MESSAGE.SIGNAL", nargs="+", action="extend", help="only these (default: all)"
    )
    parser.add_argument(
        "--vss",
        metavar="OVERLAY",
        help="write COVESA VSS paths instead, by a Kuksa overlay (.json, .vspec); OUT is .csv",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0; 1 if lines of the log could not be read or no frame is defined by the DBC files."""
    if args.vss:
        from edge.cli.can.vss import decode_to_vss

        return decode_to_vss(args)
    import numpy as np

    from edge.can.dbc.names import resolve_signals
    from edge.can.decode import Decoder, chunks
    from edge.can.export import Texts, open_export, table
    from edge.can.logs.reader import read_log
    from edge.can.statistics import LogStatistics
    from edge.can.transport.long_messages import LongMessages
    from edge.clock import now_ns

    begin_ns = now_ns()
    databases = databases_of(args.dbc)
    decoder = Decoder(databases, args.signals and resolve_signals(databases, args.signals))
    log = read_log(args.log)
    texts = Texts(decoder.signals)
    statistics, long = LogStatistics(), LongMessages(decoder)
    count, seen = 0, np.zeros(len(decoder.signals), bool)
    with (
        writing(log, args.output) as path,
        closing(open_export(path, decoder.signals, texts, log.buses)) as export,
    ):
        for batch in chunks(with_progress(log)):
            statistics.take(batch)
            found = table(batch, decoder.decode(batch, log.buses), texts, long.take(batch, log.buses))
            count += len(found.value)
            seen[found.signal] = True
            export.write(found)
    result = summary(log, statistics, databases, args.output)
    result |= {"signals": int(seen.sum()), "signals_asked": len(decoder.signals), "values": count}
    result["incomplete"] = long.losses.by_reason()
    result["seconds"] = round((now_ns() - begin_ns) / 1e9, 3)
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        print("\n".join([*_lines(result), *troubles(log)]))
    return 1 if log.report.bad_count or not count else 0


def summary(log: LogReader, statistics: LogStatistics, databases: Databases, output: str) -> dict[str, Any]:
    """What was read and what of it is defined, as plain values."""
    from edge.can.statistics import definitions

    undefined: dict[str, int] = {}
    defined_frames = defined_ids = 0
    rows = statistics.ids()
    for row, message in zip(rows, definitions(rows, databases, log.buses), strict=True):
        if message:
            defined_ids += 1
            defined_frames += row.frames
        else:
            undefined[f"{log.buses[row.bus]} {row.id}"] = row.frames
    return {
        "file": str(log.path),
        "output": output,
        "format": log.format,
        "duration_s": statistics.duration_s,
        "frames": defined_frames + sum(undefined.values()),
        "frames_defined": defined_frames,
        "ids_defined": defined_ids,
        "ids_undefined": len(undefined),
        "undefined": undefined,
        "gaps": {log.buses[number]: len(bus.gaps) for number, bus in statistics.buses.items()},
        "missing": sum(row.missing for row in rows),
        **said_of(log),
    }


def _lines(found: dict[str, Any]) -> list[str]:
    rate = found["frames"] / max(found["seconds"], 1e-9)
    lines = [
        f"{found['file']}: {found['format']}, {found['frames']:,} frames, {found['duration_s']:.1f} s",
        f"  defined   {found['frames_defined']:,} frames, {found['ids_defined']} ids",
        f"  signals   {found['signals']} of {found['signals_asked']} seen, {found['values']:,} values",
    ]
    if found["undefined"]:
        most = list(found["undefined"])[:5]
        more = ", ..." if len(found["undefined"]) > 5 else ""
        lines.append(f"  undefined {found['ids_undefined']} ids: {', '.join(most)}{more}")
    silent = {bus: n for bus, n in found["gaps"].items() if n}
    if silent:
        lines.append(
            "  gaps      " + ", ".join(f"{bus}: {n} silences of more than 1 s" for bus, n in silent.items())
        )
    if found["missing"]:
        lines.append(f"  missing   about {found['missing']:,} frames of ids that come steadily")
    if found["incomplete"]:
        whys = ", ".join(f"{count} {why}" for why, count in found["incomplete"].items())
        lines.append(f"  incomplete J1939 messages of several frames: {whys}")
    if not found["values"]:
        lines.append(
            "  nothing   no frame of this log is defined: is it the right DBC file, and the right BUS=?"
        )
    lines.append(f"  written   {found['output']} in {found['seconds']:.1f} s ({rate:,.0f} frames/s)")
    return lines
