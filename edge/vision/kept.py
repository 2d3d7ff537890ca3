"""What is made from models and kept: files by key, each with its digest, made whole or not at all.

Nothing here fails: what cannot be read, or is damaged, is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

MAX_FILES = 64
_DIGEST = 32  # bytes before the content
_PART = "part-"  # how the names begin of what is being made
_PART_LIMIT_NS = 3_600_000_000_000  # older than this it was left by a process that was killed


def key(*parts: object) -> str:
    """A file's name: what it was made from, by what and for what."""
    text = "\n".join(str(part) for part in (*parts, processor()))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def load(path: Path) -> bytes | None:
    """What is kept there; None: nothing. What is damaged is removed."""
    try:
        with path.open("rb") as file:
            digest, content = file.read(_DIGEST), file.read()
    except OSError:
        return None
    if hashlib.blake2b(content, digest_size=_DIGEST).digest() != digest:
        remove(path)
        return None
    with contextlib.suppress(OSError):  # read from a card that is not written to, too
        os.utime(path)
    return content


@contextlib.contextmanager
def part(path: Path) -> Iterator[Path | str]:
    """A new file beside `path`, for `save`, gone afterwards; or why there cannot be one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_PART)
        os.close(handle)
    except OSError as error:
        yield f"{path.parent}: {error.strerror}"
        return
    try:
        yield Path(name)
    finally:
        remove(Path(name))


def save(path: Path, made: Path) -> str:
    """Keep what was made, and at most MAX_FILES in its directory. Returns why not, "" where it is kept."""
    try:
        content = made.read_bytes()
        with made.open("wb") as file:
            file.write(hashlib.blake2b(content, digest_size=_DIGEST).digest())
            file.write(content)
        os.replace(made, path)
    except OSError as error:
        return f"{path.parent}: {error.strerror}"
    _prune(path.parent)
    return ""


def remove(path: Path) -> None:
    """It turned out to be of no use."""
    with contextlib.suppress(OSError):
        path.unlink()


def _prune(folder: Path) -> None:
    whole: list[tuple[int, str]] = []
    parts: list[tuple[int, str]] = []
    with contextlib.suppress(OSError), os.scandir(folder) as files:
        for file in files:
            with contextlib.suppress(OSError):  # another process has just removed it
                of_kind = parts if file.name.startswith(_PART) else whole
                of_kind.append((file.stat().st_mtime_ns, file.path))
    newest_ns = max(whole, default=(0, ""))[0]
    left_behind = [part for part in parts if part[0] < newest_ns - _PART_LIMIT_NS]
    for _, path in [*sorted(whole)[:-MAX_FILES], *left_behind]:
        remove(Path(path))


@cache
def processor() -> str:
    """What decides which code a runtime chooses: a network made for one processor may be wrong on another."""
    told = {platform.machine()}
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() in (
                "model name",
                "flags",
                "Features",
                "CPU implementer",
                "CPU part",
                "CPU variant",
            ):
                told.add(value.strip())
    return "|".join(sorted(told))
