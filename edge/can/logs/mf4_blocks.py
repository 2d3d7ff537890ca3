"""The blocks of an ASAM MDF 4 file, as far as bus logging needs them: channel groups and their data.

Layouts: ASAM MDF 4.2 and the field tables of asammdf (https://asammdf.readthedocs.io).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from edge.can.logs.report import BadDataError

HEADER_AT = 64
FIXED, VLSD, MASTER, MLSD = 0, 1, 2, 5
"""Types of channels: of variable length through an offset; of time; of a maximal length."""
BIG_ENDIAN = (1, 3, 5)
FLOAT = (4, 5)
TEXT = (6, 7, 8, 9)
VLSD_GROUP = 1
"""Flag of a channel group whose records are the values of a VLSD channel."""

_BLOCK = struct.Struct("<4s4xQQ")
_CHANNEL = struct.Struct("<BBBBLLLL")
_GROUP = struct.Struct("<QQHHLLL")
_PACKED = struct.Struct("<2sBBLQQ")
_LINEAR = 1
_MAX_LINKS = 1 << 16
_MAX_TEXT = 1 << 16
_MAX_UNPACKED = 64 << 20
_MAX_CHANNELS = 4096
_PIECE_BYTES = 1 << 20
_DEFLATED, _TRANSPOSED = 0, 1


class Block(NamedTuple):
    """kind: its two letters; body: where the data after the links begin, and end: where they end."""

    kind: str
    links: tuple[int, ...]
    body: int
    end: int


class Channel(NamedTuple):
    """Where a channel lies in a record; data: the link to values of variable length; ns: how many nanoseconds
    are its 0 and one of its unit, of a master channel."""

    kind: int
    data_type: int
    byte: int
    bit: int
    bits: int
    data: int
    ns: tuple[float, float]


class Group(NamedTuple):
    """A channel group: at: its block; record_id: of its records, how many they are; size: of one in bytes."""

    at: int
    record_id: int
    records: int
    flags: int
    size: int
    channels: dict[str, Channel]


class DataGroup(NamedTuple):
    """Groups that share their data; id_bytes: before each record, to tell its group; 0 for a single one."""

    data: int
    id_bytes: int
    groups: list[Group]


class Blocks:
    """A file that is open and seekable. What contradicts itself raises BadDataError.

    start_ns: of the log, since 1970, 0 if it is not told. unfinished: flags of what its writer left undone.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        header = self.read(0, 64)
        self.version = header[8:12].decode("latin-1")
        self.unfinished = struct.unpack_from("<H", header, 60)[0] if header.startswith(b"UnFinMF") else 0
        head = self.block(HEADER_AT, "HD")
        self.start_ns = min(struct.unpack("<Q", self.read(head.body, 8))[0], 2**62)
        self._first = head.links[0]

    def read(self, at: int, count: int) -> bytes:
        """So many bytes."""
        self._file.seek(at)
        found = self._file.read(count) if at + count <= self.size else b""
        if len(found) < count:
            raise BadDataError(f"{count} bytes at {at} are beyond the end of the file")
        return found

    def block(self, at: int, *kinds: str) -> Block:
        """The block there, which must be one of these kinds (with too few links, it is filled with zeros)."""
        if not HEADER_AT <= at < self.size:
            raise BadDataError(f"a link to byte {at}, which is not in the file")
        signature, length, count = _BLOCK.unpack(self.read(at, _BLOCK.size))
        kind = signature[2:].decode("latin-1")
        if not signature.startswith(b"##") or kind not in kinds:
            raise BadDataError(f"{' or '.join(kinds)} should be at byte {at}, not {signature!r}")
        body = at + _BLOCK.size + 8 * count
        if count > _MAX_LINKS or length < _BLOCK.size + 8 * count:
            raise BadDataError(f"the block at byte {at} says it is {length} bytes with {count} links")
        links = struct.unpack(f"<{count}Q", self.read(at + _BLOCK.size, 8 * count))
        return Block(kind, links + (0,) * 8, body, at + length)

    def chain(self, at: int, kind: str) -> Iterator[tuple[int, Block]]:
        """Blocks of which each links to the next, with where they are."""
        seen: set[int] = set()
        while at:
            if at in seen or len(seen) > _MAX_LINKS:
                raise BadDataError(f"the blocks {kind} go round in a circle at byte {at}")
            seen.add(at)
            block = self.block(at, kind)
            yield at, block
            at = block.links[0]

    def text(self, at: int) -> str:
        """Of a TX block; "" for none."""
        if not at:
            return ""
        block = self.block(at, "TX", "MD")
        return (
            self.read(block.body, min(block.end - block.body, _MAX_TEXT))
            .split(b"\0")[0]
            .decode("utf-8", "replace")
        )

    def data_groups(self) -> Iterator[tuple[int, Block]]:
        """Their blocks and where they are."""
        return self.chain(self._first, "DG")

    def data_group(self, block: Block) -> DataGroup:
        """What the block says."""
        groups = []
        for at, found in self.chain(block.links[1], "CG"):
            record_id, count, flags, _, _, size, invalid = _GROUP.unpack(self.read(found.body, _GROUP.size))
            channels: dict[str, Channel] = {}
            self._channels(found.links[1], channels, 0)
            groups.append(Group(at, record_id, count, flags, size + invalid, channels))
        return DataGroup(block.links[2], self.read(block.body, 1)[0], groups)

    def _channels(self, first: int, channels: dict[str, Channel], depth: int) -> None:
        if depth > 4:
            raise BadDataError(f"channels within channels within channels at byte {first}")
        for at, block in self.chain(first, "CN"):
            if len(channels) > _MAX_CHANNELS:
                raise BadDataError(f"more than {_MAX_CHANNELS} channels at byte {at}")
            kind, _, data_type, bit, byte, bits, _, _ = _CHANNEL.unpack(self.read(block.body, _CHANNEL.size))
            ns = self._ns(block.links[4]) if kind == MASTER else (0.0, 1.0)
            name = "" if kind == MASTER else self.text(block.links[2])
            channels[name] = Channel(kind, data_type, byte, bit, bits, block.links[5], ns)
            if block.links[1]:
                self._channels(block.links[1], channels, depth + 1)

    def _ns(self, at: int) -> tuple[float, float]:
        """Offset and factor of a time in seconds, in ns."""
        if not at:
            return 0.0, 1e9
        block = self.block(at, "CC")
        head = self.read(block.body, min(40, block.end - block.body)).ljust(40, b"\0")
        if head[0] != _LINEAR:
            return 0.0, 1e9
        offset, factor = struct.unpack_from("<dd", head, 24)
        return offset * 1e9, factor * 1e9

    def data(self, at: int, depth: int = 0) -> Iterator[bytes]:
        """The data that this link leads to, in pieces of up to a few MB."""
        if not at:
            return
        if depth > 3:
            raise BadDataError(f"lists of lists of lists of data at byte {at}")
        block = self.block(at, "DT", "SD", "DV", "RD", "DZ", "DL", "HL")
        if block.kind == "HL":
            yield from self.data(block.links[0], depth + 1)
        elif block.kind == "DL":
            for where, part in self.chain(at, "DL"):
                count = struct.unpack("<L", self.read(part.body + 4, 4))[0]
                for link in part.links[1 : 1 + min(count, (part.body - where) // 8 - 4)]:
                    yield from self.data(link, depth + 1)
        elif block.kind == "DZ":
            yield self._unpacked(block)
        else:
            end = block.end
            if self.unfinished and end == block.body:
                end = self.size  # the writer was cut off before it noted the length
            for piece in range(block.body, min(end, self.size), _PIECE_BYTES):
                yield self.read(piece, min(_PIECE_BYTES, end - piece, self.size - piece))
            if end > self.size:
                raise BadDataError(f"the last {end - self.size} bytes of the data are missing")

    def _unpacked(self, block: Block) -> bytes:
        _, method, _, columns, size, packed = _PACKED.unpack(self.read(block.body, _PACKED.size))
        if method not in (_DEFLATED, _TRANSPOSED):
            raise BadDataError(f"compression {method} is not known, at byte {block.body}")
        if size > _MAX_UNPACKED or packed > self.size:
            raise BadDataError(f"compressed data of {size} bytes at byte {block.body}")
        try:
            content = zlib.decompressobj().decompress(
                self.read(block.body + _PACKED.size, packed), max(size, 1)
            )
        except zlib.error as error:
            raise BadDataError(f"compressed data are damaged ({error}), at byte {block.body}") from None
        if len(content) != size:
            raise BadDataError(f"compressed data are cut short, at byte {block.body}")
        if method == _DEFLATED or not columns:
            return content
        rows = size // columns
        whole = np.frombuffer(content, np.uint8, rows * columns).reshape(columns, rows).T.tobytes()
        return whole + content[rows * columns :]
