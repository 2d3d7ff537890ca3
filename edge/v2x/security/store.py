"""Keys and certificates of one station, in files that only their owner can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from edge.v2x.security.algorithms import PrivateKey, SecurityError, read_key
from edge.v2x.security.certificate import Certificate, read_certificate
from edge.v2x.security.chain import Chain
from edge.v2x.uper import CodecError

_MOST_OCTETS = 65_536


class Ticket(msgspec.Struct, frozen=True):
    """A certificate of ours and its key."""

    certificate: Certificate
    key: PrivateKey


class Store(msgspec.Struct, frozen=True):
    """Whom we trust, and who we are. authorities: between roots and tickets; tickets: our pseudonyms."""

    roots: tuple[Certificate, ...]
    authorities: tuple[Certificate, ...] = ()
    tickets: tuple[Ticket, ...] = ()


def load(directory: str | Path, utc_ns: int) -> Store:
    """What lies in a directory as `icv v2x pki` makes it: *.cert, and *.key for those that are our own.

    A certificate that signs itself is a root and trusted; all others must lead to one. What is over is left
    out. Raises SecurityError: what is missing, damaged, forged or expired, keys that others can read, keys of
    other certificates.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise SecurityError(f"{folder}: no such directory; make one with: icv v2x pki {folder.parent}")
    roots: list[Certificate] = []
    authorities: list[Certificate] = []
    tickets: list[Ticket] = []
    expired: list[Path] = []
    for path in sorted(folder.glob("*.cert")):
        certificate = read_file(path)
        if utc_ns >= certificate.end_ns:
            expired.append(path)
        elif certificate.issuer is None:
            roots.append(certificate)
        elif certificate.issues:
            authorities.append(certificate)
        else:
            tickets.append(Ticket(certificate, read_private(path.with_suffix(".key"), certificate)))
    for what, there in (("root certificate", roots), ("ticket with its key", tickets)):
        if not there:
            raise SecurityError(f"{folder}: no {what}{_why(expired, folder)}")
    try:
        chain = Chain(roots, authorities)
        for ticket in tickets:
            chain.check(ticket.certificate)
    except CodecError as error:
        raise SecurityError(f"{folder}: {error}{_why(expired, folder)}") from None
    return Store(tuple(roots), tuple(authorities), tuple(tickets))


def read_file(path: Path) -> Certificate:
    """A certificate in a file of its own. Raises SecurityError."""
    try:
        with path.open("rb") as file:
            return read_certificate(file.read(_MOST_OCTETS))
    except OSError as error:
        raise SecurityError(f"{path}: {error.strerror}") from None
    except CodecError as error:
        raise SecurityError(f"{path}: is no certificate of IEEE 1609.2: {error}") from None


def read_private(path: Path, certificate: Certificate) -> PrivateKey:
    """The key of a certificate. Raises SecurityError; also where others than the owner may read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SecurityError(f"{path}: others can read this key; say: chmod 600 {path}")
            key = read_key(certificate.algorithm, file.read(_MOST_OCTETS))
    except OSError as error:
        raise SecurityError(
            f"{path}: the key of {path.with_suffix('.cert').name}: {error.strerror}"
        ) from None
    except (ValueError, TypeError) as error:
        raise SecurityError(f"{path}: {error}") from None
    if key.point() != certificate.point:
        raise SecurityError(
            f"{path}: is the key of another certificate than {path.with_suffix('.cert').name}"
        )
    return key


def _why(expired: list[Path], folder: Path) -> str:
    if expired:
        return (
            f"; expired: {', '.join(path.name for path in expired[:4])}: icv v2x pki --force makes new ones"
        )
    inside = sorted(path.parent.name for path in folder.glob("*/root.cert"))
    return f"; it holds stations: choose one, as {folder / inside[0]}" if inside else ""
