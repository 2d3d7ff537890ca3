"""`icv v2x`: look into V2X packets, and listen to the link."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HELP = "decode V2X packets, or listen to who is there"


def configure(parser: argparse.ArgumentParser) -> None:
    """The verbs below `icv v2x`."""
    verbs = parser.add_subparsers(dest="v2x_verb", required=True, metavar="VERB")
    decode = verbs.add_parser("decode", help="what packets say (GeoNetworking, DSMP, or a bare BSM or CAM)")
    decode.add_argument(
        "what", metavar="HEX|FILE", help="a packet in hex, or a file with one packet in hex a line"
    )
    decode.add_argument("--json", action="store_true", help="one JSON object a packet")
    listen = verbs.add_parser("listen", help="a live table of everyone heard")
    listen.add_argument("--config", metavar="FILE", help="take the link from [v2x] of this rig")
    listen.add_argument("--seconds", type=float, default=0.0, metavar="N", help="stop after N s; 0: never")
    listen.add_argument("--json", action="store_true", help="one JSON object a message")


def run(args: argparse.Namespace) -> int:
    """0: all was read; 1: something was not; 2: what was asked is not there."""
    return _decode(args) if args.v2x_verb == "decode" else _listen(args)


def _decode(args: argparse.Namespace) -> int:
    try:
        packets = _packets(args.what)
    except (OSError, ValueError) as error:
        print(f"icv v2x decode: {error}", file=sys.stderr)
        return 2
    if not packets:
        print(f"icv v2x decode: {args.what}: nothing in it", file=sys.stderr)
        return 2
    failed = 0
    for where, data in packets:
        described = _describe(data)
        failed += "error" in described
        if args.json:
            print(json.dumps({"where": where, **described}))
        else:
            print(f"{where}: {described.get('error') or _headline(described)}")
            if "tree" in described:
                print(json.dumps(described["tree"], indent=2))
    return 1 if failed else 0


def _packets(what: str) -> list[tuple[str, bytes]]:
    """From hex on the command line, or from a file: hex by lines, or the octets of one packet."""
    compact = "".join(what.split())
    if compact and all(c in "0123456789abcdefABCDEF" for c in compact) and not Path(what).is_file():
        return [("packet", _from_hex(compact, "HEX"))]
    path = Path(what)
    if not path.is_file():
        raise ValueError(f"{what}: neither hex nor a file")
    raw = path.read_bytes()
    try:
        lines = raw.decode("ascii").splitlines()
    except UnicodeDecodeError:
        return [(what, raw)]
    if any(c < " " and c != "\t" for line in lines for c in line):
        return [(what, raw)]
    return [
        (f"{what}:{number}", _from_hex("".join(line.split()), f"{what}:{number}"))
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _from_hex(text: str, where: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ValueError(f"{where}: not hex: {error}") from None


def _describe(data: bytes) -> dict[str, Any]:
    import msgspec

    from edge.v2x.hear import hear_bare
    from edge.v2x.uper import CodecError

    try:
        heard = hear_bare(data)
    except CodecError as error:
        return {"error": str(error), "reason": error.reason, "octets": len(data)}
    return {
        "standard": heard.standard,
        "message": heard.message,
        "sender": heard.sender,
        "counter": heard.counter,
        "trust": "unsigned",
        "octets": len(data),
        "object": None if heard.content is None else msgspec.to_builtins(heard.content),
        "tree": heard.tree,
    }


def _headline(described: dict[str, Any]) -> str:
    names = {"csae53": "T/CSAE 53", "etsi": "ETSI EN 302 637-2", "j2735": "SAE J2735"}
    return (
        f"{described['message']} of {names[described['standard']]}, sender {described['sender']}, "
        f"counter {described['counter']}, {described['octets']} octets, unsigned"
    )


def _listen(args: argparse.Namespace) -> int:
    from edge import clock, messages
    from edge.config import Config, ConfigError, V2x, read
    from edge.v2x.inlet import V2xInlet

    settings = V2x()
    if args.config:
        try:
            settings = read(args.config, Config).v2x or settings
        except ConfigError as error:
            print(f"icv v2x listen: {error}", file=sys.stderr)
            return 2
    inlet = V2xInlet(settings)
    live = clock.LiveClock()
    start_ns = now_ns = live.now_ns()
    peers: dict[str, messages.PeerHeard] = {}
    heard = shown_ns = 0
    try:
        while args.seconds <= 0 or now_ns - start_ns < args.seconds * 1e9:
            for message in inlet.poll(now_ns):
                if isinstance(message, messages.PeerHeard):
                    peers[f"{message.standard}:{message.sender}"] = message
                    heard += 1
                if args.json:
                    print(messages.encode(message).decode(), flush=True)
                elif isinstance(message, messages.Health | messages.Gap):
                    print(_trouble(message))
            if not args.json and now_ns - shown_ns >= 1_000_000_000:
                print(_table(peers, now_ns))
                shown_ns = now_ns
            live.sleep_until_ns(now_ns + 20_000_000)
            now_ns = live.now_ns()
    except KeyboardInterrupt:
        pass
    finally:
        inlet.close()
    if not args.json:
        print(f"{heard} messages of {len(peers)} stations, unsigned, on {settings.group}:{settings.port}")
    return 0


def _trouble(message: Any) -> str:
    if hasattr(message, "reason"):
        return f"dropped {message.count}: {message.reason}"
    return f"link {message.state}{': ' if message.detail else ''}{message.detail}"


def _table(peers: dict[str, Any], now_ns: int) -> str:
    titles = ("station", "what", "kind", "latitude", "longitude", "m/s", "age s", "events")
    lines = ["{:22} {:10} {:10} {:>11} {:>12} {:>6} {:>6}  {}".format(*titles)]
    for key, peer in sorted(peers.items()):
        content, age_s = peer.content, (now_ns - peer.t_ns) / 1e9
        speed = "?" if content.speed_mps is None else f"{content.speed_mps:.1f}"
        lines.append(
            f"{key[:22]:22} {peer.message:10} {content.kind:10} {content.latitude_deg:11.6f} "
            f"{content.longitude_deg:12.6f} {speed:>6} {age_s:6.1f}  {' '.join(content.events)}"
        )
    return "\n".join(lines)
