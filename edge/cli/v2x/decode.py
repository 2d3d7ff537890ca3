"""icv v2x decode."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.v2x.security import Verifier


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.epilog = (
        "Read are packets (GeoNetworking, DSMP, WSMP), bare messages of every standard and signed ones, also "
        "with the headers that others record around them. A file is pcap or pcapng, text with one packet in "
        "hex a line and # before comments, or the octets of one packet. Times in ns are dates, since 1970 in "
        "UTC. Exit status 1: something could not be read or, with --keys, believed; 2: nothing was there."
    )
    parser.add_argument("what", metavar="HEX|FILE", nargs="+", help="a packet in hex, or a file of packets")
    parser.add_argument(
        "--keys",
        metavar="DIR",
        help="verify what is signed by the certificates of a station that `icv v2x pki` made: packets of a "
        "capture as of when they were recorded, others as of now",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a packet")


def run(args: argparse.Namespace) -> int:
    """0: all was read; 1: something was not; 2: what was asked is not there."""
    from edge import clock
    from edge.cli.v2x.headline import headline
    from edge.cli.v2x.packets import pieces
    from edge.config import UserError

    sources = _arguments(args.what)
    judge = _Judge(args.keys) if args.keys else None
    count = failed = 0
    for source in sources:
        before = count
        for piece in pieces(source):
            count += 1
            if piece.data is None:
                described: dict[str, Any] = {"error": piece.trouble, "reason": "unreadable"}
            else:
                described = describe(piece.data, piece.utc_ns or clock.utc_ns(), judge)
            failed += "error" in described or bool(described.get("security", {}).get("refused"))
            if args.json:
                print(json.dumps({"where": piece.where, **described}))
                continue
            print(f"{piece.where}: {headline(described)}")
            if described.get("tree") is not None:
                print(json.dumps(described["tree"], indent=2, ensure_ascii=False))
        if count == before:
            raise UserError(f"{source}: nothing in it")
    return 1 if failed else 0


def _arguments(words: list[str]) -> list[str]:
    """Hex that a shell has split at its spaces is one packet again."""
    digits = "0123456789abcdefABCDEFx:"
    if len(words) > 1 and all(len(word) <= 8 and not set(word) - set(digits) for word in words):
        return [" ".join(words)]
    return words


class _Judge:
    """Verifies by the certificates in a directory that were good when the first packet was recorded."""

    def __init__(self, directory: str) -> None:
        from edge.config import UserError

        if not Path(directory).is_dir():
            raise UserError(f"--keys {directory}: no such directory")
        self._directory = directory
        self._verifier: Verifier | None = None

    def verify(self, found: Any, utc_ns: int) -> str:
        """By whom it is signed. Raises CodecError: why it is not to be believed."""
        from edge.v2x.moments import Now
        from edge.v2x.security import Verifier, load
        from edge.v2x.verifying import application

        self._verifier = self._verifier or Verifier(load(self._directory, utc_ns))
        source = found.packet.source
        place = None if source is None else (source.latitude, source.longitude)
        return self._verifier.verify(found.signed, Now(utc_ns, utc_ns), place, application(found.packet))


def describe(data: bytes, utc_ns: int, judge: _Judge | None = None) -> dict[str, Any]:
    """What octets are, as JSON has it; "error" and "reason" where they cannot be read."""
    import msgspec

    from edge.v2x.bare import look

    found = look(data, utc_ns)
    described: dict[str, Any] = {"octets": len(data)}
    if found.error is not None:
        described |= {"error": str(found.error), "reason": found.error.reason}
    if found.packet is not None:
        described["network"] = _network(found.packet)
    described["security"] = _security(found, utc_ns, judge)
    heard = found.heard
    if heard is not None:
        described |= {
            "standard": heard.standard,
            "version": heard.version,
            "message": heard.message,
            "sender": heard.sender,
            "counter": heard.counter,
            "content": None if heard.content is None else msgspec.to_builtins(heard.content),
            "tree": heard.tree,
        }
    return described


def _network(packet: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {"family": packet.family}
    if packet.kind:
        shown["kind"] = packet.kind
    if packet.family in ("dsmp", "wsmp"):
        shown["aid"] = packet.service
    if packet.family != "geonetworking":
        return shown
    if packet.transport:
        shown |= {"transport": packet.transport, "port": packet.service}
    shown |= {
        "lifetime_s": packet.lifetime_s,
        "remaining_hops": packet.remaining_hops,
        "hop_limit": packet.hop_limit,
        "traffic_class": packet.traffic_class,
    }
    if packet.sequence is not None:
        shown["sequence"] = packet.sequence
    if packet.source is not None:
        source = packet.source
        shown["source"] = {
            "address": f"{source.address:012x}",
            "station_type": source.station_type,
            "latitude_deg": source.latitude / 1e7,
            "longitude_deg": source.longitude / 1e7,
            "speed_mps": source.speed / 100,
            "heading_deg": source.heading / 10,
            "accurate": source.accurate,
            "timestamp_ms": source.timestamp_ms,
        }
    if packet.area is not None:
        area = packet.area
        shown["area"] = {
            "shape": area.shape,
            "latitude_deg": area.latitude / 1e7,
            "longitude_deg": area.longitude / 1e7,
            "a_m": area.a,
            "b_m": area.b,
            "angle_deg": area.angle,
        }
    return shown


def _security(found: Any, utc_ns: int, judge: _Judge | None) -> dict[str, Any]:
    from edge import clock
    from edge.cli.v2x.pki import described
    from edge.v2x.uper import CodecError

    signed = found.signed
    if signed is None:
        if found.packet is not None and found.packet.secured is not None:
            return {"trust": "secured, cannot be read"}
        return {"trust": "unsigned"}
    shown: dict[str, Any] = {
        "trust": "signed, not verified",
        "signer": signed.signer.hex(),
        "aid": signed.aid,
        "algorithm": signed.algorithm.name,
    }
    if judge is not None:
        try:
            shown["trust"] = f"verified by {judge.verify(found, utc_ns)}"
        except CodecError as error:
            shown |= {"trust": f"refused: {error.reason}", "refused": f"{error.reason}: {error}"}
    for key, date in (("generated", signed.generated_ns), ("expires", signed.expires_ns)):
        if date is not None:
            shown[key] = clock.utc_text(date)
    if signed.place is not None:
        shown["place"] = [signed.place[0] / 1e7, signed.place[1] / 1e7]
    if signed.wanted:
        shown["asks_for"] = [short.hex() for short in signed.wanted]
    if signed.certificate is not None:
        shown["certificate"] = described(signed.certificate)
    return shown
