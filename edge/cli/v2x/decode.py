"""icv v2x decode."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument(
        "what", metavar="HEX|FILE", help="a packet in hex, or a file with one packet in hex a line"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a packet")


def run(args: argparse.Namespace) -> int:
    """0: all was read; 1: something was not; 2: what was asked is not there."""
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
