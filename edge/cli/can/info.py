"""`icv can info`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from edge.cli.can.log import log_argument, said_of, troubles, with_progress
from edge.cli.dbc_option import databases_of

if TYPE_CHECKING:
    from edge.can.dbc import Databases
    from edge.can.logs.reader import LogReader
    from edge.can.statistics import BusStatistics, LogStatistics

SINCE_1970 = 10**17
"""ns; a log whose times are greater tells the date (March 1973), another counts from its own start."""

BARS = "▁▂▃▄▅▆▇█"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    log_argument(parser)
    parser.add_argument(
        "--dbc",
        metavar="[BUS=]FILE",
        nargs="+",
        action="extend",
        default=[],
        help="DBC files that name the messages",
    )
    parser.add_argument(
        "--bitrate", metavar="BPS", type=_bitrate, default=500_000, help="of the buses, for the load (500000)"
    )
    parser.add_argument(
        "--data-bitrate", metavar="BPS", type=_bitrate, default=2_000_000, help="of CAN FD data (2000000)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _bitrate(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no bit rate in bit/s")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """0; 1 if lines of the log could not be read."""
    from edge.can.logs.reader import read_log
    from edge.can.statistics import LogStatistics

    databases = databases_of(args.dbc)
    log = read_log(args.log)
    statistics = LogStatistics(args.bitrate, args.data_bitrate)
    for batch in with_progress(log):
        statistics.take(batch)
    found = summary(log, statistics, databases)
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join([*_lines(found), *troubles(log)]))
    return 1 if log.report.bad_count else 0


def summary(log: LogReader, statistics: LogStatistics, databases: Databases) -> dict[str, Any]:
    """All that `info` tells, as plain values."""
    from edge.can.statistics import definitions
    from edge.clock import utc_text

    first_ns, seconds = statistics.first_ns or 0, statistics.duration_s
    rows = statistics.ids()
    ids = [
        {
            "bus": log.buses[row.bus],
            "id": row.id,
            "frames": row.frames,
            "rate_hz": round(row.frames / seconds, 2) if seconds > 0 else None,
            "period_ms": None if row.period_ns is None else round(row.period_ns / 1e6, 3),
            "missing": row.missing,
            "message": message.name if message else None,
        }
        for row, message in zip(rows, definitions(rows, databases, log.buses), strict=True)
    ]
    total = sum(row.frames for row in rows)
    defined = sum(row.frames for row, known in zip(rows, ids, strict=True) if known["message"])
    buses = {
        log.buses[number]: _bus(bus, first_ns, seconds) | {"bitrate_bps": statistics.bitrates_bps[0]}
        for number, bus in sorted(statistics.buses.items())
    }
    return {
        "file": str(log.path),
        "format": log.format,
        "start_utc": utc_text(first_ns) if first_ns > SINCE_1970 else None,
        "duration_s": seconds,
        "frames": total,
        "error_frames": sum(bus.error_frames for bus in statistics.buses.values()),
        "missing": sum(row.missing for row in rows),
        "buses": buses,
        "frames_defined": defined if databases else None,
        "frames_undefined": total - defined if databases else None,
        "dbc": {database.path: len(database.messages) for database, _ in databases},
        "dbc_defects": sum(len(database.defects) for database, _ in databases),
        **said_of(log),
        "ids": ids,
    }


def _bus(bus: BusStatistics, first_ns: int, seconds: float) -> dict[str, Any]:
    busy_ns = bus.busy_ns
    peak = max(busy_ns, key=lambda second: busy_ns[second])
    return {
        "frames": bus.frames,
        "error_frames": bus.error_frames,
        "fd_frames": bus.fd_frames,
        "frames_per_s": round(bus.frames / seconds, 1) if seconds > 0 else None,
        "load": round(sum(busy_ns.values()) / 1e9 / seconds, 4) if seconds > 0 else None,
        "peak_load": round(busy_ns[peak] / 1e9, 4),
        "peak_at_s": max(0.0, round(peak - first_ns / 1e9, 3)),
        "load_over_time": [round(load, 4) for load in _over_time(busy_ns, first_ns, seconds)],
        "gaps": [[round((at - first_ns) / 1e9, 3), round((to - at) / 1e9, 3)] for at, to in bus.gaps],
    }


def _over_time(busy_ns: dict[int, int], first_ns: int, seconds: float) -> list[float]:
    """Load in up to 60 equal parts of the log, by whole seconds; the last, partial second is left out."""
    first = first_ns // 1_000_000_000
    whole = int(seconds)
    parts = min(60, whole)
    sums = [0] * parts
    for second, busy in busy_ns.items():  # a wild time may make the log decades long
        if second < first + whole:
            sums[(second - first) * parts // whole] += busy
    begins = [-(-part * whole // parts) for part in range(parts + 1)]
    return [total / (begins[i + 1] - begins[i]) / 1e9 for i, total in enumerate(sums)]


def _lines(found: dict[str, Any]) -> list[str]:
    since = f", from {found['start_utc']}" if found["start_utc"] else ""
    lines = [
        f"{found['file']}: {found['format']}, {found['frames']:,} frames, {found['duration_s']:.3f} s{since}"
    ]
    for name, bus in found["buses"].items():
        lines += _bus_lines(name, bus)
    if found["frames_defined"] is not None:
        share = found["frames_defined"] / max(found["frames"], 1)
        kinds = sum(row["message"] is not None for row in found["ids"])
        ids = f"{kinds} of {len(found['ids'])} ids"
        lines.append(f"  defined   {found['frames_defined']:,} frames ({share:.0%}), {ids}, by the DBC files")
    if found["dbc_defects"]:
        lines.append(f"  defects   {found['dbc_defects']} in the DBC files: icv dbc check FILE lists them")
    if found["missing"]:
        lines.append(f"  missing   about {found['missing']:,} frames of ids that come steadily (an estimate)")
    lines.append(f"  {'bus':8} {'id':>8} {'frames':>10} {'Hz':>9} {'missing':>8}  message")
    for row in found["ids"]:
        rate = "" if row["rate_hz"] is None else f"{row['rate_hz']:.2f}"
        name = row["message"] or ("" if found["frames_defined"] is None else "(not defined)")
        missing = row["missing"] or ""
        lines.append(
            f"  {row['bus']:8} {row['id']:>8} {row['frames']:>10,} {rate:>9} {missing:>8}  {name}".rstrip()
        )
    return lines


def _bus_lines(name: str, bus: dict[str, Any]) -> list[str]:
    rate = "" if bus["frames_per_s"] is None else f", {bus['frames_per_s']:,.0f}/s"
    kinds = "".join(
        f", {bus[key]:,} {words}"
        for key, words in (("fd_frames", "of them CAN FD"), ("error_frames", "error frames"))
        if bus[key]
    )
    lines = [f"  {name:9} {bus['frames']:,} frames{rate}{kinds}"]
    if bus["load_over_time"]:
        top = max(*bus["load_over_time"], 1e-9)
        picture = "".join(BARS[min(7, int(8 * load / top))] for load in bus["load_over_time"])
        lines.append(
            f"            load {bus['load']:.0%}, at most {bus['peak_load']:.0%} at {bus['peak_at_s']:.0f} s,"
            f" if it runs at {bus['bitrate_bps'] / 1000:g} kbit/s"
        )
        lines.append(f"            {picture}")
    if bus["gaps"]:
        at, length = max(bus["gaps"], key=lambda gap: gap[1])
        count = len(bus["gaps"])
        lines.append(f"            {count} silences of over 1 s, the longest {length:.1f} s at {at:.1f} s")
    return lines
