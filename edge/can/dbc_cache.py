"""What DBC files gave when they were read, kept by their content and by the code that read them.

Nothing here fails: a cache that cannot be read or written, or whose content is damaged, is no cache.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec

from edge.can.dbc_model import Database, Message

_MAX_FILES = 1000
_SUM = 16  # bytes of the check sum before the content
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
        for path in sorted(Path(__file__).parent.glob("dbc*.py")):
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
        if sha256(memoryview(content)[_SUM:]).digest()[:_SUM] != content[:_SUM]:
            return None
        rest, messages = _content.decode(memoryview(content)[_SUM:])
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
        folder.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(sha256(content).digest()[:_SUM] + content)
        os.replace(made, kept)
        files = list(folder.iterdir())
        if len(files) > _MAX_FILES:
            files.sort(key=lambda file: file.stat().st_mtime_ns)
            for old in files[: _MAX_FILES // 2]:
                old.unlink(missing_ok=True)
    except OSError:
        if made:
            Path(made).unlink(missing_ok=True)
