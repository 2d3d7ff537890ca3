"""Frames: a batch of CAN frames as columns."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXTENDED = 1 << 0
"""29-bit id."""
REMOTE = 1 << 1
"""Asks for data, has none."""
ERROR = 1 << 2
"""Made by the driver, not on the wire: id and data tell the error as in linux/can/error.h."""
FD = 1 << 3
"""CAN FD."""
BRS = 1 << 4
"""CAN FD: data phase at the higher bit rate."""
ESI = 1 << 5
"""CAN FD: the sender is error passive."""
TX = 1 << 6
"""Sent from this machine."""

FD_LENGTHS = (*range(9), 12, 16, 20, 24, 32, 48, 64)
"""Data lengths that CAN FD can carry (ISO 11898-1, table of DLC)."""

KEY_EXTENDED = 1 << 31
"""Set in a key for a 29-bit id, as DBC files and SocketCAN do."""

_HEADER = struct.Struct("<4sBxxxI")
_MAGIC = b"CAN1"
_COLUMNS = (("t_ns", "<i8"), ("id", "<u4"), ("flags", "<u2"), ("bus", "u1"), ("length", "u1"))


@dataclass(frozen=True)
class Frames:
    """n frames in the order in which they came.

    t_ns int64 (n,); id uint32 (n,) without flag bits; flags uint16 (n,) of the constants above; bus uint8
    (n,), an index into names kept beside the frames; length uint8 (n,) in bytes, of a remote frame as many as
    it asks for; data uint8 (n, 8), or (n, 64) when the batch may hold CAN FD, zero beyond the length and in
    remote frames.
    """

    t_ns: np.ndarray
    id: np.ndarray
    flags: np.ndarray
    bus: np.ndarray
    length: np.ndarray
    data: np.ndarray

    def __len__(self) -> int:
        return len(self.t_ns)

    def __getitem__(self, which: slice | np.ndarray) -> Frames:
        """Some of the frames: a slice, a boolean mask or an array of indices."""
        return Frames(
            self.t_ns[which],
            self.id[which],
            self.flags[which],
            self.bus[which],
            self.length[which],
            self.data[which],
        )

    def keys(self) -> np.ndarray:
        """uint32 (n,): the id, with bit 31 set where it is extended."""
        return self.id | ((self.flags & EXTENDED).astype(np.uint32) << np.uint32(31))

    def payload(self, i: int) -> bytes:
        """The data of frame i, as long as it is; a remote frame has none."""
        return b"" if self.flags[i] & REMOTE else self.data[i, : self.length[i]].tobytes()

    def on_bus(self, bus: int) -> Frames:
        """The same frames, all said to be of this bus."""
        return Frames(self.t_ns, self.id, self.flags, np.full_like(self.bus, bus), self.length, self.data)

    def to_bytes(self) -> bytes:
        """A header of 12 bytes ("CAN1", data width, count), then the columns, little-endian."""
        parts = [_HEADER.pack(_MAGIC, self.data.shape[1], len(self))]
        parts += [getattr(self, name).astype(kind, copy=False).tobytes() for name, kind in _COLUMNS]
        return b"".join([*parts, np.ascontiguousarray(self.data, dtype=np.uint8).tobytes()])

    @staticmethod
    def from_bytes(raw: bytes) -> Frames:
        """What `to_bytes` gave. Raises ValueError on anything else."""
        if len(raw) < _HEADER.size:
            raise ValueError(f"not frames: {len(raw)} bytes")
        magic, width, count = _HEADER.unpack_from(raw)
        per_frame = sum(np.dtype(kind).itemsize for _, kind in _COLUMNS) + width
        if magic != _MAGIC or width not in (8, 64) or len(raw) != _HEADER.size + count * per_frame:
            raise ValueError(f"not frames: {len(raw)} bytes that begin with {raw[:12]!r}")
        at = _HEADER.size
        columns = []
        for _, kind in _COLUMNS:
            columns.append(np.frombuffer(raw, kind, count, at))
            at += columns[-1].nbytes
        data = np.frombuffer(raw, np.uint8, count * width, at).reshape(count, width)
        if count and (columns[4].max() > width):
            raise ValueError("not frames: one is longer than its data")
        t_ns, ids, flags, bus, length = columns
        return Frames(t_ns, ids, flags, bus, length, data)


def frames(
    t_ns: Sequence[int],
    ids: Sequence[int],
    flags: Sequence[int],
    buses: Sequence[int],
    payloads: Sequence[bytes],
) -> Frames:
    """Frames from plain lists; payloads of up to 8 bytes, or up to 64 if any frame is CAN FD."""
    n = len(t_ns)
    width = 64 if any(len(payload) > 8 for payload in payloads) else 8
    data = b"".join([payload.ljust(width, b"\0") for payload in payloads])
    return Frames(
        np.array(t_ns, dtype=np.int64),
        np.array(ids, dtype=np.uint32),
        np.array(flags, dtype=np.uint16),
        np.array(buses, dtype=np.uint8),
        np.array([len(payload) for payload in payloads], dtype=np.uint8),
        np.frombuffer(data, dtype=np.uint8).reshape(n, width),
    )


NONE = frames([], [], [], [], [])
"""No frames."""


def concat(parts: Sequence[Frames]) -> Frames:
    """All frames of the parts, in order, as wide as the widest."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return NONE
    if len(parts) == 1:
        return parts[0]
    width = max(part.data.shape[1] for part in parts)
    data = [np.pad(part.data, ((0, 0), (0, width - part.data.shape[1]))) for part in parts]
    return Frames(
        np.concatenate([part.t_ns for part in parts]),
        np.concatenate([part.id for part in parts]),
        np.concatenate([part.flags for part in parts]),
        np.concatenate([part.bus for part in parts]),
        np.concatenate([part.length for part in parts]),
        np.concatenate(data),
    )
