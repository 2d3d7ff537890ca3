"""Reading a drive, whole or damaged: what is there is given, and what is not is said."""

from __future__ import annotations

import contextlib
import mmap
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeVar

import lz4.frame  # type: ignore[import-untyped]
import msgspec
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, ChunkIndex, Footer, Metadata, MetadataIndex, Statistics

from edge.drives.digest import Digest
from edge.drives.header import END_NAME, HEADER_NAME, DriveError, DriveHeader
from edge.drives.mcap_file import CHUNK_HEAD, MAGIC, RECORD_HEAD
from edge.drives.pictures import StoredPicture, decode_image
from edge.drives.schemas import INPUTS
from edge.messages import Message, decode

M = TypeVar("M", bound=Message)

MAX_CHUNK_BYTES = 1 << 28
FOOTER_BYTES = RECORD_HEAD.size + 20 + len(MAGIC)
_MESSAGE_FIELDS = struct.Struct("<HIQQ")
_CHUNK_START = re.compile(
    rb"\x06.{5}\x00{3}.{28}(?:\x04\x00{3}zstd|\x03\x00{3}lz4|\x00{4})", re.DOTALL
)  # opcode, a length below 2**40, times, size and checksum, name of the compression
_BROKEN = (McapError, struct.error, ValueError, zstandard.ZstdError, RuntimeError, MemoryError)
"""What reading damaged bytes raises: mcap, struct, text, both compressions (RuntimeError is that of lz4)."""


class Record(NamedTuple):
    """One message of the file: number is that of the input (that caused it), of a picture its frame's."""

    topic: str
    number: int
    t_ns: int
    data: bytes


class Drive:
    """A recording; made by `read_drive`.

    complete: it was closed, not interrupted. digest: as recorded, None if cut short or an excerpt.
    start_ns, end_ns: of the messages in it, None if there are none. counts: messages of each topic.
    losses: what the recording itself dropped, by reason. problems: what is damaged or missing, in words;
    reading adds to it what it meets.
    """

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path = path
        self.complete = False
        self.digest: str | None = None
        self.losses: dict[str, int] = {}
        self.problems: list[str] = []
        self.start_ns: int | None = None
        self.end_ns: int | None = None
        self.counts: dict[str, int] = {}
        self._data = data
        self._channels: dict[int, str] = {}
        self._chunks: list[tuple[int, int, frozenset[int] | None]] = []  # start, end, channels if known
        header: DriveHeader | None = None
        with contextlib.suppress(*_BROKEN):
            header = self._read_summary()
        if header is None:
            self._channels, self._chunks, self.start_ns, self.end_ns = {}, [], None, None
            header = self._scan()
        self.header: DriveHeader = header

    @property
    def duration_s(self) -> float:
        """From the first message to the last."""
        return 0.0 if self.start_ns is None or self.end_ns is None else (self.end_ns - self.start_ns) / 1e9

    @property
    def topics(self) -> tuple[str, ...]:
        """All topics that hold a message, sorted."""
        return tuple(sorted(self.counts))

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras whose pictures are in it."""
        return tuple(topic.removeprefix("camera/") for topic in self.topics if topic.startswith("camera/"))

    def records(self, *topics: str) -> Iterator[Record]:
        """The messages of these topics in the order of the file, as bytes; "in/" means all that begin so."""
        wanted = {
            number: topic
            for number, topic in self._channels.items()
            if any(topic == asked or (asked.endswith("/") and topic.startswith(asked)) for asked in topics)
        }
        for start, end, channels in self._chunks:
            if channels is not None and channels.isdisjoint(wanted):
                continue
            try:
                plain = self._chunk(start, end)
            except _BROKEN as error:
                self._say(f"bytes {start} to {end} are damaged and were skipped: {_why(error)}")
                continue
            for channel, number, t_ns, data in _messages(plain):
                topic = wanted.get(channel)
                if topic is not None:
                    yield Record(topic, number, t_ns, data)

    def inputs(self) -> Iterator[Message]:
        """What the core was told, in the order of its numbers."""
        expected = 0
        for record in self.records("in/"):
            if record.number != expected:
                self._say(f"inputs {expected} to {record.number - 1} are missing")
            expected = record.number + 1
            message = self._decode(record)
            if message is not None:
                yield message

    def outputs(self) -> Iterator[Message]:
        """What the core said, in order."""
        for record in self.records("out/"):
            message = self._decode(record)
            if message is not None:
                yield message

    def messages(self, kind: type[M]) -> Iterator[M]:
        """The inputs or outputs of one type, in order."""
        for record in self.records(f"{'in' if kind in INPUTS else 'out'}/{kind.__name__}"):
            message = self._decode(record)
            if isinstance(message, kind):
                yield message

    def raw(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """t_ns and bytes of one raw topic, in order of arrival."""
        for record in self.records(topic):
            yield record.t_ns, record.data

    def pictures(self, camera: str) -> Iterator[StoredPicture]:
        """The recorded pictures of one camera."""
        for record in self.records(f"camera/{camera}"):
            try:
                taken_ns, image_format, data = decode_image(record.data)
            except ValueError as error:
                self._say(f"a picture of camera {camera} is damaged: {error}")
                continue
            yield StoredPicture(record.t_ns, taken_ns, record.number, image_format, data)

    def outputs_digest(self) -> str:
        """The digest of the outputs in the file, to hold against `digest`."""
        digest = Digest()
        for record in self.records("out/"):
            digest.update_encoded(record.data)
        return digest.hexdigest()

    def close(self) -> None:
        """Let the file go."""
        self._data.close()

    # ------------------------------------------------ inside

    def _say(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def _decode(self, record: Record) -> Message | None:
        try:
            return decode(record.data)
        except msgspec.ValidationError as error:
            self._say(f"a message of {record.topic} was made by another version: {error}")
        except msgspec.DecodeError as error:
            self._say(f"a message of {record.topic} is damaged: {error}")
        return None

    def _record_at(self, at: int) -> tuple[int, int, int]:
        """Opcode, start and end of the content of the record at this offset."""
        opcode, length = RECORD_HEAD.unpack_from(self._data, at)
        start = at + RECORD_HEAD.size
        if start + length > len(self._data):
            raise ValueError("a record ends after the file")
        return opcode, start, start + length

    def _stream(self, start: int, end: int) -> ReadDataStream:
        return ReadDataStream(BytesIO(self._data[start:end]))

    def _chunk(self, start: int, end: int) -> bytes:
        """The messages of the chunk whose content lies there, uncompressed and with the right checksum."""
        _, _, size, crc = CHUNK_HEAD.unpack_from(self._data, start)
        at = start + CHUNK_HEAD.size
        (name_length,) = struct.unpack_from("<I", self._data, at)
        compression = self._data[at + 4 : at + 4 + name_length]
        at += 4 + name_length
        (length,) = struct.unpack_from("<Q", self._data, at)
        if at + 8 + length > end or size > MAX_CHUNK_BYTES:
            raise ValueError("its size is impossible")
        stored = self._data[at + 8 : at + 8 + length]
        if compression == b"zstd":
            if zstandard.frame_content_size(stored) not in (size, -1):
                raise ValueError("its size is impossible")
            plain = zstandard.ZstdDecompressor().decompress(stored, max_output_size=size)
        elif compression == b"lz4":
            plain = lz4.frame.LZ4FrameDecompressor().decompress(stored, max_length=size)
        else:
            plain = stored
        if len(plain) != size or (crc and zlib.crc32(plain) != crc):
            raise ValueError("its checksum is wrong")
        return plain

    def _read_summary(self) -> DriveHeader | None:
        """Everything from the index at the end; None if the file has none."""
        data = self._data
        if len(data) < FOOTER_BYTES + len(MAGIC) or data[-len(MAGIC) :] != MAGIC:
            return None
        footer_at = len(data) - FOOTER_BYTES
        opcode, start, end = self._record_at(footer_at)
        if opcode != Opcode.FOOTER:
            return None
        footer = Footer.read(self._stream(start, end))
        if footer.summary_crc and zlib.crc32(data[footer.summary_start : end - 4]) != footer.summary_crc:
            raise ValueError("wrong checksum")
        header: DriveHeader | None = None
        at = footer.summary_start
        while at < footer_at:
            opcode, start, end = self._record_at(at)
            at = end
            if opcode == Opcode.CHANNEL:
                channel = Channel.read(self._stream(start, end))
                self._channels[channel.id] = channel.topic
            elif opcode == Opcode.CHUNK_INDEX:
                index = ChunkIndex.read(self._stream(start, end))
                chunk_start = index.chunk_start_offset
                self._chunks.append(
                    (
                        chunk_start + RECORD_HEAD.size,
                        chunk_start + index.chunk_length,
                        frozenset(index.message_index_offsets) or None,
                    )
                )
            elif opcode == Opcode.STATISTICS:
                statistics = Statistics.read(self._stream(start, end))
                self.counts = {
                    self._channels[number]: count
                    for number, count in statistics.channel_message_counts.items()
                }
                if statistics.message_count:
                    self.start_ns = statistics.message_start_time
                    self.end_ns = statistics.message_end_time
            elif opcode == Opcode.METADATA_INDEX:
                where = MetadataIndex.read(self._stream(start, end))
                header = self._read_metadata(*self._record_at(where.offset)[1:]) or header
        self._chunks.sort(key=lambda chunk: chunk[0])
        self.complete = header is not None
        return header

    def _read_metadata(self, start: int, end: int) -> DriveHeader | None:
        """The header, if it is that; the end is kept."""
        record = Metadata.read(self._stream(start, end))
        if record.name == END_NAME:
            self.digest = record.metadata.get("digest") or None
            self.losses = msgspec.json.decode(record.metadata.get("losses", "{}"), type=dict[str, int])
        if record.name != HEADER_NAME:
            return None
        try:
            return msgspec.json.decode(record.metadata["header"], type=DriveHeader)
        except (msgspec.DecodeError, KeyError) as error:
            raise DriveError(f"{self.path}: its header cannot be read by this version: {error}") from None

    def _scan(self) -> DriveHeader:
        """Everything by reading the file from its start: it was cut short or its index is damaged."""
        header: DriveHeader | None = None
        counts: Counter[int] = Counter()
        at, ended = len(MAGIC), False
        while at < len(self._data) and not ended:
            try:
                opcode, start, end = self._record_at(at)
                if opcode == Opcode.METADATA:
                    header = self._read_metadata(start, end) or header
                elif opcode == Opcode.CHANNEL:
                    channel = Channel.read(self._stream(start, end))
                    self._channels[channel.id] = channel.topic
                elif opcode == Opcode.CHUNK:
                    self._count(self._chunk(start, end), counts)
                    self._chunks.append((start, end, None))
                elif opcode == Opcode.DATA_END:
                    ended = True
                elif opcode not in (Opcode.HEADER, Opcode.SCHEMA, Opcode.MESSAGE_INDEX):
                    raise ValueError("no record begins there")
                at = end
            except _BROKEN:
                found = _CHUNK_START.search(self._data, at + 1)
                after = found.start() if found else len(self._data)
                self._say(
                    f"bytes {at} to {after} are damaged or cut short, and were skipped"
                    if found
                    else f"the file was cut short: its last {after - at} bytes are incomplete"
                )
                at = after
        if header is None:
            raise DriveError(
                f"{self.path}: an MCAP file, but not a drive of icv-edge: it has no header of ours"
            )
        self.complete = ended
        self.counts = {self._channels[number]: n for number, n in counts.items() if number in self._channels}
        self._say(
            "its index at the end is damaged or incomplete: it was read from its start instead"
            if ended
            else "it has no end: the recording was interrupted, or is still being written"
        )
        return header

    def _count(self, plain: bytes, counts: Counter[int]) -> None:
        for channel, _, t_ns, _ in _messages(plain):
            counts[channel] += 1
            self.start_ns = t_ns if self.start_ns is None else min(self.start_ns, t_ns)
            self.end_ns = t_ns if self.end_ns is None else max(self.end_ns, t_ns)


def _messages(plain: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Channel, number, time and data of each message in a chunk."""
    at, size = 0, len(plain)
    while at + RECORD_HEAD.size <= size:
        opcode, length = RECORD_HEAD.unpack_from(plain, at)
        at += RECORD_HEAD.size
        if opcode == Opcode.MESSAGE and length >= _MESSAGE_FIELDS.size and at + length <= size:
            channel, number, t_ns, _ = _MESSAGE_FIELDS.unpack_from(plain, at)
            yield channel, number, t_ns, plain[at + _MESSAGE_FIELDS.size : at + length]
        at += length


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__


def read_drive(path: str | Path) -> Drive:
    """Open a recording. Raises DriveError: not there, not an MCAP file, or not a drive."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise DriveError(f"{path}: not a recording: it does not begin as an MCAP file does")
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise DriveError(f"{path}: cannot be read: {error.strerror}") from None
    return Drive(path, data)
