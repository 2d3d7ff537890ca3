"""Our own recordings of drives: the raw frames in the topics "can/BUS" of an MCAP file (https://mcap.dev/spec).

Read forward, so that a recording that was cut off, or still goes on, gives what is there. Times are those of
the recording's own clock.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import BinaryIO

import lz4.frame  # type: ignore[import-untyped]
import numpy as np
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter

from edge.can.frames import Frames, concat
from edge.can.logs.binary import ByteReader
from edge.can.logs.report import BadDataError, Report

NAME = "drive"
SUFFIXES: tuple[str, ...] = (".mcap",)

TOPIC = "can/"

_MAGIC = b"\x89MCAP0\r\n"
_RECORD = struct.Struct("<BQ")
_CHUNK = struct.Struct("<QQQI")
_MESSAGE = struct.Struct("<HIQQ")
_MAX_RECORD = 64 << 20
_BATCH_FRAMES = 16384
_MESSAGE_FRAMES = 4096
_READ_BYTES = 1 << 20
_CHUNK_BEGINS = re.compile(
    rb"\x06.{5}\x00{3}.{28}(?:\x04\x00{3}zstd|\x03\x00{3}lz4|\x00{4})", re.DOTALL
)  # opcode, a length below 2**40, times, size and checksum, name of the compression
_CHUNK_BEGIN_BYTES = 48
_BROKEN = (McapError, struct.error, ValueError, zstandard.ZstdError, RuntimeError, EOFError)
"""What damaged bytes raise: mcap, struct, text, both compressions (RuntimeError is that of lz4)."""


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return head.startswith(_MAGIC)


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of time over some 16,000 frames."""
    source = ByteReader(file, report)
    source.skip(len(_MAGIC))
    content = _Content(report)
    waiting: list[Frames] = []
    for at, opcode, body in _records(source, report):
        try:
            waiting += content.take(at, opcode, body)
        except _BROKEN as error:
            report.complain(f"byte {at}", f"a damaged record ({error or type(error).__name__})")
        if sum(map(len, waiting)) >= 2 * _BATCH_FRAMES:
            together = _sorted(waiting)
            settled = len(together) - _BATCH_FRAMES  # other buses may still have messages of that time
            yield together[:settled]
            waiting = [together[settled:]]
    if waiting:
        yield _sorted(waiting)


def _sorted(parts: list[Frames]) -> Frames:
    together = concat(parts)
    return together[np.argsort(together.t_ns, kind="stable")]


def _records(source: ByteReader, report: Report) -> Iterator[tuple[int, int, bytes]]:
    """Offset, opcode and content of each record, up to the index at the end."""
    while len(head := source.peek(_RECORD.size)) == _RECORD.size:
        opcode, length = _RECORD.unpack(head)
        at = source.at
        if opcode == Opcode.DATA_END:
            return
        if (
            opcode == 0
            or length > _MAX_RECORD
            or len(body := source.peek(_RECORD.size + length)) < length + 9
        ):
            source.skip(1)
            _find_chunk(source)
            report.complain(f"byte {at}", f"{source.at - at} bytes that are no whole record")
            continue
        source.skip(len(body))
        yield at, opcode, body[_RECORD.size :]
    report.complain(f"byte {source.at}", "the recording has no end: it was cut off, or still goes on", 0)


def _find_chunk(source: ByteReader) -> None:
    while data := source.peek(_READ_BYTES):
        found = _CHUNK_BEGINS.search(data)
        if found:
            source.skip(found.start())
            return
        source.skip(len(data) if len(data) < _READ_BYTES else len(data) - _CHUNK_BEGIN_BYTES)


class _Content:
    """Channels so far, and the frames of the messages in them."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._bus_of: dict[int, int] = {}

    def take(self, at: int, opcode: int, body: bytes) -> list[Frames]:
        """The frames of a record, which begins there."""
        if opcode == Opcode.CHANNEL:
            self._channel(at, Channel.read(ReadDataStream(BytesIO(body))))
        elif opcode == Opcode.MESSAGE:
            return self._message(at, body, 0, len(body))
        elif opcode == Opcode.CHUNK:
            return self._chunk(at, body)
        return []

    def _channel(self, at: int, channel: Channel) -> None:
        if not channel.topic.startswith(TOPIC):
            return
        try:
            self._bus_of[channel.id] = self._report.bus(channel.topic.removeprefix(TOPIC))
        except BadDataError as error:
            self._report.complain(f"byte {at}", str(error))

    def _chunk(self, at: int, body: bytes) -> list[Frames]:
        plain = _unpacked(body)
        found: list[Frames] = []
        here, end = 0, len(plain)
        while here + _RECORD.size <= end:
            opcode, length = _RECORD.unpack_from(plain, here)
            here += _RECORD.size
            if here + length > end:
                raise ValueError("a record that is longer than its chunk")
            if opcode == Opcode.MESSAGE:
                found += self._message(at, plain, here, here + length)
            elif opcode == Opcode.CHANNEL:
                self.take(at, opcode, plain[here : here + length])
            here += length
        return found

    def _message(self, at: int, data: bytes, begin: int, end: int) -> list[Frames]:
        if end - begin < _MESSAGE.size:
            raise ValueError("a message without a head")
        bus = self._bus_of.get(_MESSAGE.unpack_from(data, begin)[0])
        if bus is None:
            return []
        try:
            return [Frames.from_bytes(data[begin + _MESSAGE.size : end]).on_bus(bus)]
        except ValueError as error:
            self._report.complain(f"byte {at}", f"a message of {self._report.buses[bus]}: {error}")
            return []


def _unpacked(body: bytes) -> bytes:
    """The records of a chunk. Raises one of _BROKEN."""
    _, _, size, crc = _CHUNK.unpack_from(body)
    (name_length,) = struct.unpack_from("<I", body, _CHUNK.size)
    at = _CHUNK.size + 4 + name_length
    compression = body[_CHUNK.size + 4 : at]
    (length,) = struct.unpack_from("<Q", body, at)
    stored = body[at + 8 : at + 8 + length]
    if size > _MAX_RECORD or len(stored) != length:
        raise ValueError("its size is impossible")
    if compression == b"zstd":
        if zstandard.frame_content_size(stored) not in (size, -1):
            raise ValueError("its size is impossible")
        plain = zstandard.ZstdDecompressor().decompress(stored, max_output_size=size)
    elif compression == b"lz4":
        plain = lz4.frame.LZ4FrameDecompressor().decompress(stored, max_length=size)
    elif compression:
        raise ValueError(f"its compression {compression[:20]!r} is not known")
    else:
        plain = stored
    if len(plain) != size or (crc and zlib.crc32(plain) != crc):
        raise ValueError("its checksum is wrong")
    return plain


class Writer:
    """Frames in the topics of a drive, without the rest of one: a message for each bus of 4096 frames.

    Frames come back in the order of time, those of one time bus by bus.
    """

    def __init__(self, file: BinaryIO, buses: Sequence[str]) -> None:
        self._buses = buses
        self._channels: dict[int, int] = {}
        self._file = McapWriter(file, compression=CompressionType.ZSTD)
        self._file.start("", "icv-edge")

    def write(self, batch: Frames) -> None:
        """Append frames."""
        for first in range(0, len(batch), _MESSAGE_FRAMES):
            self._write(batch[first : first + _MESSAGE_FRAMES])

    def _write(self, batch: Frames) -> None:
        for bus in np.unique(batch.bus).tolist():
            if bus not in self._channels:
                name = self._buses[bus] if bus < len(self._buses) else f"can{bus}"
                self._channels[bus] = self._file.register_channel(
                    f"{TOPIC}{name}", "application/octet-stream", 0
                )
            own = batch[batch.bus == bus].on_bus(0)
            at_ns = max(int(own.t_ns[-1]), 0)  # MCAP knows no time before 0; the frames keep theirs
            self._file.add_message(self._channels[bus], at_ns, own.to_bytes(), at_ns)

    def close(self) -> None:
        """The index at the end."""
        self._file.finish()
