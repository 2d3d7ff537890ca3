"""Vector BLF: objects in compressed containers, read and decompressed ahead of who takes the frames."""

from __future__ import annotations

import bisect
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timezone
from typing import BinaryIO, NamedTuple

import numpy as np

from edge.can.frames import Frames
from edge.can.logs.binary import ByteReader, channel_name
from edge.can.logs.blf_objects import PADDING, Fault, frames_of
from edge.can.logs.blf_walk import MAX_GAP, MAX_OBJECT, SIGNATURE, object_starts
from edge.can.logs.report import MAX_BUSES, BadDataError, Report

NAME = "blf"
SUFFIXES: tuple[str, ...] = (".blf",)

FILE_SIGNATURE = b"LOGG"
FILE_HEADER = struct.Struct("<4sL8BQQLL8H8H")
"""Signature, its own size, versions, sizes of the file and of its content, counts of objects, first and last
time as year, month, day of the week (from Sunday, 0), day, hour, minute, second, millisecond."""
OBJECT_HEADER = struct.Struct("<4sHHLL")
"""Signature, size of the header, its version, size of the object, type."""
CONTAINER_HEADER = struct.Struct("<H6xL4x")
"""Follows in a container: compression, size of the content."""
CONTAINER = 10
STORED, DEFLATED = 0, 2

_CONTAINER_HEAD = OBJECT_HEADER.size + CONTAINER_HEADER.size
_MAX_UNTOLD = 1 << 20
"""A container that says less than this may still hold as much."""
_GROUP_BYTES, _GROUP_COUNT = 3 << 20, 64
"""Containers are decompressed together until they hold so much, some 65,000 frames: decoding a batch has a
price for each signal, whatever its size."""
_NO_BUS = -2
_WORKERS = min(2, os.cpu_count() or 1)
_AHEAD = _WORKERS + 1


class _Piece(NamedTuple):
    """Part of a file: a container, or an object outside of one. No compression: bytes are lost here."""

    at: int
    compression: int | None
    content: bytes
    says: int


class _Unpacked(NamedTuple):
    at: int
    content: bytes | None
    trouble: str


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return head.startswith(FILE_SIGNATURE)


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of the file."""
    source = ByteReader(file, report)
    objects = _Objects(report, _file_header(source, report))
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="blf") as workers:
        running: deque[Future[list[_Unpacked]]] = deque()
        try:
            for group in _in_groups(_pieces(source, report)):
                running.append(workers.submit(_unpack, group))
                if len(running) > _AHEAD:
                    yield from objects.add(running.popleft().result())
            while running:
                yield from objects.add(running.popleft().result())
        finally:
            for future in running:
                future.cancel()
    yield from objects.end()


def _file_header(source: ByteReader, report: Report) -> int:
    """Reads it; gives the time of the start, in ns since 1970, 0 if it tells none."""
    header = source.peek(FILE_HEADER.size)
    if len(header) < FILE_HEADER.size or not header.startswith(FILE_SIGNATURE):
        report.complain("byte 0", "the header of the file is damaged: times count from the start of the log")
        return 0
    fields = FILE_HEADER.unpack(header)
    size = fields[1]
    if FILE_HEADER.size <= size <= 4096:
        source.skip(size)
    else:
        report.complain("byte 4", f"a file header of {size} bytes")
        source.skip(FILE_HEADER.size)
    year, month, _, day, hour, minute, second, millisecond = fields[14:22]
    try:
        start = datetime(year, month, day, hour, minute, second, millisecond * 1000, tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return 0
    if year < 1970 or year > 2100:
        return 0
    return int(start.replace(microsecond=0).timestamp()) * 1_000_000_000 + millisecond * 1_000_000


def _pieces(source: ByteReader, report: Report) -> Iterator[_Piece]:
    """What the file consists of; what is damaged is complained of and skipped to the next object."""
    while len(head := source.peek(_CONTAINER_HEAD)) >= OBJECT_HEADER.size:
        at = source.at
        if not head.startswith(SIGNATURE):
            skipped = source.find(SIGNATURE)
            if skipped is None or skipped > MAX_GAP:
                report.complain(f"byte {at}", f"{source.at - at} bytes that are no object")
                yield _Piece(at, None, b"", 0)
            continue
        _, _, _, size, kind = OBJECT_HEADER.unpack_from(head)
        container = kind == CONTAINER
        if size < (_CONTAINER_HEAD if container else OBJECT_HEADER.size) or size > MAX_OBJECT:
            report.complain(f"byte {at}", f"an object that says it is {size} bytes long")
            source.skip(len(SIGNATURE))
            yield _Piece(at, None, b"", 0)
            continue
        whole = source.peek(size + MAX_GAP + len(SIGNATURE))
        end = _end(whole, size, container)
        if end != size:
            why = "is cut short" if len(whole) < size else "says a wrong size"
            report.complain(f"byte {at}", f"a {'container' if container else 'object'} that {why}")
        source.skip(end)
        if container and end >= _CONTAINER_HEAD:
            compression, says = CONTAINER_HEADER.unpack_from(head, OBJECT_HEADER.size)
            yield _Piece(at, compression, whole[_CONTAINER_HEAD:end], says)
        elif not container and end == size:
            yield _Piece(at, STORED, whole[:end], size)
        else:
            yield _Piece(at, None, b"", 0)
    rest = source.take(OBJECT_HEADER.size)
    if rest.strip(b"\0"):
        report.complain(f"byte {source.at - len(rest)}", "the file is cut short")


def _end(whole: bytes, size: int, container: bool) -> int:
    """Where an object of this size really ends: where another begins, or the file ends."""
    after = whole[size : size + MAX_GAP + len(SIGNATURE)]
    if len(whole) >= size and (len(after) <= MAX_GAP or SIGNATURE in after):
        return size
    found = whole.find(SIGNATURE, len(SIGNATURE))
    while found >= 0:
        if len(whole) < found + OBJECT_HEADER.size:
            break
        kind = OBJECT_HEADER.unpack_from(whole, found)[4]
        if kind == CONTAINER or not container:  # what is in a container need not be compressed
            return found
        found = whole.find(SIGNATURE, found + 1)
    return min(size, len(whole))


def _in_groups(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    group: list[_Piece] = []
    total = 0
    for piece in pieces:
        group.append(piece)
        total += max(piece.says, len(piece.content))
        if total >= _GROUP_BYTES or (len(group) >= _GROUP_COUNT and total >= _GROUP_BYTES // 4):
            yield group
            group, total = [], 0
    if group:
        yield group


def _unpack(group: list[_Piece]) -> list[_Unpacked]:
    return [_Unpacked(piece.at, *_unpacked(piece)) for piece in group]


def _unpacked(piece: _Piece) -> tuple[bytes | None, str]:
    """The content, as far as it can be had, and what is wrong with it."""
    if piece.compression is None:
        return None, ""
    if piece.compression == STORED:
        return piece.content, ""
    if piece.compression != DEFLATED:
        return None, f"a container with an unknown compression ({piece.compression})"
    limit = min(max(piece.says, _MAX_UNTOLD), MAX_OBJECT)
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(piece.content, limit)
    except zlib.error as error:
        return _as_far_as_possible(piece.content, limit), f"a container that is damaged ({error})"
    if inflate.unconsumed_tail:
        return content, f"a container that holds more than {limit} bytes"
    return content, "" if inflate.eof else "a container whose end is missing"


def _as_far_as_possible(packed: bytes, limit: int) -> bytes:
    """What comes before the damage."""
    inflate = zlib.decompressobj()
    found = bytearray()
    try:
        for i in range(0, len(packed), 64):
            found += inflate.decompress(packed[i : i + 64], limit)
            if len(found) > limit:
                break
    except zlib.error:
        pass
    return bytes(found)


class _Objects:
    """Joins the contents of containers, in which objects need not end, and reads the objects in them."""

    def __init__(self, report: Report, start_ns: int) -> None:
        self._report = report
        self._start_ns = start_ns
        self._bus_of_channel = np.full(1 << 16, -1, np.int16)
        self._parts: list[bytes] = []
        self._length = 0
        self._needed = 0
        self._origins: list[tuple[int, int, int]] = []  # offset in the parts, of a container, in its content

    def add(self, group: list[_Unpacked]) -> Iterator[Frames]:
        """The frames that are complete with these."""
        for at, content, trouble in group:
            if trouble:
                self._report.complain(f"byte {at}", trouble)
            if content:
                self._origins.append((self._length, at, 0))
                self._parts.append(content)
                self._length += len(content)
            if content is None or trouble:
                yield from self.end()
        if self._length >= self._needed:
            yield from self._read()

    def end(self) -> Iterator[Frames]:
        """The last frames before the end or before something that is lost."""
        yield from self._read()
        rest = b"".join(self._parts)
        if rest.strip(b"\0"):
            self._complain(0, "an object without an end")
        self._parts, self._length, self._needed, self._origins = [], 0, 0, []

    def _read(self) -> Iterator[Frames]:
        length = self._length
        if not length:
            return
        data = b"".join([*self._parts, bytes(PADDING)])
        starts, end, needed = object_starts(data, length, self._complain)
        found = frames_of(data, starts, self._start_ns, self._buses, self._complain_of_all)
        self._parts = [data[end:length]] if end < length else []
        self._length, self._needed = length - end, needed - end
        offset, at, inner = self._origins[self._origin(end)]
        later = [(o - end, a, i) for o, a, i in self._origins if o > end]
        self._origins = [(0, at, inner + end - offset), *later] if end < length else []
        if len(found):
            yield found

    def _origin(self, offset: int) -> int:
        """Which of the origins this offset is in."""
        return bisect.bisect_right([origin[0] for origin in self._origins], offset) - 1

    def _complain(self, offset: int, why: str, count: int = 1) -> None:
        begins, at, inner = self._origins[self._origin(offset)]
        self._report.complain(f"byte {at}", f"{why}, at {inner + offset - begins} of the container", count)

    def _complain_of_all(self, offsets: np.ndarray, why: str) -> None:
        self._complain(int(offsets[0]), why, len(offsets))

    def _buses(self, channels: np.ndarray) -> tuple[np.ndarray, Fault]:
        buses = self._bus_of_channel[channels]
        unknown = buses == -1
        if unknown.any():
            for channel in np.unique(channels[unknown]).tolist():
                try:
                    bus = self._report.bus(channel_name(channel))
                except BadDataError:
                    bus = _NO_BUS
                self._bus_of_channel[channel] = bus
            buses = self._bus_of_channel[channels]
        return buses.astype(np.uint8), (buses == _NO_BUS, f"more than {MAX_BUSES} buses")
