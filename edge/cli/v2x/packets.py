"""Where `icv v2x decode` takes octets from: hex, files of hex, packet captures, files of one packet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_HEX = frozenset("0123456789abcdefABCDEF")
_LONGEST = 1 << 17  # octets of a line, or of a file with one packet
_CAPTURES = (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d", b"\n\r\r\n")


class Piece(NamedTuple):
    """One packet. data None: there is none, `trouble` says why; utc_ns: when it was recorded, if known."""

    where: str
    data: bytes | None
    utc_ns: int | None = None
    trouble: str = ""


def pieces(what: str) -> Iterator[Piece]:
    """Packet by packet. Raises UserError for what is neither hex nor a file, or too large for one packet."""
    from edge.config import UserError

    compact = _compact(what)
    path = Path(what)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # a long text is no name of a file
        is_file = False
    if not is_file:
        if not compact or not _HEX.issuperset(compact):
            raise UserError(f"{_short(what)}: neither hex nor a file")
        if len(compact) % 2:
            raise UserError(f"{_short(what)}: {len(compact)} digits of hex, which is half an octet too many")
        return iter([Piece("packet", bytes.fromhex(compact))])
    try:
        with path.open("rb") as file:
            head = file.read(_LONGEST + 1)
    except OSError as error:
        raise UserError(f"{what}: {error.strerror}") from None
    if head[:4] in _CAPTURES:
        return _captured(path)
    if _is_text(head):
        return _lines(path)
    if len(head) > _LONGEST:
        raise UserError(f"{what}: neither text nor pcap, and too large for one packet")
    return iter([Piece(what, head)] if head else [])


def _captured(path: Path) -> Iterator[Piece]:
    from edge.v2x.links.pcap import Capture

    capture = Capture(path)
    number = 0
    for number, (utc_ns, data) in enumerate(capture, 1):
        yield Piece(f"{path}:{number}", data, utc_ns or None)
    for reason in ("link type", "damaged", "truncated"):
        if count := capture.skipped[reason]:
            trouble = f"{count} that cannot be read: {reason}"
            yield Piece(f"{path}: after {number} packets", None, trouble=trouble)
    if not number and (count := capture.skipped["other"]):
        yield Piece(str(path), None, trouble=f"no V2X among {count} records")


def _lines(path: Path) -> Iterator[Piece]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(2 * _LONGEST):
            number += 1
            where = f"{path}:{number}"
            text = line.decode("utf-8", "replace").partition("#")[0]
            compact = _compact(text)
            if not compact:
                continue
            if not _HEX.issuperset(compact):
                yield Piece(where, None, trouble=f"not hex: {_short(text.strip())}")
            elif len(compact) % 2:
                yield Piece(where, None, trouble=f"{len(compact)} digits of hex, half an octet too many")
            else:
                yield Piece(where, bytes.fromhex(compact))


def _compact(text: str) -> str:
    """Hex as people write it: with spaces, colons, 0x."""
    return "".join(text.replace(":", " ").replace("0x", " ").split())


def _is_text(head: bytes) -> bool:
    if any(octet < 32 and octet not in b"\t\r\n\f" for octet in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 and len(head) > _LONGEST
    return True


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
