"""Test certificates: a root, an authority that issues tickets, and stations, written as `load` reads them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from edge.v2x.security import signed
from edge.v2x.security.algorithms import Algorithm, PrivateKey, SecurityError, new_key
from edge.v2x.security.certificate import (
    Certificate,
    read_certificate,
    write_issuer,
    write_signature,
    write_to_be_signed,
)
from edge.v2x.security.permissions import Group, Ssp
from edge.v2x.security.region import Region
from edge.v2x.security.store import Ticket, read_file, read_private

ROOT = "root"
"""The folder with the keys that issue; every other one is a station's."""

CSAE53_AIDS = (signed.BSM, 3618, 3619, 3620, 3623)
"""Those that the same test vector names."""

README = """Keys and certificates for tests, made by `icv v2x pki`. They protect nothing: whoever has this
folder can sign as any of its stations. Do not use them on public roads.
"""

_FILES = (".cert", ".key", ".txt")


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the tickets of a station are to be. start_ns: UTC; permissions None: those of a common car."""

    algorithm: Algorithm
    start_ns: int
    hours: int = 168
    tickets: int = 4
    region: Region | None = None
    permissions: Mapping[int, Ssp] | None = None


def common_permissions() -> dict[int, Ssp]:
    """Of a car without special rights: CAM without containers of special vehicles, every cause of DENM."""
    plain = (signed.TLM, signed.RLT, signed.IVI, signed.GN, signed.VRU, signed.CP, *CSAE53_AIDS)
    return {
        signed.CAM: Ssp(bytes((1, 0, 0)), True),
        signed.DENM: Ssp(bytes((1, 255, 255, 255)), True),
        **dict.fromkeys(plain, Ssp()),
    }


def make_root(algorithm: Algorithm, start_ns: int, hours: int) -> tuple[Ticket, Ticket]:
    """A root that signs itself, and an authority under it that may issue tickets for every application."""
    root = _issue(
        None,
        algorithm,
        name="icv-edge test root",
        start_ns=start_ns,
        hours=hours,
        permissions={signed.CRL: Ssp(b"\1", True), signed.CTL: Ssp(b"\1\x38", True)},
        issues=(Group(None, 1, 2),),
    )
    authority = _issue(
        root,
        algorithm,
        name="icv-edge test authority",
        start_ns=start_ns,
        hours=hours,
        issues=(Group(None),),
    )
    return root, authority


def make_tickets(authority: Ticket, wishes: Wishes) -> list[Ticket]:
    """Pseudonyms of one station: nothing in them but their keys tells them apart."""
    permissions = common_permissions() if wishes.permissions is None else wishes.permissions
    return [
        _issue(
            authority,
            wishes.algorithm,
            name="",
            start_ns=wishes.start_ns,
            hours=wishes.hours,
            area=wishes.region,
            permissions=permissions,
        )
        for _ in range(wishes.tickets)
    ]


def write_root(directory: Path, root: Ticket, authority: Ticket, force: bool) -> Path:
    """Their folder. Raises SecurityError."""
    return _write(directory, ROOT, {"root": root, "authority": authority}, {}, force)


def read_root(directory: Path) -> tuple[Ticket, Ticket]:
    """What `write_root` wrote. Raises SecurityError."""
    found = []
    for name in ("root", "authority"):
        certificate = read_file(directory / ROOT / f"{name}.cert")
        key = read_private(directory / ROOT / f"{name}.key", certificate)
        found.append(Ticket(certificate, key))
    return found[0], found[1]


def write_station(
    directory: Path, name: str, root: Ticket, authority: Ticket, tickets: list[Ticket], force: bool
) -> Path:
    """The folder of a station, which `load` reads. Raises SecurityError."""
    trusted = {"root": root.certificate, "authority": authority.certificate}
    return _write(
        directory, name, {f"ticket-{n:03}": each for n, each in enumerate(tickets, 1)}, trusted, force
    )


def _issue(
    issuer: Ticket | None,
    algorithm: Algorithm,
    *,
    name: str,
    start_ns: int,
    hours: int,
    area: Region | None = None,
    permissions: Mapping[int, Ssp] | None = None,
    issues: tuple[Group, ...] = (),
) -> Ticket:
    key = new_key(algorithm)
    covered = write_to_be_signed(
        name=name,
        start_ns=start_ns,
        hours=hours,
        area=area,
        permissions=list((permissions or {}).items()),
        issues=issues,
        algorithm=algorithm,
        point=key.point(),
    )
    above: Certificate | None = None
    by: PrivateKey = key
    if issuer is not None:
        above, by = issuer.certificate, issuer.key
    hashed = by.algorithm.hash(b"" if above is None else above.encoded)
    signature = write_signature(by.algorithm, *by.sign(covered, hashed))
    return Ticket(read_certificate(write_issuer(above, algorithm) + covered + signature), key)


def _write(
    directory: Path,
    name: str,
    own: Mapping[str, Ticket],
    others: Mapping[str, Certificate],
    force: bool,
) -> Path:
    """A folder that appears whole or not at all, and that only its owner can enter."""
    target = directory / name
    if target.exists() and not force:
        raise SecurityError(
            f"{target}: is there already; --force replaces it, another --station is put beside it"
        )
    if target.exists() and (
        not target.is_dir() or any(path.suffix not in _FILES for path in target.iterdir())
    ):
        raise SecurityError(f"{target}: holds other things than keys and certificates; it is left as it is")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=directory))  # 0700
        try:
            _file(fresh / "README.txt", README.encode())
            for file, ticket in own.items():
                _file(fresh / f"{file}.cert", ticket.certificate.encoded)
                _file(fresh / f"{file}.key", ticket.key.pem())
            for file, certificate in others.items():
                _file(fresh / f"{file}.cert", certificate.encoded)
            if target.exists():
                old = Path(tempfile.mkdtemp(prefix=f".{name}-old-", dir=directory))
                target.rename(old / name)
                fresh.rename(target)
                shutil.rmtree(old)
            else:
                fresh.rename(target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise SecurityError(f"{target}: {error.strerror}") from None
    return target


def _file(path: Path, data: bytes) -> None:
    """Only its owner reads it, from the moment it is there."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
