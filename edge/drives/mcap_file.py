"""Writing MCAP (https://mcap.dev/spec) so that what was written stays readable when power goes.

A message costs the caller two struct.packs; compressing, checksums and writing are calls into C that release
the GIL, made by whoever calls `McapFile.write_chunk`. The file is a valid prefix after every call.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import zstandard
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    McapRecord,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

MAGIC = b"\x89MCAP0\r\n"
CHUNK_HEAD = struct.Struct("<QQQI")  # start, end, uncompressed size, CRC-32 of the uncompressed
MESSAGE_HEAD = struct.Struct("<BQHIQQ")  # opcode, length, channel, sequence, log time, publish time
RECORD_HEAD = struct.Struct("<BQ")
_INDEX_ENTRY = struct.Struct("<QQ")
_INDEX_HEAD = struct.Struct("<BQHI")


class Chunk:
    """Messages on their way into the file; compress False for what is compressed already."""

    def __init__(self, compress: bool) -> None:
        self.compress = compress
        self.size = 0
        self.count = 0
        self.start_ns = 0
        self.end_ns = 0
        self.parts: list[bytes] = []
        self.index: dict[int, bytearray] = {}

    def add(self, channel: int, sequence: int, t_ns: int, data: bytes) -> None:
        """Append one message. t_ns must not be negative."""
        index = self.index.get(channel)
        if index is None:
            index = self.index[channel] = bytearray()
        index += _INDEX_ENTRY.pack(t_ns, self.size)
        head = MESSAGE_HEAD.pack(Opcode.MESSAGE, 22 + len(data), channel, sequence & 0xFFFFFFFF, t_ns, t_ns)
        self.parts += (head, data)
        self.size += len(head) + len(data)
        self.start_ns = min(self.start_ns, t_ns) if self.count else t_ns
        self.end_ns = max(self.end_ns, t_ns)
        self.count += 1


class McapFile:
    """An MCAP file being written. Every method may raise OSError; the file then ends where it was before."""

    def __init__(self, path: Path, profile: str, library: str) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self._at = 0
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._schemas: list[Schema] = []
        self._channels: list[Channel] = []
        self._chunks: list[ChunkIndex] = []
        self._metadata: list[MetadataIndex] = []
        self._counts: dict[int, int] = {}
        self._write(MAGIC + _record(Header(profile, library)))

    def write_schema(self, schema: Schema) -> None:
        """A schema, before the first channel that names it."""
        self._write(_record(schema))
        self._schemas.append(schema)

    def write_channel(self, channel: Channel) -> None:
        """A channel, before the first chunk that holds a message of it."""
        self._write(_record(channel))
        self._channels.append(channel)

    def write_metadata(self, name: str, values: dict[str, str]) -> None:
        """A named table of texts."""
        record, offset = _record(Metadata(name=name, metadata=values)), self._at
        self._write(record)
        self._metadata.append(MetadataIndex(offset=offset, length=len(record), name=name))

    def write_chunk(self, chunk: Chunk) -> None:
        """The chunk and the index of its messages, in one write."""
        plain = b"".join(chunk.parts)
        stored = self._compressor.compress(plain) if chunk.compress else plain
        compression = b"zstd" if chunk.compress else b""
        fields = (
            CHUNK_HEAD.pack(chunk.start_ns, chunk.end_ns, len(plain), zlib.crc32(plain)),
            struct.pack("<I", len(compression)) + compression,
            struct.pack("<Q", len(stored)),
        )
        length = sum(map(len, fields)) + len(stored)
        record = b"".join((RECORD_HEAD.pack(Opcode.CHUNK, length), *fields, stored))
        offset = after = self._at + len(record)
        index_offsets = {}
        indexes: list[bytes | bytearray] = []
        for channel, entries in chunk.index.items():
            index_offsets[channel] = offset
            indexes += (
                _INDEX_HEAD.pack(Opcode.MESSAGE_INDEX, 6 + len(entries), channel, len(entries)),
                entries,
            )
            offset += _INDEX_HEAD.size + len(entries)
        known = ChunkIndex(
            chunk_length=len(record),
            chunk_start_offset=self._at,
            compression=compression.decode(),
            compressed_size=len(stored),
            message_end_time=chunk.end_ns,
            message_index_length=offset - after,
            message_index_offsets=index_offsets,
            message_start_time=chunk.start_ns,
            uncompressed_size=len(plain),
        )
        self._write(b"".join((record, *indexes)))
        self._chunks.append(known)
        for channel, entries in chunk.index.items():
            self._counts[channel] = self._counts.get(channel, 0) + len(entries) // _INDEX_ENTRY.size

    def sync(self) -> None:
        """Return when all of it is on the disk."""
        (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(self._descriptor)

    def finish(self) -> None:
        """The summary and the footer."""
        self._write(_record(DataEnd(0)))
        statistics = Statistics(
            attachment_count=0,
            channel_count=len(self._channels),
            channel_message_counts=self._counts,
            chunk_count=len(self._chunks),
            message_count=sum(self._counts.values()),
            message_end_time=max((c.message_end_time for c in self._chunks), default=0),
            message_start_time=min((c.message_start_time for c in self._chunks), default=0),
            metadata_count=len(self._metadata),
            schema_count=len(self._schemas),
        )
        start = self._at
        summary, offsets = RecordBuilder(), RecordBuilder()
        groups: tuple[tuple[Opcode, list[McapRecord]], ...] = (
            (Opcode.SCHEMA, [*self._schemas]),
            (Opcode.CHANNEL, [*self._channels]),
            (Opcode.STATISTICS, [statistics]),
            (Opcode.CHUNK_INDEX, [*self._chunks]),
            (Opcode.METADATA_INDEX, [*self._metadata]),
        )
        for opcode, records in groups:
            group_start = summary.count
            for record in records:
                record.write(summary)
            if records:
                SummaryOffset(opcode, start + group_start, summary.count - group_start).write(offsets)
        offsets_start = start + summary.count
        body = summary.end() + offsets.end()
        footer = RECORD_HEAD.pack(Opcode.FOOTER, 20) + struct.pack("<QQ", start, offsets_start)
        crc = zlib.crc32(footer, zlib.crc32(body))
        self._write(body + _record(Footer(start, offsets_start, crc)) + MAGIC)

    def close(self) -> None:
        """Let the file go, finished or not."""
        os.close(self._descriptor)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            os.ftruncate(self._descriptor, self._at)
            os.lseek(self._descriptor, self._at, os.SEEK_SET)
            raise
        self._at += len(data)


def _record(record: McapRecord) -> bytes:
    builder = RecordBuilder()
    record.write(builder)
    return builder.end()
