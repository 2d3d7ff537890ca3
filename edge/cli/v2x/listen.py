"""icv v2x listen."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("--config", metavar="FILE", help="take the link from [v2x] of this rig")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="N", help="stop after N s; 0: never")
    parser.add_argument("--json", action="store_true", help="one JSON object a message")


def run(args: argparse.Namespace) -> int:
    """Listen until stopped; 2: what was asked is not there."""
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
        print(
            f"{heard} messages of {len(peers)} stations, unsigned, on {settings.link.group}:{settings.link.port}"
        )
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
