"""icv v2x peers."""

from __future__ import annotations

import argparse
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("count", type=int, metavar="N", help="how many vehicles")
    parser.add_argument("--config", metavar="FILE", help="link, standard and keys from [v2x] of this rig")
    parser.add_argument("--standard", choices=["csae53", "etsi"], help="what they speak")
    parser.add_argument("--rate", type=float, default=10.0, metavar="HZ", help="messages a second of each")
    parser.add_argument(
        "--at",
        metavar="LAT,LON",
        default="31.2800,121.1700",
        help="around here (default: the place of the demo)",
    )
    parser.add_argument(
        "--roadside", action="store_true", help="a crossing too: its map each second, its lights ten times"
    )
    parser.add_argument("--keys", metavar="DIR", help="sign with keys that `icv v2x pki` made")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="N", help="stop after N s; 0: never")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Send until stopped; 1 if not all could be sent, 2: what was asked cannot be."""
    import json

    import msgspec

    from edge.config import Config, UserError, V2x, read
    from edge.runtime.crowd import Crowd, drive_crowd
    from edge.sim.traffic import Traffic

    settings = (read(args.config, Config).v2x if args.config else None) or V2x()
    if args.standard:
        settings = msgspec.structs.replace(settings, standard=args.standard)
    if args.keys:
        security = msgspec.structs.replace(settings.security, directory=args.keys)
        settings = msgspec.structs.replace(settings, security=security)
    try:
        latitude, longitude = (float(part) for part in args.at.split(","))
    except ValueError:
        raise UserError(f"--at {args.at}: two numbers with a comma between, e.g. 31.2800,121.1700") from None
    if not (1 <= args.count <= 10_000 and 0.0 < args.rate <= 100.0):
        raise UserError("1 to 10000 vehicles, at a rate of up to 100 a second")
    if not (abs(latitude) <= 85.0 and abs(longitude) <= 180.0):
        raise UserError(f"--at {args.at}: not a place where one can drive")
    crowd = Crowd(Traffic(args.count, latitude, longitude), settings, args.rate, roadside=args.roadside)
    if not args.json:
        print(
            f"SIMULATION: {args.count} vehicles on {crowd.where}, {settings.standard} - Ctrl-C ends",
            flush=True,
        )
    sent = drive_crowd(crowd, args.seconds)
    if args.json:
        print(json.dumps({"sent": sent.packets, "failed": sent.failed, "seconds": sent.seconds}))
    else:
        rate = sent.packets / max(sent.seconds, 1e-9)
        print(f"{sent.packets} packets in {sent.seconds:.1f} s, {rate:.0f} a second; {sent.failed} not sent")
    if sent.failed:
        print(f"icv v2x peers: {sent.trouble}", file=sys.stderr)
    return 1 if sent.failed else 0
