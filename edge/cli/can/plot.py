"""`icv can plot`."""

from __future__ import annotations

import argparse
import json

from edge.cli.can.log import log_argument, said_of, troubles, with_progress, writing
from edge.cli.dbc_option import databases_of


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    log_argument(parser)
    parser.add_argument(
        "signals", metavar="SIGNAL", nargs="+", help="MESSAGE.SIGNAL, or SIGNAL where that is clear"
    )
    parser.add_argument(
        "--dbc",
        metavar="[BUS=]FILE",
        action="append",
        required=True,
        help="what the frames mean; again for another file",
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="the picture: .png, .svg, .pdf (default: LOG's name with .png)"
    )
    parser.add_argument("--from", dest="from_s", metavar="S", type=float, help="seconds from the start")
    parser.add_argument("--to", dest="to_s", metavar="S", type=float, help="seconds from the start")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0; 1 if lines of the log could not be read or a signal has no value in it."""
    from pathlib import Path

    from edge.can.dbc.names import resolve_signals
    from edge.can.decode import Decoder
    from edge.can.logs.files import inner_suffix
    from edge.can.logs.reader import read_log
    from edge.can.plot import draw, gather

    databases = databases_of(args.dbc)
    asked = resolve_signals(databases, args.signals)
    decoder = Decoder(databases, asked)
    log = read_log(args.log)
    series = gather(with_progress(log), decoder, log.buses, args.from_s, args.to_s)
    series.sort(key=lambda one: asked.index(one.name))
    output = args.output or Path(args.log).name.split(inner_suffix(Path(args.log)) or "\0")[0] + ".png"
    if not Path(output).suffix:
        output += ".png"  # as matplotlib does, without telling
    with writing(log, output):
        draw(output, series, Path(args.log).name)
    values = {one.name: len(one.value) for one in series}
    if args.json:
        print(json.dumps({"output": output, "values": values, **said_of(log)}, indent=2))
    else:
        print(
            "\n".join(
                [f"{output}:", *(f"  {name}: {n:,} values" for name, n in values.items()), *troubles(log)]
            )
        )
    return 1 if log.report.bad_count or not all(values.values()) else 0
