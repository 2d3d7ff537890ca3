"""Packet captures: what others or we have recorded, read; and what goes and comes, written for Wireshark.

Read: pcap (both byte orders, microseconds or nanoseconds) and pcapng, of Ethernet (link type 1) and of IEEE
802.11 behind radiotap (127). Written: pcap with nanoseconds, Ethernet. Sources: the IETF drafts of pcap and
pcapng, tcpdump.org/linktypes.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edge.config import UserError
from edge.v2x.links.frames import EXPERIMENTAL_TYPE, from_frame, from_radio, to_frame

_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\xc3\xd4": (">", 1000), b"\xa1\xb2\x3c\x4d": (">", 1),
}  # fmt: skip
_NEXT_GENERATION = b"\x0a\x0d\x0d\x0a"
_ETHERNET, _RADIO = 1, 127
_LARGEST = 1 << 18
_OURS = bytes((2, 0, 0, 0, 0, 1))  # a locally administered address


class PcapError(UserError, ValueError):
    """A file that is no packet capture, or cannot be opened."""


class Capture:
    """The packets of a file, one after the other: (UTC in ns, packet) in the form of our links.

    skipped: after reading, how many records held nothing of ours, by reason: "other" traffic, "link type"
    that is not read, "damaged" and "truncated" where the file goes wrong: reading ends there. Raises
    PcapError for what is no capture.
    """

    def __init__(self, path: Path | str, dsmp_type: int = EXPERIMENTAL_TYPE) -> None:
        self.path = Path(path)
        self.skipped: Counter[str] = Counter()
        self._dsmp_type = dsmp_type
        try:
            with self.path.open("rb") as file:
                magic = file.read(4)
        except OSError as error:
            raise PcapError(f"{self.path}: {error.strerror}") from None
        if magic not in _MAGICS and magic != _NEXT_GENERATION:
            raise PcapError(f"{self.path}: is neither pcap nor pcapng: it begins {magic.hex() or 'nowhere'}")
        self._magic = magic

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        self.skipped.clear()
        with self.path.open("rb") as file:
            if self._magic == _NEXT_GENERATION:
                records = _next_generation(file, self.skipped)
            else:
                records = _classic(file, self.skipped)
            for utc_ns, link_type, frame in records:
                if link_type not in (_ETHERNET, _RADIO):
                    self.skipped["link type"] += 1
                    continue
                opened = from_frame if link_type == _ETHERNET else from_radio
                packet = opened(frame, self._dsmp_type)
                if packet:
                    yield utc_ns, packet
                else:
                    self.skipped["other"] += 1


def _exactly(file: BinaryIO, count: int, skipped: Counter[str]) -> bytes:
    """So many octets; fewer, and counted, where the file ends in the midst of something."""
    data = file.read(count)
    if 0 < len(data) < count:
        skipped["truncated"] += 1
    return data if len(data) == count else b""


def _classic(file: BinaryIO, skipped: Counter[str]) -> Iterator[tuple[int, int, bytes]]:
    order, unit_ns = _MAGICS[file.read(4)]
    head = _exactly(file, 20, skipped)
    if not head:
        skipped["truncated"] = 1
        return
    link_type = struct.unpack(order + "HHiIII", head)[5] & 0xFFFF
    while record := _exactly(file, 16, skipped):
        seconds, fraction, length, _ = struct.unpack(order + "IIII", record)
        if length > _LARGEST:
            skipped["damaged"] += 1
            return
        frame = _exactly(file, length, skipped)
        if len(frame) < length:
            skipped["truncated"] = 1
            return
        yield seconds * 1_000_000_000 + fraction * unit_ns, link_type, frame


def _next_generation(file: BinaryIO, skipped: Counter[str]) -> Iterator[tuple[int, int, bytes]]:
    order = "<"
    interfaces: list[tuple[int, int]] = []  # link type, units of time a second
    while head := _exactly(file, 8, skipped):
        if head[:4] == _NEXT_GENERATION:
            magic = _exactly(file, 4, skipped)
            order = ">" if magic == b"\x1a\x2b\x3c\x4d" else "<"
            head, interfaces = head + magic, []
        kind, length = struct.unpack(order + "II", head[:8])
        if length % 4 or not 12 <= length <= 4 * _LARGEST:
            skipped["damaged"] += 1
            return
        rest = length - len(head)
        body = _exactly(file, rest, skipped)
        if len(body) < rest:
            skipped["truncated"] = 1
            return
        body = body[:-4]
        if kind == 1 and len(body) >= 8:
            (link_type,) = struct.unpack_from(order + "H", body)
            interfaces.append((link_type, _resolution(body[8:], order)))
        elif kind == 6 and len(body) >= 20:
            number, high, low, size, _ = struct.unpack_from(order + "IIIII", body)
            if number >= len(interfaces) or 20 + size > len(body):
                skipped["damaged"] += 1
                continue
            link_type, units = interfaces[number]
            yield (high << 32 | low) * 1_000_000_000 // units, link_type, body[20 : 20 + size]
        elif kind == 3 and len(body) >= 4 and interfaces:
            (size,) = struct.unpack_from(order + "I", body)
            yield 0, interfaces[0][0], body[4 : 4 + size]


def _resolution(options: bytes, order: str) -> int:
    """Units a second of an interface: the option if_tsresol, else microseconds."""
    at = 0
    while at + 4 <= len(options):
        code, size = struct.unpack_from(order + "HH", options, at)
        if code == 9 and size == 1 and at + 4 < len(options):
            value = options[at + 4]
            return 1 << (value & 0x7F) if value & 0x80 else 10 ** min(value, 18)
        at += 4 + (size + 3 & ~3)
    return 1_000_000


class PcapWriter:
    """A capture that is written: a header at once, then packet by packet, flushed, so that a kill costs none.

    Raises PcapError when the file cannot be made. A packet of no family that Ethernet carries is left out and
    counted in `left_out`.
    """

    def __init__(self, path: Path | str, dsmp_type: int = EXPERIMENTAL_TYPE) -> None:
        self._dsmp_type = dsmp_type
        self.left_out = 0
        try:
            self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise PcapError(f"{path}: {error.strerror}") from None
        self._file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, _LARGEST, _ETHERNET))

    def write(self, utc_ns: int, packet: bytes) -> None:
        """One packet. OSError when the disk is full."""
        try:
            frame = to_frame(packet, _OURS, self._dsmp_type)
        except ValueError:
            self.left_out += 1
            return
        seconds, fraction = divmod(utc_ns, 1_000_000_000)
        self._file.write(struct.pack("<IIII", seconds, fraction, len(frame), len(frame)) + frame)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
