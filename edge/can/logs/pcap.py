"""pcap and pcapng captures of SocketCAN interfaces, as Wireshark, tcpdump and dumpcap write them.

Sources: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng (https://ietf-opsawg-wg.github.io).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from edge.can.frames import Frames
from edge.can.logs.binary import ByteReader, rows
from edge.can.logs.pcap_frames import PADDING, Packets
from edge.can.logs.pcap_interfaces import Interface, Interfaces
from edge.can.logs.pcap_walk import MAX_RECORD, Runs, words
from edge.can.logs.report import Report

NAME = "pcap"
SUFFIXES: tuple[str, ...] = (".pcap", ".pcapng")

SECTION, INTERFACE, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 3, 6
"""Types of blocks of a pcapng file."""
BYTE_ORDER_MAGIC = 0x1A2B3C4D
FLAGS_OPTION, OUTBOUND = 2, 2
"""Option of an enhanced packet block, its value for a frame that was sent."""

_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 6), b"\xa1\xb2\xc3\xd4": (">", 6),
    b"\x4d\x3c\xb2\xa1": ("<", 9), b"\xa1\xb2\x3c\x4d": (">", 9),
}  # fmt: skip
"""Of pcap files: byte order, digits after the second."""
_NG_MAGIC = SECTION.to_bytes(4, "big")
_FILE_HEADER_BYTES, _RECORD_HEAD_BYTES, _BLOCK_BYTES = 24, 16, 12
_ENHANCED_HEAD_BYTES = 28
_READ_BYTES = 1 << 20
_MAX_PACKET = 1 << 18
_DAY_S = 86_400
_KEPT_BYTES = 1 << 12
"""Of a block in which nothing more is found: a record may begin at its end."""


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return head[:4] in _MAGICS or head[:4] == _NG_MAGIC


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of the file."""
    source = ByteReader(file, report)
    interfaces = Interfaces(report)
    yield from (_read_pcap if source.peek(4) in _MAGICS else _read_ng)(source, interfaces, report)
    interfaces.end()


# ------------------------------------------------ pcap


def _read_pcap(source: ByteReader, interfaces: Interfaces, report: Report) -> Iterator[Frames]:
    header = source.take(_FILE_HEADER_BYTES)
    if len(header) < _FILE_HEADER_BYTES:
        report.complain("byte 0", "the header of the file is cut short")
        return
    order, digits = _MAGICS[header[:4]]
    link = struct.unpack_from(f"{order}L", header, 20)[0] & 0xFFFF
    interfaces.begin(order)
    interfaces.add(Interface(link, None, digits, 0))
    head = np.dtype([(name, f"{order}u4") for name in ("s", "fraction", "captured", "length")])
    needs = _RECORD_HEAD_BYTES
    last_s = None
    while data := source.peek(wanted := max(_READ_BYTES, needs)):
        length, final = len(data), len(data) < wanted
        data += bytes(PADDING)
        starts, end, needs = _walk_pcap(data, length, order, 10**digits)
        if starts:
            at = np.array(starts, np.int64)
            found = rows(data, at, head)
            last_s = int(found["s"][-1])
            ticks = found["s"].astype(np.uint64) * np.uint64(10**digits) + found["fraction"]
            captured = found["captured"].astype(np.int64)
            sent = np.zeros(len(at), bool)
            packets = Packets(at + _RECORD_HEAD_BYTES, captured, interfaces.times(0, ticks), sent)
            yield from interfaces.frames(data, source.at, packets, np.zeros(len(at), np.uint32))
        if not needs or (final and end < length):
            after = _next_record(data, end + 1, length, order, 10**digits, last_s)
            if not after:
                after = length if final else max(end + 1, length - _KEPT_BYTES)
            report.complain(f"byte {source.at + end}", f"{after - end} bytes that are no whole record")
            end, needs = after, _RECORD_HEAD_BYTES
        source.skip(end)


def _walk_pcap(data: bytes, length: int, order: str, second: int) -> tuple[list[int], int, int]:
    """Starts of complete records, where they end, and what the next needs from there: 0 for damage."""
    runs = Runs(data, length, order)
    unpack = struct.Struct(f"{order}LLL").unpack_from
    at = 0
    while at + _RECORD_HEAD_BYTES <= length:
        _, fraction, captured = unpack(data, at)
        if captured > _MAX_PACKET or fraction >= second:
            return runs.starts, at, 0
        size = _RECORD_HEAD_BYTES + captured
        if at + size > length:
            return runs.starts, at, size
        at = runs.add(at, size, ((8, captured),))
    return runs.starts, at, _RECORD_HEAD_BYTES


def _next_record(data: bytes, at: int, length: int, order: str, second: int, last_s: int | None) -> int:
    """The next record that looks like one and is followed by one: pcap has no signatures. 0 if none."""
    count = length - at - _RECORD_HEAD_BYTES + 1
    seconds, fraction, captured, whole = (words(data, at + offset, count, order) for offset in (0, 4, 8, 12))
    like = (captured <= whole) & (whole <= _MAX_PACKET) & (fraction < second)
    if last_s is not None:
        like &= np.abs(seconds.astype(np.int64) - last_s) < _DAY_S
    candidates = np.flatnonzero(like)
    follows = candidates + _RECORD_HEAD_BYTES + captured[candidates].astype(np.int64)
    followed = follows + at == length
    inside = follows < count
    followed[inside] = like[follows[inside]]
    found = candidates[followed]
    return at + int(found[0]) if len(found) else 0


# ------------------------------------------------ pcapng


def _read_ng(source: ByteReader, interfaces: Interfaces, report: Report) -> Iterator[Frames]:
    needs = _BLOCK_BYTES
    while data := source.peek(wanted := max(_READ_BYTES, needs)):
        length, final = len(data), len(data) < wanted
        data += bytes(PADDING)
        at = 0
        while at < length:
            starts, at, needs = _walk_ng(data, at, length, interfaces.order)
            if starts:
                yield from _enhanced(data, source.at, np.array(starts, np.int64), interfaces)
            if not needs:
                needs = _other(data, at, length, interfaces)
                if 0 < needs <= length - at:
                    at += needs
                    continue
            if needs and not final:
                break
            if at < length:
                after = _next_block(data, at + 4, length, interfaces.order)
                if not after:
                    after = length if final else max(at + 4, length - _KEPT_BYTES)
                report.complain(f"byte {source.at + at}", f"{after - at} bytes that are no whole block")
                at, needs = after, _BLOCK_BYTES
        source.skip(at)


def _walk_ng(data: bytes, at: int, length: int, order: str) -> tuple[list[int], int, int]:
    """Starts of complete packet blocks, where they end, and what the next needs from there: 0 if another
    kind of block begins, or none."""
    runs = Runs(data, length, order)
    unpack, number = struct.Struct(f"{order}LL").unpack_from, struct.Struct(f"{order}L").unpack_from
    while at + _BLOCK_BYTES <= length:
        kind, size = unpack(data, at)
        if kind != ENHANCED or size < _ENHANCED_HEAD_BYTES + 4 or size % 4 or size > MAX_RECORD:
            return runs.starts, at, 0
        if at + size > length:
            return runs.starts, at, size
        if number(data, at + size - 4)[0] != size:
            return runs.starts, at, 0
        at = runs.add(at, size, ((0, ENHANCED), (4, size), (size - 4, size)))
    return runs.starts, at, _BLOCK_BYTES


def _other(data: bytes, at: int, length: int, interfaces: Interfaces) -> int:
    """Takes what a block that is no packet says. Gives its size, 0 if it is damaged; it may end after the
    data, and is not taken then."""
    order = interfaces.order
    if data[at : at + 4] == _NG_MAGIC:
        magic = data[at + 8 : at + 12]
        for order in "<>":
            if magic == struct.pack(f"{order}L", BYTE_ORDER_MAGIC):
                break
        else:
            return 0
    kind, size = struct.unpack_from(f"{order}LL", data, at)
    if size < _BLOCK_BYTES or size % 4 or size > MAX_RECORD:
        return 0
    if at + size > length:
        return size
    if struct.unpack_from(f"{order}L", data, at + size - 4)[0] != size or (kind == ENHANCED):
        return 0
    if kind == SECTION:
        interfaces.begin(order)
    elif kind == INTERFACE:
        interfaces.describe(data[at + 8 : at + size - 4])
    elif kind == SIMPLE:
        interfaces.left_out("packets without a time")
    return size


def _next_block(data: bytes, at: int, length: int, order: str) -> int:
    """The next block that has its size at both ends; 0 if there is none."""
    count = length - at - _BLOCK_BYTES + 1
    kinds, sizes = words(data, at, count, order), words(data, at + 4, count, order)
    like = (((kinds <= ENHANCED) & (kinds > 0)) | (kinds == SECTION)) & (sizes >= _BLOCK_BYTES)
    like &= (sizes % 4 == 0) & (sizes <= length - at)
    candidates = np.flatnonzero(like)
    last_words = candidates + sizes[candidates].astype(np.int64) - 4
    whole = last_words <= length - at - 4
    candidates, last_words = candidates[whole], last_words[whole]
    found = candidates[words(data, at, length - at - 3, order)[last_words] == sizes[candidates]]
    return at + int(found[0]) if len(found) else 0


def _enhanced(data: bytes, offset: int, at: np.ndarray, interfaces: Interfaces) -> Iterator[Frames]:
    names = ("kind", "size", "interface", "high", "low", "captured", "length")
    heads = rows(data, at, np.dtype([(name, f"{interfaces.order}u4") for name in names]))
    captured = heads["captured"].astype(np.int64)
    room = heads["size"].astype(np.int64) - _ENHANCED_HEAD_BYTES - 4
    captured = np.where(captured > room, 0, captured)  # too short, then, for a frame
    ticks = heads["high"].astype(np.uint64) << np.uint64(32) | heads["low"]
    numbers = heads["interface"].astype(np.uint32)
    t_ns = np.zeros(len(at), np.int64)
    for number in np.unique(numbers).tolist():
        mine = numbers == number
        t_ns[mine] = interfaces.times(number, ticks[mine])
    options = at + _ENHANCED_HEAD_BYTES + (captured + 3 & ~3)
    sent = _sent(data, options, at + heads["size"] - 4, interfaces.order)
    packets = Packets(at + _ENHANCED_HEAD_BYTES, captured, t_ns, sent)
    yield from interfaces.frames(data, offset, packets, numbers)


def _sent(data: bytes, begins: np.ndarray, ends: np.ndarray, order: str) -> np.ndarray:
    """Whether the flags, an option of each packet, say that it went out."""
    sent = np.zeros(len(begins), bool)
    some = np.flatnonzero(ends - begins >= 8)
    if not len(some):
        return sent
    option = np.dtype([("code", f"{order}u2"), ("length", f"{order}u2"), ("value", f"{order}u4")])
    first = rows(data, begins[some], option)
    is_flags = (first["code"] == FLAGS_OPTION) & (first["length"] == 4)
    sent[some] = is_flags & (first["value"] & 3 == OUTBOUND)
    for i in some[~is_flags].tolist():
        at, end = int(begins[i]), int(ends[i])
        while at + 8 <= end:
            code, size = struct.unpack_from(f"{order}HH", data, at)
            if code == FLAGS_OPTION and size == 4:
                sent[i] = struct.unpack_from(f"{order}L", data, at + 4)[0] & 3 == OUTBOUND
            at += 4 + (size + 3 & ~3)
    return sent
