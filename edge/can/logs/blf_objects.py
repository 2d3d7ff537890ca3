"""The CAN objects of a Vector BLF file, as columns.

Vector publishes no description; the layouts are those that vector_blf, vblf and python-can agree on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from edge.can.frames import BRS, ERROR, ESI, FD, FD_LENGTHS, NONE, REMOTE, TX, Frames, concat
from edge.can.logs.binary import KEEP_8, KEEP_64, rows

CAN_MESSAGE, CAN_ERROR, CAN_ERROR_EXT, CAN_MESSAGE2 = 1, 2, 73, 86
CAN_FD_MESSAGE, CAN_FD_MESSAGE_64, CAN_FD_ERROR_64 = 100, 101, 104

TEN_MICROSECONDS, ONE_NANOSECOND = 1, 2
"""Units of the time stamp: the flags of an object's header."""

EXTENDED_ID = 1 << 31
TX_FLAG, REMOTE_FLAG = 0x01, 0x80
EDL_FLAG, BRS_FLAG, ESI_FLAG = 1, 2, 4

PADDING = 256
"""So many bytes must follow the last object in the data, whatever they are."""

HEADER = np.dtype(
    [("signature", "S4"), ("header_size", "<u2"), ("version", "<u2"), ("size", "<u4"), ("type", "<u4"),
     ("unit", "<u4"), ("client", "<u2"), ("object_version", "<u2"), ("time", "<u8")]
)  # fmt: skip
"""Versions 1 and 2 of it have the same beginning; 2 goes on with 8 bytes."""

CLASSIC = np.dtype([("channel", "<u2"), ("flags", "u1"), ("dlc", "u1"), ("id", "<u4"), ("data", "<u8")])
FD_MESSAGE = np.dtype(
    [("channel", "<u2"), ("flags", "u1"), ("dlc", "u1"), ("id", "<u4"), ("frame_ns", "<u4"), ("bits", "u1"),
     ("fd_flags", "u1"), ("valid", "u1"), ("reserved", "V5"), ("data", "<u8", 8), ("reserved2", "<u4")]
)  # fmt: skip
_FD_MESSAGE_64 = np.dtype(
    [("channel", "u1"), ("dlc", "u1"), ("valid", "u1"), ("attempts", "u1"), ("id", "<u4"),
     ("frame_ns", "<u4"), ("flags", "<u4"), ("timing", "V16"), ("bits", "<u2"), ("direction", "u1"),
     ("extra_at", "u1"), ("crc", "<u4"), ("data", "<u8", 8)]
)  # fmt: skip
ERROR_EXT = np.dtype(
    [("channel", "<u2"), ("length", "<u2"), ("flags", "<u4"), ("ecc", "u1"), ("position", "u1"),
     ("dlc", "u1"), ("reserved", "u1"), ("frame_ns", "<u4"), ("id", "<u4"), ("flags_ext", "<u2"),
     ("reserved2", "<u2"), ("data", "<u8")]
)  # fmt: skip
_FD_ERROR_64 = np.dtype(
    [("channel", "u1"), ("dlc", "u1"), ("valid", "u1"), ("ecc", "u1"), ("flags", "<u2"), ("flags_ext", "<u2")]
)
_ERROR = np.dtype([("channel", "<u2"), ("length", "<u2")])

_FD_HEAD, _FD64_HEAD = 20, 40
"""Of a CAN_FD_MESSAGE and a CAN_FD_MESSAGE_64, before the data."""

_BUS_ERROR, _PROTOCOL = 0x80, 0x08
"""CAN_ERR_BUSERROR and CAN_ERR_PROT of linux/can/error.h: the second where data[2] tells the kind."""
_SJA1000_ECC, _CORE_ECC = 1, 2
_KINDS_OF_ERROR = np.array([1, 2, 4, 0], np.uint8)
"""data[2] of an error frame (bit, form, stuff, other), by the kind that both error code registers use."""

_MAX_T_NS = 2**62
_LENGTH_OF_DLC = np.array([*FD_LENGTHS, *[255] * 240], np.uint8)
_IS_LENGTH = np.isin(np.arange(256), FD_LENGTHS)
_CLASSIC_FLAGS = np.array(
    [(TX if f & TX_FLAG else 0) | (REMOTE if f & REMOTE_FLAG else 0) for f in range(256)], np.uint16
)
_FD_FLAGS = np.array(
    [
        FD | (BRS if f & BRS_FLAG else 0) | (ESI if f & ESI_FLAG else 0) if f & EDL_FLAG else 0
        for f in range(256)
    ],
    np.uint16,
)

Fault = tuple[np.ndarray, str]
"""Which objects of a group cannot be (a mask), and why."""


class _Group(NamedTuple):
    """What objects of one type say, before their channel is a bus and their time absolute."""

    channel: np.ndarray
    id: np.ndarray
    flags: np.ndarray
    length: np.ndarray
    data: np.ndarray
    faults: list[Fault]


def frames_of(
    data: bytes,
    at: np.ndarray,
    start_ns: int,
    bus_of: Callable[[np.ndarray], tuple[np.ndarray, Fault]],
    complain: Callable[[np.ndarray, str], None],
) -> Frames:
    """The CAN frames among the objects that begin at these offsets, in their order.

    data goes on for PADDING bytes after the last object. bus_of gives the bus of each channel and which are
    none; complain is told the offsets of the objects that cannot be, and why.
    """
    if not len(at):
        return NONE
    heads = rows(data, at, HEADER)
    parts: list[Frames] = []
    where: list[np.ndarray] = []
    for kind, which in _groups(heads):
        read = _READERS.get(kind)
        if read is None:
            continue
        mine = heads if which is None else heads[which]
        begins = at if which is None else at[which]
        header_size = int(mine["header_size"][0])
        room = mine["size"].astype(np.int64) - header_size
        needed = _NEEDS[kind]
        if header_size < HEADER.itemsize or header_size > PADDING // 2 or (room < needed).all():
            complain(begins, "an object that is too short for its type")
            continue
        group = read(rows(data, begins + header_size, _LAYOUTS[kind]), room, header_size)
        bus, no_bus = bus_of(group.channel)
        t_ns, no_time = _times(mine, start_ns)
        too_short = (room < needed, "an object that is too short for its type")
        good = None
        for faulty, why in (too_short, *group.faults, no_bus, no_time):
            if not faulty.any():
                continue
            good = np.ones(len(begins), bool) if good is None else good
            bad = faulty & good
            if bad.any():
                complain(begins[bad], why)
                good &= ~bad
        found = Frames(t_ns, group.id, group.flags, bus, group.length, group.data)
        if good is not None:
            found, which = found[good], np.flatnonzero(good) if which is None else which[good]
        if which is None:
            return found
        parts.append(found)
        where.append(which)
    if len(parts) <= 1:
        return parts[0] if parts else NONE
    return concat(parts)[np.argsort(np.concatenate(where), kind="stable")]


def _groups(heads: np.ndarray) -> Iterator[tuple[int, np.ndarray | None]]:
    """Objects of the same type and header: the type, and which; None for all of them."""
    kinds, sizes = heads["type"], heads["header_size"]
    if (kinds == kinds[0]).all() and (sizes == sizes[0]).all():
        yield int(kinds[0]), None
        return
    keys = kinds.astype(np.uint64) << np.uint64(16) | sizes
    for key in np.unique(keys).tolist():
        yield key >> 16, np.flatnonzero(keys == key)


def _times(heads: np.ndarray, start_ns: int) -> tuple[np.ndarray, Fault]:
    times, units = heads["time"], heads["unit"]
    if (units == ONE_NANOSECOND).all():
        late = times > _MAX_T_NS
        t_ns = times.astype(np.int64)
    else:
        coarse = units == TEN_MICROSECONDS
        late = times > np.where(coarse, _MAX_T_NS // 10_000, _MAX_T_NS).astype(np.uint64)
        t_ns = times.astype(np.int64) * np.where(coarse & ~late, 10_000, 1)
    t_ns += start_ns
    return t_ns, (late, "a time out of all range")


def _ids(stored: np.ndarray) -> tuple[np.ndarray, np.ndarray, Fault]:
    """Ids, their flag, and those that are too large."""
    extended = (stored >> np.uint32(31)).astype(np.uint16)  # EXTENDED is 1
    too_large = (stored > 0x7FF) & (stored < EXTENDED_ID)
    return stored & np.uint32(0x1FFFFFFF), extended, (too_large, "an id of too many bits")


def _classic(found: np.ndarray, room: np.ndarray, header_size: int) -> _Group:
    ids, extended, faulty_id = _ids(found["id"])
    flags = _CLASSIC_FLAGS[found["flags"]]
    flags |= extended
    dlc = np.ascontiguousarray(found["dlc"])
    data = found["data"] & KEEP_8[dlc]
    remote = (flags & REMOTE) != 0
    if remote.any():
        data[remote] = 0
    length = np.minimum(dlc, 8)
    faults = [faulty_id, (dlc > 15, "a DLC of more than 15")]
    return _Group(found["channel"], ids, flags, length, data.view(np.uint8).reshape(-1, 8), faults)


def _fd(found: np.ndarray, room: np.ndarray, header_size: int) -> _Group:
    flags = _CLASSIC_FLAGS[found["flags"]] | _FD_FLAGS[found["fd_flags"]]
    return _any_length(found, flags, room - _FD_HEAD)


def _fd_64(found: np.ndarray, room: np.ndarray, header_size: int) -> _Group:
    stored = found["flags"]
    flags = _FD_FLAGS[(stored >> 12) & 7]  # EDL, BRS, ESI in the same order
    flags |= np.where(stored & 0x10, REMOTE, 0).astype(np.uint16)
    flags |= np.where(found["direction"] != 0, TX, 0).astype(np.uint16)
    extra_at = found["extra_at"].astype(np.int64) - header_size  # counts from the start of the object
    space = np.where(extra_at > 0, np.minimum(extra_at, room), room) - _FD64_HEAD
    return _any_length(found, flags, space)


def _any_length(found: np.ndarray, flags: np.ndarray, space: np.ndarray) -> _Group:
    """Frames of up to 64 bytes, of which the object stores `valid`, or as many as it has space for."""
    ids, extended, faulty_id = _ids(found["id"])
    flags |= extended
    remote, fd = (flags & REMOTE) != 0, (flags & FD) != 0
    dlc, valid = found["dlc"], found["valid"]
    on_the_wire = _LENGTH_OF_DLC[dlc]
    limit = np.where(fd, on_the_wire, np.minimum(on_the_wire, 8))
    length = np.where(remote, limit, np.minimum(valid, limit))
    stored = np.where(remote, 0, np.minimum(length, np.clip(space, 0, 64))).astype(np.uint8)
    if not len(length) or length.max() <= 8:
        data = (found["data"][:, 0] & KEEP_8[stored]).view(np.uint8).reshape(-1, 8)
    else:
        data = (found["data"] & KEEP_64[np.minimum(stored, 64)]).view(np.uint8).reshape(-1, 64)
    faults = [
        faulty_id,
        (dlc > 15, "a DLC of more than 15"),
        (~_IS_LENGTH[length], "a length that no CAN frame has"),
    ]
    return _Group(found["channel"].astype(np.uint16), ids, flags, length, data, faults)


def _error(found: np.ndarray, room: np.ndarray, header_size: int) -> _Group:
    return _bus_errors(found["channel"], np.zeros(len(found), np.uint8))


def _error_ext(found: np.ndarray, room: np.ndarray, header_size: int) -> _Group:
    """Where nothing is said to be valid, id and data are those of SocketCAN, as python-can writes them."""
    group = _bus_errors(found["channel"], _kind_of_error(found["flags"], found["ecc"], found["flags_ext"]))
    plain = found["flags"] == 0
    if plain.any():
        length = np.clip(np.minimum(found["dlc"] & 15, room - 24), 0, 8).astype(np.uint8)
        stored = (found["data"] & KEEP_8[length]).view(np.uint8).reshape(-1, 8)
        group.id[plain] = found["id"][plain] & 0x1FFFFFFF
        group.length[plain] = length[plain]
        group.data[plain] = stored[plain]
    return group


def _fd_error_64(found: np.ndarray, room: np.ndarray, header_size: int) -> _Group:
    kinds = _kind_of_error(found["flags"], found["ecc"], found["flags_ext"])
    return _bus_errors(found["channel"].astype(np.uint16), kinds)


def _kind_of_error(valid: np.ndarray, ecc: np.ndarray, extended: np.ndarray) -> np.ndarray:
    """data[2] of the error frame. The SJA1000 has the kind in bits 6-7 of ecc, Vector's core in bits 0-5."""
    sja1000 = _KINDS_OF_ERROR[ecc >> 6]
    core = _KINDS_OF_ERROR[np.minimum(ecc & 0x3F, 3)]
    return np.where(valid & _SJA1000_ECC, sja1000, np.where(valid & _CORE_ECC, core, 0)).astype(np.uint8)


def _bus_errors(channel: np.ndarray, kind: np.ndarray) -> _Group:
    n = len(channel)
    data = np.zeros((n, 8), np.uint8)
    data[:, 2] = kind
    ids = np.where(kind, _BUS_ERROR | _PROTOCOL, _BUS_ERROR).astype(np.uint32)
    flags = np.full(n, ERROR, np.uint16)
    return _Group(channel, ids, flags, np.full(n, 8, np.uint8), data, [])


_READERS: dict[int, Callable[[np.ndarray, np.ndarray, int], _Group]] = {
    CAN_MESSAGE: _classic, CAN_MESSAGE2: _classic, CAN_FD_MESSAGE: _fd, CAN_FD_MESSAGE_64: _fd_64,
    CAN_ERROR: _error, CAN_ERROR_EXT: _error_ext, CAN_FD_ERROR_64: _fd_error_64,
}  # fmt: skip
_LAYOUTS = {
    CAN_MESSAGE: CLASSIC, CAN_MESSAGE2: CLASSIC, CAN_FD_MESSAGE: FD_MESSAGE,
    CAN_FD_MESSAGE_64: _FD_MESSAGE_64, CAN_ERROR: _ERROR, CAN_ERROR_EXT: ERROR_EXT,
    CAN_FD_ERROR_64: _FD_ERROR_64,
}  # fmt: skip
_NEEDS = {
    CAN_MESSAGE: 16, CAN_MESSAGE2: 16, CAN_FD_MESSAGE: _FD_HEAD, CAN_FD_MESSAGE_64: _FD64_HEAD,
    CAN_ERROR: 4, CAN_ERROR_EXT: 24, CAN_FD_ERROR_64: 8,
}  # fmt: skip
"""Bytes after the header without which an object tells nothing."""
