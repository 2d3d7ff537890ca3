"""What DBC files gave when they were read, kept by their content and by the code that read them.

Nothing here fails: a cache that cannot be read or written, or whose content is damaged, is no cache.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from hashlib import blake2b
from pathlib import Path

import msgspec

from edge.can.dbc_model import Database

_MAX_FILES = 1000
_decoder = msgspec.msgpack.Decoder(Database)


@cache
def _folder() -> str | None:
    """Where it lies; its name tells the code that read, so that other code never takes it for its own."""
    code = blake2b(digest_size=8)
    try:
        for path in sorted(Path(__file__).parent.glob("dbc*.py")):
            code.update(path.read_bytes())
        return str(Path.home() / ".cache" / "icv-edge" / "dbc" / code.hexdigest())
    except (OSError, RuntimeError):  # no source, no home
        return None


def place(raw: bytes) -> str | None:
    """Where what a file of this content gave is kept; None: there is no cache."""
    folder = _folder()
    return folder and f"{folder}/{blake2b(raw, digest_size=16).hexdigest()}"


def load(kept: str, path: str) -> Database | None:
    """What is kept there, as of the file `path`; None: nothing, or nothing whole."""
    try:
        with open(kept, "rb") as file:
            content = file.read()
        if blake2b(content[_SUM:], digest_size=_SUM).digest() != content[:_SUM]:
            return None
        database = _decoder.decode(memoryview(content)[_SUM:])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return msgspec.structs.replace(database, path=path)


_SUM = 16


def save(kept: str, database: Database) -> None:
    """Keep it there."""
    content = msgspec.msgpack.encode(msgspec.structs.replace(database, path=""))
    folder = os.path.dirname(kept)
    name = None
    try:
        os.makedirs(folder, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(blake2b(content, digest_size=_SUM).digest() + content)
        os.replace(name, kept)
        _prune(Path(folder))
    except OSError:
        if name:
            Path(name).unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    files = list(folder.iterdir())
    if len(files) > _MAX_FILES:
        files.sort(key=lambda file: file.stat().st_mtime_ns)
        for file in files[: _MAX_FILES // 2]:
            file.unlink(missing_ok=True)
