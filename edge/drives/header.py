"""What a recording says of itself before its first message."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from pathlib import Path

import msgspec

from edge import __version__
from edge.clock import utc_text
from edge.config import UserError

HEADER_NAME = "icv-edge/drive"
END_NAME = "icv-edge/end"
"""The MCAP metadata records that make a file a drive, and that end it."""

MACHINE_PACKAGES = ("numpy", "onnxruntime", "opencv-python", "msgspec", "mcap")


class DriveError(UserError):
    """A recording that cannot be read or written; the text says which file and what to do."""


class ModelUsed(msgspec.Struct, frozen=True, kw_only=True):
    """A network that the drive ran: sha256 of its ONNX file."""

    name: str
    sha256: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was replayed into the drive; role: "video-road", "can", "dbc", ..."""

    role: str
    path: str
    size_bytes: int
    sha256: str


class Excerpt(msgspec.Struct, frozen=True, kw_only=True):
    """What a drive was cut from: seconds since the start of the file `of`, whose digest was of_digest."""

    of: str
    of_digest: str | None
    from_s: float
    to_s: float


def _machine() -> dict[str, str]:
    """Python, the platform and the packages that can change a figure; nothing is imported to find out."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
    }
    for package in MACHINE_PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "none"
    return found


class DriveHeader(msgspec.Struct, frozen=True, kw_only=True):
    """All that replay needs beside the messages, and all that a reader asks first.

    config: the resolved config as JSON, config_sha256 its edge.config.digest. core_config: CoreConfig, JSON.
    simulated: True if anything of it is not from the world. excerpt: None for a whole drive. origin_ns: when
    its scenario, or the files replayed into it, began.
    """

    title: str
    simulated: bool
    core_config: str
    config: str = "{}"
    config_sha256: str = ""
    models: tuple[ModelUsed, ...] = ()
    sources: tuple[Source, ...] = ()
    excerpt: Excerpt | None = None
    origin_ns: int = 0
    product: str = __version__
    machine: dict[str, str] = msgspec.field(default_factory=_machine)
    started_utc: str = msgspec.field(default_factory=utc_text)


def source(role: str, path: str | Path) -> Source:
    """The size and SHA-256 of a file. Raises DriveError if it cannot be read."""
    path = Path(path)
    digest = hashlib.sha256()
    size = 0
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise DriveError(f"{path}: cannot be read: {error.strerror}") from None
    return Source(role=role, path=str(path), size_bytes=size, sha256=digest.hexdigest())
