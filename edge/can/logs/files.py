"""Files as they lie on the disk: plain, .gz or .zst."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import BinaryIO, cast

from edge.can.logs.report import LogError

COMPRESSED = (".gz", ".zst")


def inner_suffix(path: Path) -> str:
    """The ending that tells the format: ".log" of drive.log.gz; in lower case."""
    return (path.with_suffix("") if path.suffix.lower() in COMPRESSED else path).suffix.lower()


def open_to_read(path: Path) -> BinaryIO:
    """The content, decompressed while it is read. Raises OSError; LogError if zstandard is not there."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        return cast(BinaryIO, gzip.open(path, "rb"))
    if magic == b"\x28\xb5\x2f\xfd":
        return cast(BinaryIO, _zstandard(path).open(path, "rb"))
    return path.open("rb")


def open_to_write(path: Path) -> BinaryIO:
    """A new file, compressed if its name ends in .gz or .zst. Raises OSError, LogError."""
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path, "wb", compresslevel=6))
    if path.suffix.lower() == ".zst":
        return cast(BinaryIO, _zstandard(path).open(path, "wb"))
    return path.open("wb")


def _zstandard(path: Path):  # type: ignore[no-untyped-def]
    try:
        import zstandard
    except ImportError:
        raise LogError(f"{path}: .zst needs zstandard: pip install 'icv-edge[desktop]'") from None
    return zstandard
