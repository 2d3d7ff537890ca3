"""icv v2x pki."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.v2x.security.certificate import Certificate
    from edge.v2x.security.permissions import Ssp
    from edge.v2x.security.region import Region

_ALGORITHMS = ("p256", "brainpoolp256r1", "brainpoolp384r1", "p384", "sm2")
_EARLY_NS = 3_600_000_000_000


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.epilog = (
        "DIR gets one folder with the keys of a root and an authority, and one for each station; stations "
        "made later in the same DIR trust the earlier ones. For tests alone: whoever has the keys can sign."
    )
    parser.add_argument("directory", metavar="DIR", nargs="?", help="where the certificates are put")
    parser.add_argument("--show", metavar="FILE", help="what a certificate says, instead")
    parser.add_argument("--station", metavar="NAME", action="append", help="a station; may be repeated")
    parser.add_argument("--count", type=_number(1, 1000), metavar="N", help="stations named station-1 to -N")
    parser.add_argument("--tickets", type=_number(1, 100), default=4, metavar="N", help="pseudonyms of each")
    parser.add_argument("--hours", type=_number(1, 65_535), default=168, metavar="N", help="good for so long")
    parser.add_argument("--algorithm", choices=_ALGORITHMS, default="p256")
    parser.add_argument(
        "--aid",
        action="append",
        metavar="AID[:HEX]",
        help="an application they may use, and a bitmap of what; may be repeated; without: those of a car",
    )
    parser.add_argument("--circle", metavar="LAT,LON,M", help="good only so many metres around a place")
    parser.add_argument("--rectangle", metavar="N,W,S,E", help="good only between these degrees")
    parser.add_argument("--country", type=_number(0, 65_535), action="append", metavar="UN-M49")
    parser.add_argument("--force", action="store_true", help="replace stations that are there")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """0; UserError for what cannot be done."""
    from edge.config import UserError

    if (args.show is None) == (args.directory is None):
        raise UserError("icv v2x pki: name a DIR to fill, or --show a FILE")
    return _show(args) if args.show else _make(args)


def _make(args: argparse.Namespace) -> int:
    from pathlib import Path

    from edge import clock
    from edge.config import UserError
    from edge.v2x.security import issue
    from edge.v2x.security.algorithms import BY_NAME

    directory = Path(args.directory)
    names = list(args.station or ()) + [f"station-{n}" for n in range(1, (args.count or 0) + 1)]
    for name in names:
        if not name.replace("-", "").replace("_", "").isalnum() or name == issue.ROOT:
            raise UserError(f"--station {name}: letters, digits, - and _, and not {issue.ROOT!r}")
    algorithm = BY_NAME[args.algorithm]
    start_ns = clock.utc_ns() - _EARLY_NS
    wishes = issue.Wishes(
        algorithm=algorithm,
        start_ns=start_ns,
        hours=args.hours + 1,
        tickets=args.tickets,
        region=_region(args),
        permissions=dict(_permission(text) for text in args.aid) if args.aid else None,
    )
    if (directory / issue.ROOT).is_dir():
        root, authority = issue.read_root(directory)
    else:
        root, authority = issue.make_root(algorithm, start_ns, 65_535)
        issue.write_root(directory, root, authority, False)
    made = []
    for name in names or ["car"]:
        tickets = issue.make_tickets(authority, wishes)
        made.append(issue.write_station(directory, name, root, authority, tickets, args.force))
    if args.json:
        print(json.dumps({"root": root.certificate.digest.hex(), "stations": [str(path) for path in made]}))
    else:
        print(f"root {root.certificate.digest.hex()}, for tests alone")
        for path in made:
            print(f'{path}: {args.tickets} tickets; [v2x.security] directory = "{path}"')
    return 0


def _show(args: argparse.Namespace) -> int:
    from pathlib import Path

    from edge.v2x.security.store import read_file

    shown = described(read_file(Path(args.show)))
    if args.json:
        print(json.dumps(shown))
        return 0
    width = max(map(len, shown))
    for key, value in shown.items():
        for line in value if isinstance(value, list) else [value]:
            print(f"{key:{width}}  {line}")
            key = ""
    return 0


def described(certificate: Certificate) -> dict[str, Any]:
    """What a certificate says, for people."""
    from edge import clock

    shown: dict[str, Any] = {
        "id": certificate.digest.hex(),
        "name": certificate.name or "none (a pseudonym)",
        "issuer": "itself" if certificate.issuer is None else certificate.issuer.hex(),
        "from": clock.utc_text(certificate.start_ns),
        "until": clock.utc_text(certificate.end_ns),
        "key": f"{certificate.algorithm.name} {certificate.point.hex()}",
        "signed by": certificate.sealing.name,
        "octets": len(certificate.encoded),
    }
    if certificate.region is not None:
        region = certificate.region
        shown["region"] = [str(shape) for shape in region.shapes] or [
            f"country {n}" for n in region.countries
        ]
    if certificate.permissions:
        shown["may use"] = [_said(aid, ssp) for aid, ssp in certificate.permissions.items()]
    if certificate.issues:
        shown["may issue"] = [
            "everything" if group.ranges is None else f"for {', '.join(map(str, group.ranges))}"
            for group in certificate.issues
        ]
    return shown


def _said(aid: int, ssp: Ssp) -> str:
    if ssp.value is None:
        return str(aid)
    return f"{aid} {'bitmap' if ssp.bitmap else 'opaque'} {ssp.value.hex()}"


def _permission(text: str) -> tuple[int, Ssp]:
    from edge.config import UserError
    from edge.v2x.security.permissions import Ssp

    number, colon, bits = text.partition(":")
    try:
        aid, value = int(number), bytes.fromhex(bits)
    except ValueError:
        aid, value = -1, b""
    if not 0 <= aid < 1 << 32 or len(value) > 31 or bool(colon) != bool(value):
        raise UserError(f"--aid {text}: a number, or a number, a colon and up to 31 octets in hex")
    return aid, Ssp(value, True) if value else Ssp()


def _region(args: argparse.Namespace) -> Region | None:
    from edge.config import UserError
    from edge.v2x.security.region import Circle, Rectangle, Region

    if sum(option is not None for option in (args.circle, args.rectangle, args.country)) > 1:
        raise UserError("one of --circle, --rectangle and --country")
    if args.country:
        return Region(countries=tuple(args.country))
    if args.circle is not None:
        latitude, longitude, radius = _numbers("--circle", args.circle, 3)
        if not 0 < radius <= 65_535:
            raise UserError(f"--circle {args.circle}: up to 65535 m")
        return Region((Circle(_point("--circle", latitude, longitude), round(radius)),))
    if args.rectangle is not None:
        north, west, south, east = _numbers("--rectangle", args.rectangle, 4)
        if north < south:
            raise UserError(f"--rectangle {args.rectangle}: north lies south of south")
        corners = (_point("--rectangle", north, west), _point("--rectangle", south, east))
        return Region((Rectangle(*corners),))
    return None


def _numbers(option: str, text: str, count: int) -> list[float]:
    from edge.config import UserError

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise UserError(f"{option} {text}: {count} numbers with commas between")
    return numbers


def _point(option: str, latitude: float, longitude: float) -> tuple[int, int]:
    from edge.config import UserError

    if not (-90 <= latitude <= 90 and -180 < longitude <= 180):
        raise UserError(f"{option}: {latitude}, {longitude} is no place")
    return round(latitude * 1e7), round(longitude * 1e7)


def _number(low: int, high: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not within {low}..{high}")
        return value

    return number
