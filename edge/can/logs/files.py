"""Files as they lie on the disk: plain, .gz or .zst."""

from __future__ import annotations

import gzip
import os
import queue
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast

import zstandard

COMPRESSED = (".gz", ".zst")

_PIECE_BYTES = 1 << 20
_PIECES_AHEAD = 4
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGICS = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + i]) + b"\x2a\x4d\x18" for i in range(16)))


class DamagedError(OSError):
    """A compressed file from which no more can be had; all before the damage was given."""


def inner_suffix(path: Path) -> str:
    """The ending that tells the format: ".log" of drive.log.gz; in lower case."""
    return (path.with_suffix("") if path.suffix.lower() in COMPRESSED else path).suffix.lower()


class LogFile:
    """A file read forward; a compressed one is decompressed ahead, in a thread of its own.

    Making one raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self._raw = _Counted(path)
        self._left = b""
        try:
            pieces = _decompressor(self._raw)
        except BaseException:
            self._raw.close()
            raise
        self._ahead = _Ahead(pieces) if pieces else None

    @property
    def progress(self) -> float:
        """The share of its bytes on the disk that were used, 0 to 1."""
        return self._raw.used / self._raw.size if self._raw.size else 0.0

    def read(self, size: int = -1) -> bytes:
        """The next bytes: fewer than size only at the end or before damage; DamagedError behind that."""
        if not self._ahead:
            return self._raw.read(size)
        parts = [self._left]
        have = len(self._left)
        while size < 0 or have < size:
            piece = self._ahead.take(hold_back=have > 0)
            if not piece:
                break
            parts.append(piece)
            have += len(piece)
        whole = b"".join(parts)
        size = len(whole) if size < 0 else size
        self._left = whole[size:]
        return whole[:size]

    def readinto(self, room: memoryview) -> int:
        """As `read`, into memory that is there; how many bytes."""
        if not self._ahead:
            return self._raw.readinto(room)
        piece = self.read(len(room))
        room[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Let go of the file and end the thread."""
        if self._ahead:
            self._ahead.close()
        self._raw.close()

    def __enter__(self) -> LogFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_to_read(path: Path) -> LogFile:
    """The content, decompressed while it is read. Raises OSError."""
    return LogFile(path)


def read_head(path: Path, size: int) -> bytes:
    """The first bytes of the content, as far as there are any before damage. Raises as `open_to_read`, and
    DamagedError if there are none."""
    with _Counted(path) as raw:
        pieces = _decompressor(raw)
        if not pieces:
            return raw.read(size)
        head = b""
        try:
            for piece in pieces:
                head += piece
                if len(head) >= size:
                    break
        except DamagedError:
            if not head:
                raise
        return head[:size]


def is_same_file(one: Path, other: Path) -> bool:
    """Whether both are there and the same, by whatever names."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def open_to_write(path: Path) -> BinaryIO:
    """A new file, compressed if its name ends in .gz or .zst. Raises OSError."""
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path, "wb", compresslevel=6))
    if path.suffix.lower() == ".zst":
        return cast(BinaryIO, zstandard.open(path, "wb"))
    return path.open("wb")


class _Counted:
    """A plain file that knows how much of it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb", buffering=0)
        if not self._file.seekable():
            self._file.close()
            raise OSError("it is a pipe, and the beginning is read twice: write it into a file first")
        self.size = os.fstat(self._file.fileno()).st_size
        self.used = 0

    def read(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._file.read(size)
            if not part:
                break
            parts.append(part)
            self.used += len(part)
            size = size - len(part) if size > 0 else size
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, room: memoryview) -> int:
        have = 0
        while have < len(room) and (size := self._file.readinto(room[have:])):
            have += size
            self.used += size
        return have

    def magic(self) -> bytes:
        magic = self._file.read(4)
        self._file.seek(0)
        return magic

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Ahead:
    """Runs an iterator in a thread, a few pieces ahead of the reader."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._queue: queue.Queue[bytes | OSError] = queue.Queue(_PIECES_AHEAD)
        self._held: bytes | OSError | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(pieces,), name="log-file", daemon=True)
        self._thread.start()

    def take(self, hold_back: bool) -> bytes:
        """The next piece, nothing at the end. An error is raised, or with hold_back by the next call."""
        piece = self._queue.get() if self._held is None else self._held
        if isinstance(piece, OSError):
            self._held = piece
            if not hold_back:
                self._held = b""
                raise piece
            return b""
        if not piece:
            self._held = piece
        return piece

    def close(self) -> None:
        self._closed.set()
        while self._thread.is_alive():  # it may wait for room
            try:
                self._queue.get(timeout=0.01)
            except queue.Empty:
                continue

    def _run(self, pieces: Iterator[bytes]) -> None:
        try:
            for piece in pieces:
                self._queue.put(piece)
                if self._closed.is_set():
                    return
        except OSError as error:
            self._queue.put(error)
        else:
            self._queue.put(b"")


def _decompressor(raw: _Counted) -> Iterator[bytes] | None:
    """The content in pieces of some 1 MiB, none of them empty; None if it is not compressed."""
    magic = raw.magic()
    if magic.startswith(_GZIP_MAGIC):
        return _gunzip(raw)
    if magic in _ZSTD_MAGICS:
        return _unzstd(raw, zstandard.ZstdDecompressor().decompressobj, zstandard.ZstdError)
    return None


def _gunzip(raw: _Counted) -> Iterator[bytes]:
    """All members of a gzip file (RFC 1952); zeros or anything else behind the last one are ignored."""
    data = raw.read(_PIECE_BYTES // 4)
    while data.startswith(_GZIP_MAGIC):
        inflate = zlib.decompressobj(zlib.MAX_WBITS + 16)
        while not inflate.eof:
            if not data:
                raise DamagedError("the gzip data is cut off")
            before = inflate.copy()
            try:
                piece = inflate.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                yield from _byte_by_byte(before, data)
                raise DamagedError(f"the gzip data is damaged: {error}") from None
            if piece:
                yield piece
            data = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            if not data:
                data = raw.read(_PIECE_BYTES // 4)
        data = data.lstrip(b"\0")
        if len(data) < len(_GZIP_MAGIC):
            data += raw.read(_PIECE_BYTES // 4)


def _byte_by_byte(inflate: Any, data: bytes) -> Iterator[bytes]:
    """All that comes before an error that is known to come."""
    pieces = []
    try:
        for i in range(len(data)):
            pieces.append(inflate.decompress(data[i : i + 1]))
    except zlib.error:
        if piece := b"".join(pieces):
            yield piece


def _unzstd(raw: _Counted, make: Callable[[], Any], error: type[Exception]) -> Iterator[bytes]:
    """All frames of a zstd file (RFC 8878), little by little, as 4 bytes may say 128 KiB."""
    pieces: list[bytes] = []
    size = 0
    data = raw.read(4096)
    while data:
        frame = make()
        while not frame.eof:
            if not data:
                yield from [b"".join(pieces)] if size else []
                raise DamagedError("the zstd data is cut off")
            try:
                piece = frame.decompress(data)
            except error as damage:
                yield from [b"".join(pieces)] if size else []
                raise DamagedError(f"the zstd data is damaged: {damage}") from None
            pieces.append(piece)
            size += len(piece)
            if size >= _PIECE_BYTES:
                yield b"".join(pieces)
                pieces, size = [], 0
            data = frame.unused_data if frame.eof else b""
            data = data or raw.read(4096)
    if size:
        yield b"".join(pieces)
