"""What DBC files gave when they were read, kept by their content and by the code that read them.

Nothing here fails: a cache that cannot be read or written, or whose content is damaged, is no cache.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec

from edge.can.dbc.model import Database, Message

_MAX_FILES = 1000
_MAX_FOLDERS = 4  # as many versions of the code
_SUM = 4  # bytes of the check sum before the content
_rest = msgspec.msgpack.Decoder(Database)
_content = msgspec.msgpack.Decoder(tuple[msgspec.Raw, dict[int, msgspec.Raw]])
_message = msgspec.msgpack.Decoder(Message)


class _Messages(Mapping[int, Message]):
    """The messages by key, each made when it is first asked for: few of a large file are."""

    def __init__(self, kept: dict[int, msgspec.Raw]) -> None:
        self._kept = kept
        self._made: dict[int, Message] = {}

    def __getitem__(self, key: int) -> Message:
        message = self._made.get(key)
        if message is None:
            message = self._made[key] = _message.decode(self._kept[key])
        return message

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def __iter__(self) -> Iterator[int]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return repr(dict(self))


@cache
def _folder() -> str | None:
    """Where it lies; its name tells the code that read, so that other code never takes it for its own."""
    code = sha256(msgspec.__version__.encode())
    try:
        for path in sorted(Path(__file__).parent.glob("*.py")):
            code.update(path.read_bytes())
        return str(Path.home() / ".cache" / "icv-edge" / "dbc" / code.hexdigest()[:16])
    except (OSError, RuntimeError):  # no source, no home
        return None


def place(raw: bytes) -> str | None:
    """Where what a file of this content gave is kept; None: there is no cache."""
    folder = _folder()
    return folder and f"{folder}/{sha256(raw).hexdigest()[:32]}"


def load(kept: str, path: str) -> Database | None:
    """What is kept there, as of the file `path`; None: nothing, or nothing whole."""
    try:
        with open(kept, "rb") as file:
            content = file.read()
        body = memoryview(content)[_SUM:]
        if zlib.crc32(body).to_bytes(_SUM, "big") != content[:_SUM]:
            return None
        rest, messages = _content.decode(body)
        return msgspec.structs.replace(_rest.decode(rest), path=path, messages=_Messages(messages))
    except (OSError, msgspec.MsgspecError):
        return None


def save(kept: str, database: Database) -> None:
    """Keep it there."""
    encode = msgspec.msgpack.encode
    rest = msgspec.Raw(encode(msgspec.structs.replace(database, path="", messages={})))
    content = encode(
        (rest, {key: msgspec.Raw(encode(message)) for key, message in database.messages.items()})
    )
    folder = Path(kept).parent
    made = None
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            for old in _oldest(folder.parent, _MAX_FOLDERS):
                shutil.rmtree(old, ignore_errors=True)
        handle, made = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(zlib.crc32(content).to_bytes(_SUM, "big") + content)
        os.replace(made, kept)
        for old in _oldest(folder, _MAX_FILES):
            old.unlink(missing_ok=True)
    except OSError:
        with contextlib.suppress(OSError):
            if made:
                Path(made).unlink(missing_ok=True)


def _oldest(folder: Path, most: int) -> list[Path]:
    """What must go when there are more than `most`; a quarter more, that it need not happen each time."""
    entries = list(folder.iterdir())
    if len(entries) <= most:
        return []
    entries.sort(key=lambda entry: entry.stat().st_mtime_ns)
    return entries[: len(entries) - most + most // 4]
