"""icv v2x listen."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.cli.v2x.board import Board
    from edge.config import V2x

_POLL_NS = 20_000_000
_LIVE_NS, _PLAIN_NS = 250_000_000, 1_000_000_000
_PLAIN_LINES = 50


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.epilog = (
        "Without a config: everyone on the multicast group of this machine, where `icv v2x peers` and `icv "
        "run` send; what is not signed is let in, and marked. With one, as its [v2x] says. Nothing is sent. "
        "1/s: messages a second; deg: heading, clockwise from north."
    )
    parser.add_argument(
        "--config", metavar="FILE", help="link, keys and what is let in from [v2x] of this rig"
    )
    parser.add_argument(
        "--keys",
        metavar="DIR",
        help="verify by the keys of a station that `icv v2x pki` made: of one that is not sending",
    )
    parser.add_argument("--at", metavar="LAT,LON", help="say how far events are from here")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="N", help="stop after N s; 0: never")
    parser.add_argument("--record", metavar="FILE", help="write all that comes into a pcap file")
    parser.add_argument("--json", action="store_true", help="one JSON object a message")


def run(args: argparse.Namespace) -> int:
    """Listen until stopped; 2: what was asked is not there."""
    from edge import clock, messages
    from edge.cli.v2x.board import Board
    from edge.runtime.stopping import stopped_by_signals
    from edge.v2x.inlet import V2xInlet
    from edge.v2x.station import Station

    settings = _settings(args)
    live = clock.LiveClock()
    start_ns = now_ns = live.now_ns()
    station = Station(settings, 0, clock.date_ns, start_ns=start_ns)
    inlet = V2xInlet(station)
    board = Board(_place(args.at))
    shown_ns = 0
    terminal = sys.stdout.isatty() and not args.json
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True

    try:
        with stopped_by_signals(stop):
            while not stopped and (args.seconds <= 0 or now_ns - start_ns < args.seconds * 1e9):
                for message in inlet.poll(now_ns):
                    board.take(message)
                    if args.json:
                        print(messages.encode(message).decode(), flush=True)
                if not args.json and now_ns - shown_ns >= (_LIVE_NS if terminal else _PLAIN_NS):
                    _show(board, now_ns, terminal)
                    shown_ns = now_ns
                live.sleep_until_ns(now_ns + _POLL_NS)
                now_ns = live.now_ns()
    finally:
        inlet.close()
    if not args.json:
        _show(board, now_ns, terminal)
        print(f"{board.summary()} in {(now_ns - start_ns) / 1e9:.0f} s by {settings.link.kind}")
    return 0


def _settings(args: argparse.Namespace) -> V2x:
    """What the options make of the config. Raises UserError."""
    from msgspec.structs import replace

    from edge.config import Config, UserError, V2x, V2xSecurity, read

    settings = V2x(security=V2xSecurity(accept_unsigned=True))
    if args.config:
        settings = read(args.config, Config).v2x or settings
    if settings.link.kind == "simulated":
        raise UserError(f"{args.config}: [v2x.link] simulated is inside one program, nobody else hears it")
    if args.keys:
        settings = replace(settings, security=replace(settings.security, directory=args.keys))
    if args.record:
        try:
            Path(args.record).open("ab").close()
        except OSError as error:
            raise UserError(f"--record {args.record}: {error.strerror}") from None
        settings = replace(settings, link=replace(settings.link, record_file=args.record))
    return replace(settings, send=False)


def _place(text: str | None) -> tuple[float, float] | None:
    from edge.config import UserError

    if text is None:
        return None
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        latitude = longitude = 999.0
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):
        raise UserError(f"--at {text}: two numbers with a comma between, e.g. 31.2800,121.1700")
    return latitude, longitude


def _show(board: Board, now_ns: int, terminal: bool) -> None:
    """In place on a terminal, cut to its size; else one block after the other."""
    if not terminal:
        print("\n".join(board.lines(now_ns, _PLAIN_LINES)), end="\n\n", flush=True)
        return
    columns, rows = shutil.get_terminal_size()
    lines = board.lines(now_ns, max(rows - 2, 4))
    body = "".join(f"{line[: columns - 1]}\x1b[K\n" for line in lines)  # what is behind a line is wiped
    print(f"\x1b[H{body}\x1b[J", end="", flush=True)
